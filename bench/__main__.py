"""`python -m bench`: measures, keeps the rows, and writes the page that tells them."""

import argparse
import contextlib
import datetime as dt
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

from bench.build import BENCH, INSTALL_PEERS, PEERS_PYTHON, ROOT, install_peers, peer_has
from bench.campaign import Campaign
from bench.cores import keep_harness_with_load, usable_cores
from bench.figures import Figure, chosen, figures
from bench.machine import describe_machine, describe_source, describe_versions, machine_name
from bench.procedures import FULL, SHORT, Effort
from bench.record import Record, Run, load_record
from bench.report import Site, render
from bench.servers import SERVERS

RESULTS = BENCH / "results"
PUBLISHED = Site(BENCH / "RESULTS.md", RESULTS)
SCRATCH = Site(RESULTS / "scratch" / "RESULTS.md", RESULTS / "scratch")  # not for the repository
SHORT_MINUTES, FULL_MINUTES = 10.0, 90.0  # well above the estimates: a bound, no plan
COLUMNS = 3  # records side by side in the goals table


def main() -> int:
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, _interrupt)
    everything = figures(short=options.short)
    match options.verb:
        case "install":
            install_peers()
        case "list":
            say_what_there_is(everything)
        case "report":
            write_page([Path(file) for file in options.files], everything, site_of(options))
        case _:
            return measure(options, everything)
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    verbs = ["run", "install", "list", "report"]
    parser.add_argument("verb", nargs="?", default="run", choices=verbs, help="default: run")
    parser.add_argument("files", nargs="*", help="records to report; default: the newest ones")
    parser.add_argument("--short", action="store_true", help="one quick round, kept apart")
    parser.add_argument(
        "--only", action="append", default=[], metavar="FIGURE", help="or how its name begins"
    )
    parser.add_argument("--servers", default="", metavar="A,B", help="only these servers")
    parser.add_argument("--rounds", type=int, help=f"default {FULL.rounds}, short {SHORT.rounds}")
    parser.add_argument("--resume", action="store_true", help="go on with the newest record")
    parser.add_argument("--minutes", type=float, help="begin nothing after so many")
    options = parser.parse_args(arguments)
    options.servers = [name for name in options.servers.split(",") if name]
    unknown = [name for name in options.servers if name not in SERVERS]
    if unknown:
        parser.error(f"no server {', '.join(unknown)}: allowed are {', '.join(SERVERS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: allowed is 1 or more")
    try:
        chosen(figures(short=options.short), options.only)
    except ValueError as error:
        parser.error(str(error))
    return options


def measure(options: argparse.Namespace, everything: Sequence[Figure]) -> int:
    """Carries a run out and writes the page, also of an interrupted one."""
    usable_cores()
    effort = effort_of(options)
    site = site_of(options)
    path, record = open_record(site, resume=options.resume)
    minutes = options.minutes or (SHORT_MINUTES if options.short else FULL_MINUTES)
    record.runs.append(describe_run(record, effort))
    campaign = Campaign(
        record,
        path,
        chosen(everything, options.only),
        servers=options.servers,
        effort=effort,
        beside=not options.short,
        deadline=time.monotonic() + minutes * 60,
        say=say,
    )
    record.runs[-1] = replace(record.runs[-1], absent=campaign.absent)
    keep_harness_with_load()
    announce(campaign, path)
    status = 0
    try:
        campaign.run()
    except KeyboardInterrupt:
        say("interrupted: --resume goes on from here")
        status = 130
    if record.measurements:
        draw_plots(path)
        write_page(records_beside(path), everything, site)
    return status


def describe_run(record: Record, effort: Effort) -> Run:
    return Run(
        number=len(record.runs) + 1,
        started=f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M %z}",
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        source=describe_source(),
        effort=asdict(effort),
        versions=describe_versions(),
    )


def effort_of(options: argparse.Namespace) -> Effort:
    effort = SHORT if options.short else FULL
    return effort if options.rounds is None else replace(effort, rounds=options.rounds)


def site_of(options: argparse.Namespace) -> Site:
    return SCRATCH if options.short else PUBLISHED


def open_record(site: Site, *, resume: bool) -> tuple[Path, Record]:
    """Gives the newest record of this machine to go on with, or a new one."""
    machine = describe_machine()
    name = machine_name(machine)
    if resume and (paths := records_of(site.folder, name)):
        return paths[-1], load_record(paths[-1])
    stem = f"{dt.datetime.now().astimezone():%Y-%m-%d}-{name}"
    path, number = site.folder / f"{stem}.json", 1
    while path.exists():
        number += 1
        path = site.folder / f"{stem}-{number}.json"
    return path, Record(machine)


def records_of(folder: Path, machine: str) -> list[Path]:
    """Gives a machine's records, the newest last."""
    found = [path for path in folder.glob("*.json") if machine in path.name]
    return sorted(found, key=lambda path: load_record(path).runs[0].started)


def records_beside(path: Path) -> list[Path]:
    """Gives a record, last, and the ones before it of the same machine."""
    before = records_of(path.parent, machine_name(load_record(path).machine))
    others = [each for each in before if each != path]
    return [*others[1 - COLUMNS :], path]


def announce(campaign: Campaign, path: Path) -> None:
    for line in campaign.skipped:
        say(f"skipped {line}")
    minutes = campaign.estimate_s() / 60
    say(f"{len(campaign.steps)} steps, about {minutes:.0f} min, into {path.relative_to(ROOT)}")


def draw_plots(path: Path) -> None:
    """Has the peers' Python draw, which has matplotlib."""
    for old in path.parent.glob(f"{path.stem}-*.svg"):
        old.unlink()
    if not peer_has("matplotlib"):
        say(f"no plots: {INSTALL_PEERS}")
        return
    command = [str(PEERS_PYTHON), "-m", "bench.plots", str(path), str(path.parent)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        say(f"no plots: {done.stderr.strip().splitlines()[-1]}")


def write_page(paths: Sequence[Path], everything: Sequence[Figure], site: Site) -> None:
    if not paths:
        newest = records_of(site.folder, "")
        paths = records_beside(newest[-1]) if newest else []
    if not paths:
        say(f"no record in {site.folder.relative_to(ROOT)}")
        return
    records = [load_record(path) for path in paths]
    site.page.write_text(render(records, paths[-1].stem, everything, site))
    say(f"written: {site.page.relative_to(ROOT)}")


def say_what_there_is(everything: Sequence[Figure]) -> None:
    for figure in everything:
        print(f"{figure.name:16} {figure.title}: {', '.join((*figure.servers, *figure.beside))}")


def say(line: str) -> None:
    print(line, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does: every child with its trial."""
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
