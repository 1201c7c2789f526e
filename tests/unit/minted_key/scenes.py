"""A stack before an update: made, in its overlap, or left half-finished; and what has to hold after it."""

from dataclasses import replace
from typing import Any

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import (
    AllomiaError,
    Unavailable,
)
from tests.stacks import ORGANIZATION, Kind, Outcome, Stack, differences

ONE, TWO, THREE = {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}
HERE = {"mount": "secret", "path": "allomia/here", "field": "api_key"}
THERE = {"mount": "secret", "path": "allomia/there", "field": "api_key"}
HERE_PLACE, THERE_PLACE = VaultLocation(**HERE), VaultLocation(**THERE)
HOUR, DAY = 3_600.0, 86_400.0
DOWN = Unavailable("503")


def stack_with(**inputs: Any) -> Stack:
    """Return a stack whose key was made."""
    stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": ONE})
    stack.edit(**inputs)
    up(stack, Kind.CREATE)
    return stack


def overlapping(**inputs: Any) -> Stack:
    """Return a stack with a predecessor in its overlap of an hour; its key is key-2."""
    stack = stack_with(**{"overlap": "1h", **inputs})
    stack.edit(rotationTriggers=TWO)
    up(stack, Kind.UPDATE)
    return stack


def up(stack: Stack, kind: Kind, **how: bool) -> Outcome:
    outcome = stack.up(**how)
    assert outcome.failure is None
    assert outcome.kind is kind
    return outcome


def failed_up(stack: Stack, failure: type[AllomiaError]) -> Outcome:
    """Run an `up` that fails; the state stays as it was."""
    before = stack.resource
    outcome = stack.up()
    assert type(outcome.failure) is failure
    assert stack.resource == before
    return outcome


def assert_settled(stack: Stack) -> None:
    """See that nothing is left to do, and that the record is true."""
    assert stack.up() == Outcome(Kind.SAME, None, (), (), (), ())
    assert differences(stack) == []


def owed_steps(stack: Stack) -> list[OwedStep]:
    return [owed.step for owed in stack.state.pending]


def remove_secret(stack: Stack) -> None:
    del stack.vault.secrets["secret/allomia/here"]


def remove_version(stack: Stack) -> None:
    secret = stack.vault.secrets["secret/allomia/here"]
    secret.versions[secret.stored.version] = None
    secret.stored = replace(secret.stored, is_live=False)


def relabel(stack: Stack) -> None:
    secret = stack.vault.secrets["secret/allomia/here"]
    secret.stored = replace(secret.stored, key_id="key-of-another")


def write_newer(stack: Stack) -> None:
    stack.vault.write(HERE_PLACE, "theirs")
