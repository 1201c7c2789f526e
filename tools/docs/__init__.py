"""The generated parts of the pages: `python -m tools.docs` writes them, a test holds them to what they tell of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.docs import commands, registry, resources, settings
from tools.engine.processes import CHECKOUT

__all__ = ["PARTS", "find_pages", "rebuild"]

PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "auth": settings.describe_auth,
    "commands": commands.describe_commands,
    "registry-contents": registry.describe_contents,
    "registry-examples": registry.show_examples,
    "registry-settings": registry.describe_settings,
    "resources": resources.describe_package,
    "settings": settings.describe_settings,
    "vault": settings.describe_vault,
}
"""What writes each part, by the name in its comment."""

PART: Final = re.compile(r"(?<=<!-- generated: )(?P<name>[\w-]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def find_pages() -> Iterator[Path]:
    """Yield the pages that have a generated part."""
    for page in sorted((CHECKOUT / "docs").rglob("*.md")):
        if PART.search(page.read_text()):
            yield page


def rebuild(text: str) -> str:
    """Return a page's text with its generated parts written anew."""
    return PART.sub(lambda found: f"{found['name']}{found[2]}{PARTS[found['name']]()}", text)
