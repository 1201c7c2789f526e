"""What the benchmark makes of its samples: ratios round by round, verdicts, targets, and a file that can be resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.__main__ import main, merged
from benchmarks.contenders import CONTENDERS
from benchmarks.course import OPERATIONS
from benchmarks.figures import IMPORT, Figures, Ratio, Spot, compare, figures, limit_seconds, ratios, scenes
from benchmarks.rounds import Budget, turns, units
from benchmarks.samples import Sample, Samples, Unit
from benchmarks.tables import WIDTH, show_figures, show_targets
from benchmarks.targets import Row, evaluate

SPOT = Spot("dynamic", 100, 100, "refresh")


def measured(
    contender: str,
    operation: str,
    *seconds: float,
    keys: int = 100,
    latency_ms: int = 100,
    allomia: Mapping[str, int] | None = None,
    vault: int = 0,
    memory_mb: float = 0.0,
    cpu_seconds: float = 0.0,
    program_cpu_seconds: float = 0.0,
) -> list[Sample]:
    """Make one sample for each round."""
    chain = "rotate" if operation.startswith("r") and operation != "refresh" else "declare"
    return [
        Sample(
            Unit(contender, keys, latency_ms, chain, number),
            operation,
            keys,
            max(1, keys // 5),
            each,
            dict(allomia or {}),
            vault,
            cpu_seconds,
            memory_mb,
            program_cpu_seconds,
            at_once=8,
        )
        for number, each in enumerate(seconds, 1)
    ]


def imported(contender: str, *seconds: float) -> list[Sample]:
    return [Sample(Unit(contender, 0, 0, "import", number), IMPORT, 0, 0, each) for number, each in enumerate(seconds)]


def row(rows: list[Row], text: str, contender: str = "dynamic") -> Row:
    """Return the only row with that text."""
    [found] = [each for each in rows if each.text == text and each.contender == contender]
    return found


def refresh_ratio(ours: list[float], afternoon: list[float]) -> Ratio:
    found = figures(measured("dynamic", "refresh", *ours) + measured("afternoon", "refresh", *afternoon))
    ratio = compare(found, SPOT, "afternoon")
    assert ratio is not None
    return ratio


def test_a_figure_is_the_median_of_the_rounds_with_its_range() -> None:
    samples = [
        Sample(Unit("dynamic", 100, 100, "declare", 1), "refresh", 100, 20, 3.0, {"listed": 20}, 3, 0.5, 90.0, 0.2),
        Sample(
            Unit("dynamic", 100, 100, "declare", 2), "refresh", 100, 20, 9.0, {"listed": 20, "read": 7}, 1, 0.7, 80.0
        ),
        Sample(Unit("dynamic", 100, 100, "declare", 3), "refresh", 100, 20, 4.0, {"listed": 21}, 1, 0.6, 95.5),
    ]
    figure = figures(samples)[SPOT]
    assert (figure.median, figure.lowest, figure.highest) == (4.0, 3.0, 9.0)
    assert figure.seconds == {1: 3.0, 2: 9.0, 3: 4.0}
    assert figure.allomia == {"listed": 20, "read": 0}
    assert (figure.vault, figure.memory_mb) == (1, 95.5)
    assert figure.provider_cpu == {1: 0.5, 2: 0.7, 3: 0.6}
    # Where no program ran there is nothing to compare.
    assert figure.program_cpu == {1: 0.2}
    assert (figure.keys, figure.organizations) == (100, 20)


def test_figures_stand_in_the_order_of_the_course_whatever_the_order_of_the_samples() -> None:
    samples = [
        *measured("floor", "destroy", 1.0),
        *measured("dynamic", "destroy", 1.0),
        *measured("dynamic", "first up", 1.0),
        *measured("dynamic", "first up", 1.0, keys=1),
        *imported("floor", 1.0),
    ]
    spots = list(figures(samples))
    assert [(spot.keys, spot.operation, spot.contender) for spot in spots] == [
        (0, "import", "floor"),
        (1, "first up", "dynamic"),
        (100, "first up", "dynamic"),
        (100, "destroy", "dynamic"),
        (100, "destroy", "floor"),
    ]
    assert list(figures(reversed(samples))) == spots
    assert scenes(figures(samples)) == [(1, 100), (100, 100)]


def test_ratios_are_taken_round_by_round_so_a_machine_that_slows_down_cancels_out() -> None:
    ratio = refresh_ratio([1.0, 10.0, 100.0, 2.0, 4.0], [2.0, 20.0, 200.0, 4.0, 8.0])
    assert ratio.by_round == (0.5,) * 5
    assert (ratio.interval.median, ratio.interval.low, ratio.interval.high, ratio.verdict) == (0.5, 0.5, 0.5, "less")


def test_a_ratio_takes_only_rounds_that_both_have() -> None:
    ours, theirs = measured("dynamic", "refresh", 3.0, 4.0, 5.0), measured("afternoon", "refresh", 1.0, 2.0)
    found = figures([*ours[1:], *theirs])
    ratio = compare(found, SPOT, "afternoon")
    assert ratio is not None
    assert ratio.by_round == (2.0,)
    assert compare(figures([*ours[2:], *theirs]), SPOT, "afternoon") is None
    assert compare(found, SPOT, "floor") is None


def test_wall_time_is_told_to_ten_percent_and_cpu_time_to_three() -> None:
    ours = [0.95, 0.98, 1.0, 1.02, 1.05]
    samples = [
        replace(sample, cpu_seconds=sample.seconds, program_cpu_seconds=sample.seconds)
        for sample in measured("dynamic", "refresh", *ours) + measured("floor", "refresh", *[1.0] * 5)
    ]
    found = figures(samples)
    verdicts = {each.measure: each.verdict for each in ratios(found) if each.over == "floor"}
    assert verdicts == {"seconds": "level", "provider_cpu": "not told", "program_cpu": "not told"}


def test_both_faces_are_compared_with_all_others_and_with_their_limit() -> None:
    samples = [
        each
        for contender in CONTENDERS
        for each in measured(contender.name, "refresh", 1.0, cpu_seconds=1.0, allomia={"listed": 20})
    ]
    pairs = [(ratio.spot.contender, ratio.measure, ratio.over) for ratio in ratios(figures(samples))]
    assert pairs == [
        (name, measure, over)
        for name in ("dynamic", "plugin")
        for measure, others in (
            ("seconds", ("careful", "afternoon", "floor", "limit")),
            ("provider_cpu", ("careful", "floor")),
        )
        for over in others
    ]


def test_the_limit_is_the_floor_of_the_same_round_and_the_waiting_for_own_calls() -> None:
    calls = {"listed": 20, "minted": 100, "verified": 100}
    ours = measured("dynamic", "first up", 6.6, 9.9, 7.0, allomia=calls)
    found = figures(ours + measured("floor", "first up", 3.2, 6.2))
    spot = replace(SPOT, operation="first up")
    assert limit_seconds(found, spot) == pytest.approx({1: 6.0, 2: 9.0})
    ratio = compare(found, spot, "limit")
    assert ratio is not None
    assert ratio.by_round == pytest.approx((1.1, 1.1))


def test_without_calls_the_limit_is_the_floor_and_without_a_floor_there_is_none() -> None:
    floor = measured("floor", "no-op up", 2.0)
    spot = replace(SPOT, operation="no-op up")
    assert limit_seconds(figures(measured("dynamic", "no-op up", 3.0) + floor), spot) == {1: 2.0}
    assert limit_seconds(figures(floor), spot) == {}
    assert compare(figures(measured("dynamic", "no-op up", 3.0)), spot, "limit") is None


def test_a_sample_that_does_not_know_how_much_ran_at_once_has_no_limit() -> None:
    ours = [replace(each, at_once=0) for each in measured("dynamic", "refresh", 1.0, allomia={"listed": 20})]
    assert limit_seconds(figures(ours + measured("floor", "refresh", 1.0)), SPOT) == {}


@pytest.mark.parametrize(
    ("operation", "over", "fewer", "more"),
    [
        ("no-op up", "floor", 1.05, 1.10),
        ("first up", "limit", 1.10, 1.15),
        ("rotate all", "limit", 1.10, 1.15),
        ("rotate in place", "limit", 1.10, 1.15),
        ("retire all", "limit", 1.10, 1.15),
        ("destroy", "limit", 1.10, 1.15),
        ("refresh", "limit", 1.50, 1.15),
        ("refresh", "careful", 0.60, 0.45),
        ("destroy", "careful", 0.60, 0.45),
        ("first up", "careful", 1.10, 1.00),
        ("rotate all", "careful", 1.10, 1.00),
    ],
)
def test_a_ratio_target_is_met_up_to_its_limit(operation: str, over: str, fewer: float, more: float) -> None:
    for keys, limit in ((100, fewer), (1000, more)):
        others = [
            each
            # Without calls the limit is the floor.
            for name in ("floor", "careful", "afternoon")
            for each in measured(name, operation, *[2.0 if name == "afternoon" else 1.0] * 5, keys=keys)
        ]
        text = f"{operation} over {over}, {keys} keys"
        states = {}
        for shift in (0.0, 0.01):
            ours = measured("plugin", operation, *[limit - 0.02, *[limit + shift] * 4], keys=keys)
            states[shift] = row(evaluate(ours + others), text, "plugin")
        assert states[0.0].limit == f"at most {limit:.2f}"
        assert states[0.0].measured == f"{limit:.2f} ({limit - 0.02:.2f}-{limit:.2f})"
        assert (states[0.0].is_met, states[0.01].is_met) == (True, False)


@pytest.mark.parametrize(
    ("ours", "is_met"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.5], None),
        ([1.06, 1.06, 1.07, 1.07, 1.9], False),
        ([0.5, 0.9, 1.04, 1.04, 1.05], True),
        ([1.0, 1.0, 1.04, 1.06, 1.07], True),
        ([1.0, 1.0, 1.06, 1.06, 1.07], False),
        ([1.0, 1.0, 1.0, 1.0], None),
    ],
)
def test_a_target_is_told_by_the_side_of_a_wide_interval_or_the_median_of_a_narrow_one(
    ours: list[float], is_met: bool | None
) -> None:
    samples = measured("dynamic", "no-op up", *ours) + measured("floor", "no-op up", *[1.0] * 5)
    assert row(evaluate(samples), "no-op up over floor, 100 keys").is_met is is_met


def test_the_faster_of_two_providers_written_by_hand_is_the_measure_and_both_have_to_be_there() -> None:
    ours, afternoon = measured("dynamic", "destroy", *[1.0] * 5), measured("afternoon", "destroy", *[1.5] * 5)
    rows = evaluate(ours + afternoon + measured("careful", "destroy", *[2.0] * 5))
    assert row(rows, "destroy over afternoon, 100 keys").measured == "0.67 (0.67-0.67)"
    assert not any("over" in each.text for each in evaluate(ours + afternoon))


def test_the_import_is_compared_with_importing_pulumi() -> None:
    ones = [1.0] * 5
    rows = evaluate(imported("dynamic", *[1.05] * 5) + imported("plugin", *[1.2] * 5) + imported("floor", *ones))
    assert row(rows, "import over floor").is_met is True
    assert row(rows, "import over floor", "plugin").is_met is False


def test_ratio_targets_are_about_100_and_1000_keys_at_100_ms_only() -> None:
    for keys, latency_ms in ((1, 100), (100, 0), (1000, 0)):
        both = [
            sample
            for contender in ("dynamic", "careful", "afternoon")
            for sample in measured(contender, "refresh", 1.0, keys=keys, latency_ms=latency_ms)
        ]
        assert evaluate(both) == []


def test_targets_without_samples_are_left_out() -> None:
    assert evaluate([]) == []
    assert evaluate(measured("afternoon", "refresh", 1.0) + measured("floor", "refresh", 1.0)) == []


def test_a_quiet_up_calls_nobody_in_any_round() -> None:
    text = "no-op up: calls to AlloMia and to Vault"
    quiet = measured("dynamic", "no-op up", 1.0, 1.0, 1.0)
    assert row(evaluate(quiet), text).is_met is True
    loud = measured("dynamic", "no-op up", 1.0, allomia={"listed": 2}, vault=1)
    missed = row(evaluate(quiet[1:] + loud), text)
    assert (missed.measured, missed.is_met) == ("0 and 0; 2 and 1", False)
    assert row(evaluate(measured("dynamic", "no-op up", 1.0, vault=1)), text).is_met is False


@pytest.mark.parametrize(
    ("operation", "allomia", "said", "is_met"),
    [
        ("refresh", {"listed": 20}, "20 listed", True),
        ("refresh", {"listed": 19}, "19 listed", False),
        ("refresh", {"listed": 20, "read": 1}, "20 listed, 1 read", False),
        ("refresh", {}, "none", False),
        ("first up", {"listed": 20, "minted": 100, "verified": 100}, "20 listed, 100 minted, 100 verified", True),
        ("first up", {"listed": 20, "minted": 100}, "20 listed, 100 minted", False),
        (
            "rotate in place",
            {"listed": 20, "minted": 100, "verified": 100},
            "20 listed, 100 minted, 100 verified",
            True,
        ),
        ("retire all", {"listed": 100, "read": 100, "revoked": 100}, "100 listed, 100 read, 100 revoked", True),
        ("retire all", {"revoked": 100}, "100 revoked", False),
        ("destroy", {"revoked": 100}, "100 revoked", True),
        ("destroy", {"listed": 1, "revoked": 100}, "1 listed, 100 revoked", False),
    ],
)
def test_a_command_makes_the_calls_it_needs_and_no_other(
    operation: str, allomia: dict[str, int], said: str, is_met: bool
) -> None:
    samples = measured("dynamic", operation, 1.0, allomia=allomia, vault=1)
    found = row(evaluate(samples), f"{operation}: calls to AlloMia")
    assert (found.measured, found.is_met) == (said, is_met)


def growth(fewer: float, more: float, latency_ms: int = 100) -> list[Row]:
    samples = [
        *measured("dynamic", "refresh", 1.0 + fewer, latency_ms=latency_ms),
        *measured("floor", "refresh", 1.0, latency_ms=latency_ms),
        *measured("dynamic", "refresh", 5.0 + more, keys=1000),
        *measured("floor", "refresh", 5.0, keys=1000),
    ]
    return [each for each in evaluate(samples) if "above the floor" in each.text]


@pytest.mark.parametrize(
    ("fewer", "more", "said", "is_met"),
    [
        (1.0, 8.0, "8.0", True),
        (0.5, 5.0, "10.0", True),
        (0.5, 5.5, "11.0", False),
        (0.05, 5.0, "too small to tell", None),
        (-0.5, 5.0, "too small to tell", None),
    ],
)
def test_the_cost_above_the_floor_grows_no_faster_than_the_keys(
    fewer: float, more: float, said: str, is_met: bool | None
) -> None:
    [found] = growth(fewer, more)
    assert found.text == "refresh above the floor, 1000 over 100 keys, 100 ms"
    assert (found.measured, found.is_met) == (said, is_met)


def test_growth_is_left_out_when_the_latencies_differ() -> None:
    assert growth(1.0, 8.0, latency_ms=0) == []


@pytest.mark.parametrize(("peak", "is_met"), [(149.9, True), (150.0, False)])
def test_the_provider_stays_small_with_1000_keys(peak: float, is_met: bool) -> None:
    samples = measured("dynamic", "refresh", 1.0, keys=1000, memory_mb=90.0)
    samples += measured("dynamic", "destroy", 1.0, keys=1000, memory_mb=peak)
    samples += measured("dynamic", "destroy", 1.0, keys=100, memory_mb=500.0)
    assert row(evaluate(samples), "peak memory of the provider, 1000 keys").is_met is is_met


def test_memory_that_was_not_seen_keeps_no_promise() -> None:
    assert evaluate(measured("dynamic", "destroy", 1.0, keys=1000)) == []


def test_what_was_measured_is_read_again_and_counts_as_measured(tmp_path: Path) -> None:
    path = tmp_path / "new" / "samples.jsonl"
    [first] = measured("dynamic", "refresh", 1.0, allomia={"listed": 20}, vault=1, memory_mb=90.5)
    Samples(path).add([first])
    again = Samples(path)
    assert again.all() == [first]
    assert again.has(first.unit)
    assert not again.has(Unit("dynamic", 100, 100, "declare", 2))


def test_a_unit_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> list[Sample]:
        raise RuntimeError

    samples = Samples(tmp_path / "samples.jsonl")
    with pytest.raises(RuntimeError):
        samples.add(each for _ in range(1) for each in failing())
    assert samples.all() == Samples(tmp_path / "samples.jsonl").all() == []


def test_a_last_line_that_was_half_written_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    first, second, third = measured("dynamic", "refresh", 1.0, 2.0, 3.0)
    for sample in (first, second):
        Samples(path).add([sample])
    path.write_bytes(path.read_bytes()[:-30])
    resumed = Samples(path)
    assert resumed.all() == [first]
    assert not resumed.has(second.unit)
    for sample in (second, third):
        resumed.add([sample])
    assert Samples(path).all() == [first, second, third]


def test_the_contenders_take_turns_at_being_first() -> None:
    firsts = [turns(number)[0].name for number in range(1, 6)]
    assert firsts == ["dynamic", "plugin", "careful", "afternoon", "floor"]
    assert [contender.name for contender in turns(2)] == ["plugin", "careful", "afternoon", "floor", "dynamic"]
    assert turns(6) == turns(1)


def test_all_contenders_do_the_same_thing_one_after_the_other() -> None:
    order = units({1: 2, 100: 2}, (0,), ("declare", "rotate"))
    assert len(order) == len({unit for unit, _ in order}) == 2 * 2 * 2 * 5
    groups = [order[at : at + 5] for at in range(0, len(order), 5)]
    for group in groups:
        assert len({(unit.number, unit.keys, unit.latency_ms, unit.chain) for unit, _ in group}) == 1
        assert [contender for _, contender in group] == list(turns(group[0][0].number))
    assert [(group[0][0].number, group[0][0].keys, group[0][0].chain) for group in groups[:5]] == [
        (1, 1, "declare"),
        (1, 1, "rotate"),
        (1, 100, "declare"),
        (1, 100, "rotate"),
        (2, 1, "declare"),
    ]


def test_of_two_files_the_first_one_counts_where_both_measured_the_same_keys_and_latency() -> None:
    first = measured("dynamic", "refresh", 1.0)
    second = measured("dynamic", "refresh", 9.0) + measured("dynamic", "refresh", 8.0, keys=1000)
    assert [sample.seconds for sample in merged(first, second)] == [1.0, 8.0]


def whole_course() -> list[Sample]:
    """Make long numbers for every contender and operation."""
    names = [contender.name for contender in CONTENDERS]
    samples = [
        sample
        for place, name in enumerate(names)
        for operation in OPERATIONS
        for keys in (1, 1000)
        for sample in measured(
            name,
            operation,
            99.99 / (place + 1),
            1234.5,
            2345.6 / (place * 9 + 1),
            *[1000.0] * 2,
            keys=keys,
            allomia={"minted": 2000},
            vault=12345,
            memory_mb=149.0,
            cpu_seconds=123.45,
            program_cpu_seconds=99.99,
        )
    ]
    return samples + [sample for name in names for sample in imported(name, 1.0, 1.1)]


def lines(found: Figures, rows: list[Row]) -> list[str]:
    console = Console(width=WIDTH, highlight=False)
    with console.capture() as captured:
        show_figures(console, found)
        show_targets(console, rows)
    return captured.get().splitlines()


def test_tables_fit_their_width_and_cut_nothing_off() -> None:
    samples = whole_course()
    said = lines(figures(samples), evaluate(samples))
    assert max(map(len, said)) <= WIDTH
    assert "…" not in "\n".join(said)
    assert sum("not told:" in line for line in said) == 1


def test_tables_say_seconds_ratios_and_what_was_missed() -> None:
    ours = measured("dynamic", "refresh", 0.5, 30.0, 200.0, 30.0, 30.0, allomia={"listed": 20}, cpu_seconds=1.25)
    careful = measured("careful", "refresh", 1.0, 90.0, 400.0, 60.0, 60.0, cpu_seconds=1.0)
    samples = ours + careful + measured("floor", "refresh", *[9.7] * 5)
    said = lines(figures(samples), evaluate(samples))
    seconds, over, cpu, cpu_over, costs = (line.split() for line in said if line.startswith(" refresh "))
    assert seconds == ["refresh", "30.0", "(0.50-200)", "-", "60.0", "(1.00-400)", "-", "9.70", "(9.70-9.70)", "10.0"]
    assert over == ["refresh", "dynamic", "0.50", "(0.33-0.50)", "less", "-", "3.00", "(0.05-20.0)", "not", "told"]
    assert cpu == ["refresh", "1.25", "-", "-", "1.00", "-", "-", "-", "-"]
    assert cpu_over == ["refresh", "dynamic", "1.25", "(1.25-1.25)", "more", "-", "-"]
    assert costs == ["refresh", "20", "0", "0", "-", "0", "0", "0", "-", "0", "0", "0"]
    assert "none of 2 targets missed, 1 not told" in said


def test_a_report_measures_nothing_and_names_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FakeEngine:
        version = "3.999.0"

    monkeypatch.setattr("benchmarks.__main__.ensure_engine", lambda _tell: FakeEngine())
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    path = tmp_path / "samples.jsonl"
    assert main(["--report", "--samples", str(path), "--out", str(tmp_path)]) == 1
    assert "There are no samples" in capsys.readouterr().out
    ones = [1.0] * 5
    samples = measured("dynamic", "refresh", 0.9, *[2.0] * 4) + measured("careful", "refresh", *ones)
    samples += measured("afternoon", "refresh", *ones)
    Samples(path).add(samples)
    before = path.read_bytes()
    assert main(["--report", "--samples", str(path), "--out", str(tmp_path), "--name", "some"]) == 0
    assert path.read_bytes() == before
    text = (tmp_path / "some.json").read_text()
    report = json.loads(text)
    assert str(tmp_path) not in text
    assert report["machine"]["pulumi"] == "3.999.0"
    ratio = report["ratios"][0]
    assert (ratio["over"], ratio["measure"], ratio["by_round"]) == ("careful", "seconds", [0.9, *[2.0] * 4])
    assert (ratio["median"], ratio["low"], ratio["high"], ratio["verdict"]) == (2.0, 0.9, 2.0, "not told")
    assert [target["is_met"] for target in report["targets"]] == [False, False]


def test_samples_with_and_without_checkpoints_are_not_reported_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.__main__.ensure_engine", lambda _tell: None)
    path = tmp_path / "samples.jsonl"
    samples = Samples(path)
    for sample in measured("dynamic", "refresh", 1.0, 2.0):
        samples.add([replace(sample, unit=replace(sample.unit, checkpoints=sample.unit.number == 1))])
    assert main(["--report", "--samples", str(path), "--out", str(tmp_path)]) == 1
    assert "they do not compare" in capsys.readouterr().out
    assert not any(unit.checkpoints for unit, _ in units({100: 1}, (0,), ("declare",), checkpoints=False))


def test_a_number_of_keys_may_have_rounds_of_its_own() -> None:
    order = units({100: 3, 1000: 1}, (100,), ("declare",))
    assert [(unit.number, unit.keys) for unit, _ in order[::5]] == [(1, 100), (1, 1000), (2, 100), (3, 100)]


def test_a_round_that_would_not_end_in_time_is_not_begun() -> None:
    now = [0.0]
    budget = Budget(10, lambda: now[0])
    slow, quick = (100, 100, "declare"), (1, 100, "declare")
    assert budget.allows(slow)
    for course, seconds in ((slow, 250.0), (quick, 20.0), (slow, 120.0)):
        with budget.timed(course):
            now[0] += seconds
    assert not budget.allows(slow)
    assert budget.allows(quick)
    now[0] = 581.0
    assert not budget.allows(quick)


def test_without_minutes_a_run_takes_as_long_as_it_takes() -> None:
    now = [0.0]
    budget = Budget(None, lambda: now[0])
    with budget.timed((100, 100, "declare")):
        now[0] += 1e9
    assert budget.allows((100, 100, "declare"))
