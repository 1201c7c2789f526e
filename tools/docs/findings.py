"""What a rule finds: a place in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """A place that breaks a rule.

    Attributes:
        file: As messages name it.
        line: Counted from 1.
        rule: The rule's name.
        text: What is wrong.
    """

    file: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.text}"
