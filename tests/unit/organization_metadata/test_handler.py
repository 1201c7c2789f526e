"""The metadata of an organization: what is written when, and what each answer of AlloMia's comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from allomia_pulumi.contracts.nulls import NULL
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization_metadata.handler import OrganizationMetadataRecords
from allomia_pulumi.core.organization_metadata.inputs import parse_metadata_inputs
from allomia_pulumi.core.organization_metadata.state import hash_metadata
from allomia_pulumi.errors import (
    AllomiaError,
    InvalidConfiguration,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    SetupError,
    Unavailable,
)
from tests.fakes import FakeClock, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="valley")
METADATA = {"emr_system": "Epic", "operatingHours": {"monday": "9:00-17:00"}, "beds": 12, "open": True, "gap": None}
NEWS = {"organizationId": "org", "metadata": METADATA}
LOST = OutcomeUnknown("AlloMia broke the connection while writing the metadata of organization org")
NOT_FOUND = NotFound("AlloMia answered 404 to writing the metadata of organization org")


@dataclass(frozen=True)
class Answer:
    id: str
    organization_id: str
    version: int
    created_at: datetime | None = datetime(2025, 6, 1, 14, 23, 45, tzinfo=UTC)
    created_by: str | None = "tenant"


class FakeApi:
    def __init__(self) -> None:
        self.put: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: list[AllomiaError | None] = []
        self.organizations: AllomiaError | set[str] = {"org"}
        self.reads = 0

    def put_metadata(self, organization_id: str, metadata: Mapping[str, Any]) -> Answer:
        self.put.append((organization_id, metadata))
        problem = self.answers.pop(0) if self.answers else None
        if problem:
            raise problem
        return Answer("record-1", organization_id, 1 + len(self.put))

    def read_organization(self, organization_id: str) -> object | None:
        self.reads += 1
        if isinstance(self.organizations, AllomiaError):
            raise self.organizations
        return SimpleNamespace(id=organization_id) if organization_id in self.organizations else None


class Stack:
    """One declared resource; every command is a process of its own."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.clock = FakeClock()
        self.said = Listener()
        self.opened: list[object] = []
        self.missing_key = False

    def require(self, _reference: object) -> None:
        if self.missing_key:
            raise InvalidConfiguration("no tenant key is configured")

    def organizations(self, reference: object) -> FakeApi:
        self.opened.append(reference)
        return self.api

    @property
    def handler(self) -> OrganizationMetadataRecords:
        return OrganizationMetadataRecords(self, self.clock)  # type: ignore[arg-type]

    def call(self, **more: Any) -> Call:
        return Call(IDENTITY, self.said, "org", **more)

    def up(self, **news: Any) -> dict[str, Any]:
        pulumi_id, state = self.handler.create({**NEWS, **news}, self.call())
        assert pulumi_id == "org"
        return state.to_outputs()


@pytest.fixture
def stack() -> Stack:
    return Stack()


def test_a_creation_writes_the_object_as_it_is_and_hands_over_what_allomia_answers(stack: Stack) -> None:
    outputs = stack.up()
    assert stack.api.put == [("org", METADATA)]
    assert outputs == {
        "metadataId": "record-1",
        "version": 2,
        "createdAt": "2025-06-01T14:23:45Z",
        "createdBy": "tenant",
        "metadataHash": hash_metadata(METADATA),
        "record": {
            "stateVersion": 1,
            "identity": IDENTITY.model_dump(by_alias=True),
            "settings": {"organizationId": "org"},
        },
    }
    assert stack.api.reads == 0


def test_whole_numbers_are_written_as_such_whatever_carried_them(stack: Stack) -> None:
    carried = {"beds": 12.0, "share": 0.5, "floors": [1.0, 2.0], "open": True, "deep": {"er": 3.0}}
    stack.up(metadata=carried)
    ((_, written),) = stack.api.put
    assert repr(written) == "{'beds': 12, 'share': 0.5, 'floors': [1, 2], 'open': True, 'deep': {'er': 3}}"


@pytest.mark.catalogue(140)
@pytest.mark.parametrize("number", [2**53, float(2**53), -(2**53), 9007199254740993, 1e300])
def test_a_number_that_the_way_may_have_changed_is_refused(stack: Stack, number: float) -> None:
    news = {**NEWS, "metadata": {"ids": [1, number]}}
    (failure,) = stack.handler.check({}, news, stack.call()).failures
    assert failure.reason.startswith("metadata.ids[1] is a number of more digits than Pulumi carries")
    with pytest.raises(SetupError):
        stack.handler.create(news, stack.call())
    assert stack.api.put == []


def test_the_largest_number_that_travels_as_it_is_is_written(stack: Stack) -> None:
    stack.up(metadata={"largest": float(2**53 - 1), "small": 1e-300})
    assert stack.api.put == [("org", {"largest": 9007199254740991, "small": 1e-300})]


def test_a_null_that_travels_in_disguise_is_written_as_one(stack: Stack) -> None:
    stack.up(metadata={"gap": NULL, "list": [NULL, 1], "deep": {"gap": dict(NULL)}, "own": None})
    assert stack.api.put == [("org", {"gap": None, "list": [None, 1], "deep": {"gap": None}, "own": None})]


def test_the_first_write_is_warned_of_before_it_is_sent_and_only_then(stack: Stack) -> None:
    handler = stack.handler
    assert handler.check({}, NEWS, stack.call()).failures == ()
    (warning,) = stack.said.warnings
    assert "replaces whatever organization org has there" in warning
    handler.check(NEWS, NEWS, stack.call(old_identity=IDENTITY))
    handler.check({}, {**NEWS, "organizationId": UNKNOWN}, stack.call())
    assert len(stack.said.warnings) == 1
    assert (stack.api.put, stack.api.reads, stack.opened) == ([], 0, [])


def test_without_a_tenant_key_the_check_fails(stack: Stack) -> None:
    stack.missing_key = True
    (failure,) = stack.handler.check({}, NEWS, stack.call()).failures
    assert failure.reason == "no tenant key is configured"


def test_no_change_is_no_call_and_the_order_of_keys_is_no_change(stack: Stack) -> None:
    outputs = stack.up()
    again = dict(reversed(METADATA.items()))
    change = stack.handler.diff(outputs, {**NEWS, "metadata": again}, stack.call())
    assert not change.has_changes
    assert len(stack.api.put) == 1


@pytest.mark.parametrize(
    "changed", [{**METADATA, "beds": 13}, {}, {**METADATA, "emrSystem": "Epic"}, {**METADATA, "open": 1}]
)
def test_another_object_is_written_in_place_as_a_whole(stack: Stack, changed: dict[str, Any]) -> None:
    outputs = stack.up()
    news = {**NEWS, "metadata": changed}
    change = stack.handler.diff(outputs, news, stack.call())
    assert (change.has_changes, change.replaces) == (True, ())
    preview = stack.handler.preview(outputs, news, stack.call())
    assert preview.unknown == {"version", "metadataHash", "record"}
    assert preview.outputs["metadataId"] == "record-1"
    after = stack.handler.update(outputs, news, stack.call()).to_outputs()
    assert stack.api.put[1:] == [("org", changed)]
    assert (after["version"], after["metadataHash"]) == (3, hash_metadata(changed))
    assert not stack.handler.diff(after, news, stack.call()).has_changes


def test_another_organization_is_a_new_record_there_and_the_former_one_stays(stack: Stack) -> None:
    outputs = stack.up()
    change = stack.handler.diff(outputs, {**NEWS, "organizationId": "other"}, stack.call())
    assert change.replaces == ("organizationId",)
    stack.handler.delete(outputs, stack.said)
    assert "the metadata of organization org stay at AlloMia" in stack.said.warnings[-1]
    assert len(stack.api.put) == 1


def test_a_new_reference_to_the_tenant_key_or_a_new_name_writes_nothing(stack: Stack) -> None:
    outputs = stack.up()
    news = {**NEWS, "tenantKeyRef": "secret/allomia/other#api_key"}
    assert stack.handler.diff(outputs, news, stack.call()).has_changes
    assert stack.handler.preview(outputs, news, stack.call()).unknown == {"record"}
    after = stack.handler.update(outputs, news, stack.call()).to_outputs()
    assert len(stack.api.put) == 1
    assert after["record"]["settings"]["tenantKeyRef"]
    assert after["version"] == outputs["version"]
    renamed = Call(Identity(project="clinic", stack="prod", name="hill"), stack.said, "org")
    assert stack.handler.diff(after, news, renamed).has_changes
    assert not stack.handler.diff(after, news, stack.call()).has_changes


def test_a_refresh_asks_nothing_and_claims_no_drift(stack: Stack) -> None:
    outputs = stack.up()
    handler = stack.handler
    assert handler.read("org", outputs, stack.said).to_outputs() == outputs
    assert not handler.diff(outputs, {}, stack.call()).has_changes
    assert handler.diff(outputs, {**NEWS, "metadata": {}}, stack.call()).has_changes
    assert (len(stack.api.put), stack.api.reads) == (1, 0)


def test_unknown_metadata_may_be_a_change_and_are_never_written(stack: Stack) -> None:
    outputs = stack.up()
    news = {**NEWS, "metadata": {**METADATA, "deep": [{"region": UNKNOWN}]}}
    assert stack.handler.check({}, news, stack.call()).failures == ()
    assert stack.handler.diff(outputs, news, stack.call()).has_changes
    assert "version" in stack.handler.preview(outputs, news, stack.call()).unknown
    with pytest.raises(SetupError, match="still unknown"):
        stack.handler.update(outputs, news, stack.call())
    assert len(stack.api.put) == 1


def test_a_lost_answer_is_followed_by_the_same_write_once(stack: Stack) -> None:
    stack.api.answers = [LOST]
    outputs = stack.up()
    assert stack.api.put == [("org", METADATA)] * 2
    assert outputs["version"] == 3
    assert stack.clock.slept == [1.0]


def test_a_second_lost_answer_is_an_error_that_says_what_may_be(stack: Stack) -> None:
    stack.api.answers = [LOST, LOST]
    with pytest.raises(OutcomeUnknown, match="may be the new ones or still those before") as caught:
        stack.up()
    assert caught.value.hint == "Run `pulumi up` again: it writes them once more."
    assert len(stack.api.put) == 2


def test_a_404_says_that_the_first_record_is_made_on_allomias_side(stack: Stack) -> None:
    stack.api.answers = [NOT_FOUND]
    with pytest.raises(NotFound, match="AlloMia has no metadata record of organization org") as caught:
        stack.up()
    assert caught.value.hint == "Have the first record made on AlloMia's side, then run `pulumi up` again."
    assert (len(stack.api.put), stack.api.reads) == (1, 1)


def test_a_404_of_an_organization_that_nobody_sees_is_said_as_that(stack: Stack) -> None:
    stack.api.answers, stack.api.organizations = [NOT_FOUND], set()
    with pytest.raises(NotFound, match="organization org is not visible to the tenant key"):
        stack.up()


def test_a_404_that_cannot_be_explained_stays_what_it_is(stack: Stack) -> None:
    stack.api.answers, stack.api.organizations = [NOT_FOUND], Unavailable("AlloMia answered 503")
    with pytest.raises(NotFound, match="AlloMia answered 404 to writing the metadata") as caught:
        stack.up()
    assert caught.value.hint == "Nothing was written."


def test_a_refusal_names_the_schema_and_nothing_is_recorded(stack: Stack) -> None:
    outputs = stack.up()
    stack.api.answers = [RequestRefused("AlloMia refused it (400): beds must be of type string", status=400)]
    with pytest.raises(RequestRefused, match=r"beds must be of type string\. Correct metadata by the schema"):
        stack.handler.update(outputs, {**NEWS, "metadata": {"beds": 1}}, stack.call())
    assert len(stack.api.put) == 2


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        ({"metadata": {}}, "organization_id is missing"),
        ({"organizationId": "a/b", "metadata": {}}, "is not an id"),
        ({"organizationId": "org"}, "metadata is missing"),
        ({"organizationId": "org", "metadata": "{}"}, "metadata is not an object"),
        ({"organizationId": "org", "metadata": []}, "metadata is not an object"),
        ({"organizationId": "org", "metadata": {"a": [{"b": float("nan")}]}}, "metadata.a[0].b is no number"),
        ({"organizationId": "org", "metadata": {"a": object()}}, "metadata.a is nothing that JSON has"),
        ({"organizationId": "org", "metadata": {}, "version": 1}, "`version` is not supported"),
        ({"organizationId": "org", "metadata": {}, "tenantKeyRef": "key"}, "is not a Vault reference"),
    ],
)
def test_bad_inputs_are_failures_that_name_them(news: dict[str, Any], reason: str) -> None:
    inputs, failures = parse_metadata_inputs(news)
    assert inputs is None
    assert reason.replace("organization_id", "organizationId") in "; ".join(each.reason for each in failures)


def test_a_state_of_something_else_is_an_error_and_not_a_change(stack: Stack) -> None:
    with pytest.raises(AllomiaError, match="the state of this organization's metadata is not readable"):
        stack.handler.diff({"keyId": "1"}, NEWS, stack.call())
