"""Lines written from the event loop to who reads them slowly, or not at all."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import TypeAlias

import pytest

from producer.command.output import Writer
from tests.e2e.processes import PATIENCE_S

LINES = [f"{number:08d}" + "." * (number % 200) for number in range(2000)]
TEXT = "".join(f"{line}\n" for line in LINES)
Pipe: TypeAlias = tuple[FileIO, FileIO]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The reading and the writing end of a pipe that holds less than `TEXT`."""
    read, write = os.pipe()
    with FileIO(read) as reader, FileIO(write, "w") as writer:
        yield reader, writer


async def written_in_vain(writer: FileIO) -> asyncio.Task[None]:
    """Begins to write `TEXT`; returns once it waits for a reader."""
    task = asyncio.create_task(Writer(writer.fileno()).write(TEXT))
    async with asyncio.timeout(PATIENCE_S):
        while select.select([], [writer], [], 0)[1]:
            await asyncio.sleep(0)
    return task


def test_lines_reach_who_reads_late_and_whole(pipe: Pipe) -> None:
    reader, writer = pipe

    async def run() -> bytes:
        task = await written_in_vain(writer)
        received = b""
        async with asyncio.timeout(PATIENCE_S):
            while len(received) < len(TEXT):
                await asyncio.sleep(0)
                if select.select([reader], [], [], 0)[0]:
                    received += reader.read(10_000)
            await task
        return received

    assert asyncio.run(run()).decode() == TEXT


def test_who_is_cancelled_has_cut_no_line(pipe: Pipe) -> None:
    reader, writer = pipe

    async def run() -> None:
        task = await written_in_vain(writer)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    writer.close()
    lines = reader.readall().decode().split("\n")
    assert lines[-1] == ""
    assert 100 < len(lines) < len(LINES)
    assert lines[:-1] == LINES[: len(lines) - 1]


def test_a_line_may_be_longer_than_what_is_written_at_once(tmp_path: Path) -> None:
    lines = "short\n" + "long" * select.PIPE_BUF + "\nshort\n"
    path = tmp_path / "lines"
    with path.open("w") as out:
        asyncio.run(Writer(out.fileno()).write(lines))
    assert path.read_text() == lines


def test_who_waits_for_a_reader_is_told_that_it_has_left(pipe: Pipe) -> None:
    reader, writer = pipe

    async def run() -> None:
        task = await written_in_vain(writer)
        reader.close()
        with pytest.raises(BrokenPipeError):
            await asyncio.wait_for(task, PATIENCE_S)

    asyncio.run(run())
