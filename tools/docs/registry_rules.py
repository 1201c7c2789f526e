"""The rules of the Pulumi Registry for a package's pages, each under the name that its findings have.

Where a rule comes from stands in its docstring: files are those of the repository pulumi/registry, and *the guide* is
"Publishing to the Pulumi Registry" of Pulumi's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import yaml

from tools.docs.findings import Finding
from tools.docs.shortcodes import find_chooser_faults, find_delimiter_faults

__all__ = ["PAGE_RULES", "Page", "lint_page", "lint_text"]

Place: TypeAlias = tuple[int, str]
Rule: TypeAlias = "Callable[[Page], Iterator[Place]]"

INDEX: Final = "_index.md"
INSTALLATION: Final = "installation-configuration.md"
TITLES: Final[Mapping[str, str]] = {INDEX: "{}", INSTALLATION: "{} Installation & Configuration"}
CODE_LANGUAGES: Final = {
    *("bash", "console", "csharp", "go", "hcl", "java", "javascript", "json", "python", "sh", "text", "typescript"),
    "yaml",
}
FRONT_MATTER: Final = re.compile(r"\A---\n(.*?)^---$", re.DOTALL | re.MULTILINE)
FENCE: Final = re.compile(r"^ *(`{3,}|~{3,})(.*)$")
HEADING: Final = re.compile(r"^(#{1,6}) ")
IMAGE: Final = re.compile(r"<img[^>]+src=[\"']?(?!https?://|[\"'])|!\[[^\]]*\]\((?!https?://)")
RAW_LINK: Final = re.compile(r"<a[^>]+href=[\"']?(?!https?://|#|[\"'])")
RELATIVE: Final = r"(?!https?://|#)"
MARKDOWN_LINK: Final = re.compile(rf"(?<!!)\[[^\]]*\]\({RELATIVE}|^ *\[[^\]]+\]: *{RELATIVE}\S")
LINK_TO_A_FILE: Final = re.compile(r"\]\([^)]*\.md[)#?]|^ *\[[^\]]+\]: *\S+\.md(?:[#?]|\s|$)")


@dataclass(frozen=True)
class Page:
    """A page of the registry.

    Attributes:
        name: The file's name, which says what page it is.
        text: The whole file.
        display_name: What the schema calls the package.
    """

    name: str
    text: str
    display_name: str

    @cached_property
    def lines(self) -> list[Place]:
        """The lines with their numbers."""
        return list(enumerate(self.text.splitlines(), 1))

    @cached_property
    def prose(self) -> list[Place]:
        """The lines that are neither code nor front matter."""
        front = FRONT_MATTER.match(self.text)
        after = front[0].count("\n") + 1 if front else 0
        inside = {number for start, end, _ in _fences(self) for number in range(start, (end or len(self.lines)) + 1)}
        return [(number, line) for number, line in self.lines if number > after and number not in inside]

    @cached_property
    def front_matter(self) -> dict[str, Any]:
        """The front matter; empty if there is none that can be read."""
        found = FRONT_MATTER.match(self.text)
        try:
            read = yaml.safe_load(found[1]) if found else None
        except yaml.YAMLError:
            read = None
        return read if isinstance(read, dict) else {}


def has_front_matter(page: Page) -> Iterator[Place]:
    """Want front matter in YAML with a title and a description that are texts, and the layout of a package.

    Sources: tools/resourcedocsgen/cmd/metadata.go (the first line), scripts/lint/lint-markdown.js (both texts), and the
    pages of all packages (the layout).
    """
    if not page.front_matter:
        yield 1, "the page does not begin with front matter in YAML between two lines of ---"
        return
    for key in ("title", "meta_desc"):
        value = page.front_matter.get(key)
        if not isinstance(value, str) or not value.strip():
            yield 1, f"{key} is missing, empty or no text"
    if page.front_matter.get("layout") != "package":
        yield 1, "layout is not package"


def has_title(page: Page) -> Iterator[Place]:
    """Want the title that the guide says: the display name, or that with "Installation & Configuration"."""
    wanted = TITLES[page.name].format(page.display_name)
    if page.front_matter.get("title") != wanted:
        yield _line_of(page, "title:"), f"the title has to be {wanted}"


def has_no_relative_image(page: Page) -> Iterator[Place]:
    """Refuse pictures that are not at an absolute address: scripts/ci/community-package/doc_lint.py, relative-image."""
    return _matches(page.lines, IMAGE, "a picture needs an absolute address")


def has_no_raw_relative_link(page: Page) -> Iterator[Place]:
    """Refuse `<a>` with a relative address: doc_lint.py, raw-relative-link."""
    return _matches(page.lines, RAW_LINK, "a raw link needs an absolute address")


def has_no_link_to_markdown(page: Page) -> Iterator[Place]:
    """Refuse links that end in `.md`, which is nothing there: doc_lint.py, md-suffixed-link, for absolute ones too."""
    return _matches(page.lines, LINK_TO_A_FILE, "a link must not end in .md")


def has_no_relative_link(page: Page) -> Iterator[Place]:
    """Refuse relative links in Markdown, since a page is read in the repository and in the registry.

    Stricter than the registry, which knows paths of its own site.
    """
    return _matches(page.prose, MARKDOWN_LINK, "a link needs an absolute address, or an anchor of this page")


def has_whole_delimiters(page: Page) -> Iterator[Place]:
    """Refuse blanks inside a shortcode's opening: scripts/lint/check-shortcode-delimiters.js."""
    return find_delimiter_faults(page.lines)


def has_well_formed_choosers(page: Page) -> Iterator[Place]:
    """Want each language of a chooser to have its one block, and each block to be one of its chooser's.

    Source: layouts/shortcodes/chooser.html and choosable.html of the site; Hugo ends a whole build at a bad nesting.
    """
    return find_chooser_faults(page.lines)


def has_closed_code(page: Page) -> Iterator[Place]:
    """Want every block of code closed, and in a language that the site colours: what the packages' pages have."""
    for start, end, language in _fences(page):
        if end is None:
            yield start, "the block of code is never closed"
        if language not in CODE_LANGUAGES:
            yield start, f"the language {language or 'of the block'} is none of {', '.join(sorted(CODE_LANGUAGES))}"


def has_headings_in_order(page: Page) -> Iterator[Place]:
    """Refuse a second title and a level left out: scripts/lint/lint-markdown.js, MD025 and MD001."""
    level = 1
    for number, line in page.prose:
        if found := HEADING.match(line):
            depth = len(found[1])
            if depth == 1:
                yield number, "the title in the front matter is the page's only heading of the first level"
            elif depth > level + 1:
                yield number, f"a heading of level {depth} follows one of level {level}"
            level = depth


PAGE_RULES: Final[Mapping[str, Rule]] = {
    "front-matter": has_front_matter,
    "title": has_title,
    "relative-image": has_no_relative_image,
    "raw-relative-link": has_no_raw_relative_link,
    "md-suffixed-link": has_no_link_to_markdown,
    "relative-link": has_no_relative_link,
    "shortcode-delimiters": has_whole_delimiters,
    "chooser": has_well_formed_choosers,
    "code": has_closed_code,
    "headings": has_headings_in_order,
}
"""The rules, by the names that findings have."""

# What the registry shows of a schema's descriptions goes through the same site.
TEXT_RULES: Final = (
    *("relative-image", "raw-relative-link", "md-suffixed-link", "relative-link"),
    *("shortcode-delimiters", "chooser", "code"),
)


def lint_page(page: Page) -> list[Finding]:
    """Return what breaks a rule, in the order of the rules."""
    return [Finding(page.name, line, rule, text) for rule, find in PAGE_RULES.items() for line, text in find(page)]


def lint_text(text: str) -> Iterator[str]:
    """Yield what breaks a rule in a text that becomes a part of a page."""
    page = Page(INDEX, text, "")
    for rule in TEXT_RULES:
        for _, told in PAGE_RULES[rule](page):
            yield told


def _matches(lines: list[Place], pattern: re.Pattern[str], text: str) -> Iterator[Place]:
    return ((number, text) for number, line in lines if pattern.search(line))


def _line_of(page: Page, beginning: str) -> int:
    return next((number for number, line in page.lines if line.startswith(beginning)), 1)


def _fences(page: Page) -> Iterator[tuple[int, int | None, str]]:
    """Yield the first and last line of each block of code and its language; the last is None if it is open."""
    opened: tuple[int, str, str] | None = None
    for number, line in page.lines:
        found = FENCE.match(line)
        if found is None:
            continue
        marks, info = found[1], found[2].strip()
        if opened is None:
            opened = number, marks, info
        elif marks.startswith(opened[1]) and not info:
            yield opened[0], number, opened[2]
            opened = None
    if opened is not None:
        yield opened[0], None, opened[2]
