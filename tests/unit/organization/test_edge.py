"""The edge's writes of organizations: what is sent, what is believed, and what an error may repeat."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.edges.allomia import HttpClient, OrganizationClient, TenantClient
from allomia_pulumi.errors import (
    AllomiaError,
    Interrupted,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.redaction import guard
from tests.allomias import BODY_CANARY, KEYS, Credential, Server, html, status
from tests.fakes import FakeClock
from tests.unit.organization.scenes import NEWS

SHOWN = {"id": "org-1", "tenantId": "t", "createdAt": "2026-11-25T12:00:00Z", "createdBy": "u", **NEWS}
RECORD = {"id": "rec-1", "organizationId": "org-1", "version": 3, "metadata": {}, "createdAt": "2026-11-25T12:00:00Z"}
FIELDS = OrganizationFields.model_validate(NEWS)


class Edge:
    def __init__(self) -> None:
        self.server, self.clock, self.cancellation = Server(), FakeClock(), Cancellation()
        http = HttpClient(
            "https://allomia.com", self.clock, self.cancellation, transport=httpx.MockTransport(self.server)
        )
        credential = Credential()
        self.client = OrganizationClient(http, credential, TenantClient(http, credential, KEYS))

    def answer(self, *answers: httpx.Response | Exception) -> OrganizationClient:
        self.server.answers = list(answers)
        return self.client

    def body(self) -> dict[str, object]:
        return dict(json.loads(self.server.requests[-1].content))


@pytest.fixture
def edge() -> Edge:
    return Edge()


def shown(code: int = 200, **changes: object) -> httpx.Response:
    return httpx.Response(code, json={**SHOWN, **changes})


CALLS: dict[str, Callable[[OrganizationClient], object]] = {
    "POST": lambda client: client.create_organization(FIELDS, None),
    "PUT": lambda client: client.update_organization("org-1", FIELDS),
    "PUT metadata": lambda client: client.put_metadata("org-1", {"a": 1}),
}


def test_a_create_sends_the_documented_fields(edge: Edge) -> None:
    made = edge.answer(shown(201)).create_organization(FIELDS, "emr-1")
    assert edge.body() == {**NEWS, "externalId": "emr-1"}
    assert str(edge.server.requests[-1].url) == "https://allomia.com/api/organization"
    assert (made.id, made.fields, made.tenant_id, made.is_active) == ("org-1", FIELDS, "t", None)
    edge.answer(shown()).create_organization(FIELDS, None)
    assert edge.body() == NEWS


def test_an_update_leaves_out_what_has_no_value(edge: Edge) -> None:
    edge.answer(shown()).update_organization("org-1", FIELDS.model_copy(update={"address": None}))
    assert edge.body() == {name: value for name, value in NEWS.items() if name != "address"}
    assert edge.server.requests[-1].url.path == "/api/organization/org-1"


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        status(500),
        status(503),
        status(408),
        html(),
        html(404),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(200, json=[]),
        httpx.Response(204),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_a_write_without_a_readable_answer_is_sent_once_and_unknown(
    edge: Edge, how: str, answer: httpx.Response | Exception
) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        CALLS[how](edge.answer(answer))
    assert len(edge.server.requests) == 1
    assert BODY_CANARY not in str(raised.value)


@pytest.mark.parametrize("how", CALLS)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422])
def test_a_refused_write_is_sent_once_and_did_nothing(edge: Edge, how: str, code: int) -> None:
    with pytest.raises(AllomiaError) as raised:
        CALLS[how](edge.answer(status(code)))
    assert not isinstance(raised.value, OutcomeUnknown)
    assert len(edge.server.requests) == 1


@pytest.mark.parametrize("how", ["PUT", "PUT metadata"])
@pytest.mark.parametrize("first", [status(429), httpx.ConnectError("refused")])
def test_a_put_is_repeated_when_it_was_not_carried_out(edge: Edge, how: str, first: httpx.Response | Exception) -> None:
    CALLS[how](edge.answer(first, httpx.Response(200, json=SHOWN if how == "PUT" else RECORD)))
    assert len(edge.server.requests) == 2


@pytest.mark.parametrize("how", CALLS)
def test_no_write_begins_in_a_run_that_is_being_stopped(edge: Edge, how: str) -> None:
    edge.cancellation.request()
    with pytest.raises(Interrupted):
        CALLS[how](edge.answer(shown()))
    assert edge.server.requests == []


@pytest.mark.parametrize("changes", [{"id": "org-2"}, {"id": "../org-1"}, {"id": None}, {"id": 7}])
def test_an_update_that_is_answered_with_another_organization_is_unknown(
    edge: Edge, changes: dict[str, object]
) -> None:
    with pytest.raises(OutcomeUnknown):
        edge.answer(shown(**changes)).update_organization("org-1", FIELDS)


@pytest.mark.parametrize("organization_id", ["..", "a/b", "", "-x"])
def test_an_id_that_climbs_out_of_its_path_is_never_sent(edge: Edge, organization_id: str) -> None:
    client = edge.answer(shown())
    for call in (
        lambda: client.update_organization(organization_id, FIELDS),
        lambda: client.deactivate_organization(organization_id),
        lambda: client.put_metadata(organization_id, {}),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert edge.server.requests == []


class TestReading:
    """What a GET and a list say."""

    def test_a_get_is_wrapped_and_nulls_are_survived(self, edge: Edge) -> None:
        nulls = {**dict.fromkeys((*NEWS, "tenantId", "createdAt", "createdBy", "isActive", "deletedAt")), "id": "org-1"}
        found = edge.answer(httpx.Response(200, json={"currentOrg": nulls, "userOrgs": None})).read_organization(
            "org-1"
        )
        assert found is not None
        assert (found.fields, found.is_active) == (OrganizationFields(), None)

    @pytest.mark.catalogue(139)
    def test_a_field_that_is_no_text_is_told_from_one_that_is_null(self, edge: Edge) -> None:
        odd = {"address": None, "phoneNumber": 14155551234, "city": {"name": "x"}, "email": "", "postalCode": "\ud800"}
        answer = {name: value for name, value in {**SHOWN, **odd}.items() if name != "country"}
        body = httpx.Response(
            200, text=json.dumps({"currentOrg": answer}), headers={"Content-Type": "application/json"}
        )
        found = edge.answer(body).read_organization("org-1")
        assert found is not None
        assert found.unshown == {"phone_number", "city", "country", "postal_code"}
        nameless = edge.answer(httpx.Response(200, json={"currentOrg": {**SHOWN, "name": 7}})).read_organization(
            "org-1"
        )
        assert nameless is not None
        assert nameless.unshown == {"name"}

    def test_a_stand_in_for_a_name_is_no_field(self, edge: Edge) -> None:
        page = {"organizations": [{"id": "org-1", "name": None}], "pagination": {"total": 1, "hasNextPage": False}}
        (found,) = edge.answer(httpx.Response(200, json=page)).list_organizations()
        assert (found.name, found.fields.name) == ("(no readable name)", None)
        assert edge.server.requests[-1].url.params["limit"] == "100"

    def test_its_own_404_is_none_and_another_organization_an_error(self, edge: Edge) -> None:
        assert edge.answer(status(404)).read_organization("org-1") is None
        with pytest.raises(UnexpectedAnswer):
            edge.answer(httpx.Response(200, json={"currentOrg": SHOWN})).read_organization("org-2")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, json={"message": "ok", "organizationId": "org-1"}), Revocation.CONFIRMED),
        (httpx.Response(202, json={"message": "ok", "organizationId": "org-1"}), Revocation.ACCEPTED),
        (httpx.Response(200, json={"error": "x", "organizationId": "org-1"}), Revocation.ACCEPTED),
        (httpx.Response(200, json={"message": "ok"}), Revocation.ACCEPTED),
        (httpx.Response(204), Revocation.ACCEPTED),
        (html(), Revocation.ACCEPTED),
        (status(404), Revocation.ABSENT),
    ],
)
def test_what_the_answer_to_a_soft_delete_says(edge: Edge, answer: httpx.Response, said: Revocation) -> None:
    assert edge.answer(answer).deactivate_organization("org-1") is said
    assert edge.server.requests[-1].method == "DELETE"


def test_a_soft_delete_of_another_organization_is_an_error(edge: Edge) -> None:
    with pytest.raises(UnexpectedAnswer, match="org-2"):
        edge.answer(httpx.Response(200, json={"organizationId": "org-2"})).deactivate_organization("org-1")


class TestMetadata:
    """The metadata of an organization."""

    def test_keys_travel_unaltered(self, edge: Edge) -> None:
        metadata = {"emrSystem": "Epic", "operating_hours": {"Monday": "9-5", "": None}, "ünï": [1, 2.5, True]}
        written = edge.answer(httpx.Response(200, json=RECORD)).put_metadata("org-1", metadata)
        assert edge.body() == {"metadata": metadata}
        assert edge.server.requests[-1].url.path == "/api/organization/org-1/metadata"
        assert (written.id, written.version, written.created_by) == ("rec-1", 3, None)

    @pytest.mark.parametrize("changes", [{"organizationId": "org-2"}, {"version": "3"}, {"version": -1}, {"id": None}])
    def test_an_answer_that_is_none_is_unknown(self, edge: Edge, changes: dict[str, object]) -> None:
        with pytest.raises(OutcomeUnknown):
            edge.answer(httpx.Response(200, json={**RECORD, **changes})).put_metadata("org-1", {})

    def test_a_refusal_is_shown_with_its_detail_in_one_line(self, edge: Edge) -> None:
        body = {"error": "Schema validation failed", "details": ["emrSystem is required\n", {"path": "/services"}]}
        with pytest.raises(RequestRefused) as raised:
            edge.answer(httpx.Response(400, json=body)).put_metadata("org-1", {})
        assert "Schema validation failed" in raised.value.message
        assert "emrSystem is required" in raised.value.message
        assert "/services" in raised.value.message
        assert "\n" not in raised.value.message

    def test_g3_its_detail_is_scrubbed_and_bounded(self, edge: Edge) -> None:
        secret = "alm_org_in_a_detail"
        guard(secret)
        with pytest.raises(RequestRefused) as raised:
            edge.answer(httpx.Response(400, json={"error": f"no {secret} \x1b[31m" + "x" * 9000})).put_metadata("o", {})
        assert secret not in raised.value.message
        assert "\x1b" not in raised.value.message
        assert len(raised.value.message) < 600

    @pytest.mark.catalogue(141)
    @pytest.mark.parametrize("value", ["hunter2-licence", 'say "hi" \\ there', 90125090125, "ünïcode-pass", "x" * 500])
    def test_g3_a_detail_that_repeats_what_was_sent_names_its_place_instead(self, edge: Edge, value: object) -> None:
        metadata = {"emr": {"licences": [{"key": value}]}, "open": True}
        details = [f"licences[0].key: {value} is not allowed", {"received": value, "path": "emr.licences"}]
        answer = httpx.Response(400, json={"error": f"bad value {value}", "details": details})
        with pytest.raises(RequestRefused) as raised:
            edge.answer(answer).put_metadata("org-1", metadata)
        assert str(value)[:20] not in str(raised.value)
        assert "bad value (value of metadata.emr.licences[0].key)" in raised.value.message
        assert "is not allowed" in raised.value.message

    def test_only_metadata_shows_a_detail(self, edge: Edge) -> None:
        for how in ("POST", "PUT"):
            with pytest.raises(RequestRefused) as raised:
                CALLS[how](edge.answer(status(400)))
            assert BODY_CANARY not in str(raised.value)

    def test_a_404_is_allomias_own_word(self, edge: Edge) -> None:
        with pytest.raises(NotFound) as raised:
            edge.answer(status(404)).put_metadata("org-1", {})
        assert raised.value.said_by == "AlloMia"
