"""The bodies of AlloMia's answers: JSON, read into the type that the endpoint answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from allomia_pulumi.edges.allomia.hiding import hide
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.redaction import printable

__all__ = ["Answer", "describe_refusal", "is_refusal", "parse_body"]

M = TypeVar("M", bound=BaseModel)

LONGEST_DETAIL: Final = 400
SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class Answer(WireModel):
    """The base of every answer's type: fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")


def parse_body(answer: type[M], headers: httpx.Headers, body: bytes) -> M | None:
    """Parse a body, or return None if it is no such answer."""
    if not _is_json(headers):
        return None
    try:
        return answer.model_validate_json(body)
    except ValidationError:
        return _parse_surrogates(answer, body) if SURROGATE.search(body) else None


class _Refusal(Answer):
    """The shape of all of AlloMia's refusals."""

    error: object


def is_refusal(headers: httpx.Headers, body: bytes) -> bool:
    """Tell whether a body is a refusal in AlloMia's shape, `{"error": …}`."""
    return parse_body(_Refusal, headers, body) is not None


class _DetailedRefusal(_Refusal):
    """A refusal with what it says beside the error; the names of those fields are not documented."""

    model_config = ConfigDict(extra="allow")


def describe_refusal(headers: httpx.Headers, body: bytes, sent: Mapping[str, str]) -> str | None:
    """Return what a refusal says, scrubbed and bounded; None for a body that is no refusal in AlloMia's shape.

    `sent` are values of the request, with their places: any of them may be a secret of the program's.
    """
    refusal = parse_body(_DetailedRefusal, headers, body)
    if refusal is None:
        return None
    said = [refusal.error, *(refusal.model_extra or {}).values()]
    texts = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in said if each)
    return printable(hide("; ".join(texts), sent), LONGEST_DETAIL)


def _is_json(headers: httpx.Headers) -> bool:
    """Tell whether an answer says that its body is JSON."""
    media_type = str(headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _parse_surrogates(answer: type[M], body: bytes) -> M | None:
    """Parse a body with half a character in a text, which JSON allows: whether that matters, the answer's type says."""
    try:
        return answer.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return None
