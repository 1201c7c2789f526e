"""Whose a key is: the rule that says which keys may be revoked, and how it reads a stack's state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.cli import survey, target
from allomia_pulumi.cli.access import accesses
from allomia_pulumi.cli.clients import Connections, Holding, Survey
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import declared_keys, has_secret_owner, is_key, newer_records, record_of
from allomia_pulumi.core.certainty import UNSEARCHED
from allomia_pulumi.core.identity import Identity, Origin
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.orphans import (
    Declared,
    Knowledge,
    Listing,
    Pending,
    StackRecord,
    Trace,
    Verdict,
    Whose,
    settle,
)
from tests.fakes import LINEAGE

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN_AT = MADE_AT + timedelta(days=2)
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
    is_use_known: bool = True


def key_of(identity: Identity, owner: str = "me", key_id: str = "k", lineage: str = LINEAGE, **more: Any) -> Key:
    return Key(key_id, make_mark(identity, owner, lineage).name(identity.name), **more)


def current(made: timedelta = timedelta(hours=1), **more: Any) -> Key:
    return Key("now", make_mark(EHR, "me", LINEAGE).name("ehr"), MADE_AT + made, **more)


def declared_as(**more: Any) -> Declared:
    return Declared(
        **{"resource": URN, "identities": (EHR,), "owner": "me", "key_id": "now", "lineage": LINEAGE, **more}
    )


def knowing(*declared: Declared, pending: tuple[Pending, ...] = (), owners: tuple[str, ...] = ("", "me")) -> Knowledge:
    return Knowledge([StackRecord("clinic/prod", "clinic", "prod", frozenset(owners), declared, pending)])


def judge(knowledge: Knowledge, key: Key, *others: Key, at: datetime | None = SEEN_AT) -> Verdict:
    return knowledge.judge(key, Listing("org", (key, *others), at))


def test_a_record_knows_its_current_key_its_predecessor_and_what_it_owes() -> None:
    knowledge = knowing(declared_as(previous_key_id="before", owed=frozenset({"owed"}), foreign=frozenset({"taken"})))
    names = ("now", "before", "owed", "taken")
    found = {key_id: judge(knowledge, key_of(EHR, key_id=key_id)) for key_id in names}
    assert found == {
        "now": Verdict(Whose.CURRENT, "clinic/prod", URN),
        "before": Verdict(Whose.PREDECESSOR, "clinic/prod", URN),
        "owed": Verdict(Whose.OWED, "clinic/prod", URN),
        "taken": Verdict(Whose.FOREIGN, "clinic/prod", URN),
    }


def test_a_key_that_was_taken_over_with_anothers_mark_is_what_its_record_says() -> None:
    other = EHR.model_copy(update={"stack": "dev"})
    knowledge = knowing(declared_as(foreign=frozenset({"now"})))
    assert judge(knowledge, key_of(other, key_id="now")).whose is Whose.CURRENT


def test_a_key_that_waits_for_its_deletion_is_known_and_a_successor_beside_it_too() -> None:
    replaced = declared_as(key_id="old", previous_key_id="older", is_replaced=True)
    knowledge = knowing(declared_as(key_id="new"), replaced)
    verdicts = [judge(knowledge, key_of(EHR, key_id=key_id)).whose for key_id in ("new", "old", "older")]
    assert verdicts == [Whose.CURRENT, Whose.REPLACED, Whose.REPLACED]


def test_an_imported_key_without_a_mark_is_known_by_its_id() -> None:
    assert judge(knowing(declared_as(key_id="k")), Key("k", "by hand")).whose is Whose.CURRENT


@pytest.mark.parametrize(
    "other",
    [
        EHR.model_copy(update={"stack": "dev"}),
        EHR.model_copy(update={"project": "practice"}),
    ],
)
def test_another_stacks_key_is_never_an_orphan(other: Identity) -> None:
    assert judge(knowing(), key_of(other)).whose is Whose.OTHER


def test_another_owners_key_is_never_an_orphan() -> None:
    assert judge(knowing(), key_of(EHR, "you")).whose is Whose.OTHER


@pytest.mark.parametrize("name", ["", "by hand", "ehr--p1abc", "ehr--p1000000000000000000000000000u", "x" * 500])
def test_a_key_without_a_true_mark_is_made_by_hand(name: str) -> None:
    assert judge(knowing(), Key("k", name)).whose is Whose.BY_HAND


def test_several_stacks_know_their_keys_together() -> None:
    moved = StackRecord("a/dev", "a", "dev", frozenset({"me"}), (declared_as(key_id="moved"),))
    knowledge = Knowledge([StackRecord("clinic/prod", "clinic", "prod", frozenset({"me"})), moved])
    assert judge(knowledge, key_of(EHR, key_id="moved")) == Verdict(Whose.CURRENT, "a/dev", URN)
    assert judge(knowledge, key_of(EHR, key_id="lost")).whose is Whose.ORPHAN


def test_a_key_whose_resource_has_a_pending_operation_is_perhaps_being_made() -> None:
    knowledge = knowing(pending=(Pending(URN, EHR),))
    verdict = judge(knowledge, key_of(EHR))
    assert (verdict.whose, verdict.resource) == (Whose.UNSETTLED, URN)
    assert verdict.doubt == "an operation on its resource was begun and has no recorded end"
    assert judge(knowledge, key_of(LAB)).whose is Whose.ORPHAN


def test_a_pending_operation_of_a_renamed_stack_holds_for_the_recorded_name_too() -> None:
    former = EHR.model_copy(update={"stack": "old"})
    knowledge = knowing(declared_as(identities=(EHR, former)), pending=(Pending(URN, EHR),))
    assert judge(knowledge, key_of(former)).whose is Whose.UNSETTLED


def test_a_key_of_a_record_that_does_not_show_its_keys_is_no_orphan() -> None:
    verdict = judge(knowing(declared_as(key_id=None, is_readable=False)), key_of(EHR))
    assert verdict.whose is Whose.UNSETTLED
    assert verdict.doubt == "the record of its resource does not show which keys it has"


def test_an_orphan_without_an_owner_in_its_mark_is_doubtful() -> None:
    verdict = judge(knowing(declared_as()), key_of(EHR, ""), current())
    assert verdict.whose is Whose.ORPHAN
    assert verdict.doubt == (
        "its mark has no owner, and another person's stack of the same project and name gives the same one"
    )


def test_an_orphan_against_whose_end_nothing_speaks_is_not_certain_before_everything_was_looked_through() -> None:
    lost = judge(knowing(declared_as()), key_of(EHR), current())
    assert lost == Verdict(Whose.ORPHAN, "clinic/prod", URN, UNSEARCHED)
    assert not lost.is_certain
    assert settle(lost, key_of(EHR), "org", []).is_certain


@pytest.mark.parametrize(
    ("trace", "doubt"),
    [
        (Trace("Vault secret/ehr#api_key", frozenset({"k"})), "Vault secret/ehr#api_key names it"),
        (Trace("Vault secret/ehr#api_key", unread="cannot be read"), "Vault secret/ehr#api_key cannot be read"),
        (Trace("Vault a/b#c", frozenset(), "does not say", organization_id="org"), "Vault a/b#c does not say"),
        (Trace("Vault a/b#c", frozenset(), "does not say", organization_id="other"), ""),
        (Trace("history/x.json", frozenset({"another"})), ""),
    ],
)
def test_g1_what_names_a_key_or_cannot_be_read_is_a_doubt(trace: Trace, doubt: str) -> None:
    lost = judge(knowing(declared_as()), key_of(EHR), current())
    assert settle(lost, key_of(EHR), "org", [trace]).doubt == doubt


LATER = MADE_AT + timedelta(hours=1)
OTHER_LINEAGE = "the state's resource has another lineage"
DOUBTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None, datetime | None, str]] = {
    # What is unlike the certain orphan: of the candidate, of the record, of the current key, and AlloMia's clock.
    "another lineage": ({"lineage": "000000"}, {}, {}, SEEN_AT, OTHER_LINEAGE),
    "no lineage recorded": ({}, {"lineage": None}, {}, SEEN_AT, OTHER_LINEAGE),
    "current gone": ({}, {}, None, SEEN_AT, "the key that the state has as current is not alive beside it"),
    "current unknown": ({}, {"key_id": None}, {}, SEEN_AT, "the key that the state has as current is not alive"),
    "as old": ({}, {}, {"made": timedelta()}, SEEN_AT, "it was not made before the key that the state has"),
    "newer": ({}, {}, {"made": -timedelta(hours=1)}, SEEN_AT, "it was not made before the key that the state has"),
    "no moment": ({"created_at": None}, {}, {}, SEEN_AT, "AlloMia does not say when it, or the current key, was made"),
    "current in the future": ({}, {}, {"made": timedelta(days=9)}, SEEN_AT, "it, or the current key, was made later"),
    "no date": ({}, {}, {}, None, "AlloMia's list has no date to tell its age by"),
    "young": ({}, {}, {}, MADE_AT + timedelta(hours=24, seconds=-1), "it was made less than 24 h ago"),
    "use not served": ({"is_use_known": False}, {}, {}, SEEN_AT, "AlloMia does not say whether it was used"),
    "used": ({"last_used_at": MADE_AT + timedelta(seconds=61)}, {}, {}, SEEN_AT, "it was used after it was made"),
    "used before": ({"last_used_at": MADE_AT - timedelta(seconds=1)}, {}, {}, SEEN_AT, "it was used after it was made"),
    "unfinished": ({}, {"is_unfinished": True}, {}, SEEN_AT, "its resource has something unfinished"),
    "replaced": ({}, {"is_replaced": True}, {}, SEEN_AT, "the key that the state has as current is not alive"),
    "retained": ({}, {"is_retained": True}, {}, SEEN_AT, "its resource is retained on delete"),
}


@pytest.mark.parametrize("case", DOUBTS.values(), ids=DOUBTS)
def test_g1_each_doubt_alone_keeps_a_key(
    case: tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None, datetime | None, str],
) -> None:
    candidate, record, beside, at, doubt = case
    others = [] if beside is None else [current(**beside)]
    verdict = judge(knowing(declared_as(**record)), key_of(EHR, **candidate), *others, at=at)
    assert verdict.whose is Whose.ORPHAN
    assert verdict.doubt.startswith(doubt)
    assert not settle(verdict, key_of(EHR), "org", []).is_certain


@pytest.mark.parametrize(
    "candidate",
    [
        {"last_used_at": MADE_AT},
        {"last_used_at": MADE_AT + timedelta(seconds=60)},
        {"created_at": LATER - timedelta(microseconds=1)},
    ],
)
def test_what_is_at_the_edge_of_each_rule_is_certain(candidate: dict[str, Any]) -> None:
    at = candidate.get("created_at", MADE_AT) + timedelta(hours=24)
    assert judge(knowing(declared_as()), key_of(EHR, **candidate), current(), at=at).is_to_be_searched


def test_g1_a_copy_of_a_name_makes_both_doubtful() -> None:
    lost = key_of(EHR)
    copies = [Key("copy", lost.name), Key("relabelled", lost.name.replace("ehr", "mine", 1))]
    for copy in copies:
        for key, other in ((lost, copy), (copy, lost)):
            verdict = judge(knowing(declared_as()), key, other, current())
            assert verdict.doubt == "another key has the same mark, so that one of the names is a copy"


def test_g1_the_state_that_lacks_what_allomia_has_may_be_the_wrong_one() -> None:
    lacking = {name for name, case in DOUBTS.items() if _is_lacking(*case[:4])}
    assert lacking == {
        "another lineage",
        "no lineage recorded",
        "current gone",
        "current unknown",
        "as old",
        "newer",
    } | {"replaced"}
    nothing = judge(knowing(), key_of(EHR))
    assert (nothing.doubt, nothing.is_lacking) == (
        "the state has no resource that it belongs to, and nothing tells who uses it",
        True,
    )


def _is_lacking(
    candidate: dict[str, Any], record: dict[str, Any], beside: dict[str, Any] | None, at: datetime | None
) -> bool:
    others = [] if beside is None else [current(**beside)]
    return judge(knowing(declared_as(**record)), key_of(EHR, **candidate), *others, at=at).is_lacking


def test_a_creation_without_an_end_is_over_for_what_was_made_before_the_key_that_the_record_has_by_now() -> None:
    begun = Pending(URN, EHR, is_creation=True, lineage="000000")
    knowledge = knowing(declared_as(), pending=(begun,))
    first = key_of(EHR, lineage="000000")
    assert judge(knowledge, first, current()).is_to_be_searched
    for made in (timedelta(), -timedelta(hours=1)):
        assert judge(knowledge, first, current(made=made)).whose is Whose.UNSETTLED
    assert judge(knowledge, first).whose is Whose.UNSETTLED
    assert judge(knowing(pending=(begun,)), first, current()).whose is Whose.UNSETTLED
    assert judge(knowledge, key_of(EHR, lineage="111111"), current()).doubt.startswith(OTHER_LINEAGE)


def test_an_operation_that_is_no_creation_is_never_over() -> None:
    knowledge = knowing(declared_as(), pending=(Pending(URN, EHR, lineage=LINEAGE),))
    assert judge(knowledge, key_of(EHR), current()).whose is Whose.UNSETTLED


def test_a_lost_first_creation_that_nothing_witnessed_stays_doubtful() -> None:
    assert judge(knowing(declared_as()), key_of(EHR, lineage="000000"), current()).doubt == (
        "the state's resource has another lineage: it is a lost first creation that nothing witnessed, or the key of "
        "another state"
    )


def test_a_resource_that_was_renamed_has_what_it_made_before() -> None:
    former = Origin(identity=EHR.model_copy(update={"stack": "old"}), owner="before")
    knowledge = knowing(declared_as(former=(former,)))
    verdict = judge(knowledge, key_of(former.identity, "before"), current())
    assert (verdict.resource, verdict.is_to_be_searched) == (URN, True)


def test_g1_a_new_stack_under_a_former_name_does_not_have_the_renamed_stacks_keys() -> None:
    knowledge = knowing(declared_as(lineage="000000"))
    verdict = judge(knowledge, key_of(EHR), current())
    assert verdict.doubt.startswith(OTHER_LINEAGE)
    assert verdict.is_lacking


def test_g1_what_two_stacks_may_have_made_is_as_doubtful_as_for_the_more_doubtful_one() -> None:
    mine = StackRecord("clinic/prod", "clinic", "prod", frozenset({"me"}), (declared_as(),))
    copied = replace(mine, label="clinic/copy", declared=(declared_as(key_id="other"),))
    for records in ([mine, copied], [copied, mine]):
        verdict = judge(Knowledge(records), key_of(EHR), current())
        assert verdict.doubt == "the key that the state has as current is not alive beside it"


def test_of_two_stacks_the_one_with_the_lineage_has_made_a_key() -> None:
    renamed = StackRecord("clinic/new", "clinic", "new", frozenset({"me"}), (declared_as(resource="renamed"),))
    today = StackRecord(
        "clinic/prod", "clinic", "prod", frozenset({"me"}), (declared_as(key_id="x", lineage="000000"),)
    )
    for records in ([renamed, today], [today, renamed]):
        verdict = judge(Knowledge(records), key_of(EHR), current())
        assert (verdict.stack, verdict.resource, verdict.is_to_be_searched) == ("clinic/new", "renamed", True)


def stack_of(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = (), **settings: str) -> Stack:
    deployment = {"resources": list(resources), "pending_operations": list(pending)}
    return Stack(Path(), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), deployment)


def resource_of(urn: str = URN, kind: str = DYNAMIC, **more: Any) -> dict[str, Any]:
    identity = {"project": "clinic", "stack": "prod", "name": "ehr"}
    record = {"stateVersion": 1, "identity": identity, "owner": "me", "lineage": LINEAGE, "settings": {}}
    return {"urn": urn, "type": kind, "outputs": {"keyId": "now", "pending": [], "record": record, **more}}


def declared(resource: dict[str, Any]) -> Declared:
    (found,) = record_of(stack_of(resource), {}).declared
    return found


def test_a_state_gives_its_keys_in_the_cores_words() -> None:
    owed = [{"step": "revoke", "why": "w", "keyId": "owed"}, {"step": "deliver", "why": "w", "keyId": "now"}]
    found = declared({**resource_of(previousKeyId="before", pending=owed), "delete": True})
    owes = declared_as(previous_key_id="before", owed=frozenset({"owed"}))
    assert found == replace(owes, is_replaced=True, is_unfinished=True)


def test_a_state_gives_what_certainty_rests_on() -> None:
    former = {"identity": {"project": "clinic", "stack": "old", "name": "ehr"}, "owner": "before"}
    record = {**resource_of()["outputs"]["record"], "former": [former, "garbage"], "foreignKeys": ["taken"]}
    found = declared({**resource_of(record=record), "retainOnDelete": True})
    origin = Origin(identity=EHR.model_copy(update={"stack": "old"}), owner="before")
    assert found == declared_as(former=(origin,), foreign=frozenset({"taken"}), is_retained=True)
    assert declared(resource_of()) == declared_as()
    assert declared({**resource_of(), "initErrors": ["late"]}).is_unfinished
    assert declared(resource_of(record={**record, "lineage": 7})).lineage is None


def test_a_creation_without_an_end_witnesses_the_lineage_of_its_inputs() -> None:
    begun = {"type": "creating", "resource": {"urn": LAB_URN, "type": PLUGIN, "inputs": {"__lineage": LINEAGE}}}
    updating = {"type": "updating", "resource": {"urn": LAB_URN, "type": PLUGIN, "inputs": {"__lineage": "?"}}}
    found = record_of(stack_of(pending=(begun, updating)), {}).pending
    assert found == (Pending(LAB_URN, LAB, is_creation=True, lineage=LINEAGE), Pending(LAB_URN, LAB))


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
    assert judge(Knowledge([record_of(stack, {})]), key_of(EHR, key_id="hidden")).whose is Whose.UNSETTLED


@pytest.mark.catalogue(155)
@pytest.mark.parametrize("version", [2, 99, 1.5])
def test_g1_no_key_of_a_stack_is_an_orphan_beside_a_record_that_a_newer_version_wrote(version: float) -> None:
    record = {"stateVersion": version, "keys": {"current": "of another shape"}}
    stack = stack_of(resource_of(LAB_URN, PLUGIN, record=record), resource_of(), owner="me")
    knowledge = Knowledge([record_of(stack, {})])
    for key in (key_of(EHR), key_of(LAB), key_of(EHR.model_copy(update={"name": "unheard of"}))):
        verdict = judge(knowledge, key, current())
        assert (verdict.whose, verdict.is_certain) == (Whose.UNSETTLED, False)
        assert "a newer allomia-pulumi wrote a record of the stack" in verdict.doubt
    assert judge(knowledge, current()).whose is Whose.CURRENT
    assert judge(knowledge, key_of(EHR, owner="somebody")).whose is Whose.OTHER
    assert newer_records(stack) == ["lab"]
    assert declared_keys(stack.deployment)[0].has_hidden_place


@pytest.mark.catalogue(162)
@pytest.mark.parametrize("kind", ["Organization", "OrganizationMetadata", "DashboardApiKey", "KindOfLater"])
@pytest.mark.parametrize("face", ["allomia:index:", "pulumi-python:dynamic/allomia:"])
def test_g1_no_key_of_a_stack_is_an_orphan_beside_anything_that_a_newer_version_wrote(face: str, kind: str) -> None:
    version = 1 if kind == "KindOfLater" else 2
    other = resource_of(
        f"urn:pulumi:prod::clinic::{face}{kind}::other", f"{face}{kind}", record={"stateVersion": version}
    )
    stack = stack_of({**other, "custom": True}, resource_of(), owner="me")
    assert judge(Knowledge([record_of(stack, {})]), key_of(EHR), current()).whose is Whose.UNSETTLED
    assert newer_records(stack) == ["other"]


def test_a_component_of_the_program_is_none_that_a_newer_version_wrote() -> None:
    component = {"urn": "urn:pulumi:prod::clinic::allomia:index:Clinic::c", "type": "allomia:index:Clinic"}
    assert newer_records(stack_of({**component, "custom": False}, resource_of(), owner="me")) == []


@pytest.mark.catalogue(163)
def test_g1_a_record_whose_identity_is_not_understood_hides_its_keys() -> None:
    record = {**resource_of()["outputs"]["record"], "identity": {**EHR.model_dump(), "region": "eu"}}
    stack = stack_of(resource_of(record=record), owner="me")
    assert judge(Knowledge([record_of(stack, {})]), key_of(EHR), current()).whose is Whose.UNSETTLED


@pytest.mark.parametrize("version", ["1", True, None, -1])
def test_g1_a_record_without_a_version_that_anybody_wrote_hides_its_keys(version: object) -> None:
    outputs = resource_of()["outputs"]
    stack = stack_of(resource_of(record={**outputs["record"], "stateVersion": version}), owner="me")
    assert judge(Knowledge([record_of(stack, {})]), key_of(EHR), current()).whose is Whose.UNSETTLED
    assert newer_records(stack) == []


@pytest.mark.parametrize("kind", ["creating", "updating", "deleting", "reading", "importing"])
def test_any_kind_of_pending_operation_counts(kind: str) -> None:
    pending = {"type": kind, "resource": {"urn": LAB_URN, "type": PLUGIN}}
    stack = stack_of(pending=(pending,), owner="me")
    assert judge(Knowledge([record_of(stack, {})]), key_of(LAB)).whose is Whose.UNSETTLED


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


@pytest.mark.catalogue(113)
@pytest.mark.parametrize("kind", ["Organization", "OrganizationMetadata"])
@pytest.mark.parametrize("package", ["allomia:index", "pulumi-python:dynamic/allomia"])
def test_an_organization_of_the_state_is_no_key_and_keeps_no_key_doubtful(package: str, kind: str) -> None:
    type_ = f"{package}:{kind}"
    urn = f"urn:pulumi:prod::clinic::{type_}::ehr"
    record = {"stateVersion": 1, "organizationId": "org", "settings": {"tenantKeyRef": "secret/other#api_key"}}
    clinic = {"urn": urn, "type": type_, "outputs": {"name": "Valley", "record": record}}
    creating = {"type": "creating", "resource": {"urn": f"{urn}-2", "type": type_}}
    stack = stack_of(clinic, pending=(creating,), owner="me")
    assert (declared_keys(stack.deployment), is_key(clinic)) == ([], False)
    known = record_of(stack, {})
    assert (known.declared, known.pending) == ((), ())
    assert judge(Knowledge([known]), key_of(EHR)).whose is Whose.ORPHAN


def test_an_empty_state_knows_nothing_and_still_has_a_mark() -> None:
    empty = Stack(Path(), "clinic", "organization/clinic/prod", "prod", {"owner": "me"}, frozenset(), {})
    assert judge(Knowledge([record_of(empty, {})]), key_of(EHR)).whose is Whose.ORPHAN


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

    def take_survey(*_: Any) -> Survey:
        # The run ends between the list and its end: the key is in the list, and in the state from now on.
        states.append(stack_of(resource_of(), owner="me"))
        return Survey((Holding("org", "", (key,), None),), ())  # type: ignore[arg-type]

    monkeypatch.setattr(target, "open_stack", lambda _: before)
    monkeypatch.setattr(survey, "read_again", lambda _: states[-1])
    monkeypatch.setattr(Connections, "survey", take_survey)
    (row,) = survey.take_survey(Connections({}), target.Target(("folder",)), []).rows
    assert row.verdict == Verdict(Whose.CURRENT, "clinic/prod", URN)
