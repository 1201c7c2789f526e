"""Faults: what goes wrong on the way, aimed at a method and a path, and counted."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, field_validator
from pydantic.alias_generators import to_camel

from allomia_pulumi.sandbox.records import JsonObject

__all__ = [
    "Answer",
    "BodyFault",
    "DelayFault",
    "DripFault",
    "DropFault",
    "EditFault",
    "Fault",
    "FaultList",
    "HtmlFault",
    "StatusFault",
    "TruncateFault",
    "parse_fault",
]

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
FRAMING_HEADERS = {"content-length", "transfer-encoding", "connection"}
HTML_PAGE = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head><body>Just a moment...</body></html>\n"

Seconds: TypeAlias = Annotated[float, Field(ge=0, le=3600)]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that the client is meant to receive."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_json(cls, status: int, value: JsonValue | JsonObject) -> Answer:
        """Build a JSON answer."""
        return cls(status, json.dumps(value).encode(), (("content-type", "application/json"),))


class FaultBase(BaseModel):
    """The base of every fault: its aim, and how often it strikes.

    Attributes:
        method: One method, or `*`.
        path: Glob on the path as on the wire, percent-encoded and without the query; `*` also matches `/`.
        times: How often it strikes; None is for ever.
        skip: How many matching requests pass before it strikes.
        chance: How probably it strikes each of the matching requests after those.
        seed: Which of them, repeatably: the same seed and chance strike the same places of a sequence of requests.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    kind: str
    method: Annotated[str, Field(pattern=r"^(\*|[A-Z]+)$")] = "*"
    path: Annotated[str, Field(min_length=1)] = "*"
    times: Annotated[int, Field(ge=1)] | None = 1
    skip: Annotated[int, Field(ge=0)] = 0
    chance: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = 0

    @property
    def is_carried_out(self) -> bool:
        """Whether AlloMia does what the request asks."""
        return True

    def replacement(self) -> Answer | None:
        """Return the answer that takes the place of AlloMia's, if any."""
        return None

    def matches(self, method: str, path: str) -> bool:
        """Tell whether the fault is aimed at this request."""
        return self.method in {"*", method} and fnmatchcase(path, self.path)


class StatusFault(FaultBase):
    """Answer with a status code, instead of doing it or after doing it.

    Attributes:
        body: A string is sent as it is, anything else as JSON; None is AlloMia's `{"error": …}`.
    """

    kind: Literal["status", "status_after"]
    status: Annotated[int, Field(ge=200, le=599)]
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue = None

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not HEADER_NAME.fullmatch(name) or name.lower() in FRAMING_HEADERS:
                raise ValueError("a header has a name that a fault cannot send")
            if not value.isascii() or not value.isprintable():
                raise ValueError("a header has a value that is not printable ASCII")
        return headers

    @property
    def is_carried_out(self) -> bool:
        """Whether AlloMia does what the request asks."""
        return self.kind == "status_after"

    def replacement(self) -> Answer:
        """Return the answer that takes the place of AlloMia's."""
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        if self.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            return Answer(self.status, b"", headers)
        if isinstance(self.body, str):
            return Answer(self.status, self.body.encode(), headers)
        body = {"error": f"Injected by the sandbox: {self.status}"} if self.body is None else self.body
        answer = Answer.of_json(self.status, body)
        own = () if "content-type" in dict(headers) else answer.headers
        return Answer(self.status, answer.body, own + headers)


class DropFault(FaultBase):
    """Close the connection without an answer, before or after doing it.

    Attributes:
        reset: Whether the client meets a connection reset (TCP RST) instead of an orderly end.
    """

    kind: Literal["drop_before", "drop_after"]
    reset: bool = False

    @property
    def is_carried_out(self) -> bool:
        """Whether AlloMia does what the request asks."""
        return self.kind == "drop_after"


class TruncateFault(FaultBase):
    """Do it, announce the whole body, send half of it, and close the connection."""

    kind: Literal["truncate"]


class HtmlFault(FaultBase):
    """Answer 200 with an HTML page, as a proxy or a login wall does."""

    kind: Literal["html"]
    after: bool = False

    @property
    def is_carried_out(self) -> bool:
        """Whether AlloMia does what the request asks."""
        return self.after

    def replacement(self) -> Answer:
        """Return the answer that takes the place of AlloMia's."""
        return Answer(HTTPStatus.OK, HTML_PAGE.encode(), (("content-type", "text/html; charset=utf-8"),))


class DelayFault(FaultBase):
    """Wait before doing it, or between doing it and answering; a client that left changes nothing."""

    kind: Literal["delay_before", "delay_after"]
    seconds: Seconds


class BodyFault(FaultBase):
    """Do it, and answer 200 with this raw text."""

    kind: Literal["body_after"]
    body: str
    content_type: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")] = "application/json"

    def replacement(self) -> Answer:
        """Return the answer that takes the place of AlloMia's."""
        return Answer(HTTPStatus.OK, self.body.encode(), (("content-type", self.content_type),))


class EditFault(FaultBase):
    """Do it, and answer with AlloMia's own JSON object in which some fields were changed.

    Attributes:
        changes: The fields and their values; `{field}` in a text stands for the field of AlloMia's own answer.
    """

    kind: Literal["edit_after"]
    changes: JsonObject

    def edit(self, body: JsonObject) -> JsonObject:
        """Return the body as the client is to see it."""
        return {**body, **{name: _filled(value, body) for name, value in self.changes.items()}}


class DripFault(FaultBase):
    """Do it, and send the body one byte at a time, with this pause between two."""

    kind: Literal["drip"]
    seconds: Seconds


Fault: TypeAlias = StatusFault | DropFault | TruncateFault | HtmlFault | DelayFault | BodyFault | EditFault | DripFault
_FAULT: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="kind")])


def parse_fault(text: bytes) -> Fault:
    """Read a fault from JSON.

    Raises:
        pydantic.ValidationError: It is not a fault.
    """
    return _FAULT.validate_json(text)


def _filled(value: JsonValue, body: JsonObject) -> JsonValue:
    """Put AlloMia's own fields into a text."""
    if isinstance(value, str):
        for name, own in body.items():
            value = value.replace(f"{{{name}}}", str(own))
    return value


@dataclass(slots=True)
class _Armed:
    id: str
    fault: Fault
    passed: int = 0
    hits: int = 0
    draws: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draws = random.Random(self.fault.seed)  # noqa: S311 - it has to be repeatable, not hard to guess

    @property
    def remaining(self) -> int | None:
        return None if self.fault.times is None else self.fault.times - self.hits

    def strikes(self) -> bool:
        """Tell whether the next matching request is struck, and count it."""
        if self.passed < self.fault.skip:
            self.passed += 1
            return False
        if self.draws.random() >= self.fault.chance:
            return False
        self.hits += 1
        return True


class FaultList:
    """The faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> str:
        """Add a fault and return its ID."""
        armed = _Armed(f"fault-{len(self._armed) + 1}", fault)
        self._armed.append(armed)
        return armed.id

    def clear(self) -> None:
        """Remove all faults."""
        self._armed.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that strikes this request, and count the hit.

        A fault that is used up, or that lets this request pass (`skip`, `chance`), leaves the request to the next ones.
        """
        for armed in self._armed:
            if armed.remaining != 0 and armed.fault.matches(method, path) and armed.strikes():
                return armed.fault
        return None

    def to_wire(self) -> list[JsonObject]:
        """Return each fault with its hits and what remains; `remaining` is null when it strikes for ever."""
        return [
            {"id": armed.id, **armed.fault.model_dump(by_alias=True), "hits": armed.hits, "remaining": armed.remaining}
            for armed in self._armed
        ]
