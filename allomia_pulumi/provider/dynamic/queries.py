"""Functions of the dynamic face, in the program's own process: Pulumi's dynamic providers serve no invokes.

Loaded by the first call of a function, since a program without one needs none of it.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

import pulumi

from allomia_pulumi.contracts.allomia import Directory
from allomia_pulumi.contracts.values import OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.core import queries
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.settings import NAMESPACE
from allomia_pulumi.ground.spelling import Caller
from allomia_pulumi.provider.dynamic.containers import open_container
from allomia_pulumi.provider.last_guard import Ending, guarded

__all__ = ["find_organization", "list_organizations", "survey_keys"]

SHOWN_FRAMES: Final = 3


def _raise_run_error(ending: Ending, *_: object) -> NoReturn:
    """End a program without a traceback, as Pulumi does on a `RunError`."""
    raise pulumi.RunError(f"{NAMESPACE}: {ending.line}") from ending.cause


def _word_fault(problem: Exception, *_: object) -> str:
    fault = f"{type(problem).__name__} at {_frames(problem.__traceback__)}"
    return f"internal error: {fault}. Please report it with this line."


_guarded = guarded(_raise_run_error, _word_fault, keeps_cause=True, caller=Caller.PYTHON)


@_guarded
def find_organization(organization_id: object, name: object) -> OrganizationInfo:
    """Return the one organization with this id or with exactly this name."""
    return queries.find_organization(
        _directory(),
        organization_id=_text(organization_id, "id", "get_organization"),
        name=_text(name, "name", "get_organization"),
    )


@_guarded
def list_organizations(search: object) -> tuple[OrganizationInfo, ...]:
    """Return all organizations, or those that AlloMia's search by name finds."""
    wanted = _text(search, "search", "get_organizations")
    return queries.list_organizations(_directory(), wanted, pulumi.log.warn)


@_guarded
def survey_keys(organization_id: object) -> OrganizationApiKeys:
    """Describe the keys of an organization."""
    wanted = _text(organization_id, "organization_id", "get_organization_api_keys")
    return queries.survey_keys(_directory(), wanted or "", SystemClock().now())


def _directory() -> Directory:
    """Open AlloMia by the stack's configuration; one container lasts as long as the process.

    Programs of several stacks may share a process (Pulumi's automation API), so each configuration has its own.
    """
    return open_container(pulumi.Config(NAMESPACE).get, pulumi.log.warn).open(None)


def _text(value: object, name: str, function: str) -> str | None:
    """Accept a text; an output, whose value a plain call cannot wait for, is the usual mistake."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, pulumi.Output):
        raise InvalidInput(
            f"{name} of {function} is an output, whose value is not there yet", f"Use {function}_output instead."
        )
    raise InvalidInput(f"{name} of {function} is not a text", "Give it as a str.")


def _frames(raised: TracebackType | None) -> str:
    """Say where something was raised, innermost first: names of files and lines, never a value."""
    frames: list[Any] = traceback.extract_tb(raised)[-SHOWN_FRAMES:]
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
