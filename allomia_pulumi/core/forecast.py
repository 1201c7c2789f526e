"""The forecast of check and diff: whether what goes wrong now is certain to end `pulumi up` too, and how to say so.

What is certain to fail is an error before anything is done. What the same program may still make, what a weaker
credential of a preview may not see, and what may pass by itself is a warning: create and update look again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    OrganizationFull,
    SecretConflict,
    TemporaryError,
    UnexpectedAnswer,
)

__all__ = ["Forecast", "is_certain", "proving_absence"]

LASTING: Final = (InvalidInput, InvalidConfiguration, SecretConflict, OrganizationFull)

CONDITIONS: Final[tuple[tuple[tuple[type[AllomiaError], ...], str], ...]] = (
    ((TemporaryError, UnexpectedAnswer), "that has passed by then"),
    ((NotFound,), "it is there by then"),
    ((AccessDenied, CredentialRejected), "it runs with a credential that may"),
    ((AllomiaError,), "that has changed by then"),
)
"""The first row that an error belongs to says what has to be so for `pulumi up` to succeed."""


def is_certain(problem: AllomiaError) -> bool:
    """Tell whether an error ends every later try as well, until a person changes something."""
    match problem:
        case NotFound():
            return problem.is_proved
        case CredentialRejected():
            # A refused Vault login or token may be that of the preview alone.
            return problem.said_by == "AlloMia"
    return isinstance(problem, LASTING)


class Forecast:
    """The forecasts of one process: each cause that may pass is said once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()

    @contextmanager
    def foretelling(self, reporter: Reporter, *, passing: tuple[type[AllomiaError], ...] = ()) -> Iterator[None]:
        """Let through what is certain to end `pulumi up`, and turn the rest into a warning, once for each cause.

        `passing` are further errors that only warn.
        """
        try:
            yield
        except AllomiaError as problem:
            if is_certain(problem) and not isinstance(problem, passing):
                raise
            if self._is_new(problem.cause):
                reporter.warn(_describe(problem))

    def _is_new(self, cause: str) -> bool:
        with self._lock:
            is_new = cause not in self._said
            self._said.add(cause)
        return is_new


@contextmanager
def proving_absence(api: KeyApi, organization_id: str) -> Iterator[None]:
    """Prove an organization's 404 by the tenant's list, which lacks it; without that proof the error stays as it is."""
    try:
        yield
    except NotFound as problem:
        if problem.is_proved or problem.said_by != "AlloMia" or not _list_lacks(api, organization_id):
            raise
        proved = NotFound(
            f"{problem.message}: it answers 404, and AlloMia's list of organizations lacks it",
            problem.hint,
            is_proved=True,
        )
        raise proved.as_said_by("AlloMia") from None


def _list_lacks(api: KeyApi, organization_id: str) -> bool:
    """Tell whether the tenant's list is readable to the last entry, and lacks an organization."""
    try:
        listed = api.list_organizations()
    except AllomiaError:
        return False
    return all(each.is_usable and each.id != organization_id for each in listed)


def _describe(problem: AllomiaError) -> str:
    condition = next(condition for types, condition in CONDITIONS if isinstance(problem, types))
    return f"{problem.message}; `pulumi up` will fail unless {condition}. {problem.hint}".rstrip()
