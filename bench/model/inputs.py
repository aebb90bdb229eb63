"""What the model is fed with: every number with its unit and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from bench.model.sizes import COME_AND_GO_BYTES, HEARTBEAT_BYTES, STATE_BYTES, WATCHER_BYTES
from producer.audience import MISSED_HEARTBEATS
from producer.core import POLL_S
from streamer.configuration.settings import Settings

ASSUMED = "assumed"
ANCHOR = "order of magnitude of a throw-away service, 2 cores, loopback"
IDLE = "a streamer left alone for 15 s, 2 cores"
CODE = "the code"

# A part's own head and delimiter, and what TCP and IP add to every byte of a stream.
PART_HEAD_BYTES = 150
TCP_IP_FACTOR = 1.05


@dataclass(frozen=True)
class Input:
    """A number that was measured, read from the code, or assumed.

    Attributes:
        value: the number.
        unit: its unit.
        source: where it comes from.

    """

    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Curve:
    """A cost that grows with the payload: straight lines between the sizes that are known.

    Attributes:
        points: costs by payload bytes, at least two.
        unit: unit of a cost.
        source: where they come from.

    """

    points: Mapping[int, float]
    unit: str
    source: str

    def at(self, payload_bytes: float) -> float:
        """Gives the cost of a payload, beyond both ends too."""
        known = sorted(self.points)
        upper = next((n for n in range(1, len(known) - 1) if payload_bytes <= known[n]), -1)
        low, high = known[upper - 1], known[upper]
        slope = (self.points[high] - self.points[low]) / (high - low)
        return max(0.0, self.points[low] + slope * (payload_bytes - low))


@dataclass(frozen=True)
class Inputs:
    """Everything the model knows.

    Attributes:
        part_cpu: CPU per part delivered, of a busy core.
        cold: how much dearer a part is where the core sleeps in between.
        idle_core: what a process takes that has nothing to do.
        intake_cpu: CPU per frame that a node takes in.
        relay_cpu: CPU per frame that a relay takes in and passes on once.
        client_cpu: CPU of a node for a client that comes and goes.
        event_cpu: CPU of a producer per event that it follows.
        watcher_cpu: CPU of a producer per client of a snapshot.
        process_memory: of a streamer without clients.
        client_memory: of a client that keeps up.
        node_link: network card of a streamer's machine.
        relay_link: network card of a relay's machine.
        link_use: share of a card that may be used.
        core_use: share of a core that may be used.
        near_ms: one way between two machines of a site, or from a node to a viewer nearby.
        far_ms: one way between two relays.
        max_clients: clients of a node.
        frames_hwm: frames that may wait for each connection.
        heartbeat: between two heartbeats of a node.
        missed: heartbeats until a silent node is taken out.
        poll: how late a producer looks.
        redial: until a connection that was lost is made anew, at most.
        reconnect: over which the viewers of a lost node come back.
        event_bytes: of the events of a client that comes and goes, both.
        heartbeat_bytes: of a heartbeat, without its streams.
        state_bytes: of each stream in it.
        watcher_bytes: of each client in a snapshot.

    """

    part_cpu: Curve = Curve({2_000: 6.5, 50_000: 10.0, 200_000: 35.0}, "us", ANCHOR)
    cold: Input = Input(1.3, "times", ANCHOR)
    idle_core: Input = Input(0.003, "cores", IDLE)
    intake_cpu: Curve = Curve({2_000: 20.0, 500_000: 150.0}, "us", ASSUMED)
    relay_cpu: Curve = Curve({2_000: 8.0, 50_000: 40.0}, "us", ASSUMED)
    client_cpu: Input = Input(400.0, "us", ASSUMED)
    event_cpu: Input = Input(25.0, "us", ASSUMED)
    watcher_cpu: Input = Input(8.0, "us", ASSUMED)
    process_memory: Input = Input(40.0, "MiB", ANCHOR)
    client_memory: Input = Input(1.4, "KiB", ANCHOR)
    node_link: Input = Input(10e9, "bit/s", ASSUMED)
    relay_link: Input = Input(25e9, "bit/s", ASSUMED)
    link_use: Input = Input(0.8, "of it", ASSUMED)
    core_use: Input = Input(0.7, "of it", ASSUMED)
    near_ms: Input = Input(0.2, "ms", ASSUMED)
    far_ms: Input = Input(10.0, "ms", ASSUMED)
    max_clients: Input = Input(Settings.max_clients, "clients", CODE)
    frames_hwm: Input = Input(Settings.frames_hwm, "frames", CODE)
    heartbeat: Input = Input(Settings.heartbeat_interval_s, "s", CODE)
    missed: Input = Input(MISSED_HEARTBEATS, "heartbeats", CODE)
    poll: Input = Input(POLL_S, "s", CODE)
    redial: Input = Input(1.0, "s", CODE)
    reconnect: Input = Input(3.0, "s", ASSUMED)
    event_bytes: Input = Input(COME_AND_GO_BYTES, "bytes", CODE)
    heartbeat_bytes: Input = Input(HEARTBEAT_BYTES, "bytes", CODE)
    state_bytes: Input = Input(STATE_BYTES, "bytes", CODE)
    watcher_bytes: Input = Input(WATCHER_BYTES, "bytes", CODE)

    def each(self) -> dict[str, Input | Curve]:
        """Gives all of them by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
