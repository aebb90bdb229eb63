"""A still picture is sent once more after a second, and then every five."""

from __future__ import annotations

import pytest

from tests.streamer.frames import frame, frame_for, stop, text_frame

from .node import Node, Watcher


def repeated_at(node: Node, viewer: Watcher, seconds: float) -> list[float]:
    """Returns after how many seconds of waiting the viewer got repeats."""
    began = node.now
    found = []
    for _ in range(round(seconds * 10)):
        before = viewer.client.repeats
        node.wait(0.1)
        if viewer.client.repeats > before:
            found.append(round(node.now - began, 1))
    return found


def test_a_still_picture_is_repeated_after_a_second_and_then_every_five() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1))
    assert repeated_at(node, viewer, 17) == [1.0, 6.0, 11.0, 16.0]
    assert viewer.numbers == [1] * 5
    assert (viewer.client.parts, node.figures().parts, node.figures().repeats) == (1, 1, 4)


def test_who_joins_a_still_stream_has_a_schedule_of_its_own() -> None:
    node = Node()
    node.publish(frame(1))
    node.wait(3)
    viewer = node.join()
    assert repeated_at(node, viewer, 8) == [1.0, 6.0]


def test_a_new_frame_begins_the_schedule_anew() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame(1))
    node.wait(2)
    node.publish(frame(2))
    assert repeated_at(node, viewer, 7) == [1.0, 6.0]
    assert viewer.numbers == [1, 1, 2, 2, 2]


def test_a_stream_that_moves_repeats_nothing() -> None:
    node = Node()
    viewer = node.join()
    for number in range(30):
        node.publish(frame(number))
        node.wait(0.9)
    assert viewer.numbers == list(range(30))


@pytest.mark.parametrize("after_s", [0.5, 3.0, 8.0])
def test_the_time_before_the_first_repeat_can_be_set(after_s: float) -> None:
    node = Node({"cam1": {"repeat_after_s": after_s}})
    viewer = node.join()
    node.publish(frame(1))
    assert repeated_at(node, viewer, 14) == [
        each for each in (after_s, after_s + 5, after_s + 10) if each <= 14
    ]


@pytest.mark.parametrize("setting", [{"repeat_after_s": 0}, {"overload": "queue"}])
def test_nothing_is_repeated_where_that_is_switched_off_and_under_queue(
    setting: dict[str, object],
) -> None:
    node = Node({"cam1": setting})
    viewer = node.join()
    node.publish(frame(1))
    assert repeated_at(node, viewer, 10) == []


def test_only_images_are_repeated() -> None:
    node = Node()
    viewer = node.join()
    node.publish(text_frame(1))
    assert repeated_at(node, viewer, 10) == []


def test_targeted_frames_are_never_repeated() -> None:
    node = Node()
    viewer = node.join()
    node.publish(frame_for(viewer.id, 1))
    assert repeated_at(node, viewer, 10) == []


def test_nothing_is_repeated_after_a_stop() -> None:
    node = Node()
    node.publish(frame(1), stop())
    viewer = node.join()
    assert repeated_at(node, viewer, 10) == []


def test_a_client_that_is_busy_gets_its_repeat_when_it_has_room() -> None:
    node = Node()
    viewer = node.join(capacity=150)
    node.publish(frame(1, 5000))
    node.wait(3)
    assert viewer.client.repeats == 0
    viewer.read()
    viewer.prompt, viewer.capacity = True, 1 << 20
    assert repeated_at(node, viewer, 6) == [0.1, 5.1]


def test_a_repeat_that_a_new_frame_overtakes_is_not_sent() -> None:
    node = Node()
    viewers = [node.join() for _ in range(300)]
    node.publish(frame(1))
    node.now += 1
    node.hub.upkeep.tick(node.now)
    node.hub.work()
    node.accept(frame(2))
    node.settle()
    numbers = [each.numbers for each in viewers]
    assert [1, 1, 2] in numbers
    assert [1, 2] in numbers
    assert all(each in ([1, 1, 2], [1, 2]) for each in numbers)


def test_a_repeat_paints_the_last_frame_in_browsers_too() -> None:
    node = Node()
    browser = node.join(advance=True)
    node.publish(frame(1))
    node.wait(1)
    assert browser.numbers == [1, 1]
    assert browser.client.repeats == 1


def test_repeats_colour_nothing_yellow() -> None:
    node = Node()
    node.join()
    node.publish(frame(1))
    node.wait(7)
    assert node.figures().status == "blue"
    assert node.figures().skipped == 0
