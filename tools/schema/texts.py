"""Texts: what stands below a model's fields, and what the docstrings of classes and functions say.

Pydantic can keep the former itself, and then reads the source again whenever a process starts.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

__all__ = ["entry_texts", "field_texts", "summary_of", "to_wire_words"]

SECTION = re.compile(r"^(?:Args|Attributes|Raises):$", re.MULTILINE)
# A name and its text, which may go on in deeper lines.
ENTRY = re.compile(r"^    (\w+): (.+(?:\n     +.+)*)", re.MULTILINE)


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the text of each field that has one, in one line, by the field's name."""
    (found,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(found, ast.ClassDef)  # noqa: S101 - the source of a class is a class
    texts = {}
    for field, below in pairwise(found.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value)
            texts[field.target.id] = " ".join(str(text).split())
    return texts


def summary_of(documented: Any) -> str:  # noqa: ANN401 - a class, a function or a property
    """Return a docstring up to its first section, in the words of every language."""
    return to_wire_words(SECTION.split(inspect.getdoc(documented) or "")[0])


def entry_texts(documented: Any) -> dict[str, str]:  # noqa: ANN401 - the same
    """Return what a docstring says of each parameter or attribute, in the words of every language."""
    return {name: to_wire_words(text) for name, text in ENTRY.findall(inspect.getdoc(documented) or "")}


def to_wire_words(text: str) -> str:
    """Say in the words of every language what a docstring says in Python's."""
    paragraphs = [" ".join(each.split()) for each in text.strip().split("\n\n")]
    in_wire_names = re.sub(r"`([a-z_]+)`", lambda match: f"`{to_camel(match[1])}`", "\n\n".join(paragraphs))
    return re.sub(r"\bNone\b", "absent", in_wire_names)
