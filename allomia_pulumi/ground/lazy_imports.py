"""Import the modules of a provider process lazily and fast: a start is most of what an `up` without changes costs."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allomia_pulumi.ground.shadows import program_folder_last, refuse_shadows

__all__ = ["loading"]

LEFT_OUT: Final = "httpx._main"
"""httpx's own command line, which it loads where click and rich are installed; it does without, and loads in half the
time."""

NO_PLUGINS: Final = "PYDANTIC_DISABLE_PLUGINS"
"""pydantic searches every installed package for plugins, which would also see every secret that a model validates."""

_one_at_a_time = threading.RLock()


@contextmanager
def loading() -> Iterator[None]:
    """Import modules inside the block without what takes time and serves nothing here.

    The garbage collector rests meanwhile: nearly all that an import makes stays for the life of the process. Files of
    the program stand for none of the modules.

    Raises:
        InvalidConfiguration: A file of the program was imported before, in place of a module that is needed.
    """
    with _one_at_a_time:
        collects, plugins = gc.isenabled(), os.environ.get(NO_PLUGINS)
        gc.disable()
        os.environ[NO_PLUGINS] = "__all__"
        # None in this place makes an import fail as if there were no such module.
        is_left_out = sys.modules.setdefault(LEFT_OUT, None) is None  # type: ignore[arg-type]
        try:
            with refuse_shadows(), program_folder_last():
                yield
        finally:
            if is_left_out:
                sys.modules.pop(LEFT_OUT, None)
            if plugins is None:
                os.environ.pop(NO_PLUGINS, None)
            else:
                os.environ[NO_PLUGINS] = plugins
            if collects:
                gc.enable()
