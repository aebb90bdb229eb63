"""The figures of several workers, as those of one service."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import shutil
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from protocol import Overload, Status
from streamer import siblings
from streamer.errors import StartError
from streamer.figures import added_up
from streamer.metrics import NodeStatistics, Usage
from streamer.siblings import ANSWER_S, Siblings
from tests.e2e.processes import PATIENCE_S

from .test_metrics import node_statistics, statistics


def test_what_clients_got_is_added_up() -> None:
    found = added_up(
        [
            node_statistics(node="a", streams={"cam1": statistics()}),
            node_statistics(node="b", streams={"cam1": statistics(connections=4, bytes=1)}),
        ]
    )
    cam1 = found.streams["cam1"]
    assert (cam1.connections, cam1.parts, cam1.skipped) == (7, 200, 14)
    assert (cam1.bytes, cam1.repeats) == (5001, 4)


def test_of_what_every_worker_sees_alike_the_furthest_counts() -> None:
    found = added_up(
        [
            node_statistics(streams={"cam1": statistics(frames=50, fps=9.0, age=None)}),
            node_statistics(streams={"cam1": statistics(frames=48, fps=10.0, age=2.0)}),
            node_statistics(streams={"cam1": statistics(frames=49, fps=9.5, age=1.0)}),
        ]
    )
    cam1 = found.streams["cam1"]
    assert (cam1.frames, cam1.fps, cam1.age) == (50, 10.0, 1.0)


def test_the_worst_status_is_that_of_the_stream() -> None:
    order = [Status.GREY, Status.BLUE, Status.YELLOW, Status.RED]
    for at, worst in enumerate(order):
        for other in order[: at + 1]:
            pair = [statistics(status=other), statistics(status=worst)]
            for each in (pair, pair[::-1]):
                nodes = [node_statistics(streams={"cam1": figures}) for figures in each]
                assert added_up(nodes).streams["cam1"].status is worst


def test_a_stream_that_only_one_worker_knows_is_known() -> None:
    found = added_up(
        [
            node_statistics(streams={"cam1": statistics(age=None, content_type=None)}),
            node_statistics(streams={"cam2": statistics(overload=Overload.QUEUE)}),
        ]
    )
    assert list(found.streams) == ["cam1", "cam2"]
    assert found.streams["cam1"].age is None
    assert found.streams["cam1"].content_type is None
    assert found.streams["cam2"] == statistics(overload=Overload.QUEUE)


def test_the_type_is_that_of_whoever_knows_one() -> None:
    nodes = [
        node_statistics(streams={"cam1": statistics(content_type=each)})
        for each in (None, "image/png")
    ]
    assert added_up(nodes).streams["cam1"].content_type == "image/png"


def test_the_figures_of_the_nodes_are_added_up_under_the_name_of_who_was_asked() -> None:
    found = added_up(
        [
            node_statistics(node="asked", refused={"bad_topic": 5}),
            node_statistics(node="other", refused={"bad_topic": 1, "too_large": 2}),
        ]
    )
    assert found.node == "asked"
    assert (found.received, found.received_bytes, found.undeliverable, found.events) == (
        120,
        12_000,
        8,
        18,
    )
    assert found.refused == {"bad_topic": 6, "too_large": 2}
    assert (found.max_clients, found.refused_clients) == (400, 16)
    assert found.usage == Usage(processes=4, cpu_s=3.0, resident_bytes=8192, open_files=40)


def test_each_worker_speaks_for_all_over_a_folder_they_share(tmp_path: Path) -> None:
    async def ask() -> list[NodeStatistics]:
        workers = [
            Siblings(
                tmp_path,
                name,
                lambda name=name: node_statistics(  # type: ignore[misc]
                    node=name, refused={"bad_topic": 1}, streams={"cam1": statistics()}
                ),
            )
            for name in ("aaaa", "bbbb", "cccc")
        ]
        for each in workers:
            await each.start()
        answers = [await each.statistics() for each in workers]
        for each in workers:
            await each.stop()
        return answers

    answers = asyncio.run(ask())
    assert [each.node for each in answers] == ["aaaa", "bbbb", "cccc"]
    for each in answers:
        assert each.received == 180
        assert each.refused == {"bad_topic": 3}
        assert each.streams["cam1"].connections == 9
        assert each.streams["cam1"].status is Status.BLUE
        assert each.streams["cam1"].overload is Overload.LATEST


def test_a_worker_that_was_killed_or_speaks_nonsense_is_left_out(tmp_path: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"{}{")
        writer.close()

    async def ask() -> NodeStatistics:
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(tmp_path / "dead.sock"))
        async with await asyncio.start_unix_server(nonsense, tmp_path / "odd.sock"):
            alone = Siblings(tmp_path, "alone", node_statistics)
            await alone.start()
            answer = await alone.statistics()
            await alone.stop()
            return answer

    assert asyncio.run(ask()) == node_statistics()


def test_of_a_worker_that_has_ended_the_totals_count_on(tmp_path: Path) -> None:
    cam1 = statistics(parts=100, connections=3, fps=20.0, age=0.1)

    async def ask() -> NodeStatistics:
        one = Siblings(tmp_path, "one", lambda: node_statistics(streams={"cam1": statistics()}))
        other = Siblings(tmp_path, "other", lambda: node_statistics(streams={"cam1": cam1}))
        await one.start()
        await other.start()
        await other.stop()
        answer = await one.statistics()
        await one.stop()
        return answer

    answer = asyncio.run(ask())
    assert answer.streams["cam1"] == statistics(parts=200, skipped=14, bytes=10_000, repeats=4)
    assert answer.received == 120
    assert answer.usage == Usage(processes=2, cpu_s=3.0, resident_bytes=4096, open_files=20)
    assert (answer.max_clients, answer.refused_clients) == (200, 16)


def test_a_worker_has_no_name_before_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = socket.socket.listen
    named: list[Path] = []

    def look(self: socket.socket, *arguments: int) -> None:
        named.extend(tmp_path.glob("*.sock"))
        listen(self, *arguments)

    async def begin() -> None:
        worker = Siblings(tmp_path, "one", node_statistics)
        await worker.start()
        named.append(tmp_path / "begun")
        await worker.stop()

    monkeypatch.setattr(socket.socket, "listen", look)
    asyncio.run(begin())
    assert named == [tmp_path / "begun"]


def test_one_that_was_never_started_stops_as_well(tmp_path: Path) -> None:
    asyncio.run(Siblings(tmp_path, "alone", node_statistics).stop())


def test_one_that_asks_and_never_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    # More than the system takes for a reader who does not read.
    long = {f"{number:064}": statistics() for number in range(2000)}

    async def stop() -> None:
        worker = Siblings(tmp_path, "one", lambda: node_statistics(streams=long))
        await worker.start()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(tmp_path / "one.sock"))
            while not (tmp_path / "one.json").exists():
                await asyncio.sleep(0.01)
            async with asyncio.timeout(ANSWER_S / 2):
                await worker.stop()
            assert not worker._answering
            asking.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionResetError):
                while asking.recv(65536):
                    pass

    asyncio.run(stop())


def test_asking_one_that_never_answers_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ANSWER_S", 0.05)

    async def ask() -> None:
        alone = Siblings(tmp_path, "alone", node_statistics)
        await alone.start()
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "silent.sock"))
            silent.listen()
            assert await alone.statistics() == node_statistics()
            asked, _ = silent.accept()
            asked.settimeout(PATIENCE_S)
            with asked:
                assert await asyncio.to_thread(asked.recv, 1) == b""
        await alone.stop()

    asyncio.run(ask())


def test_a_worker_whose_folder_is_gone_speaks_for_itself_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()

    async def ask() -> list[NodeStatistics]:
        alone = Siblings(folder, "alone", node_statistics)
        await alone.start()
        shutil.rmtree(folder)
        answers = [await alone.statistics() for _ in range(3)]
        await alone.stop()
        return answers

    assert asyncio.run(ask()) == [node_statistics()] * 3
    assert len(caplog.records) == 1
    assert str(folder) in caplog.text


def test_without_an_open_file_to_spare_the_figures_told_last_go_on_to_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(self: Path, *arguments: bytes) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    def own() -> NodeStatistics:
        Path("/proc/self/statm").read_bytes()
        return node_statistics()

    async def ask() -> NodeStatistics:
        alone = Siblings(tmp_path, "alone", own)
        await alone.start()
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(tmp_path / "dead.sock"))
        for opens in ("read_bytes", "write_bytes"):
            monkeypatch.setattr(Path, opens, none_left)
        answer = await alone.statistics()
        await alone.stop()
        return answer

    assert asyncio.run(ask()) == node_statistics()


def test_a_folder_that_is_gone_keeps_a_worker_from_starting(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="gone"):
        asyncio.run(Siblings(tmp_path / "gone", "alone", node_statistics).start())


def _leave_behind(folder: Path, name: str, figures: NodeStatistics) -> None:
    """Leaves what a worker leaves that was killed."""
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(folder / f"{name}.sock"))
    (folder / f"{name}.json").write_text(json.dumps(asdict(figures)))


def test_workers_that_have_ended_leave_one_file_and_their_totals(tmp_path: Path) -> None:
    async def ask() -> list[NodeStatistics]:
        one = Siblings(tmp_path, "one", node_statistics)
        other = Siblings(tmp_path, "other", node_statistics)
        await one.start()
        await other.start()
        answers = []
        for each in range(20):
            _leave_behind(tmp_path, f"dead{each}", node_statistics())
            answers.append(await one.statistics())
            answers += await asyncio.gather(one.statistics(), other.statistics())
        await one.stop()
        await other.stop()
        return answers

    answers = asyncio.run(ask())
    received = node_statistics().received
    assert [each.received for each in answers] == [received * (3 + n // 3) for n in range(60)]
    assert {each.usage.processes for each in answers} == {2 * node_statistics().usage.processes}
    assert not list(tmp_path.glob("dead*"))


def test_what_an_ended_worker_has_refused_counts_on(tmp_path: Path) -> None:
    figures = node_statistics(refused={"bad_topic": 3})

    async def ask() -> list[NodeStatistics]:
        one = Siblings(tmp_path, "one", lambda: figures)
        await one.start()
        _leave_behind(tmp_path, "dead", figures)
        answers = [await one.statistics(), await one.statistics()]
        await one.stop()
        return answers

    assert [each.refused for each in asyncio.run(ask())] == [{"bad_topic": 6}] * 2


def test_what_an_ended_worker_left_counts_once_though_it_could_not_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, "as if it were killed here")

    async def ask() -> list[NodeStatistics]:
        one = Siblings(tmp_path, "one", node_statistics)
        await one.start()
        _leave_behind(tmp_path, "dead", node_statistics())
        answers = []
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            answers += [await one.statistics(), await one.statistics()]
        _leave_behind(tmp_path, "dead2", node_statistics())
        answers += [await one.statistics(), await one.statistics()]
        await one.stop()
        return answers

    received = node_statistics().received
    assert [each.received // received for each in asyncio.run(ask())] == [2, 2, 3, 3]
    assert not list(tmp_path.glob("dead*"))


def test_a_worker_that_ends_while_all_are_asked_counts_once(tmp_path: Path) -> None:
    async def ask() -> NodeStatistics:
        one, other, brief = (
            Siblings(tmp_path, name, node_statistics) for name in ("one", "other", "brief")
        )
        asked = []

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(writer)
            if len(asked) == 1:
                while not (tmp_path / "brief.json").exists():
                    await asyncio.sleep(0.01)
                await brief.stop()
                assert (await other.statistics()).received == 4 * node_statistics().received
            writer.write(json.dumps(asdict(node_statistics())).encode())
            writer.close()

        for each in (one, other, brief):
            await each.start()
        async with await asyncio.start_unix_server(slow, tmp_path / "slow.sock"):
            answer = await one.statistics()
        await one.stop()
        await other.stop()
        return answer

    assert asyncio.run(ask()).received == 4 * node_statistics().received
    assert not list(tmp_path.glob("brief*"))


def test_an_ended_worker_that_another_takes_in_meanwhile_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> NodeStatistics:
        one = Siblings(tmp_path, "one", node_statistics)
        other = Siblings(tmp_path, "other", node_statistics)
        await one.start()
        await other.start()
        _leave_behind(tmp_path, "dead", node_statistics())
        look = one._others

        def look_too_early() -> list[Path]:
            found = look()
            other._ended.take([tmp_path / "dead.sock"])
            return found

        monkeypatch.setattr(one, "_others", look_too_early)
        answer = await one.statistics()
        await one.stop()
        await other.stop()
        return answer

    assert asyncio.run(ask()).received == 3 * node_statistics().received
