"""What the engine asks, in the engine's order, and what the core answers."""

from typing import Any

import pytest

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.plan import Step
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    KeyLeftBehind,
    NotFound,
    OrganizationFull,
    Unavailable,
    UnexpectedAnswer,
)
from tests.fakes import LINEAGE, FakeAllomia, FakeTenants, Listener
from tests.stacks import wire

IDENTITY = Identity(project="p", stack="s", name="ehr")
NEWS = {"organizationId": "org", "rotationTriggers": {"quarter": "1"}}
CHANGED = {"organizationId": "org", "rotationTriggers": {"quarter": "2"}}


class Run:
    """One process of the provider, driven as the engine drives it."""

    def __init__(self, api: FakeAllomia) -> None:
        self.api = api
        self.listener = Listener()
        self.tenants = FakeTenants(api)
        self.keys = OrganizationKeys(self.tenants, api.clock)

    def check(self, olds: dict[str, Any], news: dict[str, Any], identity: Identity = IDENTITY) -> dict[str, Any]:
        old_identity = identity if olds else None
        checked = self.keys.check(olds, news, Call(identity, self.listener, old_identity=old_identity))
        assert not checked.failures, checked.failures
        return checked.inputs

    def first_up(self, news: dict[str, Any] = NEWS, identity: Identity = IDENTITY) -> tuple[str, dict[str, Any]]:
        inputs = self.check({}, news, identity)
        pulumi_id, state = self.keys.create(inputs, Call(identity, self.listener))
        return pulumi_id, state.to_outputs()

    def diff(
        self, pulumi_id: str, outputs: dict[str, Any], news: dict[str, Any], identity: Identity = IDENTITY
    ) -> tuple[bool, tuple[str, ...]]:
        inputs = self.check({"name": identity.name}, news, identity)
        plan = self.keys.diff(outputs, inputs, Call(identity, self.listener, pulumi_id))
        return plan.has_changes, plan.replaces

    def read(self, pulumi_id: str, outputs: dict[str, Any]) -> KeyState | None:
        return self.keys.read(pulumi_id, outputs, self.listener)


@pytest.fixture
def run(api: FakeAllomia) -> Run:
    return Run(api)


def test_a_first_up_costs_one_list_one_post_and_one_proof(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    assert api.calls == ["list", "mint", "prove"]
    assert pulumi_id == f"org/{outputs['keyId']}"
    assert outputs["rotationReason"] == "created"
    assert outputs["secret"] == api.keys["org"][outputs["keyId"]].key.get_secret_value()
    assert len(outputs["secretFingerprint"]) == 12
    assert outputs["record"]["settings"] == {
        "organizationId": "org",
        "name": "ehr",
        "secretInState": True,
        "verify": True,
    }
    assert run.listener.warnings == []


@pytest.mark.catalogue(50)
def test_g6_an_unchanged_program_calls_nothing(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    api.calls.clear()
    assert later.diff(pulumi_id, outputs, NEWS) == (False, ())
    assert api.calls == []


def test_a_changed_trigger_replaces_and_says_why(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    assert later.diff(pulumi_id, outputs, CHANGED) == (True, ("rotationTriggers",))
    new_id, new = later.first_up(CHANGED)
    assert new["rotationReason"] == "trigger"
    assert new_id != pulumi_id
    assert later.listener.warnings == []
    later.keys.delete(outputs, later.listener)
    assert list(api.keys["org"]) == [new["keyId"]]
    assert api.calls.count("list") == 2


def test_g1_four_keys_of_one_organization_rotate_one_after_another(api: FakeAllomia) -> None:
    identities = [IDENTITY.model_copy(update={"name": f"key-{number}"}) for number in range(4)]
    first = Run(api)
    states = {identity: first.first_up(NEWS, identity) for identity in identities}
    ups = 0
    while any(outputs["rotationReason"] == "created" for _, outputs in states.values()):
        ups += 1
        run = Run(api)
        replaced = []
        for identity, (pulumi_id, outputs) in states.items():
            if run.diff(pulumi_id, outputs, CHANGED, identity)[1]:
                replaced.append((identity, outputs))
                states[identity] = run.first_up(CHANGED, identity)
        assert len(api.keys["org"]) <= 5
        for _, outputs in replaced:
            run.keys.delete(outputs, run.listener)
        waiting = [warning for warning in run.listener.warnings if "waits for a free slot" in warning]
        assert len(waiting) == 4 - ups
        assert all("Run `pulumi up` again" in warning for warning in waiting)
    assert ups == 4
    assert api.minted == 8


def test_a_full_organization_is_an_error_in_preview_and_names_the_keys(run: Run, api: FakeAllomia) -> None:
    for number in range(5):
        api.make("org", f"by hand {number}")
    checked = run.keys.check({}, NEWS, Call(IDENTITY, run.listener))
    assert len(checked.failures) == 1
    assert all(f"by hand {number}" in checked.failures[0].reason for number in range(5))
    with pytest.raises(OrganizationFull):
        run.keys.create(checked.inputs, Call(IDENTITY, run.listener))
    assert "mint" not in api.calls


@pytest.mark.parametrize("fault", [Unavailable("sealed"), CredentialRejected("Vault's"), AccessDenied("403")])
def test_g8_an_unreachable_allomia_is_a_warning_in_preview_and_an_error_in_create(
    run: Run, api: FakeAllomia, fault: AllomiaError
) -> None:
    api.faults["list"] = [fault, fault]
    inputs = run.check({}, NEWS)
    assert f"{fault.message}; `pulumi up` will fail unless" in run.listener.warnings[0]
    with pytest.raises(type(fault)):
        run.keys.create(inputs, Call(IDENTITY, run.listener))
    assert api.calls == ["list", "list"]


def test_a_rotation_is_shown_as_planned_when_allomia_is_unreachable(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    api.faults["list"] = [Unavailable("503")]
    assert later.diff(pulumi_id, outputs, CHANGED) == (True, ("rotationTriggers",))
    assert later.listener.warnings == ["503; `pulumi up` will fail unless that has passed by then."]


def test_wrong_configuration_is_a_check_failure(run: Run) -> None:
    run.tenants.fault = InvalidConfiguration("no tenant key is configured", "Configure one.")
    checked = run.keys.check({}, NEWS, Call(IDENTITY, run.listener))
    assert [failure.reason for failure in checked.failures] == ["no tenant key is configured. Configure one."]
    checked = run.keys.check({"name": "ehr"}, NEWS, Call(IDENTITY, run.listener))
    assert len(checked.failures) == 1


def test_a_diff_after_a_read_reports_no_trigger_and_the_programs_diff_does(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    assert later.read(pulumi_id, outputs)
    plan = later.keys.diff(outputs, {**CHANGED, "name": "ehr"}, Call(IDENTITY, later.listener, pulumi_id))
    assert not plan.has_changes
    assert later.diff(pulumi_id, outputs, CHANGED) == (True, ("rotationTriggers",))


def test_a_check_of_the_program_ends_the_read(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    later.read(pulumi_id, outputs)
    assert later.diff(pulumi_id, outputs, CHANGED) == (True, ("rotationTriggers",))


def test_a_refresh_costs_one_list_and_keeps_every_output(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    later = Run(api)
    api.calls.clear()
    state = later.read(pulumi_id, outputs)
    assert state is not None
    assert state.to_outputs() == outputs
    assert api.calls == ["list"]


@pytest.mark.catalogue(28)
def test_g4_a_key_is_dropped_only_on_proof(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    api.keys["org"].clear()
    api.calls.clear()
    later = Run(api)
    assert later.read(pulumi_id, outputs) is None
    assert api.calls == ["list", "list", "get", "organization"]
    assert outputs["keyId"] in later.listener.warnings[0]


@pytest.mark.catalogue(17)
@pytest.mark.parametrize("operation", ["list", "get", "organization"])
@pytest.mark.parametrize("fault", [Unavailable("503"), CredentialRejected("401"), UnexpectedAnswer("html")])
def test_g4_no_error_of_a_read_drops_a_key(run: Run, api: FakeAllomia, operation: str, fault: AllomiaError) -> None:
    pulumi_id, outputs = run.first_up()
    api.keys["org"].clear()
    api.faults[operation] = [fault]
    with pytest.raises(type(fault)):
        Run(api).read(pulumi_id, outputs)


@pytest.mark.catalogue(29)
def test_g4_an_empty_list_is_no_proof_while_the_key_answers(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    api.list_keys = lambda organization_id: []  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(UnexpectedAnswer, match="contradicts itself"):
        Run(api).read(pulumi_id, outputs)


def test_g4_a_missing_organization_is_an_error_with_the_way_out(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    del api.keys["org"]
    with pytest.raises(NotFound) as caught:
        Run(api).read(pulumi_id, outputs)
    assert "lacks it" in caught.value.message
    assert "pulumi stack --show-urns" in caught.value.hint
    assert "pulumi state delete URN" in caught.value.hint
    assert "--run-program" in caught.value.hint


def test_g7_delete_is_safe_to_repeat(run: Run, api: FakeAllomia) -> None:
    _, outputs = run.first_up()
    run.keys.delete(outputs, run.listener)
    Run(api).keys.delete(outputs, run.listener)
    assert api.keys["org"] == {}


@pytest.mark.catalogue(47)
def test_g5_a_failed_delete_names_the_key_and_the_way_out(run: Run, api: FakeAllomia) -> None:
    _, outputs = run.first_up()
    api.faults["revoke"] = [Unavailable("503")]
    with pytest.raises(Unavailable) as caught:
        run.keys.delete(outputs, run.listener)
    assert outputs["keyId"] in caught.value.message
    assert f"allomia revoke org {outputs['keyId']}" in caught.value.hint


def test_g4_a_404_to_a_delete_is_no_proof_while_the_key_is_listed(run: Run, api: FakeAllomia) -> None:
    _, outputs = run.first_up()
    api.revoke_key = lambda organization_id, key_id: Revocation.ABSENT  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(UnexpectedAnswer, match="still has it"):
        run.keys.delete(outputs, run.listener)


def test_first_triggers_and_their_removal_are_recorded_without_a_call_that_writes(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up({"organizationId": "org"})
    assert outputs["triggersHash"] == ""
    later = Run(api)
    assert later.diff(pulumi_id, outputs, NEWS) == (True, ())
    after = later.keys.update(outputs, {**NEWS, "name": "ehr"}, Call(IDENTITY, later.listener, pulumi_id)).to_outputs()
    assert after["keyId"] == outputs["keyId"]
    assert after["secret"] == outputs["secret"]
    assert later.diff(pulumi_id, after, NEWS) == (False, ())
    assert later.diff(pulumi_id, after, CHANGED) == (True, ("rotationTriggers",))
    assert api.minted == 1


def test_a_replacement_that_appears_only_at_update_time_is_left_for_the_next_up(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    after = run.keys.update(outputs, {**CHANGED, "name": "ehr"}, Call(IDENTITY, run.listener, pulumi_id)).to_outputs()
    assert after["triggersHash"] == outputs["triggersHash"]
    assert api.minted == 1


def test_a_renamed_resource_keeps_its_key(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    renamed = IDENTITY.model_copy(update={"name": "renamed"})
    later = Run(api)
    inputs = later.keys.check({"name": "ehr"}, NEWS, Call(renamed, later.listener, old_identity=IDENTITY)).inputs
    assert inputs["name"] == "ehr"
    plan = later.keys.diff(outputs, inputs, Call(renamed, later.listener, pulumi_id))
    assert (plan.replaces, plan.steps) == ((), (Step.RECORD,))
    after = later.keys.update(outputs, inputs, Call(renamed, later.listener, pulumi_id))
    assert (after.key_id, api.minted) == (outputs["keyId"], 1)
    assert (after.record.identity, [each.identity for each in after.record.former]) == (renamed, [IDENTITY])
    assert not Run(api).keys.diff(wire(after), inputs, Call(renamed, later.listener, pulumi_id)).has_changes


@pytest.mark.catalogue(36)
def test_a_key_with_this_mark_that_no_diff_announced_is_named_and_left_alone(run: Run, api: FakeAllomia) -> None:
    stray = api.make("org", make_mark(IDENTITY, "", LINEAGE).name("ehr"))
    run.first_up()
    assert stray.id in run.listener.warnings[0]
    assert "allomia orphans --stack ." in run.listener.warnings[0]
    assert stray.id in api.keys["org"]


def test_a_refresh_names_strays_and_only_those_of_this_resource(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    api.make("org", "by hand")
    api.make("org", make_mark(IDENTITY.model_copy(update={"name": "other"}), "", LINEAGE).name("other"))
    stray = api.make("org", make_mark(IDENTITY, "", LINEAGE).name("ehr"))
    later = Run(api)
    later.read(pulumi_id, outputs)
    assert len(later.listener.warnings) == 1
    assert stray.id in later.listener.warnings[0]
    assert "allomia orphans --stack ." in later.listener.warnings[0]
    assert "allomia revoke" not in later.listener.warnings[0], "it may be the successor"
    assert "by hand" not in later.listener.warnings[0]


def test_a_lost_secret_warns_and_rotates_nothing(run: Run, api: FakeAllomia) -> None:
    pulumi_id, outputs = run.first_up()
    del outputs["secret"]
    later = Run(api)
    assert later.diff(pulumi_id, outputs, NEWS) == (False, ())
    assert "lost the secret" in later.listener.warnings[0]


def test_g2_a_key_that_cannot_be_proved_nor_revoked_is_named(run: Run, api: FakeAllomia) -> None:
    inputs = run.check({}, NEWS)
    api.faults["prove"] = [CredentialRejected("401") for _ in range(9)]
    api.faults["revoke"] = [Unavailable("503")]
    with pytest.raises(KeyLeftBehind):
        run.keys.create(inputs, Call(IDENTITY, run.listener))


def test_the_owner_is_part_of_the_mark_and_of_the_record(run: Run, api: FakeAllomia) -> None:
    run.tenants.owner = "ada"
    _, outputs = run.first_up()
    assert outputs["record"]["owner"] == "ada"
    assert make_mark(IDENTITY, "ada", LINEAGE).stack in outputs["keyName"]
    assert api.minted == 1


def test_state_of_a_newer_version_is_refused(run: Run) -> None:
    pulumi_id, outputs = run.first_up()
    outputs["record"]["stateVersion"] = 2.0
    with pytest.raises(AllomiaError, match="newer allomia-pulumi"):
        run.read(pulumi_id, outputs)


@pytest.mark.parametrize("missing", ["keyId", "record", "keyName"])
def test_unreadable_state_is_an_error(run: Run, missing: str) -> None:
    pulumi_id, outputs = run.first_up()
    del outputs[missing]
    with pytest.raises(AllomiaError, match="not readable"):
        run.read(pulumi_id, outputs)
