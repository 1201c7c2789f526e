"""The real parts that tests share, how hypothesis runs, and the search for secrets after every test."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.leaks import watch

pytest_plugins = ["tools.engine.fixtures", "tests.sweep.table"]

# How long an example takes says something of the machine and nothing of the code. The same examples in every run of
# `make test`, new ones in every `make sweep`: what fails there is mended, and then an example of its own.
is_random = os.environ.get("ALLOMIA_FUZZ") == "random"
settings.register_profile(
    "untimed", deadline=None, derandomize=not is_random, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", watch.MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Search when all fixtures of the test have ended: what they started has written its last line by then."""
    try:
        yield
    finally:
        watch.search_what_is_left(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return watch.without_secrets(item, report)
