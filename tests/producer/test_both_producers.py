"""What both producers have in common."""

from __future__ import annotations

import inspect

import pytest

import producer as library
from producer import AsyncClient, AsyncProducer, Client, Producer


@pytest.mark.parametrize(("one", "other"), [(Producer, AsyncProducer), (Client, AsyncClient)])
def test_both_producers_have_the_same_verbs(one: type, other: type) -> None:
    def verbs(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(verb).parameters)
            for name, verb in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert verbs(one) == verbs(other)
    assert len(verbs(one)) >= 3


def test_every_verb_says_what_it_promises() -> None:
    for kind in (Producer, AsyncProducer, Client, AsyncClient):
        for name, verb in inspect.getmembers(kind, inspect.isfunction):
            assert name.startswith("_") or inspect.getdoc(verb), f"{kind.__name__}.{name}"


def test_everything_that_the_library_names_is_there() -> None:
    for name in library.__all__:
        assert getattr(library, name) is not None
