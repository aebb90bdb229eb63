"""How large the messages of the events channel are, by the codec itself."""

from protocol import (
    ClosedConnection,
    CloseReason,
    Event,
    Heartbeat,
    NewConnection,
    Notice,
    Overload,
    Snapshot,
    Status,
    StreamState,
    Watcher,
    encode_notice,
)


def _size(event: Event) -> int:
    notice = Notice("a1b2c3d4", 1_000_000, 1_700_000_000_000_000_000, event)
    return sum(map(len, encode_notice(notice)))


_QUERY = {"start": "2024-01-01T00:00"}
_CLIENT = "a1b2c3d4-100000"
_NEW = NewConnection("cam1", _CLIENT, 1000, "192.168.100.100:50000", _QUERY, Overload.LATEST, None)
_CLOSED = ClosedConnection(
    "cam1", _CLIENT, 1000, CloseReason.CLIENT, 300.5, 10_000, 10**9, 100, 100
)
_WATCHER = Watcher(_CLIENT, _QUERY, Overload.LATEST, None, 10_000)
_STATE = StreamState(1000, Status.BLUE, 10**7, 10**5, 10**12)

COME_AND_GO_BYTES = _size(_NEW) + _size(_CLOSED)
HEARTBEAT_BYTES = _size(Heartbeat(1.0, {}))
STATE_BYTES = _size(Heartbeat(1.0, {"cam1": _STATE})) - HEARTBEAT_BYTES
WATCHER_BYTES = _size(Snapshot("cam1", 1, (_WATCHER,))) - _size(Snapshot("cam1", 0, ()))
