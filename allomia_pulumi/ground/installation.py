"""How this copy of the package was installed, for hints that say how to install more of it.

No public index has the package, and whoever takes its name there first could be anybody: a hint names where this copy
came from, as the installer recorded it (PEP 610), and never an index.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from allomia_pulumi._version import __version__

__all__ = ["DISTRIBUTION", "install_hint"]

DISTRIBUTION: Final = "allomia-pulumi"
RECORD: Final = "direct_url.json"
CHECKOUT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class _Origin:
    """The record of an installation that came from no index."""

    url: str
    is_editable: bool = False
    vcs: str = ""
    commit: str = ""
    subdirectory: str = ""


def install_hint(extra: str = "", *, python: str = "") -> str:
    """Say how to install this copy again.

    Args:
        extra: With this extra.
        python: For this Python, instead of the one that is running.
    """
    name = f"[{extra}]" if extra else ""
    if target := _target(_origin(), name):
        program = f"{shlex.quote(python)} -m pip" if python else "pip"
        return f"Install it with: {program} install {target}"
    whose = f" for {shlex.quote(python)}" if python else ""
    return f"Install {DISTRIBUTION}{name} {__version__}{whose} from where this copy came: it is on no public index."


def _origin() -> _Origin | None:
    """Return where this copy came from; None if the installer recorded nothing, as for one from an index."""
    try:
        recorded = distribution(DISTRIBUTION).read_text(RECORD)
    except PackageNotFoundError:
        return _Origin(CHECKOUT.as_uri()) if (CHECKOUT / "pyproject.toml").is_file() else None
    try:
        record = json.loads(recorded or "")
        folder, commit = record.get("dir_info", {}), record.get("vcs_info", {})
        return _Origin(
            url=str(record["url"]),
            is_editable=folder.get("editable") is True,
            vcs=str(commit.get("vcs", "")),
            commit=str(commit.get("commit_id", "")),
            subdirectory=str(record.get("subdirectory", "")),
        )
    except (AttributeError, KeyError, ValueError):
        return None


def _target(origin: _Origin | None, extra: str) -> str | None:
    """Return what to name to pip, or None if that is not known or not fit for a terminal."""
    if origin is None:
        return None
    parts = urlsplit(origin.url)
    if parts.scheme == "file" and not origin.vcs:
        option, target = "--editable " if origin.is_editable else "", f"{url2pathname(parts.path)}{extra}"
        return f"{option}{shlex.quote(target)}" if target.isprintable() else None
    # A hint is shown, and not everybody who sees it may fetch what an address lets fetch.
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
    if origin.vcs:
        address = f"{origin.vcs}+{address}@{origin.commit}"
    inside = f"#subdirectory={origin.subdirectory}" if origin.subdirectory else ""
    target = f"{DISTRIBUTION}{extra} @ {address}{inside}"
    return shlex.quote(target) if parts.scheme and target.isprintable() else None
