"""What it takes a producer to know who watches."""

from dataclasses import dataclass

from bench.model.inputs import Inputs
from bench.model.tree import Tree


@dataclass(frozen=True)
class Following:
    """A producer that follows some of the streams, or all.

    Attributes:
        events_per_s: connection events it hears.
        core: how much of its core they take, heartbeats included.
        bits_per_s: what they take on its link.
        late_start_s: CPU time to learn of everybody when it starts late.
        late_start_bytes: what it is told then.
        credits_per_s: events more, were its streams targeted and under `queue`.

    """

    events_per_s: float
    core: float
    bits_per_s: float
    late_start_s: float
    late_start_bytes: float
    credits_per_s: float


def following(inputs: Inputs, tree: Tree, streams: int) -> Following:
    """Gives what a producer that follows so many streams hears."""
    load = tree.load
    viewers = load.viewers * streams / load.streams
    events_per_s = 2 * viewers / load.stay_s
    beats_per_s = tree.nodes / inputs.heartbeat.value
    known = load.streams_taken(tree.viewers)
    beat_bytes = inputs.heartbeat_bytes.value + known * inputs.state_bytes.value
    event_bytes = inputs.event_bytes.value / 2
    return Following(
        events_per_s=events_per_s,
        core=(events_per_s + beats_per_s) * inputs.event_cpu.value / 1e6,
        bits_per_s=8 * (events_per_s * event_bytes + beats_per_s * beat_bytes),
        late_start_s=viewers * inputs.watcher_cpu.value / 1e6,
        late_start_bytes=viewers * inputs.watcher_bytes.value,
        credits_per_s=viewers * load.frames_per_s,
    )


def most_followed(inputs: Inputs, tree: Tree) -> float:
    """Gives of how many viewers one producer can hear all events, heartbeats aside."""
    events_per_s = inputs.core_use.value * 1e6 / inputs.event_cpu.value
    return events_per_s * tree.load.stay_s / 2
