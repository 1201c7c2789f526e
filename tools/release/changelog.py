"""What the changelog says of one version."""

from __future__ import annotations

import re
from pathlib import Path

from tools.engine.processes import ToolError

__all__ = ["UNRELEASED", "changes_of", "newest_heading"]

UNRELEASED = "Unreleased"
HEADING = re.compile(r"(?m)^## (?P<name>\S+)(?: - (?P<when>.+))?$")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def newest_heading(changelog: Path) -> tuple[str, str]:
    """Return the name of the newest section, and when it was released; the latter is empty for `Unreleased`.

    Raises:
        ToolError: The changelog has no section.
    """
    found = HEADING.search(changelog.read_text(encoding="utf-8"))
    if found is None:
        raise ToolError(f"{changelog.name} has no section.", "Write `## Unreleased`, and below it what changed.")
    return found["name"], found["when"] or ""


def changes_of(version: str, changelog: Path, *, is_tagged: bool = False) -> str:
    """Return the text of the newest section, without its heading.

    Args:
        version: What is released.
        changelog: Its newest section is that of the version, or still `Unreleased`.
        is_tagged: The version is released now: the section has its name, and a date.

    Raises:
        ToolError: The newest section is another one, or is empty.
    """
    name, when = newest_heading(changelog)
    accepted = {version} if is_tagged else {version, UNRELEASED}
    if name not in accepted or (is_tagged and not DATE.fullmatch(when)):
        wanted = f"`## {version} - YYYY-MM-DD`" if is_tagged else f"`## {version} - YYYY-MM-DD` or `## {UNRELEASED}`"
        shown = f"## {name}" + (f" - {when}" if when else "")
        raise ToolError(
            f"{changelog.name} begins with `{shown}`, and allomia_pulumi/_version.py says {version}.",
            f"Name its newest section {wanted}.",
        )
    text = changelog.read_text(encoding="utf-8")
    first, *others = HEADING.finditer(text)
    changes = text[first.end() : others[0].start() if others else len(text)].strip()
    if not changes:
        raise ToolError(f"{changelog.name} says nothing of {name}.", "Write what changed below its heading.")
    return f"{changes}\n"
