"""The files of the deployment agree with the programs, and with one another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from streamer.configuration.settings import StreamSettings, from_sources

from .manifests import (
    COMPOSE_FILES,
    END_S,
    KUBERNETES_FILES,
    UNIT_FILES,
    UNITS,
    compose,
    compose_commands,
    container,
    kind,
    kubernetes,
    pod,
    take,
    unit,
    yaml,
)
from .processes import Starter
from .proxying import DEPLOY, program

# What `systemd-analyze security` calls well protected, of 10.
MOST_EXPOSED = 2.0


def seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+)s?", text)
    assert match is not None, text
    return float(match[1])


def test_every_command_of_the_compose_file_is_taken_by_its_program() -> None:
    commands = dict(compose_commands())
    assert set(commands) == {"relay", "streamer", "pattern", "replay"}
    settings = {name: take(words, COMPOSE_FILES) for name, words in commands.items()}
    relay, streamer = settings["relay"], settings["streamer"]
    assert streamer.connect_frames == (_at("relay", relay.streamer_frames),)
    assert streamer.connect_events == (_at("relay", relay.streamer_events),)
    for producer in (settings["pattern"], settings["replay"]):
        assert producer.frames == _at("relay", relay.producer_frames)
        assert producer.events == _at("relay", relay.producer_events)
    assert streamer.of_stream(settings["replay"].stream).overload == "queue"
    assert streamer.trust_proxy


def test_the_streamers_file_shows_every_key_of_a_stream_at_its_default() -> None:
    text = (DEPLOY / "streamer.toml").read_text()
    shown = re.sub(r"^# (?=\[streams|[a-z_]+ = )", "", text, flags=re.MULTILINE)
    tables = tomllib.loads(shown)["streams"]
    settings = from_sources({}, {}, {"streams": tables})
    assert set(tables["cam*"]) == {each.name for each in fields(StreamSettings)}
    cameras = settings.of_stream("cam1")
    assert cameras is not None
    assert replace(cameras, headers={}, part_headers={}) == StreamSettings()


def _at(host: str, endpoint: str) -> str:
    """Returns an endpoint that listens on all addresses, as others in the network name it."""
    assert "//0.0.0.0:" in endpoint
    return endpoint.replace("0.0.0.0", host)


def test_the_compose_file_gives_a_streamer_the_time_that_it_needs_to_end() -> None:
    service = compose()["services"]["streamer"]
    streamer = take(service["command"], COMPOSE_FILES)
    grace_s = seconds(service["stop_grace_period"])
    assert grace_s >= streamer.drain_s + streamer.spread_s + END_S


def test_the_proxy_gives_up_a_streamer_whose_host_is_gone_after_25_s() -> None:
    container_has = compose()["services"]["proxy"]["sysctls"]
    text = (DEPLOY / "systemd/90-partcast.conf").read_text()
    machine_has = dict(re.findall(r"^(net[\w.]+) = (.+)$", text, re.MULTILINE))
    for has in (container_has, machine_has):
        idle, interval, probes = (
            int(has[f"net.ipv4.tcp_keepalive_{name}"]) for name in ("time", "intvl", "probes")
        )
        assert idle + interval * probes == 25
    assert "proxy_socket_keepalive on;" in (DEPLOY / "nginx.conf").read_text()


def test_every_service_of_the_compose_file_is_hardened_and_published_on_loopback_only() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] not in {"", "0", "root"}, name
        assert "privileged" not in service, name
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", [])), name


def test_health_checks_ask_for_what_the_programs_serve(start: Starter) -> None:
    relay, streamer = start.relay(), start.streamer()
    services = compose()["services"]
    for name, command in (("relay", relay), ("streamer", streamer)):
        words = services[name]["healthcheck"]["test"]
        assert words[:2] == ["CMD", "healthy"]
        asked = re.sub(r"http://127.0.0.1:\d+", command.http, words[2])
        assert _healthy(asked) == 0
        assert f":{take(services[name]['command'], COMPOSE_FILES).http.split(':')[1]}/" in words[2]
    assert _healthy(f"{streamer.http}/nonsense") == 1
    streamer.end()
    assert _healthy(f"{streamer.http}/readyz") == 1


def _healthy(url: str) -> int:
    words = [sys.executable, str(DEPLOY / "healthy.py"), url]
    return subprocess.run(words, capture_output=True, check=False).returncode


def test_kubernetes_takes_every_manifest() -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason="not installed: pip install kubernetes-validate"
    )
    for each in kubernetes():
        validator.validate(each, validator.latest_version(), strict=True)


def test_kustomize_puts_the_manifests_together() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    words = [kubectl, "kustomize", str(DEPLOY / "kubernetes")]
    built = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    together = list(yaml.safe_load_all(built))
    assert all(each["metadata"]["namespace"] == "partcast" for each in together[1:])
    (streamer,) = (
        each
        for each in together
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "streamer"
    )
    volume = streamer["spec"]["template"]["spec"]["volumes"][0]
    assert re.fullmatch(r"streamer-[a-z0-9]{10}", volume["configMap"]["name"])


def test_every_command_of_the_manifests_is_taken_by_its_program() -> None:
    settings = {
        name: take(container(name)["command"], KUBERNETES_FILES)
        for name in ("relay", "streamer", "pattern")
    }
    relay, streamer, producer = settings.values()
    assert streamer.connect_frames == (_at("relay", relay.streamer_frames),)
    assert streamer.connect_events == (_at("relay", relay.streamer_events),)
    assert producer.frames == _at("relay", relay.producer_frames)
    assert producer.events == _at("relay", relay.producer_events)


def test_pods_are_no_root_and_can_write_nothing() -> None:
    for name in kind("Deployment"):
        spec, only = pod(name)["spec"], container(name)
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] >= 10000
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in only["resources"]["limits"]


def test_probes_ask_for_what_the_programs_serve(start: Starter) -> None:
    for name, command in (("relay", start.relay()), ("streamer", start.streamer())):
        only = container(name)
        ports = {each["name"]: each["containerPort"] for each in only["ports"]}
        listens = take(only["command"], KUBERNETES_FILES).http
        for probe in ("readinessProbe", "livenessProbe"):
            asked = only[probe]["httpGet"]
            assert listens == f"0.0.0.0:{ports[asked['port']]}"
            assert command.get(asked["path"])
        assert only["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert only["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_a_pod_that_ends_has_the_time_to_tell_and_to_end_its_clients() -> None:
    streamer = take(container("streamer")["command"], KUBERNETES_FILES)
    grace_s = pod("streamer")["spec"]["terminationGracePeriodSeconds"]
    assert grace_s >= streamer.drain_s + streamer.spread_s + END_S
    # Serving goes on until the probe has failed, and the load balancer has heard of it.
    probe = container("streamer")["readinessProbe"]
    assert streamer.drain_s >= 2 * probe["periodSeconds"] * probe["failureThreshold"]


def test_services_budget_and_policies_mean_pods_that_there_are() -> None:
    labels = [pod(name)["metadata"]["labels"] for name in kind("Deployment")]
    selectors = [each["spec"]["selector"] for each in kind("Service").values()]
    selectors += [
        each["spec"]["selector"]["matchLabels"] for each in kind("PodDisruptionBudget").values()
    ]
    policies = kind("NetworkPolicy").values()
    selectors += [each["spec"]["podSelector"].get("matchLabels", {}) for each in policies]
    assert len(selectors) == 7
    for selector in selectors:
        assert any(selector.items() <= each.items() for each in labels), selector


def test_the_policies_open_the_ports_of_the_channels_to_those_who_use_them_only() -> None:
    relay = kind("NetworkPolicy")["relay"]["spec"]["ingress"]
    opened = {
        _component(rule): sorted(port["port"] for port in rule["ports"]) for rule in relay[:2]
    }
    assert opened == {"producer": [5555, 5556], "streamer": [5557, 5558]}
    everybody = kind("NetworkPolicy")["nobody-unless-named"]["spec"]
    assert everybody["podSelector"] == {}
    assert "ingress" not in everybody


def _component(rule: dict[str, Any]) -> str:
    (peer,) = rule["from"]
    return str(peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"])


def test_the_ingress_buffers_nothing_and_shows_nothing_of_the_inside() -> None:
    ingress = kind("Ingress")["streamer"]
    notes = ingress["metadata"]["annotations"]
    assert notes["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert int(notes["nginx.ingress.kubernetes.io/proxy-read-timeout"]) >= 3600
    (rule,) = ingress["spec"]["rules"]
    paths = {(each["path"], each["pathType"]) for each in rule["http"]["paths"]}
    assert paths == {("/", "Exact"), ("/page", "Prefix"), ("/streams", "Prefix")}


@pytest.mark.parametrize(("name", "instance"), UNITS.items())
def test_systemd_takes_every_unit_and_calls_it_well_protected(
    name: str, instance: str, tmp_path: Path
) -> None:
    analyze = program("systemd-analyze", "systemd")
    path = tmp_path / f"{name}{instance}.service"
    text = (DEPLOY / "systemd" / f"{name}.service").read_text()
    path.write_text(text.replace("/opt/partcast/bin", str(Path(sys.executable).parent)))
    words = [analyze, "verify", "--man=no", str(path)]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    words = [analyze, "security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:g}", str(path)]
    subprocess.run(words, check=True, capture_output=True)


@pytest.mark.parametrize(("name", "instance"), UNITS.items())
def test_every_command_of_the_units_is_taken_by_its_program(name: str, instance: str) -> None:
    settings = unit(DEPLOY / "systemd" / f"{name}.service")
    command = settings["ExecStart"].replace("%i", instance).replace("${PARTCAST_SOURCE}", "test")
    taken = take(command.split(), UNIT_FILES)
    if name == "partcast-streamer@":
        assert float(settings["TimeoutStopSec"]) >= taken.drain_s + taken.spread_s + END_S
        assert int(settings["LimitNOFILE"]) > taken.max_clients
        assert taken.http.startswith("127.0.0.1:")
