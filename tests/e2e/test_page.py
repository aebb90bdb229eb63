"""The status page in a real browser: every stream with its picture, and it mends itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import zmq

from .browser import Page, browsing
from .processes import Command, Events, Publisher, Starter, Viewer
from .test_readers import BLUE, GREEN, RED, picture, publishing

Context = zmq.Context[zmq.Socket[bytes]]
EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "plain_pyzmq.py"
SIZE: Final = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}

# A script that returns the colour that a stream's live picture shows on the page.
SEEN: Final = """
(() => {
  const card = [...document.querySelectorAll('.card')]
    .find((each) => each.querySelector('h2').textContent === '%s');
  const image = card && card.querySelector('img.painted');
  if (!image || !image.naturalWidth) return null;
  const pen = Object.assign(document.createElement('canvas'), {width: 8, height: 8})
    .getContext('2d');
  pen.drawImage(image, 0, 0, 8, 8);
  return [...pen.getImageData(4, 4, 1, 1).data].slice(0, 3);
})()
"""


def shows(stream: str, colour: tuple[int, int, int]) -> str:
    """Returns a script that tells whether a stream's live picture has a colour."""
    near = f"seen.every((value, at) => Math.abs(value - {list(colour)}[at]) < 12)"
    return f"(() => {{ const seen = {(SEEN % stream).strip()}; return seen && {near} }})()"


def card(stream: str, selector: str) -> str:
    """Returns a script that finds an element of a stream's card."""
    return (
        "[...document.querySelectorAll('.card')]"
        f".find((each) => each.querySelector('h2').textContent === '{stream}')"
        f"?.querySelector('{selector}')"
    )


def says(stream: str, selector: str, text: str) -> str:
    return f"({card(stream, selector)})?.textContent.includes({text!r})"


# The page's clock runs ten times as fast: a minute of its patience is six seconds.
HURRY: Final = "const now = performance.now.bind(performance); performance.now = () => 10 * now();"
FIND: Final = "window.find = (id) => document.getElementById(id);"


@asynccontextmanager
async def opened(url: str, folder: Path, script: str = "") -> AsyncIterator[Page]:
    async with browsing(folder) as page:
        await page.call("Emulation.setDeviceMetricsOverride", **SIZE)
        await page.call("Page.enable")
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=FIND + script)
        await page.open(url)
        yield page


def connected(streamer: Command, context: Context) -> Publisher:
    publisher = Publisher(context, streamer.addresses["frames"])
    publisher.wait_for(b"all/cam1/")
    return publisher


async def ask(page: Page, stream: str) -> None:
    """Asks for a stream by its name."""
    await page.evaluate(f"find('watch').elements.stream.value = '{stream}'")
    await page.evaluate("find('watch').requestSubmit()")


async def until_watched(streamer: Command, stream: str, connections: int = 1) -> None:
    async with asyncio.timeout(20):
        while streamer.streams().get(stream, {}).get("connections") != connections:
            await asyncio.sleep(0.02)


def test_every_stream_shows_its_picture_and_figures(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(RED))
    publisher.send("all/cam2/", picture(GREEN))
    publisher.send("all/values/", b"{}", content_type="application/json")

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(shows("cam1", RED), "the first picture")
            await page.until(shows("cam2", GREEN), "the second picture")
            await page.until(says("cam1", ".status", "blue:"), "a status in words")
            await page.until(says("cam1", ".clients", "1 (this page)"), "who watches")
            publisher.send("all/cam1/", picture(BLUE))
            await page.until(shows("cam1", BLUE), "the next picture")
            await page.until(says("values", ".hint", "application/json"), "what is no picture")
            assert await page.evaluate(f"{card('values', 'a.stream')}.hidden")
            assert await page.evaluate(f"{card('cam1', 'a.stream')}.href.endsWith('cam1')")
            shown = f"{card('values', 'a.snapshot')}.href.endsWith('values/snapshot')"
            assert await page.evaluate(shown)
            assert await page.evaluate("find('summary').textContent") == "3 streams, 2 clients"

    asyncio.run(look())
    assert streamer.streams()["values"]["parts"] == 0


def test_a_stream_that_nobody_publishes_yet_is_watched_so_that_its_producer_begins(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer(config='[streams.cam1]\noverload = "queue"\n')
    publisher = connected(streamer, context)
    publisher.send("all/cam2/", picture(GREEN))
    first = "document.elementFromPoint(300, 300).closest('.card').querySelector('h2').textContent"

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(shows("cam2", GREEN), "the stream that has frames")
            await until_watched(streamer, "cam1")
            await page.until(says("cam1", ".hint", "Waiting for a frame"), "that it waits")
            await page.until(says("cam1", ".status", "blue: no frame yet"), "its status")
            assert await page.evaluate(first) == "cam2"  # those without a frame come last
            publisher.send("all/cam1/", picture(RED))
            await page.until(shows("cam1", RED), "the first frame")
            await page.until(f"{first} === 'cam1'", "its place by name")

    asyncio.run(look())


def test_streams_without_a_frame_make_way_for_those_that_have_any(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer(config='allow_streams = ["a1", "a2", "a3", "a4", "cam*"]\n')
    publisher = connected(streamer, context)

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            for name in ("a1", "a2", "a3", "a4"):
                await page.until(says(name, ".hint", "Waiting for a frame"), f"{name} live")
            publisher.send("all/cam1/", picture(GREEN))
            await page.until(shows("cam1", GREEN), "the stream that has frames")
            await page.until(says("cam1", ".badge", "live"), "that it is live")

    asyncio.run(look())


def test_a_page_without_streams_says_how_to_publish_one(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until("!find('empty').hidden", "the explanation")
            shown = await page.evaluate(
                "document.querySelector('#empty pre:last-child').textContent"
            )
            assert EXAMPLE.read_text().endswith(f"\n{shown}\n")
            publisher.send("all/cam1/", picture(RED))
            await page.until(shows("cam1", RED), "the stream that has come")
            assert await page.evaluate("find('empty').hidden")

    asyncio.run(look())


def test_a_stream_that_nobody_knows_can_be_asked_for_by_name(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until("!find('empty').hidden", "a page without streams")
            await page.evaluate("find('previews').click()")
            await ask(page, "cam1")
            await until_watched(streamer, "cam1")
            publisher.send("all/cam1/", picture(RED))
            await page.until(shows("cam1", RED), "the stream that was asked for")

    asyncio.run(look())


def test_a_live_picture_to_which_nothing_new_comes_says_so(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    events = Events(context, streamer.addresses["events"])

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            with publishing(publisher, "all/cam1/", [picture(RED)]):
                await ask(page, "clip")
                client = events.wait_for(type="new_connection", stream="clip")[-1]["client"]
                with publishing(publisher, f"one/{client}/", [picture(GREEN)]):
                    await page.until(says("cam1", ".badge", "live"), "that it goes on")
                    await page.until(says("clip", ".badge", "live"), "that the clip goes on")
            await page.until(says("cam1", ".badge", "no new frame for"), "since when it does not")
            await page.until(says("clip", ".badge", "no new frame"), "that the clip does not")

    asyncio.run(look())


def test_a_change_of_status_is_shown_and_told(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer(config='[streams."*"]\nclient_buffer_bytes = 65536\n')
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(RED))

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(says("cam1", ".status", "blue:"), "all is well")
            publisher.send("all/cam1/", picture(GREEN) + bytes(100_000))
            await page.until(says("cam1", ".status", "red:"), "that frames are too large")
            told = await page.evaluate("find('news').textContent")
            assert "cam1 is red" in told
            publisher.send("all/cam1/", picture(GREEN))
            await page.until(says("cam1", ".status", "blue:"), "all is well again")

    asyncio.run(look())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_pictures_come_back_after_the_streamer_has_restarted(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    place = ("--http", f"127.0.0.1:{free_port()}")
    first = start.streamer(*place)
    connected(first, context).send("all/cam1/", picture(RED))

    async def look() -> None:
        async with opened(first.http, tmp_path) as page:
            await page.until(shows("cam1", RED), "the picture")
            first.process.kill()
            first.process.wait()
            await page.until("!find('trouble').hidden", "that nobody answers")
            second = start.streamer(*place)
            publisher = connected(second, context)
            await until_watched(second, "cam1")
            publisher.send("all/cam1/", picture(BLUE))
            await page.until(shows("cam1", BLUE), "the picture of the new streamer")
            assert await page.evaluate("find('trouble').hidden")
            assert await page.evaluate("document.querySelectorAll('.card').length") == 1

    asyncio.run(look())


def test_a_streamer_that_has_started_anew_between_two_polls_is_noticed_at_the_next(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    place = ("--http", f"127.0.0.1:{free_port()}")
    first = start.streamer(*place)
    connected(first, context).send("all/cam1/", picture(RED))
    # Its patience takes longer than this test waits.
    patient = "const now = performance.now.bind(performance); performance.now = () => now() / 20;"
    held = "const ask = fetch; let open = Promise.resolve(); window.fetch = async (...all) => {"
    held += "await open; return ask(...all); }; window.hold = () => { open = new Promise("
    held += "(resolve) => { window.resume = resolve; }); };"

    async def look() -> None:
        async with opened(first.http, tmp_path, patient + held) as page:
            await page.until(shows("cam1", RED), "the picture")
            await page.evaluate("hold()")
            first.process.kill()
            first.process.wait()
            second = start.streamer(*place)
            connected(second, context).send("all/cam1/", picture(BLUE))
            await page.evaluate("resume()")
            await page.until(shows("cam1", BLUE), "the picture of the new streamer")
            assert await page.evaluate("find('trouble').hidden")

    asyncio.run(look())


def test_a_picture_that_could_not_be_opened_waits_once_it_could(
    start: Starter, tmp_path: Path
) -> None:
    streamer = start.streamer(config="max_clients = 1\n")
    other = Viewer(streamer.port, "/streams/cam1")

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await ask(page, "cam1")
            await page.until(says("cam1", ".hint", "Cannot be opened"), "that there is no room")
            other.close()
            await page.until(says("cam1", ".hint", "Waiting for a frame"), "that it waits")

    asyncio.run(look())


def test_a_picture_whose_stream_has_ended_is_opened_again(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(RED))

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(shows("cam1", RED), "the picture")
            publisher.send("all/cam1/", b"", type="stop")
            await until_watched(streamer, "cam1", 0)
            await until_watched(streamer, "cam1", 1)
            publisher.send("all/cam1/", picture(GREEN))
            await page.until(shows("cam1", GREEN), "the picture after the stop")

    asyncio.run(look())


def test_a_picture_that_ended_while_others_go_on_is_opened_again(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    events = Events(context, streamer.addresses["events"])
    Viewer(streamer.port, "/streams/cam1")

    async def look() -> None:
        async with opened(streamer.http, tmp_path, HURRY) as page:
            with publishing(publisher, "all/cam1/", [picture(RED)]):
                await page.until(shows("cam1", RED), "the picture")
            client = events.having(type="new_connection")[-1]["client"]
            publisher.send(f"one/{client}/", b"", type="stop")
            events.wait_for(type="closed_connection", client=client)
            with publishing(publisher, "all/cam1/", [picture(GREEN), picture(BLUE)]):
                await page.until(shows("cam1", BLUE), "the picture, opened again")

    asyncio.run(look())


def test_a_scene_without_motion_is_left_alone(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    events = Events(context, streamer.addresses["events"])
    asked = "performance.getEntriesByType('resource').map((each) => each.name)"
    compared = f"{asked}.filter((each) => each.includes('/snapshot')).length >= 2"

    async def look() -> None:
        async with opened(streamer.http, tmp_path, HURRY) as page:
            with publishing(publisher, "all/cam1/", [picture(RED)]):
                await page.until(shows("cam1", RED), "the picture")
                await page.until(compared, "the picture to be compared with the newest frame")

    asyncio.run(look())
    assert len(events.having(type="new_connection")) == 1


def test_no_more_than_four_pictures_are_live_and_the_others_are_stills(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    for number in range(1, 7):
        publisher.send(f"all/cam{number}/", picture(GREEN))

    def watched() -> list[str]:
        return [name for name, each in streamer.streams().items() if each["connections"]]

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(says("cam6", ".badge", "still"), "a still of the last stream")
            await page.until(shows("cam4", GREEN), "the fourth live picture")
            assert watched() == ["cam1", "cam2", "cam3", "cam4"]
            await page.evaluate(f"{card('cam6', '.toggle')}.click()")
            await page.until(shows("cam6", GREEN), "the picture that was asked for")
            await page.until(says("cam4", ".badge", "still"), "another that makes way")
            await page.evaluate(f"{card('cam1', '.toggle')}.click()")
            await page.until(says("cam1", ".badge", "paused"), "a picture that is paused")
            await until_watched(streamer, "cam4")
            assert watched() == ["cam2", "cam3", "cam4", "cam6"]

    asyncio.run(look())


def test_live_pictures_can_be_switched_off_for_good(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(GREEN))

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await until_watched(streamer, "cam1")
            await page.evaluate("find('previews').click()")
            await until_watched(streamer, "cam1", 0)
            await page.open(streamer.http)
            await page.until(says("cam1", ".hint", "Press play"), "that nothing plays")
            assert not await page.evaluate("find('previews').checked")
            await page.evaluate(f"{card('cam1', '.toggle')}.click()")
            await page.until(shows("cam1", GREEN), "the one that was asked for")

    asyncio.run(look())


def test_a_stream_that_has_gone_is_taken_off_the_page(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    place = ("--http", f"127.0.0.1:{free_port()}")
    first = start.streamer(*place)
    publisher = connected(first, context)
    publisher.send("all/cam1/", picture(RED))
    publisher.send("all/values/", b"{}", content_type="application/json")

    async def look() -> None:
        async with opened(first.http, tmp_path, HURRY) as page:
            await page.until(f"Boolean({card('values', 'h2')})", "the values")
            first.end()
            second = start.streamer(*place)
            connected(second, context).send("all/cam1/", picture(BLUE))
            await page.until(shows("cam1", BLUE), "the stream that is there again")
            await page.until(f"!({card('values', 'h2')})", "the other to go")

    asyncio.run(look())


def test_a_hidden_tab_lets_go_of_its_pictures_and_takes_them_up_again(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(GREEN))

    async def look() -> None:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(shows("cam1", GREEN), "the picture")
            await page.call("Target.createTarget", url="about:blank")
            await until_watched(streamer, "cam1", 0)
            await page.call("Page.bringToFront")
            publisher.send("all/cam1/", picture(BLUE))
            await page.until(shows("cam1", BLUE), "the picture, taken up again")

    asyncio.run(look())


def test_the_page_asks_nobody_but_its_streamer(
    start: Starter, context: Context, tmp_path: Path
) -> None:
    streamer = start.streamer()
    publisher = connected(streamer, context)
    publisher.send("all/cam1/", picture(GREEN))
    asked = "performance.getEntriesByType('resource').map((each) => each.name)"

    async def look() -> list[str]:
        async with opened(streamer.http, tmp_path) as page:
            await page.until(shows("cam1", GREEN), "the picture")
            return list(await page.evaluate(asked))

    assert all(each.startswith(f"{streamer.http}/") for each in asyncio.run(look()))
