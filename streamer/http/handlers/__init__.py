"""What the streamer answers over HTTP."""

from __future__ import annotations

from streamer.http.handlers.application import Application
from streamer.http.handlers.snapshot import SnapshotHandler
from streamer.http.handlers.status import (
    HealthHandler,
    ListHandler,
    MetricsHandler,
    NotFoundHandler,
    PageHandler,
    ReadyHandler,
)
from streamer.http.handlers.stream import StreamHandler
from streamer.http.request_log import RequestLog
from streamer.http.site import Site

__all__ = ["make_application"]


def make_application(site: Site) -> Application:
    """Returns the Tornado application that serves a site."""
    given = {"site": site}
    return Application(
        [
            (r"/", PageHandler, given),
            (r"/page/([a-z]+\.(?:css|js))", PageHandler, given),
            (r"/streams", ListHandler, given),
            (r"/streams/([^/]+)", StreamHandler, given),
            (r"/streams/([^/]+)/snapshot", SnapshotHandler, given),
            (r"/healthz", HealthHandler, given),
            (r"/readyz", ReadyHandler, given),
            (r"/metrics", MetricsHandler, given),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=given,
        log_function=RequestLog(),
    )
