"""The rules of rotation as a table, and every pair of simultaneous reasons as "one run, then nothing"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.minted_key.inputs import Inputs
from allomia_pulumi.core.minted_key.plan import Plan, Step, make_plan
from allomia_pulumi.core.minted_key.record import apply_settings
from allomia_pulumi.core.minted_key.schedule import overlap_of
from allomia_pulumi.core.minted_key.state import NO_TRIGGERS, KeyState, Reason, Record, Settings, hash_triggers
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.errors import SetupError
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.references import parse_reference
from tests.fakes import LINEAGE
from tests.stacks import ORGANIZATION, Kind, Outcome, Stack, differences, owing

MADE = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ONE, TWO, THREE = {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}
REFERENCE = parse_reference("secret/allomia/tenant#api_key", "x")
HERE = VaultLocation(mount="secret", path="here", field="api_key")
TAKEN = HERE.model_copy(update={"take_over": True})
MOVED = [HERE.model_copy(update={name: "there"}) for name in ("mount", "path", "field")]
OWES_REVOKE = Owed(step=OwedStep.REVOKE, why="x", key_id="key-9")
OWES_DELIVER = Owed(step=OwedStep.DELIVER, why="x", key_id="key-1")
OWES_ROTATE = Owed(step=OwedStep.ROTATE, why="x")
PREDECESSOR = {"previous_key_id": "key-0", "previous_secret": SecretStr("alm_org_previous")}


def wanted(**changes: Any) -> Inputs:
    return Inputs(**{"organization_id": "org", "name": "ehr", "rotation_triggers": ONE, **changes})


def recorded(settings: dict[str, Any] | None = None, **outputs: Any) -> KeyState:
    return KeyState(
        **{
            "key_id": "key-1",
            "key_name": "ehr--p1",
            "created_at": format_moment(MADE),
            "secret": SecretStr("alm_org_secret"),
            "secret_fingerprint": "0123456789ab",
            "rotation_reason": Reason.CREATED,
            "triggers_hash": hash_triggers(ONE),
            "record": Record(
                identity=Identity(project="p", stack="s", name="ehr"),
                settings=Settings(**{"organization_id": "org", "name": "ehr", **(settings or {})}),
            ),
            **outputs,
        }
    )


def overlapping(settings: dict[str, Any] | None = None, **outputs: Any) -> KeyState:
    """Return a key whose predecessor has a day from `MADE`."""
    previous = {**PREDECESSOR, "previous_revoke_at": format_moment(MADE + DAY)}
    return recorded({"overlap": "1d", **(settings or {})}, **{**previous, **outputs})


def delivered(settings: dict[str, Any] | None = None, **outputs: Any) -> KeyState:
    return recorded({"vault_secret": HERE, **(settings or {})}, vault_secret_version=1, **outputs)


def out_of_state(**outputs: Any) -> KeyState:
    return delivered({"secret_in_state": False}, secret=None, **outputs)


def replacement(reason: Reason, name: str) -> Plan:
    return Plan((name,), reason=reason)


def rotation(reason: Reason, *before: Step) -> Plan:
    return Plan(steps=(*before, Step.ROTATE), reason=reason)


def update(*steps: Step) -> Plan:
    return Plan(steps=steps)


@dataclass(frozen=True)
class Row:
    """One rule: what the program asks for, what is recorded, how long after the mint, and what is to be done."""

    inputs: Inputs
    state: KeyState
    plan: Plan
    age: timedelta = HOUR
    has_slot: bool = True


NOTHING = Plan()
RECORD = update(Step.RECORD)
DELIVER = update(Step.DELIVER)
RETIRE = update(Step.RETIRE)

AGE = {
    "a key is not due one second before its age": Row(
        wanted(rotate_after=90 * DAY), recorded({"rotate_after": "90d"}), NOTHING, age=90 * DAY - SECOND
    ),
    "a key is due format_moment the very second": Row(
        wanted(rotate_after=90 * DAY),
        recorded({"rotate_after": "90d"}),
        replacement(Reason.SCHEDULE, "rotateAfter"),
        age=90 * DAY,
    ),
    "a key stays due long after": Row(
        wanted(rotate_after=90 * DAY),
        recorded({"rotate_after": "90d"}),
        replacement(Reason.SCHEDULE, "rotateAfter"),
        age=900 * DAY,
    ),
    "with overlap a schedule rotates in place": Row(
        wanted(rotate_after=90 * DAY, overlap=DAY),
        recorded({"rotate_after": "90d", "overlap": "1d"}),
        rotation(Reason.SCHEDULE),
        age=90 * DAY,
    ),
    "a shortened age acts on the next plan": Row(
        wanted(rotate_after=30 * DAY),
        recorded({"rotate_after": "90d"}, rotate_at=format_moment(MADE + 90 * DAY)),
        replacement(Reason.SCHEDULE, "rotateAfter"),
        age=30 * DAY,
    ),
    "a lengthened age acts on the next plan": Row(
        wanted(rotate_after=90 * DAY),
        recorded({"rotate_after": "30d"}, rotate_at=format_moment(MADE + 30 * DAY)),
        RECORD,
        age=31 * DAY,
    ),
    "a removed age acts on the next plan": Row(
        wanted(), recorded({"rotate_after": "30d"}, rotate_at=format_moment(MADE + 30 * DAY)), RECORD, age=31 * DAY
    ),
    "a first age is recorded": Row(wanted(rotate_after=90 * DAY), recorded(), RECORD),
    "a first age rotates a key that is older": Row(
        wanted(rotate_after=90 * DAY), recorded(), replacement(Reason.SCHEDULE, "rotateAfter"), age=91 * DAY
    ),
    "another way to write the same age is no change": Row(
        wanted(rotate_after=timedelta(hours=24)), recorded({"rotate_after": "1d"}), NOTHING
    ),
}

OVERLAP = {
    "a running overlap asks for nothing": Row(wanted(overlap=DAY), overlapping(), NOTHING),
    "an overlap runs until one second before its end": Row(
        wanted(overlap=DAY), overlapping(), NOTHING, age=DAY - SECOND
    ),
    "an overlap is over format_moment the very second": Row(wanted(overlap=DAY), overlapping(), RETIRE, age=DAY),
    "an overlap is over long after": Row(wanted(overlap=DAY), overlapping(), RETIRE, age=90 * DAY),
    "an overlap shortened and still running is recorded": Row(wanted(overlap=2 * HOUR), overlapping(), RECORD),
    "an overlap shortened below its age ends format_moment once": Row(
        wanted(overlap=HOUR), overlapping(), update(Step.RETIRE, Step.RECORD)
    ),
    "an overlap lengthened after its end runs on": Row(wanted(overlap=2 * DAY), overlapping(), RECORD, age=DAY),
    "a removed overlap ends format_moment once": Row(wanted(), overlapping(), update(Step.RETIRE, Step.RECORD)),
    "an overlap of zero ends format_moment once": Row(
        wanted(overlap=timedelta()), overlapping(), update(Step.RETIRE, Step.RECORD)
    ),
    "an overlap of zero and none are the same": Row(wanted(overlap=timedelta()), recorded(), NOTHING),
    "a first overlap is recorded": Row(wanted(overlap=DAY), recorded(), RECORD),
    "another way to write the same overlap is no change": Row(wanted(overlap=24 * HOUR), overlapping(), NOTHING),
}

DURING_OVERLAP = {
    "a schedule waits during an overlap": Row(
        wanted(rotate_after=HOUR, overlap=DAY), overlapping({"rotate_after": "1h"}), NOTHING
    ),
    "a trigger is refused during an overlap": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), overlapping(), Plan(refused=Reason.TRIGGER)
    ),
    "a trigger is refused one second before the end": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), overlapping(), Plan(refused=Reason.TRIGGER), age=DAY - SECOND
    ),
    "a trigger is not refused format_moment the end": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), overlapping(), rotation(Reason.TRIGGER, Step.RETIRE), age=DAY
    ),
    "a rename is refused during an overlap": Row(
        wanted(overlap=DAY, name="other"), overlapping(), Plan(refused=Reason.RENAMED)
    ),
    "a trigger is refused during a lengthened overlap": Row(
        wanted(overlap=2 * DAY, rotation_triggers=TWO),
        overlapping(),
        Plan(steps=(Step.RECORD,), refused=Reason.TRIGGER),
        age=DAY,
    ),
    "a trigger with an overlap shortened below its age retires and rotates": Row(
        wanted(overlap=HOUR, rotation_triggers=TWO), overlapping(), rotation(Reason.TRIGGER, Step.RETIRE)
    ),
    "a trigger with overlap removed is a replacement": Row(
        wanted(rotation_triggers=TWO), overlapping(), replacement(Reason.TRIGGER, "rotationTriggers")
    ),
    "a trigger with overlap set to zero is a replacement": Row(
        wanted(rotation_triggers=TWO, overlap=timedelta()),
        overlapping(),
        replacement(Reason.TRIGGER, "rotationTriggers"),
    ),
    "a rename with overlap removed is a replacement": Row(
        wanted(name="other"), overlapping(), replacement(Reason.RENAMED, "name")
    ),
    "a revoked key is rotated during an overlap": Row(
        wanted(overlap=DAY), overlapping(pending=(OWES_ROTATE,)), rotation(Reason.REVOKED)
    ),
    "a revoked key comes before a trigger that would be refused": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), overlapping(pending=(OWES_ROTATE,)), rotation(Reason.REVOKED)
    ),
    "a revoked key without overlap is a replacement": Row(
        wanted(), overlapping(pending=(OWES_ROTATE,)), replacement(Reason.REVOKED, "keyId")
    ),
    "a schedule that is due after the overlap retires first": Row(
        wanted(rotate_after=90 * DAY, overlap=DAY),
        overlapping({"rotate_after": "90d"}),
        rotation(Reason.SCHEDULE, Step.RETIRE),
        age=90 * DAY,
    ),
    "another organization is a replacement during an overlap": Row(
        wanted(organization_id="org-2", overlap=DAY), overlapping(), Plan(("organizationId",))
    ),
}

IN_PLACE = {
    "a trigger rotates in place with overlap": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), recorded({"overlap": "1d"}), rotation(Reason.TRIGGER)
    ),
    "a rename rotates in place with overlap": Row(
        wanted(overlap=DAY, name="other"), recorded({"overlap": "1d"}), rotation(Reason.RENAMED)
    ),
    "a trigger with the first overlap rotates in place": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), recorded(), rotation(Reason.TRIGGER)
    ),
    "a rename comes before a trigger": Row(
        wanted(overlap=DAY, name="other", rotation_triggers=TWO), recorded({"overlap": "1d"}), rotation(Reason.RENAMED)
    ),
    "a trigger comes before a schedule": Row(
        wanted(overlap=DAY, rotate_after=90 * DAY, rotation_triggers=TWO),
        recorded({"overlap": "1d", "rotate_after": "90d"}),
        rotation(Reason.TRIGGER),
        age=90 * DAY,
    ),
    "first triggers are recorded with overlap": Row(
        wanted(overlap=DAY, rotation_triggers=TWO), recorded({"overlap": "1d"}, triggers_hash=NO_TRIGGERS), RECORD
    ),
    "removed triggers are recorded with overlap": Row(
        wanted(overlap=DAY, rotation_triggers=None), recorded({"overlap": "1d"}), RECORD
    ),
    "a rotation delivers and records by itself": Row(
        wanted(overlap=DAY, rotation_triggers=TWO, vault_secret=HERE, tenant_key_ref=REFERENCE),
        recorded({"overlap": "1d"}),
        rotation(Reason.TRIGGER),
    ),
    "steps come in their order": Row(
        wanted(overlap=DAY, rotation_triggers=TWO),
        overlapping(pending=(OWES_REVOKE,)),
        rotation(Reason.TRIGGER, Step.FINISH, Step.RETIRE),
        age=DAY,
    ),
}

UNKNOWN_VALUES = {
    "an unknown age is not due": Row(
        wanted(rotate_after=UNKNOWN), recorded({"rotate_after": "90d"}), NOTHING, age=91 * DAY
    ),
    "an unknown overlap is the recorded one": Row(wanted(overlap=UNKNOWN), overlapping(), NOTHING),
    "an unknown overlap ends when the recorded one does": Row(wanted(overlap=UNKNOWN), overlapping(), RETIRE, age=DAY),
    "a trigger with unknown overlap rotates as recorded, in place": Row(
        wanted(overlap=UNKNOWN, rotation_triggers=TWO), recorded({"overlap": "1d"}), rotation(Reason.TRIGGER)
    ),
    "a trigger with unknown overlap rotates as recorded, by replacement": Row(
        wanted(overlap=UNKNOWN, rotation_triggers=TWO),
        recorded(),
        replacement(Reason.TRIGGER, "rotationTriggers"),
    ),
    "an unknown place is not delivered to": Row(wanted(vault_secret=UNKNOWN), recorded(), NOTHING),
    "an unknown place is no move": Row(wanted(vault_secret=UNKNOWN), delivered(), NOTHING),
    "an unknown secretInState is no change": Row(
        wanted(vault_secret=HERE, secret_in_state=UNKNOWN), delivered(), NOTHING
    ),
    "an unknown secretInState brings nothing back": Row(
        wanted(vault_secret=HERE, secret_in_state=UNKNOWN), out_of_state(), NOTHING
    ),
    "an unknown verify is no change": Row(wanted(verify=UNKNOWN), recorded(), NOTHING),
    "an unknown tenantKeyRef is no change": Row(wanted(tenant_key_ref=UNKNOWN), recorded(), NOTHING),
    "an unknown name is no rename": Row(wanted(name=UNKNOWN), recorded(), NOTHING),
    "an unknown organization is no move": Row(wanted(organization_id=UNKNOWN), recorded(), NOTHING),
    "unknown triggers may rotate": Row(wanted(rotation_triggers=UNKNOWN), recorded(), Plan(is_uncertain=True)),
    "unknown triggers do not hide a schedule": Row(
        wanted(rotation_triggers=UNKNOWN, rotate_after=90 * DAY),
        recorded({"rotate_after": "90d"}),
        replacement(Reason.SCHEDULE, "rotateAfter"),
        age=90 * DAY,
    ),
    "an unknown name does not hide a trigger": Row(
        wanted(name=UNKNOWN, rotation_triggers=TWO), recorded(), replacement(Reason.TRIGGER, "rotationTriggers")
    ),
}

FULL = {
    "a rotation in place waits for a slot": Row(
        wanted(overlap=DAY, rotation_triggers=TWO),
        recorded({"overlap": "1d"}),
        Plan(waiting=Reason.TRIGGER),
        has_slot=False,
    ),
    "a schedule waits for a slot": Row(
        wanted(rotate_after=DAY), recorded({"rotate_after": "1d"}), Plan(waiting=Reason.SCHEDULE), DAY, has_slot=False
    ),
    "a revoked key waits for a slot": Row(
        wanted(overlap=DAY), overlapping(pending=(OWES_ROTATE,)), Plan(waiting=Reason.REVOKED), has_slot=False
    ),
    "without a slot a predecessor is retired": Row(
        wanted(overlap=DAY, rotation_triggers=TWO),
        overlapping(),
        Plan(steps=(Step.RETIRE,), waiting=Reason.TRIGGER),
        age=DAY,
        has_slot=False,
    ),
    "without a slot all but the rotation is done, in its order": Row(
        wanted(overlap=DAY, rotation_triggers=TWO, vault_secret=HERE, tenant_key_ref=REFERENCE),
        overlapping(pending=(OWES_REVOKE,)),
        Plan(steps=(Step.FINISH, Step.RETIRE, Step.DELIVER, Step.RECORD), waiting=Reason.TRIGGER),
        age=DAY,
        has_slot=False,
    ),
    "without a slot a replacement waits, and its settings are recorded": Row(
        wanted(rotation_triggers=TWO, tenant_key_ref=REFERENCE),
        recorded(),
        Plan(steps=(Step.RECORD,), waiting=Reason.TRIGGER),
        has_slot=False,
    ),
    "another organization needs no slot of this one": Row(
        wanted(organization_id="org-2"), recorded(), Plan(("organizationId",)), has_slot=False
    ),
}

DELIVERY = {
    "a first place is delivered to": Row(wanted(vault_secret=HERE), recorded(), DELIVER),
    "the same place is no change": Row(wanted(vault_secret=HERE), delivered(), NOTHING),
    "another mount is delivered to": Row(wanted(vault_secret=MOVED[0]), delivered(), DELIVER),
    "another path is delivered to": Row(wanted(vault_secret=MOVED[1]), delivered(), DELIVER),
    "another field is delivered to": Row(wanted(vault_secret=MOVED[2]), delivered(), DELIVER),
    "a removed place is recorded": Row(wanted(), delivered(), RECORD),
    "takeOver alone is recorded": Row(wanted(vault_secret=TAKEN), delivered(), RECORD),
    "secretInState switched off is recorded": Row(
        wanted(vault_secret=HERE, secret_in_state=False), delivered(), RECORD
    ),
    "secretInState switched off with a first place is delivered first": Row(
        wanted(vault_secret=HERE, secret_in_state=False), recorded(), update(Step.DELIVER)
    ),
    "a secret out of state is no change": Row(
        wanted(vault_secret=HERE, secret_in_state=False), out_of_state(), NOTHING
    ),
    "secretInState switched on is recorded": Row(wanted(vault_secret=HERE), out_of_state(), RECORD),
    "secretInState switched on and no place is recorded": Row(wanted(), out_of_state(), RECORD),
    "verify is recorded": Row(wanted(verify=False), recorded(), RECORD),
    "a delivery that is owed is finished": Row(
        wanted(vault_secret=HERE), delivered(pending=(OWES_DELIVER,)), update(Step.DELIVER)
    ),
    "a key that is owed its end is finished": Row(wanted(), recorded(pending=(OWES_REVOKE,)), update(Step.FINISH)),
    "a secret lost from the record rotates nothing": Row(wanted(), recorded(secret=None), NOTHING),
}

RECORDS = {
    "an older record is no difference": Row(wanted(), recorded(), NOTHING),
    "an older record without triggers is no difference": Row(
        wanted(rotation_triggers=None), recorded(triggers_hash=None), NOTHING
    ),
    "triggers that were never recorded are recorded": Row(wanted(), recorded(triggers_hash=None), RECORD),
    "tenantKeyRef is recorded": Row(wanted(tenant_key_ref=REFERENCE), recorded(), RECORD),
    "a removed tenantKeyRef is recorded": Row(wanted(), recorded({"tenant_key_ref": str(REFERENCE)}), RECORD),
}

TABLE = {
    **AGE,
    **OVERLAP,
    **DURING_OVERLAP,
    **IN_PLACE,
    **UNKNOWN_VALUES,
    **FULL,
    **DELIVERY,
    **RECORDS,
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_each_rule_of_rotation(row: Row) -> None:
    assert make_plan(row.inputs, row.state, MADE + row.age, has_slot=row.has_slot) == row.plan


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_settings_are_recorded_once(row: Row) -> None:
    is_wanted_back = row.state.secret is None and row.inputs.secret_in_state is True
    after = apply_settings(row.inputs, row.state, keep_place=Step.DELIVER in row.plan.steps)
    plan = make_plan(row.inputs, after, MADE + row.age, has_slot=row.has_slot)
    assert (Step.RECORD in plan.steps) is (is_wanted_back and not row.state.record.settings.secret_in_state)


@pytest.mark.parametrize(
    ("inputs", "ends"),
    [
        (wanted(overlap=2 * HOUR), MADE + 2 * HOUR),
        (wanted(overlap=2 * DAY), MADE + 2 * DAY),
        (wanted(overlap=DAY), MADE + DAY),
        (wanted(overlap=UNKNOWN), MADE + DAY),
    ],
)
def test_the_end_of_an_overlap_follows_the_program(inputs: Inputs, ends: datetime) -> None:
    after = apply_settings(inputs, overlapping())
    assert after.previous_revoke_at == format_moment(ends)
    assert after.next_action_at == format_moment(ends)
    again = apply_settings(inputs, after)
    assert again.previous_revoke_at == format_moment(ends)


def test_the_overlap_of_a_preview_is_the_recorded_one_while_it_is_unknown() -> None:
    assert overlap_of(wanted(overlap=UNKNOWN), overlapping()) == DAY
    assert overlap_of(wanted(overlap=UNKNOWN), recorded()) == timedelta()
    assert overlap_of(wanted(overlap=HOUR), overlapping()) == HOUR
    assert overlap_of(wanted(), overlapping()) == timedelta()


def test_what_a_preview_does_not_know_stays_as_recorded() -> None:
    unknown = Inputs(**dict.fromkeys(Inputs.model_fields, UNKNOWN))
    state = overlapping({"rotate_after": "90d", "vault_secret": HERE, "verify": False}, vault_secret_version=1)
    after = apply_settings(unknown, state)
    assert after.record == state.record
    assert after.secret == state.secret
    assert after.triggers_hash == state.triggers_hash


HERE_WIRE = {"mount": "secret", "path": "allomia/here", "field": "api_key"}
THERE_WIRE = {"mount": "secret", "path": "allomia/there", "field": "api_key"}
MINUTE = 60.0
OVERLAP_SECONDS = 60 * MINUTE
AGE_SECONDS = 90 * 86_400.0


def leave_alone(_stack: Stack) -> None:
    """Change nothing but the clock."""


def lose_copy(stack: Stack) -> None:
    """Let a refresh find that the copy in Vault is gone."""
    stack.vault.secrets.clear()
    assert stack.refresh().failure is None
    assert [owed.step for owed in stack.state.pending] == [OwedStep.DELIVER]


def leave_key(stack: Stack) -> None:
    """Leave a key that an earlier update made and could neither hand over nor revoke."""
    left = stack.api.make(ORGANIZATION, make_mark(stack.identity, "", LINEAGE).name("ehr"))
    stack.edit_outputs(pending=[*stack.outputs["pending"], *owing(OwedStep.REVOKE, left.id)])


def revoke_current(stack: Stack) -> None:
    """Let a refresh find that the current key is gone; its predecessor lives."""
    del stack.api.keys[ORGANIZATION][stack.state.key_id]
    assert stack.refresh().failure is None
    assert OwedStep.ROTATE in {owed.step for owed in stack.state.pending}


@dataclass(frozen=True)
class Cause:
    """One reason for an update.

    Attributes:
        arrange: What makes it true.
        rotates: Whether it needs a new key.
        needs_predecessor: Whether there has to be one.
        seconds: How far the clock has to go.
        excludes: What it cannot come together with.
    """

    arrange: Callable[[Stack], object] = leave_alone
    rotates: bool = False
    needs_predecessor: bool = False
    seconds: float = 0.0
    excludes: frozenset[str] = frozenset()


CAUSES = {
    "pending deliver": Cause(lose_copy),
    "pending revoke": Cause(leave_key),
    "current revoked": Cause(revoke_current, rotates=True, needs_predecessor=True),
    "trigger": Cause(lambda stack: stack.edit(rotationTriggers=THREE), rotates=True),
    "rename": Cause(lambda stack: stack.edit(name="other"), rotates=True),
    "schedule": Cause(rotates=True, seconds=AGE_SECONDS),
    "overlap over": Cause(needs_predecessor=True, seconds=OVERLAP_SECONDS),
    "overlap shortened": Cause(
        lambda stack: stack.edit(overlap="10m"),
        needs_predecessor=True,
        excludes=frozenset({"overlap lengthened", "overlap removed"}),
    ),
    "overlap lengthened": Cause(
        lambda stack: stack.edit(overlap="2h"), needs_predecessor=True, excludes=frozenset({"overlap removed"})
    ),
    "overlap removed": Cause(lambda stack: stack.edit(overlap=None), needs_predecessor=True),
    "vaultSecret moved": Cause(
        lambda stack: stack.edit(vaultSecret=THERE_WIRE), excludes=frozenset({"vaultSecret removed", "takeOver"})
    ),
    "vaultSecret removed": Cause(
        lambda stack: stack.edit(vaultSecret=None, secretInState=None),
        excludes=frozenset({"secretInState off", "takeOver"}),
    ),
    "takeOver": Cause(lambda stack: stack.edit(vaultSecret={**HERE_WIRE, "takeOver": True})),
    "secretInState off": Cause(lambda stack: stack.edit(secretInState=False), excludes=frozenset({"secretInState on"})),
    "secretInState on": Cause(lambda stack: stack.edit(secretInState=None), excludes=frozenset({"pending deliver"})),
    "verify": Cause(lambda stack: stack.edit(verify=False)),
    "tenantKeyRef": Cause(lambda stack: stack.edit(tenantKeyRef="secret/allomia/other#api_key")),
}


def pairs(*, with_overlap: bool) -> list[tuple[str, str]]:
    usable = [name for name, cause in CAUSES.items() if with_overlap or not cause.needs_predecessor]
    return [
        (one, two)
        for one, two in combinations(usable, 2)
        if two not in CAUSES[one].excludes and one not in CAUSES[two].excludes
    ]


def arranged(names: tuple[str, ...], *, overlap: str | None) -> Stack:
    """Return a stack for which all these reasons hold format_moment once, 20 minutes after its current key was made."""
    causes = [CAUSES[name] for name in names]
    stack = Stack(
        {"organizationId": ORGANIZATION, "rotationTriggers": ONE, "rotateAfter": "90d", "vaultSecret": HERE_WIRE}
    )
    stack.edit(overlap=overlap, secretInState=False if "secretInState on" in names else None)
    assert stack.up().kind is Kind.CREATE
    if any(cause.needs_predecessor for cause in causes):
        stack.edit(rotationTriggers=TWO)
        assert stack.up().kind is Kind.UPDATE
        assert len(stack.alive) == 2
    stack.clock.advance(20 * MINUTE + max(cause.seconds for cause in causes))
    for cause in causes:
        cause.arrange(stack)
    return stack


def assert_nothing_is_left(stack: Stack) -> None:
    outcome = stack.up()
    assert outcome == Outcome(Kind.SAME, None, (), (), (), ())
    assert differences(stack) == []


def is_refused(names: tuple[str, ...]) -> bool:
    """Tell whether a trigger or rename meets an overlap that still runs."""
    is_running = "overlap lengthened" in names
    return is_running and bool({"trigger", "rename"} & set(names))


def expected_runs(names: tuple[str, ...], overlap_ends: bool) -> int:
    """Return how many runs it takes: a predecessor that helped out ends in the run after."""
    return 2 if "current revoked" in names and overlap_ends else 1


@pytest.mark.parametrize("names", pairs(with_overlap=True), ids=" and ".join)
def test_two_reasons_at_once_are_one_run_and_then_nothing(names: tuple[str, str]) -> None:
    stack = arranged(names, overlap="1h")
    before = stack.state.key_id
    rotates = any(CAUSES[name].rotates for name in names)
    if is_refused(names):
        outputs, minted = stack.outputs, stack.api.minted
        refused = stack.up()
        assert isinstance(refused.failure, SetupError)
        assert refused.writes == ()
        assert (stack.outputs, stack.api.minted) == (outputs, minted)
        stack.clock.advance(2 * OVERLAP_SECONDS)
    overlap_ends = bool({"overlap over", "overlap shortened", "schedule"} & set(names))
    for _ in range(expected_runs(names, overlap_ends)):
        minted = stack.api.minted
        outcome = stack.up()
        assert outcome.failure is None
        assert stack.api.minted <= minted + 1
    assert (stack.state.key_id != before) is rotates
    assert_nothing_is_left(stack)


@pytest.mark.parametrize("names", pairs(with_overlap=False), ids=" and ".join)
def test_two_reasons_at_once_without_overlap_are_one_run_and_then_nothing(names: tuple[str, str]) -> None:
    stack = arranged(names, overlap=None)
    minted, rotates = stack.api.minted, any(CAUSES[name].rotates for name in names)
    outcome = stack.up()
    assert outcome.failure is None
    assert outcome.kind is (Kind.REPLACE if rotates else Kind.UPDATE)
    assert stack.api.minted == minted + rotates
    assert_nothing_is_left(stack)


@pytest.mark.parametrize("name", CAUSES)
def test_one_reason_is_one_run_and_then_nothing(name: str) -> None:
    stack = arranged((name,), overlap="1h")
    minted = stack.api.minted
    assert stack.preview().writes == ()
    outcome = stack.up()
    assert outcome.failure is None
    assert stack.api.minted == minted + CAUSES[name].rotates
    assert_nothing_is_left(stack)
