"""A short trial of the servers that a checkout has: every client gets whole parts."""

from __future__ import annotations

import shutil

import pytest

from bench.cores import usable_cores
from bench.servers import SERVERS, Plan
from bench.trial import Group, Trial

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(len(usable_cores()) < 2, reason="needs 2 cores"),
]


VARIANTS = [name for name in SERVERS if name.startswith("partcast") and name != "partcast-relay"]


@pytest.mark.parametrize("name", ["floor", "plain", *VARIANTS])
def test_every_client_gets_whole_parts(name: str) -> None:
    if (hint := SERVERS[name].missing()) is not None:
        pytest.skip(hint)
    if SERVERS[name].cores >= len(usable_cores()):
        pytest.skip("needs one more core")
    with Trial(SERVERS[name], Plan(5_000), Group(10)) as trial:
        trial.wait_connected()
        trial.set_rate(50)
        window = trial.window(0.5)
        trial.drain()
    assert window.parts > 50
    assert window.damage == 0
    assert window.server_cpu_s >= 0
    assert window.groups["base"]["parts_least"] > 0
