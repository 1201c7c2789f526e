"""Hugo's shortcodes as the registry's site reads them: `{{< chooser … >}}` and the blocks inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

__all__ = ["find_chooser_faults", "find_delimiter_faults"]

Place: TypeAlias = tuple[int, str]

SHORTCODE: Final = re.compile(r"\{\{([<%])\s*(/?)\s*(\w+)\s*(.*?)\s*([>%])\}\}")
BLANK: Final = re.compile(r"\{\{[^\S\n]+[<%]")
ARGUMENT: Final = re.compile(r'"([^"]*)"|([^\s"]+)')
CHOOSER: Final = "chooser"
CHOOSABLE: Final = "choosable"
ALONE: Final = {"relref", "ref"}
CLOSED_BY: Final = {"<": ">", "%": "%"}
OPTIONS: Final = {
    "language": {"csharp", "fsharp", "go", "java", "javascript", "python", "typescript", "visualbasic", "yaml"},
    "os": {"linux", "macos", "windows"},
}


@dataclass
class _Open:
    line: int
    mark: str
    name: str
    arguments: list[str]
    shown: list[str] = field(default_factory=list)

    @property
    def options(self) -> list[str]:
        return self.arguments[1].split(",") if len(self.arguments) > 1 else []


def find_delimiter_faults(lines: Iterable[Place]) -> Iterator[Place]:
    """Yield the lines where a blank stands in an opening, so that Hugo sees text there and a closing without it."""
    for number, line in lines:
        if BLANK.search(line):
            yield number, "a shortcode opens with {{< or {{%, without a blank inside"


def find_chooser_faults(lines: Iterable[Place]) -> Iterator[Place]:
    """Yield what is wrong with the nesting of shortcodes, and with the options of choosers and their blocks.

    Hugo reads shortcodes in blocks of code too, so those count as well.
    """
    opened: list[_Open] = []
    for number, line in lines:
        for mark, slash, name, rest, end in SHORTCODE.findall(line):
            if CLOSED_BY[mark] != end:
                yield number, f"{name} opens with {{{{{mark} and ends with {end}}}}}"
            if slash:
                yield from _close(opened, number, mark, name)
            elif name not in ALONE:
                here = _Open(number, mark, name, [quoted or bare for quoted, bare in ARGUMENT.findall(rest)])
                yield from _enter(opened[-1] if opened else None, here)
                opened.append(here)
    for each in opened:
        yield each.line, f"{each.name} is never closed"


def _enter(outer: _Open | None, here: _Open) -> Iterator[Place]:
    if here.name == CHOOSER:
        yield from _check_chooser(here)
    elif here.name == CHOOSABLE:
        yield from _check_choosable(outer, here)


def _check_chooser(here: _Open) -> Iterator[Place]:
    known = OPTIONS.get(here.arguments[0] if here.arguments else "", set())
    if not known:
        yield here.line, f"a chooser chooses one of {', '.join(OPTIONS)}"
    elif not here.options:
        yield here.line, "the chooser has no options"
    for option in here.options:
        if known and option not in known:
            yield here.line, f"the chooser's option {option!r} is none of {', '.join(sorted(known))}"
    if len(set(here.options)) < len(here.options):
        yield here.line, "an option stands twice in the chooser"


def _check_choosable(outer: _Open | None, here: _Open) -> Iterator[Place]:
    if outer is None or outer.name != CHOOSER:
        yield here.line, "a choosable block stands outside of a chooser"
        return
    if here.arguments[:1] != outer.arguments[:1]:
        yield here.line, "the block chooses something else than its chooser"
    for option in here.options:
        if option not in outer.options:
            yield here.line, f"the block is for {option}, which its chooser does not list"
        elif option in outer.shown:
            yield here.line, f"there is a second block for {option}"
    outer.shown += here.options


def _close(opened: list[_Open], number: int, mark: str, name: str) -> Iterator[Place]:
    if not opened or opened[-1].name != name:
        inner = f"{opened[-1].name} of line {opened[-1].line} is open" if opened else "nothing is open"
        yield number, f"{name} is closed where {inner}"
        return
    here = opened.pop()
    if here.mark != mark:
        yield number, f"{name} was opened with {{{{{here.mark} and is closed with {{{{{mark}"
    if name == CHOOSER:
        for option in here.options:
            if option not in here.shown:
                yield here.line, f"the chooser lists {option}, and has no block for it"
