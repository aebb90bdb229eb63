"""URLs and the logins in them."""

from __future__ import annotations

import pytest

from producer.sources import SourceError, SourceOptions
from producer.sources.address import Address


def test_the_login_is_parted_from_the_url() -> None:
    address = Address.of("rtsp://jo%40home:a%3Ab@camera:554/1?x=2", SourceOptions())
    assert address == Address("rtsp://camera:554/1?x=2", "jo@home", "a:b")
    assert address.url_with_login == "rtsp://jo%40home:a%3Ab@camera:554/1?x=2"
    assert address.name == "rtsp://camera:554/1"
    assert "a:b" not in repr(address)


def test_a_login_in_the_options_comes_first() -> None:
    options = SourceOptions(user="ann", password="other")
    address = Address.of("http://jo:secret@camera/", options)
    assert (address.user, address.password) == ("ann", "other")


def test_a_url_without_a_login_has_none() -> None:
    address = Address.of("http://[::1]:8080/", SourceOptions())
    assert address == Address("http://[::1]:8080/")
    assert address.url_with_login == "http://[::1]:8080/"


def test_a_bad_url_is_refused_without_telling_its_password() -> None:
    with pytest.raises(SourceError) as caught:
        Address.of("http://jo:secret@camera:port/", SourceOptions())
    assert "secret" not in str(caught.value)
