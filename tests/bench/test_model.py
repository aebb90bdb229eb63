"""The model of many machines: its formulas hold their own limits, its simulation ends right."""

import subprocess
import sys

import pytest

from bench.build import ROOT
from bench.model.audience import following, most_followed
from bench.model.inputs import Curve, Input, Inputs
from bench.model.latency import latency_ms
from bench.model.measure import predict
from bench.model.records import from_record
from bench.model.recovery import Loss, loss_of_a_node, pace, return_of_a_relay
from bench.model.tree import (
    TooMuchError,
    first,
    most_viewers,
    node_shares,
    plan,
    relay_shares,
)
from bench.model.workload import Workload

from .records import measured, record_of

INPUTS = Inputs()
VIEWERS = (1, 1_000, 30_000, 1_000_000)


def test_a_curve_goes_through_its_points_and_on_in_straight_lines() -> None:
    curve = Curve({1_000: 10.0, 2_000: 20.0, 4_000: 30.0}, "us", "here")
    assert [curve.at(size) for size in (1_000, 2_000, 4_000)] == [10, 20, 30]
    assert [curve.at(size) for size in (1_500, 3_000, 6_000)] == [15, 25, 40]
    assert curve.at(0) == 0


def test_a_node_is_as_full_as_one_reckons_by_hand() -> None:
    load = Workload(1_000, streams=1, payload_bytes=50_000, frames_per_s=10, stay_s=1_000)
    shares = node_shares(INPUTS, load, 1_000)
    # 1,000 viewers, 10 parts of 50,150 bytes with 5 % for TCP and IP, 8 of 10 Gbit/s.
    assert shares["link out"] == pytest.approx(1_000 * 10 * 50_150 * 8 * 1.05 / 8e9)
    # 10 us a part, 400 us for the one client that comes and goes each second, 70 % of a core.
    frame_s = INPUTS.intake_cpu.at(50_000) / 1e6
    idle = INPUTS.idle_core.value
    assert shares["core"] == pytest.approx((idle + 0.1 + 10 * frame_s + 0.0004) / 0.7)
    assert shares["clients"] == pytest.approx(1_000 / 20_000)


@pytest.mark.parametrize("size", [2_000, 50_000, 200_000])
def test_a_node_is_filled_as_far_as_it_goes_and_no_further(size: int) -> None:
    load = Workload(1_000_000, payload_bytes=size)
    most = most_viewers(INPUTS, load)
    assert first(node_shares(INPUTS, load, most))[1] <= 1
    assert first(node_shares(INPUTS, load, most + 1))[1] > 1


@pytest.mark.parametrize("size", [2_000, 50_000, 200_000])
@pytest.mark.parametrize("viewers", VIEWERS)
def test_no_machine_of_a_plan_has_more_than_it_may(viewers: int, size: int) -> None:
    load = Workload(viewers, payload_bytes=size)
    tree = plan(INPUTS, load)
    assert tree.nodes * tree.viewers == pytest.approx(viewers)
    assert first(node_shares(INPUTS, load, tree.viewers))[1] <= 1
    assert tree.children <= tree.fan_out
    if tree.relays:
        assert first(relay_shares(INPUTS, load, tree.children, tree.trees))[1] <= 1
        assert tree.relays[0] == 1


def test_more_viewers_never_need_less() -> None:
    plans = [plan(INPUTS, Workload(viewers)) for viewers in range(1_000, 500_000, 7_000)]
    needs = [(each.nodes, len(each.relays)) for each in plans]
    assert needs == sorted(needs)


def test_one_node_needs_no_relay_and_two_do() -> None:
    most = most_viewers(INPUTS, Workload(1))
    assert plan(INPUTS, Workload(most)).relays == ()
    assert plan(INPUTS, Workload(most + 1)).relays == (1,)


def test_streams_that_are_too_many_for_one_relay_are_parted_among_several() -> None:
    tree = plan(INPUTS, Workload(100_000, streams=1_500))
    assert tree.trees > 1
    assert tree.all_relays == sum(tree.relays) * tree.trees


def test_a_frame_that_no_card_carries_is_refused_with_the_reason() -> None:
    with pytest.raises(TooMuchError, match="link"):
        plan(INPUTS, Workload(10, payload_bytes=1_000_000_000))


def test_a_node_that_takes_what_is_watched_takes_no_more_than_that() -> None:
    load = Workload(10_000, streams=1_000, watched=True)
    assert load.streams_taken(1) == pytest.approx(1)
    assert load.streams_taken(100) < 100
    assert load.streams_taken(100_000) == pytest.approx(1_000)


def test_the_last_viewer_waits_longer_than_the_one_in_the_middle_and_deeper_trees_longer() -> None:
    small, large = plan(INPUTS, Workload(10_000)), plan(INPUTS, Workload(1_000_000))
    assert len(large.relays) > len(small.relays)
    middle = [sum(latency_ms(INPUTS, each, 0.5).values()) for each in (small, large)]
    last = [sum(latency_ms(INPUTS, each, 0.99).values()) for each in (small, large)]
    assert middle[0] < last[0]
    assert middle[1] < last[1]
    assert middle[0] < middle[1]


def test_a_producer_can_follow_as_many_as_the_limit_says() -> None:
    tree = plan(INPUTS, Workload(100_000, stay_s=60))
    limit = most_followed(INPUTS, tree)
    tree = plan(INPUTS, Workload(int(limit), stay_s=60))
    heard = following(INPUTS, tree, tree.load.streams)
    beats = tree.nodes / INPUTS.heartbeat.value * INPUTS.event_cpu.value / 1e6
    assert heard.core - beats == pytest.approx(INPUTS.core_use.value, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_after_a_loss_everybody_is_served_and_counted_in_the_end(seed: int) -> None:
    tree = plan(INPUTS, Workload(20_000))
    run = Loss(INPUTS, pace(INPUTS, tree), seed)
    seen = run.run()
    lost = round(tree.viewers)
    assert run._counted == run._there == lost
    assert lost <= seen.wrong_by <= 2 * lost
    assert max(seen.missed_s, seen.served_s) <= seen.right_s
    assert 2 <= seen.missed_s <= 3 + INPUTS.poll.value + 0.1


def test_a_loss_is_the_same_each_time_it_is_asked_for() -> None:
    tree = plan(INPUTS, Workload(20_000))
    assert loss_of_a_node(INPUTS, tree, runs=5) == loss_of_a_node(INPUTS, tree, runs=5)


def test_faster_heartbeats_miss_a_node_earlier() -> None:
    tree = plan(INPUTS, Workload(20_000))
    fast = Inputs(heartbeat=Input(0.3, "s", "here"))
    slow_s = loss_of_a_node(INPUTS, tree, runs=5).missed_s
    assert loss_of_a_node(fast, tree, runs=5).missed_s < slow_s / 2


def test_the_more_watch_the_longer_a_relay_s_return_takes() -> None:
    few, many = (plan(INPUTS, Workload(viewers)) for viewers in (10_000, 1_000_000))
    assert return_of_a_relay(INPUTS, few) < return_of_a_relay(INPUTS, many)


def test_what_was_measured_takes_the_place_of_what_was_assumed() -> None:
    record = record_of("saturation-50k", {"partcast": [{"cpu_us_per_part": 9.0}]})
    record.measurements.append(measured("light", "partcast", 1, [{"cpu_us_per_part": 18.0}]))
    passed = [{"case": str(size), "cpu_us_per_frame": size / 1e3} for size in (2_000, 90_000)]
    record.measurements.append(measured("relay", "partcast-relay", 1, passed))
    inputs = from_record(record, "x.json")
    assert inputs.part_cpu.at(50_000) == 9
    assert inputs.part_cpu.source.startswith("bench/results/x.json; at 2,000")
    assert inputs.cold == Input(2.0, "times", "bench/results/x.json")
    assert inputs.relay_cpu.at(90_000) == 90
    assert inputs.intake_cpu == INPUTS.intake_cpu
    assert inputs.event_cpu == INPUTS.event_cpu


def test_what_is_joined_at_saturation_is_no_price_of_a_small_part() -> None:
    record = record_of("saturation-2k", {"partcast": [{"cpu_us_per_part": 0.9}]})
    assert from_record(record, "x.json").part_cpu == INPUTS.part_cpu


def test_more_nodes_on_the_same_cores_are_said_to_cost_a_little_more() -> None:
    one, two, four = (predict(INPUTS, nodes, cores=2) for nodes in (1, 2, 4))
    assert one.core < two.core < four.core < 1.5 * one.core
    assert one.median_ms > two.median_ms
    assert one.median_ms < one.late_ms


def test_the_command_prints_its_tables() -> None:
    command = [sys.executable, "-m", "bench.model"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for title in ("What it is fed with", "How many machines", "How old a part", "A producer that"):
        assert title in printed
    assert "1,000,000" in printed
