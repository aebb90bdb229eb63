"""The model's answers as plain tables."""

from collections.abc import Iterable, Iterator, Sequence

from bench.model.audience import following, most_followed
from bench.model.inputs import Curve, Input, Inputs
from bench.model.latency import latency_ms
from bench.model.recovery import loss_of_a_node, return_of_a_relay
from bench.model.tree import Tree, first, node_shares, plan, relay_shares
from bench.model.workload import Workload

SIZES = (2_000, 50_000, 200_000)
VIEWERS = (1_000, 10_000, 100_000, 1_000_000)
GIGA = 1e9

Row = Sequence[str]


def table(title: str, head: Row, rows: Iterable[Row]) -> str:
    """Gives a table with its columns aligned: words to the left, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    text = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join((title, "", text[0], "-" * len(text[0]), *text[1:], ""))


def inputs_table(inputs: Inputs) -> str:
    """Gives every number that the model is fed with."""
    rows = [(name, _value(each), each.unit, each.source) for name, each in inputs.each().items()]
    return table("What it is fed with", ("input", "value", "unit", "source"), rows)


def _value(given: Input | Curve) -> str:
    if isinstance(given, Curve):
        return ", ".join(f"{cost:.3g} at {size:,}" for size, cost in sorted(given.points.items()))
    return f"{given.value:,g}"


def trees(inputs: Inputs) -> Iterator[Tree]:
    """Yields the tree of each size of frames and each number of viewers."""
    for size in SIZES:
        for viewers in VIEWERS:
            yield plan(inputs, Workload(viewers, payload_bytes=size))


def plan_table(inputs: Inputs) -> str:
    """Gives how many machines there are, what each sends, and what is used up first."""
    nodes = ("frames of", "viewers", "nodes", "each sends", "full", "MiB")
    relays = ("relays", "each feeds", "sends", "full", "hops")
    title = "How many machines: 10 streams, 10 frames per second"
    return table(title, (*nodes, *relays), [_plan_row(inputs, tree) for tree in trees(inputs)])


def _plan_row(inputs: Inputs, tree: Tree) -> Row:
    load = tree.load
    out = tree.viewers * load.frames_per_s * load.part_bits / GIGA
    fed = tree.children * load.streams * load.frames_per_s * load.frame_bits / tree.trees / GIGA
    node = _full(*first(node_shares(inputs, load, tree.viewers)))
    relay = _full(*first(relay_shares(inputs, load, tree.children, tree.trees)))
    return (
        f"{load.payload_bytes:,}",
        f"{load.viewers:,}",
        f"{tree.nodes:,}",
        f"{out:.2g} Gbit/s",
        node,
        f"{_memory_mib(inputs, tree):.0f}",
        f"{tree.all_relays:,}" if tree.relays else "none",
        f"{tree.children:.0f}" if tree.relays else "",
        f"{fed:.2g} Gbit/s" if tree.relays else "",
        relay if tree.relays else "",
        str(tree.hops),
    )


def _memory_mib(inputs: Inputs, tree: Tree) -> float:
    return inputs.process_memory.value + tree.viewers * inputs.client_memory.value / 1024


def _full(what: str, share: float) -> str:
    return f"{what} {share:.0%}"


def latency_table(inputs: Inputs) -> str:
    """Gives where the time goes, for the viewer in the middle and for one of the last."""
    rows = []
    for tree in trees(inputs):
        middle, last = latency_ms(inputs, tree, 0.5), latency_ms(inputs, tree, 0.99)
        relayed = sum(ms for step, ms in middle.items() if "relay" in step)
        rows.append(
            (
                f"{tree.load.payload_bytes:,}",
                f"{tree.load.viewers:,}",
                f"{relayed:.1f}",
                f"{middle['node waits for its core']:.1f}",
                f"{middle['node fans it out']:.1f}",
                f"{sum(middle.values()):.1f}",
                f"{sum(last.values()):.1f}",
            )
        )
    head = ("frames of", "viewers", "relays", "waiting", "fan-out", "median", "99 %")
    return table("How old a part is when its viewer has it, ms", head, rows)


def audience_table(inputs: Inputs) -> str:
    """Gives what it takes to know who watches, and when that is right after something failed."""
    rows = []
    for viewers in VIEWERS:
        tree = plan(inputs, Workload(viewers))
        heard = following(inputs, tree, tree.load.streams)
        loss = loss_of_a_node(inputs, tree)
        rows.append(
            (
                f"{viewers:,}",
                f"{heard.events_per_s:,.0f}",
                f"{heard.core:.1%}",
                f"{heard.bits_per_s / 1e6:.2g}",
                f"{heard.late_start_s:.2g}",
                f"{loss.missed_s:.1f}",
                f"{loss.served_s:.1f}",
                f"{loss.right_s:.1f}",
                f"{loss.wrong_by:,.0f}",
                f"{return_of_a_relay(inputs, tree):.1f}" if tree.relays else "",
                f"{heard.credits_per_s * inputs.event_cpu.value / 1e6:,.2g}",
            )
        )
    hears = ("viewers", "events/s", "core", "Mbit/s", "late start, s")
    lost = ("node missed, s", "served, s", "right, s", "wrong by")
    head = (*hears, *lost, "relay back, s", "cores for credits")
    title = "A producer that follows all: frames of 50,000, viewers who stay 300 s"
    return table(title, head, rows)


def conclusions(inputs: Inputs) -> str:
    """Gives in words what gives way first."""
    tree = plan(inputs, Workload(VIEWERS[-1]))
    load = tree.load
    node, node_share = first(node_shares(inputs, load, tree.viewers))
    relay, relay_share = first(relay_shares(inputs, load, tree.children, tree.trees))
    waiting_s = inputs.frames_hwm.value / (load.streams * load.frames_per_s)
    missed = inputs.missed.value
    lines = [
        f"At {load.viewers:,} viewers of {load.payload_bytes:,} bytes a node is full by its {node}",
        f"({node_share:.0%}), a relay by its {relay} ({relay_share:.0%}).",
        f"One producer can hear the events of {most_followed(inputs, tree):,.0f} viewers",
        f"who stay {load.stay_s:g} s. A connection that carries less than all frames",
        f"holds {waiting_s:.1f} s of them before it drops.",
        f"A node that dies is missed after {missed - 1:g} to {missed:g} heartbeats.",
    ]
    return "\n".join((*lines, ""))
