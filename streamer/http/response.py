"""The head of a stream's response, and what a request asks for. No I/O.

The form of the response is the one that all known readers take: an identity body that ends
with the connection, one unquoted parameter, nothing cached or buffered on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qsl

from streamer.configuration.settings import StreamSettings

SERVER: Final = "partcast"
# Where browsers show an image: only there do they wait for the next part's header block.
SHOWN_AS_IMAGE: Final = frozenset({"image", "document", "iframe", "embed", "object"})
UNCACHED: Final = {
    "Cache-Control": "no-store, no-cache, must-revalidate, proxy-revalidate, max-age=0",
    "Pragma": "no-cache",
    "Expires": "Mon, 3 Jan 2000 12:34:56 GMT",
    "X-Accel-Buffering": "no",
}


def stream_head(token: str, settings: StreamSettings, cors: Mapping[str, str]) -> bytes:
    """Returns status line and header block of a stream's response, blank line included."""
    fields = {
        "Content-Type": f"multipart/x-mixed-replace; boundary={token}",
        "Connection": "close",
        **UNCACHED,
        "Server": SERVER,
        "Date": formatdate(usegmt=True),
        **cors,
    }
    taken = {name.lower() for name in settings.headers}
    fields = {name: value for name, value in fields.items() if name.lower() not in taken}
    lines = [f"HTTP/1.1 {settings.status_code} {settings.reason}"]
    lines += [f"{name}: {value}" for name, value in (*fields.items(), *settings.headers.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def opening(token: str) -> bytes:
    """Returns the first delimiter, whose line end comes with the first part."""
    return b"--" + token.encode()


def path_of(target: str) -> str:
    """Returns the path of a request's target, which may be a whole URL (RFC 9112, 3.2.2).

    Args:
        target: of the request, without its query.

    """
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in {"http", "https"}:
        return target
    return "/" + rest.partition("/")[2]


def parse_query(query: str) -> dict[str, str]:
    """Returns a request's query; of a repeated key the last value, nameless ones left out."""
    # Tornado gives a target's bytes as ISO 8859-1; curl, for one, sends UTF-8 as it is typed.
    typed = query.encode("latin-1", "replace").decode("utf-8", "replace")
    pairs = parse_qsl(typed, keep_blank_values=True, errors="replace")
    return {name: value for name, value in pairs if name}


def wants_advance(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Tells whether a client paints a frame only when the next part's headers are there.

    It says so itself (`advance_headers=1` or `=0`), or Fetch Metadata do; where those are
    missing, as on plain HTTP in a LAN, `Accept` does.
    """
    asked = query.get("advance_headers")
    if asked in {"0", "1"}:
        return asked == "1"
    fetch = {name.lower(): value for name, value in headers.items()}
    if any(name.startswith("sec-fetch-") for name in fetch):
        return fetch.get("sec-fetch-dest", "") in SHOWN_AS_IMAGE
    accept = fetch.get("accept", "")
    return "image/" in accept or "text/html" in accept


def cors_headers(origin: str) -> dict[str, str]:
    """Returns the headers that let pages of another origin read an answer."""
    if not origin:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Content-Length, X-Timestamp",
    }
