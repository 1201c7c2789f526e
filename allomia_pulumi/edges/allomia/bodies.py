"""The bodies of AlloMia's answers: JSON, read into the type that the endpoint answers with."""

from __future__ import annotations

import json
import re
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from allomia_pulumi.ground.model import WireModel

__all__ = ["Answer", "is_refusal", "parse_body"]

M = TypeVar("M", bound=BaseModel)

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
