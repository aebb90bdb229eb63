"""The files of the deployment as data, and whether the real programs take what stands in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from producer.command.arguments import read_settings as producer_settings
from streamer.configuration.options import read_options
from streamer.configuration.settings import Settings
from streamer.configuration.settings import from_sources as streamer_settings
from streamer.relay.settings import RelaySettings
from streamer.relay.settings import from_sources as relay_settings

from .base_images import PROJECT
from .proxying import DEPLOY

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install pyyaml")
# A streamer ends stuck clients within this time, beyond what it was asked to wait, seconds.
END_S: Final = 5


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((PROJECT / "docker-compose.yml").read_text()))


def kubernetes() -> list[dict[str, Any]]:
    """Returns every resource, namespaces and all else that kustomize adds left out."""
    names = [*yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]]
    paths = [DEPLOY / "kubernetes" / name for name in (*names, "demo-producer.yaml")]
    return [each for path in paths for each in yaml.safe_load_all(path.read_text())]


def kind(name: str) -> dict[str, dict[str, Any]]:
    """Returns the Kubernetes resources of a kind, by name."""
    return {each["metadata"]["name"]: each for each in kubernetes() if each["kind"] == name}


def pod(deployment: str) -> dict[str, Any]:
    return dict(kind("Deployment")[deployment]["spec"]["template"])


def container(deployment: str) -> dict[str, Any]:
    (only,) = pod(deployment)["spec"]["containers"]
    return dict(only)


def unit(path: Path) -> dict[str, str]:
    """Returns the settings of a systemd unit; of one that is set several times, the last."""
    lines = [each for each in path.read_text().splitlines() if "=" in each and each[0] != "#"]
    return dict(each.split("=", 1) for each in lines)


def take(words: Sequence[str], files: dict[str, Path]) -> Any:
    """Returns the settings that a program makes of a command line; raises where it refuses.

    Args:
        words: the command, its program first.
        files: where the files are that it names, by their paths in the deployment.

    """
    program, arguments = words[0].rsplit("/", 1)[-1], list(words[1:])
    if program == "partcast-producer":
        return producer_settings(arguments, {})
    kinds = {"partcast-streamer": Settings, "partcast-relay": RelaySettings}
    given, path = read_options(kinds[program], program, "", arguments)
    file = {} if path is None else tomllib.loads(files[path].read_text())
    make: Any = streamer_settings if program == "partcast-streamer" else relay_settings
    return make(given, {}, file)


def compose_commands() -> Iterator[tuple[str, list[str]]]:
    for name, service in compose()["services"].items():
        command = service.get("command", [])
        if command and command[0].startswith("partcast-"):
            yield name, command


COMPOSE_FILES: Final = {"/etc/partcast/streamer.toml": DEPLOY / "streamer.toml"}
KUBERNETES_FILES: Final = {"/etc/partcast/streamer.toml": DEPLOY / "kubernetes/streamer.toml"}
UNIT_FILES: Final = {
    "/etc/partcast/relay.toml": DEPLOY / "systemd/relay.toml",
    "/etc/partcast/streamer-main.toml": DEPLOY / "systemd/streamer-main.toml",
}
UNITS: Final = {
    "partcast-relay": "",
    "partcast-streamer@": "main",
    "partcast-producer@": "cam1",
}
