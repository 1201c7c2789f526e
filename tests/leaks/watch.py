"""The search after every test, and reports of tests that tell no secret."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import pytest

from tests.leaks.search import Leak, hide, search
from tools.engine import canaries, trail
from tools.engine.trail import Shown

NAME = "shows_secrets"
MARKER = (
    f"{NAME}(reason, *channels): the test puts secrets in clear into these channels (globs) on purpose; "
    "the search for leaks passes over them"
)


class LeakError(AssertionError):
    """Secrets stand in clear where a test left something."""


def search_what_is_left(item: pytest.Item) -> None:
    """Search everything that the test left, and forget its secrets.

    Raises:
        LeakError: It left a secret in clear in a channel that no marker excuses.
    """
    shown, secrets = trail.take(), canaries.planted()
    canaries.forget()
    complain(search(_not_excused(item, shown), secrets))


def complain(leaks: Iterable[Leak]) -> None:
    """Fail with a line for each leak.

    Raises:
        LeakError: There is one.
    """
    if lines := [str(leak) for leak in leaks]:
        raise LeakError("\n".join(["Secrets in clear:", *lines]))


def without_secrets(item: pytest.Item, report: pytest.TestReport) -> pytest.TestReport:
    """Return the report of a test with no secret in it; a test that printed one has failed."""
    secrets = canaries.planted()
    printed = [Shown(f"pytest's report, {name}", _encoded(text)) for name, text in report.sections]
    leaks = search(_not_excused(item, printed), secrets)
    if report.failed:
        # The test's own variables are in it.
        report.longrepr = _hidden(report.longreprtext, secrets) or report.longrepr
    if leaks:
        report.outcome = "failed"
        report.longrepr = "\n".join(["Secrets in clear:", *map(str, leaks), report.longreprtext])
        report.sections = [(name, hide(text, secrets)) for name, text in report.sections]
    return report


def _hidden(text: str, secrets: Iterable[str]) -> str:
    """Return the text without secrets; empty when there was none, so that pytest keeps its colours."""
    clean = hide(text, secrets)
    return "" if clean == text else clean


def _not_excused(item: pytest.Item, shown: Iterable[Shown]) -> list[Shown]:
    globs = [glob for mark in item.iter_markers(NAME) for glob in mark.args[1:]]
    return [each for each in shown if not any(fnmatchcase(each.channel, glob) for glob in globs)]


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
