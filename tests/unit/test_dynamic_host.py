"""The dynamic server is not ours: what we reach in it is watched here."""

import inspect
import re
import threading
from concurrent import futures

import pytest

from allomia_pulumi.provider.dynamic.host import THREADS, widen_thread_pool
from allomia_pulumi.provider.engine import EngineLog
from tests.logs import QuietLog


def test_the_sdk_still_serves_with_a_pool_that_we_can_widen() -> None:
    import pulumi.dynamic  # noqa: PLC0415

    source = inspect.getfile(pulumi.dynamic).replace("__init__.py", "__main__.py")
    with open(source, encoding="utf-8") as file:  # noqa: PTH123
        assert re.search(r"futures\.ThreadPoolExecutor\(max_workers=4\)", file.read())


def test_the_pool_that_runs_us_gets_sixty_four_threads() -> None:
    with futures.ThreadPoolExecutor(4) as ours, futures.ThreadPoolExecutor(4) as another:
        ours.submit(widen_thread_pool, QuietLog()).result()
        assert ours._max_workers == THREADS
        assert another._max_workers == 4


def test_a_pool_that_is_not_found_is_a_debug_line() -> None:
    quiet = QuietLog()
    widen_thread_pool(quiet)
    assert "thread pool was not found" in quiet.said[0]


def test_without_an_engine_a_warning_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    EngineLog(None).warn("care is needed")
    EngineLog(None).debug("nobody needs this")
    assert capsys.readouterr().err == "warning: care is needed\n"


def test_calls_that_were_queued_before_run_at_once_too() -> None:
    queued, all_there = threading.Event(), threading.Barrier(12)

    def call() -> None:
        queued.wait(timeout=60)
        widen_thread_pool(QuietLog())
        all_there.wait(timeout=60)

    with futures.ThreadPoolExecutor(4) as ours:
        calls = [ours.submit(call) for _ in range(12)]
        queued.set()
        assert [each.result() for each in calls] == [None] * 12
