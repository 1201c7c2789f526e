"""A refresh of a key made by hand: what it finds, records and leaves to the next update."""

from __future__ import annotations

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    Unreachable,
)
from tests.unit.handmade_key.scenes import (
    DAY,
    IDENTITY,
    PLACE,
    Stack,
    settles,
)


def test_g4_a_refusal_by_vault_is_no_refusal_of_the_current_key(stack: Stack) -> None:
    before = stack.outputs
    stack.shelf.broken["read 1"] = CredentialRejected("Vault refuses the token").as_said_by("Vault")
    with pytest.raises(CredentialRejected, match="Vault refuses the token") as caught:
        stack.refresh()
    assert caught.value.said_by == "Vault"
    assert stack.outputs is before


def test_g4_a_refresh_records_a_refused_key_and_only_a_new_one_heals(stack: Stack) -> None:
    stack.declare(rotateAfter="1d")
    stack.up()
    assert not stack.refresh()
    stack.revoke("first")
    noticed = stack.clock.now()
    assert stack.refresh()
    (owed,) = stack.outputs["pending"]
    assert owed["step"] == "rotate"
    assert stack.outputs["secret"] == "first"
    assert stack.outputs["nextActionAt"] < stack.outputs["rotateAt"]
    assert noticed.isoformat()[:10] in stack.outputs["nextActionAt"]
    assert "Make a new key in AlloMia's dashboard" in stack.warnings
    before = stack.outputs
    with pytest.raises(CredentialRejected):
        stack.up()
    assert stack.outputs is before
    stack.make("second")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["pending"], stack.old_versions) == ("second", [], [1])
    assert not stack.refresh()
    assert stack.old_versions == []
    assert settles(stack)


def test_a_refresh_that_finds_the_secret_gone_heals_when_it_is_back(stack: Stack) -> None:
    written = dict(stack.shelf.secrets[PLACE].written)
    stack.shelf.delete_version(PLACE, 1)
    assert stack.refresh()
    assert [owed["step"] for owed in stack.outputs["pending"]] == ["deliver"]
    assert "Put the key there again" in stack.warnings
    stack.shelf.secrets[PLACE].written.update(written)
    assert stack.up()
    assert stack.outputs["pending"] == []
    assert settles(stack)


def test_a_refresh_reports_neither_a_rotation_by_hand_nor_an_age_as_its_own(stack: Stack) -> None:
    stack.declare(rotateAfter="1d")
    stack.up()
    stack.clock.advance(2 * DAY)
    stack.make("second")
    before = stack.outputs
    assert not stack.refresh()
    assert stack.outputs == before
    assert any("has version 2" in info for info in stack.said.infos)


@pytest.mark.parametrize("fault", [Unreachable("no answer"), AccessDenied("no policy")])
def test_g4_a_refresh_that_learns_nothing_fails(stack: Stack, fault: AllomiaError) -> None:
    stack.shelf.faults["look"] = [fault]
    with pytest.raises(type(fault)):
        stack.refresh()


def test_a_refresh_with_a_newer_key_waiting_asks_for_no_third_one(stack: Stack) -> None:
    stack.revoke("first")
    stack.make("second")
    assert not stack.refresh()
    assert (stack.said.warnings, stack.outputs["pending"]) == ([], [])
    assert any("has version 2: the next `pulumi up` proves it" in info for info in stack.said.infos)
    assert stack.up()
    assert stack.outputs["secret"] == "second"


def test_a_program_that_runs_after_a_refresh_sees_a_new_key_in_the_same_process(stack: Stack) -> None:
    keys = DashboardKeys(stack.sources, stack.clock)
    outputs = keys.read(stack.id, stack.outputs, stack.said).to_outputs()
    stack.make("second")
    keys.check(stack.inputs, stack.inputs, Call(IDENTITY, stack.said, old_identity=IDENTITY))
    assert keys.diff(outputs, stack.inputs, Call(IDENTITY, stack.said, stack.id)).has_changes


@pytest.mark.catalogue(70)
def test_two_resources_of_one_secret_keep_their_reads_and_decisions_apart(stack: Stack) -> None:
    other = IDENTITY.model_copy(update={"name": "ehr-2"})
    keys = DashboardKeys(stack.sources, stack.clock)
    stack.declare(rotateAfter="1d")
    stack.up()
    other_id, state = keys.create(stack.inputs, Call(other, stack.said))
    records = {IDENTITY: stack.outputs, other: state.to_outputs()}
    assert other_id == stack.id
    records = {name: keys.read(stack.id, found, stack.said).to_outputs() for name, found in records.items()}
    stack.make("second")
    for name, found in records.items():
        assert not keys.diff(found, stack.inputs, Call(name, stack.said, stack.id)).has_changes
    assert keys.diff(records[other], stack.inputs, Call(other, stack.said, stack.id)).has_changes
    moved = {**stack.inputs, "overlap": "1h"}
    quiet = {**records[IDENTITY], "vaultSecretVersion": 2}
    quiet["record"] = {**quiet["record"], "writtenAt": "2026-11-25T12:00:00Z"}
    assert keys.diff(quiet, moved, Call(IDENTITY, stack.said, stack.id)).causes == ()
    assert keys.preview(records[other], stack.inputs, Call(other, stack.said, stack.id)).outputs == {}
    assert keys.preview(quiet, moved, Call(IDENTITY, stack.said, stack.id)).outputs != {}
