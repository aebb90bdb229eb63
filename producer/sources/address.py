"""The URL of a live source, parted from the login in it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from producer.sources.options import SourceOptions
from producer.sources.source import SourceError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a live source is; `url` carries no login, so that it can be logged."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str, options: SourceOptions) -> Self:
        """Reads a URL; a login in the options comes before one in the URL.

        Raises:
            SourceError: the URL has no host or a bad port.

        """
        try:
            split = urlsplit(url)
            named = bool(split.hostname) and split.port != 0
        except ValueError:
            named = False
        if not named:
            raise SourceError(f"{_without_login(url)!r} is no URL with a host and a valid port")
        bare = urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2]))
        if options.user is not None:
            return cls(bare, options.user, options.password or "")
        if split.username is None:
            return cls(bare)
        return cls(bare, unquote(split.username), unquote(split.password or ""))

    @property
    def name(self) -> str:
        """The URL for a log: without login and query, where cameras take passwords, too."""
        return urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))

    @property
    def url_with_login(self) -> str:
        """The URL with its login, for libraries that want it there."""
        if self.user is None:
            return self.url
        login = f"{quote(self.user, safe='')}:{quote(self.password or '', safe='')}@"
        split = urlsplit(self.url)
        return urlunsplit(split._replace(netloc=login + split.netloc))


def _without_login(url: str) -> str:
    """Returns a URL that cannot be parted, without what may be a login, and without its query."""
    scheme, _, rest = url.partition("//")
    return f"{scheme}//{rest.rpartition('@')[2].partition('?')[0]}"
