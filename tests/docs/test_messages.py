"""What the pages quote of messages is what the code says, so that who changes a message finds it here too."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import Block, blocks
from tools.engine.processes import CHECKOUT

PAGE = CHECKOUT / "docs" / "reference" / "messages.md"
OPERATIONS = CHECKOUT / "docs" / "operations.md"
COMMANDS = CHECKOUT / "docs" / "reference" / "cli.md"
CHECKED = re.compile(r"^  (?:ok|failed|care|skipped) +(.+?) {2,}", re.MULTILINE)
TRANSCRIPTS = [block for block in blocks() if block.page == OPERATIONS and block.language == "console"]
# The tables that quote messages, by their titles, and the column that does.
QUOTING = {
    "| the message says | what to do | code |": 0,
    "| mistake | what the preview says | |": 1,
    "| the warning ends with | it is about |": 0,
}
# What Pulumi says itself.
FOREIGN = "Pulumi's own"
# A word with one of these is a value, or the beginning of one.
VALUE = re.compile(r"[\d/:#…“”=`()\[\]$~*']")
LINE_OF_OURS = re.compile(r"^\s*(?:\*|error:|warning:) ")
ENDING = re.compile(r"\$ | [-+~=]")
AROUND = 2


@cache
def said() -> str:
    """Return every constant text of package and plugin's start, in one line each; a value inside one parts it."""
    nodes = (
        node
        for path in [CHECKOUT / "__main__.py", *sorted((CHECKOUT / "allomia_pulumi").rglob("*.py"))]
        for node in ast.walk(ast.parse(path.read_text()))
    )
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return "\n".join(" ".join(text.split()) for text in texts)


def quoted() -> list[str]:
    """Return what the tables of messages quote, without Pulumi's own lines."""
    page = PAGE.read_text()
    cells = [
        row[column]
        for title, column in QUOTING.items()
        for line in page.partition(f"{title}\n")[2].partition("\n\n")[0].splitlines()[1:]
        if FOREIGN not in " ".join(row := line.strip("| ").split(" | "))
    ]
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


def messages(transcript: str) -> list[str]:
    """Return the errors and warnings of a transcript, each in one line."""
    found: list[list[str]] = []
    is_inside = False
    for line in transcript.splitlines():
        if ENDING.match(line):
            is_inside = False
        elif LINE_OF_OURS.match(line):
            found.append([LINE_OF_OURS.sub("", line)])
            is_inside = True
        elif is_inside:
            found[-1].append(line.strip())
    return [" ".join(lines) for lines in found]


def strange_words(message: str) -> list[str]:
    """Return the words that stand beside a neighbour in no text of ours; one at a value's side may stand alone."""
    strange = []
    for run in re.split(rf"\S*{VALUE.pattern}\S*|[.,;] ", message):
        words = run.strip(" .,;").split()
        for at, word in enumerate(words):
            pairs = (words[max(at - 1, 0) : at + 1], words[at : at + AROUND])
            is_at_the_end = at in {0, len(words) - 1}
            if not is_at_the_end and not any(len(pair) == AROUND and " ".join(pair) in said() for pair in pairs):
                strange.append(word)
    return strange


def test_a_message_that_nobody_says_is_found() -> None:
    assert strange_words("key 4f8e… exists and works, and it was not written to Vault") == []
    assert strange_words("key 4f8e… exists and works, and nobody ever told Vault of it") != []


@pytest.mark.parametrize("message", quoted())
def test_the_table_of_messages_quotes_the_code(message: str) -> None:
    assert strange_words(message) == []


@pytest.mark.parametrize("block", TRANSCRIPTS, ids=str)
def test_a_transcript_of_the_runbook_says_what_the_code_says(block: Block) -> None:
    assert {message: strange for message in messages(block.code) if (strange := strange_words(message))} == {}


def test_the_lines_of_doctor_are_those_of_the_code() -> None:
    (block,) = [block for block in blocks() if block.page == COMMANDS and block.language == "console"]
    found = CHECKED.findall(block.code)
    assert len(found) > 1
    assert [label for label in found if label not in said()] == []
