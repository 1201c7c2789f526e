"""A bar shows how far a long question is, at a terminal alone, and changes nothing of the answers."""

from __future__ import annotations

import pytest

from allomia_pulumi.cli.progress import WORTH_A_BAR, tracked


@pytest.mark.parametrize(("total", "is_shown"), [(WORTH_A_BAR, True), (WORTH_A_BAR - 1, False)])
def test_a_bar_is_shown_on_stderr_where_it_is_worth_one(
    total: int, *, is_shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal then
    assert list(tracked(iter(range(total)), total, "organizations")) == list(range(total))
    told = capsys.readouterr()
    assert told.out == ""
    assert ("organizations" in told.err, "100%" in told.err) == (is_shown, is_shown)


def test_a_pipe_gets_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert list(tracked(iter(range(500)), 500, "organizations")) == list(range(500))
    assert capsys.readouterr() == ("", "")


def test_what_goes_wrong_meanwhile_is_not_kept_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(ZeroDivisionError):
        list(tracked((1 // 0 for _ in range(50)), 50, "organizations"))
