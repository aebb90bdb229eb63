"""The HTTP side's address and certificate, as the settings have them."""

from __future__ import annotations

import socket
import ssl

from streamer.configuration.checks import split_host_port
from streamer.configuration.settings import Settings
from streamer.errors import StartError
from streamer.http.listening import listen


def open_port(settings: Settings, *, reuse: bool) -> list[socket.socket]:
    """Returns sockets that listen where the settings say.

    Args:
        settings: everything that can be set.
        reuse: whether the port is shared with other workers.

    Raises:
        StartError: where the address cannot be had.

    """
    host, port = split_host_port("http", settings.http)
    try:
        return listen(host, port, reuse_port=reuse)
    except OSError as error:
        raise StartError(f"http {settings.http}: {error.strerror or error}") from error


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Returns what serves HTTPS, None where there is no certificate; raises StartError."""
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        raise StartError(f"tls_cert {settings.tls_cert}: {error}") from error
    return context


def url_of(bound: socket.socket, *, tls: bool) -> str:
    """Returns the URL of the address that a socket is bound to."""
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"
