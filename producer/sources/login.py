"""The login that a server asks for: RFC 7616 digest before RFC 7617 basic."""

from __future__ import annotations

import re

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
        return HTTPDigestAuth(address.user, password)
    if "basic" in schemes:
        return HTTPBasicAuth(address.user.encode(), password.encode())
    return None


def _schemes(challenge: str) -> set[str]:
    """Names the schemes of all challenges, which commas part like their parameters."""
    # A realm is free text: commas and names of other schemes may be in it.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", challenge)
    words = (item.split() for item in bare.split(","))
    return {item[0].lower() for item in words if item}
