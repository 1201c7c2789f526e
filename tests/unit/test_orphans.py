"""Whose a key is: the rule that says which keys may be revoked, and how it reads a stack's state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.cli import looking
from allomia_pulumi.cli.checkpoint import accesses, has_secret_owner, record_of
from allomia_pulumi.cli.connecting import Connections, Holding, Survey
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.keys.marks import make_mark
from allomia_pulumi.keys.models import Identity
from allomia_pulumi.keys.orphans import Declared, Knowledge, Pending, StackRecord, Verdict, Whose
from tests.fakes import LINEAGE

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
EHR = Identity(project="clinic", stack="prod", name="ehr")
LAB = Identity(project="clinic", stack="prod", parents="my:index:Clinic", name="lab")
DYNAMIC = "pulumi-python:dynamic/allomia:OrganizationApiKey"
PLUGIN = "allomia:index:OrganizationApiKey"
URN = f"urn:pulumi:prod::clinic::{DYNAMIC}::ehr"
LAB_URN = f"urn:pulumi:prod::clinic::my:index:Clinic${PLUGIN}::lab"
PROVIDER_URN = "urn:pulumi:prod::clinic::pulumi:providers:allomia::mine"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    created_at: datetime | None = MADE_AT
    last_used_at: datetime | None = None


def key_of(identity: Identity, owner: str = "me", key_id: str = "k", **more: Any) -> Key:
    return Key(key_id, make_mark(identity, owner, LINEAGE).name(identity.name), **more)


def knowing(*declared: Declared, pending: tuple[Pending, ...] = (), owners: tuple[str, ...] = ("", "me")) -> Knowledge:
    return Knowledge([StackRecord("clinic/prod", "clinic", "prod", frozenset(owners), declared, pending)])


def test_a_record_knows_its_current_key_its_predecessor_and_what_it_owes() -> None:
    record = Declared(URN, (EHR,), "me", "now", "before", frozenset({"owed"}))
    knowledge = knowing(record)
    found = {key_id: knowledge.judge(key_of(EHR, key_id=key_id)) for key_id in ("now", "before", "owed")}
    assert found == {
        "now": Verdict(Whose.CURRENT, "clinic/prod", URN),
        "before": Verdict(Whose.PREDECESSOR, "clinic/prod", URN),
        "owed": Verdict(Whose.OWED, "clinic/prod", URN),
    }


def test_a_key_that_waits_for_its_deletion_is_known_and_a_successor_beside_it_too() -> None:
    replaced = Declared(URN, (EHR,), "me", "old", "older", is_replaced=True)
    knowledge = knowing(Declared(URN, (EHR,), "me", "new"), replaced)
    verdicts = [knowledge.judge(key_of(EHR, key_id=key_id)).whose for key_id in ("new", "old", "older")]
    assert verdicts == [Whose.CURRENT, Whose.REPLACED, Whose.REPLACED]


def test_an_imported_key_without_a_mark_is_known_by_its_id() -> None:
    assert knowing(Declared(URN, (EHR,), "me", "k")).judge(Key("k", "by hand")).whose is Whose.CURRENT


def test_a_marked_key_that_no_record_has_is_an_orphan_of_its_resource() -> None:
    knowledge = knowing(Declared(URN, (EHR,), "me", "now"))
    assert knowledge.judge(key_of(EHR)) == Verdict(Whose.ORPHAN, "clinic/prod", URN)
    assert knowledge.judge(key_of(LAB)) == Verdict(Whose.ORPHAN, "clinic/prod", "")


@pytest.mark.parametrize(
    "other",
    [
        EHR.model_copy(update={"stack": "dev"}),
        EHR.model_copy(update={"project": "practice"}),
    ],
)
def test_another_stacks_key_is_never_an_orphan(other: Identity) -> None:
    assert knowing().judge(key_of(other)).whose is Whose.OTHER


def test_another_owners_key_is_never_an_orphan() -> None:
    assert knowing().judge(key_of(EHR, "you")).whose is Whose.OTHER


@pytest.mark.parametrize("name", ["", "by hand", "ehr--p1abc", "ehr--p1000000000000000000000000000u", "x" * 500])
def test_a_key_without_a_true_mark_is_made_by_hand(name: str) -> None:
    assert knowing().judge(Key("k", name)).whose is Whose.BY_HAND


def test_several_stacks_know_their_keys_together() -> None:
    moved = StackRecord("a/dev", "a", "dev", frozenset({"me"}), (Declared(URN, (EHR,), "me", "moved"),))
    knowledge = Knowledge([StackRecord("clinic/prod", "clinic", "prod", frozenset({"me"})), moved])
    assert knowledge.judge(key_of(EHR, key_id="moved")) == Verdict(Whose.CURRENT, "a/dev", URN)
    assert knowledge.judge(key_of(EHR, key_id="lost")).whose is Whose.ORPHAN


def test_a_key_whose_resource_has_a_pending_operation_is_perhaps_being_made() -> None:
    knowledge = knowing(pending=(Pending(URN, EHR),))
    verdict = knowledge.judge(key_of(EHR))
    assert (verdict.whose, verdict.resource) == (Whose.UNSETTLED, URN)
    assert verdict.doubt == "an operation on its resource was begun and has no recorded end"
    assert knowledge.judge(key_of(LAB)).whose is Whose.ORPHAN


def test_a_pending_operation_of_a_renamed_stack_holds_for_the_recorded_name_too() -> None:
    former = EHR.model_copy(update={"stack": "old"})
    knowledge = knowing(Declared(URN, (EHR, former), "me", "now"), pending=(Pending(URN, EHR),))
    assert knowledge.judge(key_of(former)).whose is Whose.UNSETTLED


def test_a_key_of_a_record_that_does_not_show_its_keys_is_no_orphan() -> None:
    verdict = knowing(Declared(URN, (EHR,), "me", is_readable=False)).judge(key_of(EHR))
    assert verdict.whose is Whose.UNSETTLED
    assert verdict.doubt == "the record of its resource does not show which keys it has"


def test_an_orphan_without_an_owner_in_its_mark_is_doubtful() -> None:
    verdict = knowing().judge(key_of(EHR, ""))
    assert verdict.whose is Whose.ORPHAN
    assert verdict.doubt == (
        "its mark has no owner, and another person's stack of the same project and name gives the same one"
    )


def test_an_orphan_with_the_mark_of_a_former_name_of_the_stack_is_doubtful() -> None:
    former = EHR.model_copy(update={"stack": "old"})
    knowledge = knowing(Declared(URN, (EHR, former), "me", "now"))
    verdict = knowledge.judge(key_of(former))
    assert (verdict.whose, verdict.resource) == (Whose.ORPHAN, URN)
    assert verdict.doubt == "its mark is that of a former name of the stack, which another stack may have taken since"
    assert knowledge.judge(key_of(EHR)).doubt == ""


def test_a_former_name_that_is_todays_name_of_another_stack_is_not_doubtful() -> None:
    former = EHR.model_copy(update={"stack": "old"})
    renamed = StackRecord("clinic/prod", "clinic", "prod", frozenset({"me"}), (Declared(URN, (EHR, former), "me"),))
    today = StackRecord("clinic/old", "clinic", "old", frozenset({"me"}))
    for records in ([renamed, today], [today, renamed]):
        assert Knowledge(records).judge(key_of(former)) == Verdict(Whose.ORPHAN, "clinic/old", URN)


@pytest.mark.parametrize(("minutes", "doubt"), [(0, ""), (60, ""), (61, "it was used long after it was made")])
def test_an_orphan_that_somebody_uses_is_doubtful(minutes: int, doubt: str) -> None:
    used = key_of(EHR, last_used_at=MADE_AT + timedelta(minutes=minutes))
    verdict = knowing().judge(used)
    assert verdict.whose is Whose.ORPHAN
    assert verdict.doubt.startswith(doubt)
    assert bool(verdict.doubt) == bool(doubt)


def stack_of(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = (), **settings: str) -> Stack:
    deployment = {"resources": list(resources), "pending_operations": list(pending)}
    return Stack(Path(), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), deployment)


def resource_of(urn: str = URN, kind: str = DYNAMIC, **more: Any) -> dict[str, Any]:
    identity = {"project": "clinic", "stack": "prod", "name": "ehr"}
    record = {"stateVersion": 1, "identity": identity, "owner": "me", "settings": {}}
    return {"urn": urn, "type": kind, "outputs": {"keyId": "now", "pending": [], "record": record, **more}}


def declared(resource: dict[str, Any]) -> Declared:
    (found,) = record_of(stack_of(resource), {}).declared
    return found


def test_a_state_gives_its_keys_in_the_cores_words() -> None:
    owed = [{"step": "revoke", "why": "w", "keyId": "owed"}, {"step": "deliver", "why": "w", "keyId": "now"}]
    found = declared({**resource_of(previousKeyId="before", pending=owed), "delete": True})
    assert found == Declared(URN, (EHR,), "me", "now", "before", frozenset({"owed"}), is_replaced=True)


def test_both_faces_and_parents_give_the_identity_that_marks_are_made_of() -> None:
    found = declared(resource_of(LAB_URN, PLUGIN, record={}))
    assert (found.identities, found.owner) == ((LAB,), "")


@pytest.mark.parametrize(
    "outputs",
    [
        {"keyId": SECRET},
        {"keyId": None},
        {"previousKeyId": SECRET},
        {"pending": SECRET},
        {"pending": [SECRET]},
        {"pending": [{"step": "revoke", "keyId": SECRET}]},
    ],
)
def test_a_state_that_hides_a_key_id_makes_no_orphan_of_the_key(outputs: dict[str, Any]) -> None:
    stack = stack_of(resource_of(**outputs), owner="me")
    assert Knowledge([record_of(stack, {})]).judge(key_of(EHR, key_id="hidden")).whose is Whose.UNSETTLED


@pytest.mark.parametrize("kind", ["creating", "updating", "deleting", "reading", "importing"])
def test_any_kind_of_pending_operation_counts(kind: str) -> None:
    pending = {"type": kind, "resource": {"urn": LAB_URN, "type": PLUGIN}}
    stack = stack_of(pending=(pending,), owner="me")
    assert Knowledge([record_of(stack, {})]).judge(key_of(LAB)).whose is Whose.UNSETTLED


def test_every_owner_that_was_ever_configured_counts() -> None:
    defaults = {
        "urn": "urn:pulumi:prod::clinic::pulumi:providers:pulumi-python::default",
        "type": "pulumi:providers:pulumi-python",
        "inputs": {"allomia:owner": "before"},
    }
    explicit = {"urn": PROVIDER_URN, "type": "pulumi:providers:allomia", "inputs": {"owner": "explicit"}}
    stack = stack_of(defaults, explicit, owner="stack")
    owners = record_of(stack, {"ALLOMIA_OWNER": "environment"}).owners
    assert owners == {"", "before", "explicit", "stack", "environment"}
    assert not has_secret_owner(stack)
    assert has_secret_owner(stack_of({**explicit, "inputs": {"owner": SECRET}}))


def test_an_empty_state_knows_nothing_and_still_has_a_mark() -> None:
    empty = Stack(Path(), "clinic", "organization/clinic/prod", "prod", {"owner": "me"}, frozenset(), {})
    assert Knowledge([record_of(empty, {})]).judge(key_of(EHR)).whose is Whose.ORPHAN


def test_keys_are_looked_for_with_every_tenant_key_of_the_stack() -> None:
    provider = {
        "urn": PROVIDER_URN,
        "type": "pulumi:providers:allomia",
        "inputs": {"apiUrl": "https://two", "vault": {"address": "https://v"}, "owner": SECRET, "version": "1.0"},
    }
    record = {"settings": {"tenantKeyRef": "secret/other#api_key"}}
    plain, own = resource_of(record=record), {**resource_of(LAB_URN, PLUGIN, record=record)}
    own["provider"] = f"{PROVIDER_URN}::0000"
    found = accesses(stack_of(provider, plain, own, apiUrl="https://one"), {})
    assert [(dict(each.stack), dict(each.arguments), str(each.reference)) for each in found] == [
        ({"apiUrl": "https://one"}, {}, "None"),
        ({}, {"apiUrl": "https://two", "vault": '{"address": "https://v"}'}, "None"),
        ({"apiUrl": "https://one"}, {}, "secret/other#api_key"),
        ({}, {"apiUrl": "https://two", "vault": '{"address": "https://v"}'}, "secret/other#api_key"),
    ]


def test_what_the_command_was_given_wins_over_every_tenant_key_of_the_stack() -> None:
    given = {"apiUrl": "https://given", "tenantKeyRef": "secret/given#api_key"}
    plain = resource_of(record={"settings": {"tenantKeyRef": "secret/other#api_key"}})
    assert [dict(each.arguments) for each in accesses(stack_of(plain, apiUrl="https://one"), given)] == [given]


def test_g1_the_state_is_read_after_the_keys_so_that_a_run_under_way_makes_no_orphan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, key = stack_of(owner="me"), key_of(EHR, key_id="now")
    states = [stack_of(owner="me")]

    def survey(*_: Any) -> Survey:
        # The run ends between the list and its end: the key is in the list, and in the state from now on.
        states.append(stack_of(resource_of(), owner="me"))
        return Survey((Holding("org", "", (key,), None),), ())  # type: ignore[arg-type]

    monkeypatch.setattr(looking, "open_stack", lambda _: before)
    monkeypatch.setattr(looking, "read_again", lambda _: states[-1])
    monkeypatch.setattr(Connections, "survey", survey)
    (row,) = looking.look(Connections({}), ["."], [], {}).rows
    assert row.verdict == Verdict(Whose.CURRENT, "clinic/prod", URN)
