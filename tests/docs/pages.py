"""The pages that people read: their headings, links and blocks of code, as a Markdown parser sees them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.engine.processes import CHECKOUT

WHY = re.compile(r"<!-- (?P<kind>runs|program|recorded|fragment|not run)(?:: (?P<text>.+?))? -->\s*", re.DOTALL)
# What is a picture and no code.
PICTURES = {"text"}


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        kind: What holds it true; empty if nothing says so.
        text: The name of the run, the test, or the reason.
    """

    page: Path
    line: int
    language: str
    code: str
    kind: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page."""
    examples = (path for path in (CHECKOUT / "examples").glob("*/README.md") if ".venv" not in path.parts)
    return [
        *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted((CHECKOUT / "docs").rglob("*.md")),
        *sorted(examples),
    ]


def blocks() -> list[Block]:
    """Return the blocks of every page in their order, without pictures."""
    return [block for page in pages() for block in _blocks_of(page)]


def run_of(page: Path, name: str) -> list[Block]:
    """Return the blocks of a page that a run of this name takes."""
    return [block for block in _blocks_of(page) if (block.kind, block.text) == ("runs", name)]


def programs_in(language: str) -> list[Block]:
    """Return the whole programs of every page in a language."""
    return [block for block in blocks() if (block.kind, block.language) == ("program", language)]


def links(page: Path) -> list[str]:
    """Return the targets of the links and images of a page."""
    inline = [child for token in _parse(page) for child in token.children or ()]
    return [str(target) for each in inline if (target := each.attrGet("href") or each.attrGet("src"))]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return what a link into a page can name, by GitHub's rule for headings."""
    tokens = _parse(page)
    seen: Counter[str] = Counter()
    found = set()
    for opened, inline in pairwise(tokens):
        if opened.type == "heading_open":
            text = "".join(each.content for each in inline.children or () if each.type in {"text", "code_inline"})
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return frozenset(found)


def _blocks_of(page: Path) -> Iterator[Block]:
    tokens = _parse(page)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "fence" and token.info not in PICTURES:
            told = WHY.fullmatch(before.content) if before is not None and before.type == "html_block" else None
            kind, text = (told["kind"], told["text"] or "") if told else ("", "")
            yield Block(page, (token.map or [0])[0] + 1, token.info, token.content, kind, text)


@cache
def _parse(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
