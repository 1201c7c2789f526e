"""Host process of the dynamic face: the engine's address, enough threads, and an end.

Pulumi's dynamic server offers none of them: it passes no engine to providers, serves with four threads, and outlives an
engine that was killed. All are reached here through what the process happens to have, so all do without when it is not
there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from allomia_pulumi.ground.singleflight import SingleFlight
from allomia_pulumi.provider.engine import EngineLog, watch_engine

__all__ = ["THREADS", "end_with_engine", "engine_log", "widen_thread_pool"]

THREADS = 64


_logs: SingleFlight[str | None, EngineLog] = SingleFlight()
_watches: SingleFlight[str, object] = SingleFlight()


def engine_log() -> EngineLog:
    """Return the log of the engine that started this process."""
    address = _engine_address()
    return _logs.get(address, lambda: EngineLog(address))


def end_with_engine() -> None:
    """End this process as Ctrl-C would when its engine is gone: calls under way are brought to their end."""
    if address := _engine_address():
        # One watch: a second interrupt would cut off what the first lets come to its end.
        _watches.get(address, lambda: watch_engine(address, _interrupt))


def widen_thread_pool(engine: EngineLog) -> None:
    """Give the server that runs this thread 64 threads instead of four; do without when it is not found."""
    pool = _own_pool()
    if pool is None:
        engine.debug("the dynamic server's thread pool was not found, so it keeps its own number of threads")
        return
    pool._max_workers = max(THREADS, pool._max_workers)  # noqa: SLF001 - there is no public way
    # A pool starts a thread when something is submitted, and the calls of a destroy are all queued by now.
    for _ in range(pool._work_queue.qsize()):  # noqa: SLF001 - the same
        pool.submit(int)


def _own_pool() -> ThreadPoolExecutor | None:
    """Return the pool whose worker this thread is; its outermost frames are the worker's loop, which refers to it."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - no public way leads to another function's variables
    while frame is not None:
        reference = frame.f_locals.get("executor_reference")
        pool = reference() if isinstance(reference, weakref.ref) else None
        if isinstance(pool, ThreadPoolExecutor):
            return pool
        frame = frame.f_back
    return None


def _interrupt() -> None:
    """Do what Ctrl-C does; addressed to the main thread, since the server waits there and would sleep on."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


def _engine_address() -> str | None:
    """Return the last argument of the process, which is the engine's address."""
    last = sys.argv[-1]
    return last if last.rpartition(":")[2].isdigit() else None
