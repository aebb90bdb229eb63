"""The login that a server asks for: RFC 7616 digest before RFC 7617 basic."""

from __future__ import annotations

import re
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from producer.sources.address import Address


def login_for(challenge: str, address: Address) -> AuthBase | None:
    """Answers a WWW-Authenticate header; None where no login is known, or none of these is asked.

    Digest is preferred where a server offers both: it does not tell the password.
    """
    if address.user is None:
        return None
    password = address.password or ""
    schemes = _schemes(challenge)
    if "digest" in schemes:
        return _DigestAuth(address.user, password)
    if "basic" in schemes:
        return HTTPBasicAuth(address.user.encode(), password.encode())
    return None


class _DigestAuth(HTTPDigestAuth):
    def handle_401(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        if r.status_code == requests.codes.unauthorized:
            # requests reads it to its end, which may never come.
            r.close()
        answer: requests.Response = super().handle_401(r, **kwargs)  # type: ignore[no-untyped-call]
        return answer


def _schemes(challenge: str) -> set[str]:
    """Names the schemes of all challenges, which commas part like their parameters."""
    # A realm is free text: commas and names of other schemes may be in it.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", challenge)
    words = (item.split() for item in bare.split(","))
    return {item[0].lower() for item in words if item}
