"""The plan is a pure table: inputs and record in, one decision out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.plan import Plan, Step, make_plan
from allomia_pulumi.core.minted_key.record import apply_settings as record_settings
from allomia_pulumi.core.minted_key.state import NO_TRIGGERS, KeyState, Reason, Record, Settings, hash_triggers
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.ground.references import parse_reference

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ONE, TWO = {"quarter": "1"}, {"quarter": "2"}
REFERENCE = parse_reference("secret/allomia/tenant#api_key", "x")


def wanted(**changes: Any) -> Inputs:
    return Inputs(**{"organization_id": "org", "name": "ehr", "rotation_triggers": ONE, **changes})


def recorded(*, triggers: str | None = hash_triggers(ONE), reference: str | None = None) -> KeyState:
    return KeyState(
        key_id="key-1",
        key_name="ehr--p1",
        created_at="2026-11-25T12:00:00Z",
        secret=SecretStr("alm_org_secret"),
        secret_fingerprint="0123456789ab",
        rotation_reason=Reason.CREATED,
        triggers_hash=triggers,
        record=Record(
            identity=Identity(project="p", stack="s", name="ehr"),
            settings=Settings(organization_id="org", name="ehr", tenant_key_ref=reference),
        ),
    )


NOTHING = Plan()
RECORD = Plan(steps=(Step.RECORD,))


@pytest.mark.parametrize(
    ("inputs", "state", "plan"),
    [
        (wanted(), recorded(), NOTHING),
        (wanted(rotation_triggers=TWO), recorded(), Plan(("rotationTriggers",), reason=Reason.TRIGGER)),
        (wanted(rotation_triggers=TWO), recorded(triggers=NO_TRIGGERS), RECORD),
        (wanted(rotation_triggers=TWO), recorded(triggers=None), RECORD),
        (wanted(rotation_triggers=None), recorded(), RECORD),
        (wanted(rotation_triggers={}), recorded(), RECORD),
        (wanted(rotation_triggers=None), recorded(triggers=NO_TRIGGERS), NOTHING),
        (wanted(rotation_triggers=None), recorded(triggers=None), NOTHING),
        (wanted(name="other"), recorded(), Plan(("name",), reason=Reason.RENAMED)),
        (wanted(name="other", rotation_triggers=TWO), recorded(), Plan(("name",), reason=Reason.RENAMED)),
        (wanted(organization_id="org-2"), recorded(), Plan(("organizationId",))),
        (wanted(organization_id="org-2", name="x", rotation_triggers=TWO), recorded(), Plan(("organizationId",))),
        (wanted(tenant_key_ref=REFERENCE), recorded(), RECORD),
        (wanted(), recorded(reference=str(REFERENCE)), RECORD),
        (wanted(tenant_key_ref=REFERENCE), recorded(reference=str(REFERENCE)), NOTHING),
        (
            wanted(tenant_key_ref=REFERENCE, rotation_triggers=TWO),
            recorded(),
            Plan(("rotationTriggers",), reason=Reason.TRIGGER),
        ),
        (wanted(organization_id=UNKNOWN), recorded(), NOTHING),
        (wanted(name=UNKNOWN), recorded(), NOTHING),
        (wanted(tenant_key_ref=UNKNOWN), recorded(), NOTHING),
        (wanted(rotation_triggers=UNKNOWN), recorded(), Plan(is_uncertain=True)),
        (wanted(rotation_triggers=UNKNOWN), recorded(triggers=NO_TRIGGERS), NOTHING),
        (wanted(rotation_triggers=UNKNOWN), recorded(triggers=None), NOTHING),
    ],
)
def test_each_rule_of_the_plan(inputs: Inputs, state: KeyState, plan: Plan) -> None:
    assert make_plan(inputs, state, NOW) == plan


@pytest.mark.parametrize("change", [{"rotation_triggers": TWO}, {"name": "other"}])
def test_a_rotation_without_a_slot_waits_and_stays_due(change: dict[str, Any]) -> None:
    plan = make_plan(wanted(**change), recorded(), NOW, has_slot=False)
    assert plan.waiting in {Reason.TRIGGER, Reason.RENAMED}
    assert not plan.has_changes
    after = record_settings(wanted(**change), recorded())
    assert make_plan(wanted(**change), after, NOW).is_rotation


def test_settings_are_recorded_while_a_rotation_waits() -> None:
    inputs = wanted(rotation_triggers=TWO, tenant_key_ref=REFERENCE)
    plan = make_plan(inputs, recorded(), NOW, has_slot=False)
    assert plan.steps == (Step.RECORD,)
    after = record_settings(inputs, recorded())
    assert after.record.settings.reference == REFERENCE
    assert make_plan(inputs, after, NOW, has_slot=False) == Plan(waiting=Reason.TRIGGER)


def test_a_moved_key_needs_no_slot_where_it_was() -> None:
    assert make_plan(wanted(organization_id="org-2"), recorded(), NOW, has_slot=False).replaces == ("organizationId",)


def test_recording_once_leaves_nothing_to_record() -> None:
    for inputs in (wanted(rotation_triggers=None), wanted(tenant_key_ref=REFERENCE)):
        assert make_plan(inputs, record_settings(inputs, recorded()), NOW) == NOTHING


def test_only_a_rotation_makes_a_second_key_in_the_organization() -> None:
    assert Plan(("rotationTriggers",), reason=Reason.TRIGGER).is_rotation
    assert not Plan(("organizationId",)).is_rotation
    assert not RECORD.is_rotation


def test_the_order_of_triggers_is_no_change() -> None:
    assert hash_triggers({"a": "1", "b": "2"}) == hash_triggers({"b": "2", "a": "1"})
    assert hash_triggers({"a": "1"}) == "9afeb0f2b203f254312ec8ded441d0318b7c34c57f8695ede42d2215a30c0960"
