"""What a fresh report is told to be worse in, beside the committed one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import comparison
from benchmarks.comparison import Change, changes, judge_change, main
from benchmarks.figures import Figures, figures
from benchmarks.intervals import Interval, interval
from benchmarks.report import read_figures, to_wire
from benchmarks.samples import Sample, Unit

CALLS = {"listed": 20}
FLOOR_SECONDS, FLOOR_CPU = 1.7, 0.5


def sampled(contender: str, number: int, seconds: float, cpu: float, calls: Mapping[str, int], vault: int) -> Sample:
    unit = Unit(contender, 100, 100, "declare", number)
    return Sample(unit, "refresh", 100, 20, seconds, dict(calls), vault, cpu, 80.0, cpu / 2, at_once=8)


def measured(
    ratio: float = 1.5, *, cpu: float = 1.0, speed: float = 1.0, calls: Mapping[str, int] = CALLS, vault: int = 2
) -> list[Sample]:
    """Make five rounds in which the dynamic face takes `ratio` times its limit, on a machine of that speed."""
    samples = []
    for number, noise in enumerate((0.98, 0.99, 1.0, 1.01, 1.02), 1):
        floor = FLOOR_SECONDS / speed
        ours = ratio * noise * (floor + 0.3)
        samples += [
            sampled("dynamic", number, ours, cpu * (1 + (noise - 1) / 2) / speed, calls, vault),
            sampled("floor", number, floor, FLOOR_CPU / speed, {}, 0),
        ]
    return samples


def found(samples: list[Sample]) -> dict[str, Any]:
    report = to_wire(figures(samples), [], pulumi="3.999.0", checkpoints=True)
    return dict(json.loads(json.dumps(report)))


def compared(before: list[Sample], after: list[Sample]) -> dict[str, str]:
    told = changes(read_figures(found(before)), read_figures(found(after)))
    return {change.what: change.verdict for change in told}


def test_a_report_is_read_as_it_was_written() -> None:
    written: Figures = figures(measured())
    assert read_figures(found(measured())) == written


def test_the_same_again_is_the_same_on_a_machine_of_half_the_speed() -> None:
    assert set(compared(measured(), measured(speed=0.5)).values()) == {"same"}


@pytest.mark.parametrize(
    ("after", "what", "verdict"),
    [
        (measured(1.8), "seconds over the limit", "worse"),
        (measured(1.2), "seconds over the limit", "better"),
        (measured(1.62), "seconds over the limit", "same"),
        (measured(cpu=1.05), "CPU of the provider over the floor's", "worse"),
        (measured(cpu=1.05), "CPU of the program over the floor's", "worse"),
        (measured(cpu=0.9), "CPU of the provider over the floor's", "better"),
        (measured(cpu=1.01), "CPU of the provider over the floor's", "same"),
        (measured(calls={"listed": 20, "read": 1}), "calls to AlloMia", "worse"),
        (measured(calls={"listed": 19}), "calls to AlloMia", "better"),
        (measured(vault=3), "requests to Vault", "worse"),
        (measured(vault=0), "requests to Vault", "better"),
    ],
)
def test_what_got_worse_or_better_is_named(after: list[Sample], what: str, verdict: str) -> None:
    assert compared(measured(), after)[what] == verdict


def test_a_first_call_is_worse() -> None:
    assert compared(measured(calls={}), measured(calls={"listed": 1}))["calls to AlloMia"] == "worse"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.3], [1.2, 1.2, 1.2, 1.2, 1.2], "not told"),
        ([1.0, 1.0, 1.0, 1.0, 1.3], [1.4, 1.5, 1.6, 1.7, 1.8], "worse"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], [1.09, 1.09, 1.09, 1.09, 1.09], "same"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], [0.7, 0.8, 1.0, 1.1, 1.2], "not told"),
        ([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0, 2.0], "not told"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], "not told"),
        ([1.0, 1.0, 1.0, 1.1, 1.15], [1.0, 1.1, 1.12, 1.13, 1.14], "not told"),
    ],
)
def test_what_noise_could_have_done_is_not_told(before: list[float], after: list[float], verdict: str) -> None:
    assert judge_change(interval(before), interval(after), 0.10) == verdict


def test_calls_that_are_spared_do_not_make_the_time_look_worse() -> None:
    spared = [
        replace(each, allomia={}) if each.unit.contender == "dynamic" else each
        for each in measured(1.5, calls={"listed": 20})
    ]
    told = compared(measured(), spared)
    assert (told["calls to AlloMia"], told["seconds over the limit"]) == ("better", "same")


def test_only_our_faces_and_only_what_both_reports_have_is_compared() -> None:
    others = [replace(each, unit=replace(each.unit, contender="careful")) for each in measured(9.0)]
    assert compared(measured(), others) == {}


def test_a_report_from_before_cpu_time_was_kept_by_round_is_compared_by_wall_time_and_calls() -> None:
    old = found(measured())
    for figure in old["figures"]:
        for name in ("provider_cpu", "program_cpu", "at_once"):
            del figure[name]
        figure["cpu_seconds"] = 1.0
    old["machine"]["cpus"] = 2
    told: list[Change] = list(changes(read_figures(old), read_figures(found(measured(1.8)))))
    assert {change.what: change.verdict for change in told} == {
        "calls to AlloMia": "same",
        "requests to Vault": "same",
        "seconds over the limit": "worse",
    }


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand in for the committed report."""
    report = found(measured())
    monkeypatch.setattr(comparison, "_committed", lambda _revision: json.dumps(report))
    return report


@pytest.mark.parametrize(("ratio", "code"), [(1.8, 1), (1.5, 0), (1.2, 0)])
def test_the_exit_code_says_whether_something_surely_got_worse(
    tmp_path: Path, committed: dict[str, Any], ratio: float, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = tmp_path / "bench.json"
    report = found(measured(ratio))
    report["machine"] = {**committed["machine"], "cpus": 64}
    fresh.write_text(json.dumps(report))
    assert main([str(fresh)]) == code
    said = capsys.readouterr().out
    assert "cpus 64" in said
    assert f"{code} worse" in said
    assert ("1.50 (1.47-1.53)" in said) is (ratio != 1.5)


def test_a_report_that_is_the_committed_one_or_missing_is_said_to_be(
    tmp_path: Path, committed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = tmp_path / "bench.json"
    assert main([str(fresh)]) == 2
    assert "`make bench`" in capsys.readouterr().out
    fresh.write_text(json.dumps(committed))
    assert main([str(fresh)]) == 0
    assert "is the committed report" in capsys.readouterr().out


def test_reports_with_and_without_checkpoints_are_not_compared(
    tmp_path: Path, committed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = tmp_path / "bench.json"
    fresh.write_text(json.dumps({**committed, "checkpoints": False}))
    assert main([str(fresh)]) == 2
    assert "they do not compare" in capsys.readouterr().out


def test_the_committed_report_is_read_from_the_repository() -> None:
    assert read_figures(json.loads(comparison._committed("HEAD")))
    assert main(["--revision", "no-such-revision"]) == 2


def test_an_interval_of_few_rounds_changes_nothing() -> None:
    few = Interval(1.0, 1.0, 1.0, 4)
    assert judge_change(few, few, 0.10) == "not told"
