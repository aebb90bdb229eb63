"""What a refusal carries."""

from __future__ import annotations

import pytest

from protocol import MalformedError, Refusal


def test_a_malformed_value_is_a_value_error_with_its_reason() -> None:
    error = MalformedError(Refusal.BAD_TOPIC, "bad topic")
    assert isinstance(error, ValueError)
    assert error.reason is Refusal.BAD_TOPIC
    assert str(error) == "bad topic"


@pytest.mark.parametrize("reason", Refusal)
def test_a_reason_is_a_label_that_metrics_can_show(reason: Refusal) -> None:
    assert reason.value.replace("_", "").isalpha()
    assert reason.value == reason.name.lower()
