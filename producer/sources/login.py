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
    if re.search(r"(?i)\bdigest\s", challenge):
        return HTTPDigestAuth(address.user, password)
    if re.search(r"(?i)\bbasic\b", challenge):
        return HTTPBasicAuth(address.user.encode(), password.encode())
    return None
