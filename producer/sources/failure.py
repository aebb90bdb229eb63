"""A failed HTTP request in words for a person."""

from __future__ import annotations

from collections.abc import Iterator

import requests
import urllib3

# Errors within errors that are looked into; requests and urllib3 nest about four.
MAX_DEPTH = 8


def reason_of(error: BaseException) -> str:
    """Says in one line why a request failed."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its TLS certificate is not trusted; where that is fine, switch the check off"
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
        return "silent for too long"
    unusable = (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)
    if isinstance(error, unusable) or "connection adapters" in str(error):
        # Its text holds the whole URL, with what login and query are in it.
        return "it redirects to a URL that cannot be asked"
    for inner in _chain(error):
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return " ".join(str(error).split()) or type(error).__name__


def status_reason(response: requests.Response) -> str:
    """Says in one line what an answer other than 2xx means."""
    phrase = f"{response.status_code} {response.reason}".strip()
    match response.status_code:
        case 401:
            return f"it answers {phrase}: a user and password that it knows are needed"
        case 403:
            return f"it answers {phrase}: this user may not see it"
        case 404:
            return f"it answers {phrase}: the path of the URL is wrong, or the camera is not ready"
        case _:
            return f"it answers {phrase}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields the errors beneath an error, from the innermost that can be found outwards."""
    errors: list[BaseException] = []
    current: object = error
    while isinstance(current, BaseException) and len(errors) < MAX_DEPTH:
        errors.append(current)
        nested = getattr(current, "reason", None) or (current.args[0] if current.args else None)
        current = current.__cause__ or (
            nested if isinstance(nested, BaseException) else current.__context__
        )
    return reversed(errors)
