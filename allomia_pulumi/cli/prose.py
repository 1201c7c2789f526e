"""Prose on a terminal: folded between words, with commands left whole so that they can be pasted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

__all__ = ["fold", "say_prose"]

WORD = re.compile(r"(?:`[^`]*`|\S)+")
COMMAND = "`"


def fold(text: str, width: int) -> list[str]:
    """Fold a text into lines of a width in cells; only a command in backticks may be longer than that."""
    lines = [""]
    for word in _words(text, max(width, 1)):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def say_prose(console: Console, text: str, indent: int = 0) -> None:
    """Show a paragraph: folded at a terminal, one line at a pipe."""
    lines = fold(text, console.width - indent) if console.is_terminal else [text]
    for line in lines:
        console.print(Text(" " * indent + line), soft_wrap=True)


def _words(text: str, width: int) -> Iterator[str]:
    for word in WORD.findall(text):
        if COMMAND in word or cell_len(word) <= width:
            yield word
        else:
            yield from chop_cells(word, width)
