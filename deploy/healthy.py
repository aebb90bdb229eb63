#!/usr/bin/env python3
"""Asks a service whether it is well: exit 0 for an answer of 200, 1 for any other, or none.

    healthy [URL]

URL is `http://127.0.0.1:8080/healthz` where none is given. For health checks of containers, whose
image has no curl.
"""

import sys
from http.client import HTTPException
from urllib.request import urlopen

TIMEOUT_S = 3.0


def main() -> None:
    """Exits with the answer."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/healthz"
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  whoever runs this names it
            answer.read()
    except (OSError, ValueError, HTTPException) as error:
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main()
