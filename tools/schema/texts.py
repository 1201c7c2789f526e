"""What a model's source says of its fields: the text that stands below each.

Pydantic can keep them itself, and then reads the source again whenever a process starts.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel

__all__ = ["field_texts"]


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
