"""How old a part is when its viewer has it, step by step."""

from bench.model.inputs import Inputs
from bench.model.tree import Tree, node_core

Steps = dict[str, float]


def latency_ms(inputs: Inputs, tree: Tree, quantile: float) -> Steps:
    """Gives the time each step takes for the viewer at that place of every queue, ms."""
    levels = len(tree.relays)
    steps = {"producer to the first": inputs.near_ms.value}
    if levels:
        steps["in relays"] = levels * _in_relay(inputs, tree, quantile)
        steps["between relays"] = (levels - 1) * inputs.far_ms.value
        steps["relay to node"] = inputs.near_ms.value
    steps["node takes it in"] = inputs.intake_cpu.at(tree.load.payload_bytes) / 1e3
    steps["node waits for its core"] = _waiting(inputs, tree)
    steps["node fans it out"] = quantile * _fan_out(inputs, tree)
    steps["node to viewer"] = inputs.near_ms.value
    return steps


def _in_relay(inputs: Inputs, tree: Tree, quantile: float) -> float:
    """Gives the time to take a frame in, and to send the copies before the one that matters."""
    copy_s = tree.load.frame_bits / inputs.relay_link.value
    cpu_s = inputs.relay_cpu.at(tree.load.payload_bytes) / 2 / 1e6
    return (cpu_s + quantile * tree.children * max(copy_s, cpu_s)) * 1e3


def _fan_out(inputs: Inputs, tree: Tree) -> float:
    """Gives the time until the last viewer of a stream on a node has its part, ms."""
    load = tree.load
    viewers = tree.viewers / load.streams_watched(tree.viewers)
    write_s = inputs.part_cpu.at(load.payload_bytes) / 1e6
    return viewers * max(write_s, load.part_bits / inputs.node_link.value) * 1e3


def _waiting(inputs: Inputs, tree: Tree) -> float:
    """Gives how long a frame waits for the fan-out of others: M/D/1, whose service it is, ms."""
    busy = min(node_core(inputs, tree.load, tree.viewers), 0.99)
    load = tree.load
    viewers = tree.viewers / load.streams_watched(tree.viewers)
    service_ms = viewers * inputs.part_cpu.at(load.payload_bytes) / 1e3
    return busy / (2 * (1 - busy)) * service_ms
