"""What Prometheus is given: whom to ask, when to call, what to show."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .manifests import kind, pod, yaml
from .processes import Command, Starter, Viewer, eventually
from .proxying import DEPLOY, program


@pytest.fixture
def figures(start: Starter) -> set[str]:
    """The names of all figures that a streamer with a client and a relay give."""
    relay = start.relay()
    streamer = start.streamer(config="allow_streams = ['cam1']\n")
    Viewer(streamer.port, "/streams/cam1")
    eventually(lambda: streamer.streams()["cam1"]["connections"] == 1, "a client")
    return {"up", *_names(relay), *_names(streamer)}


def _names(command: Command) -> list[str]:
    text = command.get("/metrics").decode()
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    return [name for name, _ in kinds]


def test_alerts_dashboard_and_autoscaler_speak_of_figures_that_there_are(figures: set[str]) -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((DEPLOY / "grafana/partcast.json").read_text())
    texts = [rule["expr"] for rule in rules]
    texts += [query["expr"] for panel in dashboard["panels"] for query in panel["targets"]]
    spoken = {name for text in texts for name in re.findall(r"\b(?:partcast|process)_\w+", text)}
    metrics = kind("HorizontalPodAutoscaler")["streamer"]["spec"]["metrics"]
    spoken.add(metrics[0]["pods"]["metric"]["name"])
    assert len(spoken) > 10
    assert spoken <= figures


def test_the_alerts_fire_when_they_should() -> None:
    promtool = program("promtool", "prometheus")
    words = [promtool, "test", "rules", "alerts_test.yaml"]
    subprocess.run(words, cwd=DEPLOY / "prometheus", check=True, capture_output=True)


def test_prometheus_takes_the_scrape_files(tmp_path: Path) -> None:
    promtool = program("promtool", "prometheus")
    for name in ("scrape.yaml", "scrape-kubernetes.yaml"):
        text = (DEPLOY / "prometheus" / name).read_text()
        # Debian's promtool knows nothing of Kubernetes.
        text = re.sub(r"kubernetes_sd_configs:\n( {6}[ -].*\n)+", "static_configs: []\n", text)
        (tmp_path / name).write_text(text)
        words = [promtool, "check", "config", str(tmp_path / name)]
        subprocess.run(words, check=True, capture_output=True)


def test_under_kubernetes_pods_get_the_jobs_that_the_alerts_select() -> None:
    (scrape,) = _scrapes("scrape-kubernetes.yaml")
    (rule,) = (each for each in scrape["relabel_configs"] if each.get("target_label") == "job")
    assert rule["source_labels"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_component"]
    components = {
        pod(name)["metadata"]["labels"]["app.kubernetes.io/component"]
        for name in kind("Deployment")
    }
    matches = [re.fullmatch(rule["regex"], each) for each in components]
    jobs = {match.expand(rule["replacement"].replace("$", "\\")) for match in matches if match}
    assert jobs == {each["job_name"] for each in _scrapes("scrape.yaml")}
    selected = re.findall(r'job="(.+?)"', (DEPLOY / "prometheus/alerts.yaml").read_text())
    assert jobs == set(selected)
    (namespace,) = kind("Namespace")
    assert scrape["kubernetes_sd_configs"][0]["namespaces"]["names"] == [namespace]


def _scrapes(name: str) -> list[dict[str, Any]]:
    text = (DEPLOY / "prometheus" / name).read_text()
    return list(yaml.safe_load(text)["scrape_configs"])
