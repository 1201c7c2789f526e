"""Lengths of time: what people may write, what the record keeps, and what is nonsense."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.durations import LONGEST, UNITS, format_duration, parse_duration

SECOND = timedelta(seconds=1)


def whole_seconds() -> st.SearchStrategy[timedelta]:
    return st.integers(0, LONGEST // SECOND).map(lambda seconds: timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta()),
        ("007d", timedelta(days=7)),
        (" 90d ", timedelta(days=90)),
        ("P90D", timedelta(days=90)),
        ("P2W", timedelta(weeks=2)),
        ("PT12H", timedelta(hours=12)),
        ("PT30M", timedelta(minutes=30)),
        ("PT45S", timedelta(seconds=45)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT36H", timedelta(hours=36)),
        ("36500d", LONGEST),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text, "overlap") == length


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "d",
        "90",
        "90 d",
        "90D",
        "-1d",
        "+1d",
        "1.5h",
        "PT1.5S",
        "PT0.5S",
        "1h30m",
        "1y",
        "1ms",
        "90d\n1h",
        "٣d",
        "P",
        "PT",
        "P1DT",
        "P-1D",
        "-P1D",
        "P1Y",
        "P1M",
        "P1.5D",
        "p1d",
        "1:30:00",
        "1 day",
        "soon",
        "36501d",
        "999999999w",
        "P99999999999999999999D",
        "12345678901s",
        None,
        True,
        90,
        90.0,
        timedelta(days=1),
        ["90d"],
        {"days": 90},
    ],
)
def test_g5_nonsense_is_refused_with_an_example_and_without_the_value(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_duration(value, "rotateAfter")
    assert caught.value.message == "rotateAfter is not a duration"
    assert '"90d"' in caught.value.hint


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=1), "1m"),
        (timedelta(hours=1), "1h"),
        (timedelta(hours=24), "1d"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=7), "1w"),
        (timedelta(days=90), "90d"),
    ],
)
def test_the_record_keeps_the_largest_unit_that_fits(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


@given(whole_seconds())
def test_what_the_record_keeps_is_read_back(length: timedelta) -> None:
    assert parse_duration(format_duration(length), "the recorded duration") == length


@given(st.integers(0, 5_000), st.sampled_from(sorted(UNITS)))
def test_one_length_has_one_form(count: int, unit: str) -> None:
    length = parse_duration(f"{count}{unit}", "overlap")
    in_seconds = parse_duration(f"PT{length // SECOND}S", "overlap")
    assert format_duration(in_seconds) == format_duration(length)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        length = parse_duration(text, "overlap")
    except InvalidInput:
        return
    assert timedelta() <= length <= LONGEST
