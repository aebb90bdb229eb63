"""Who watches what: the same for the whole tree."""

from dataclasses import dataclass, replace

from bench.model.inputs import PART_HEAD_BYTES, TCP_IP_FACTOR


@dataclass(frozen=True)
class Workload:
    """What is asked of a deployment; viewers spread evenly over streams and nodes.

    Attributes:
        viewers: all of them.
        streams: shared streams.
        frames_per_s: of each stream.
        payload_bytes: of each frame.
        stay_s: how long a viewer stays.
        watched: whether a node takes only the streams that its viewers watch.

    """

    viewers: int
    streams: int = 10
    frames_per_s: float = 10.0
    payload_bytes: int = 50_000
    stay_s: float = 300.0
    watched: bool = False

    def of(self, viewers: int) -> "Workload":
        """Gives the same with other viewers."""
        return replace(self, viewers=viewers)

    @property
    def part_bits(self) -> float:
        """What a part takes on a cable, bits."""
        return (self.payload_bytes + PART_HEAD_BYTES) * 8 * TCP_IP_FACTOR

    @property
    def frame_bits(self) -> float:
        """What a frame takes on a cable, bits."""
        return self.payload_bytes * 8 * TCP_IP_FACTOR

    @property
    def arrivals_per_s(self) -> float:
        """How many viewers come, and go, per second."""
        return self.viewers / self.stay_s

    def streams_watched(self, viewers: float) -> float:
        """Gives how many different streams so many viewers watch, on average."""
        missed: float = (1 - 1 / self.streams) ** viewers
        return self.streams * (1 - missed)

    def streams_taken(self, viewers: float) -> float:
        """Gives how many streams a node with so many viewers takes."""
        return self.streams_watched(viewers) if self.watched else self.streams
