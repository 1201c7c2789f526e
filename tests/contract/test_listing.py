"""Listings of the plugin over gRPC: pages, ids that an import takes, and one line where something is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from tests.contract.faces import UNKNOWN, FaceError, PluginFace
from tests.contract.scenes import assert_readable
from tools.engine.sandbox import Sandbox, Tenant

KEY = "allomia:index:OrganizationApiKey"
ORGANIZATION = "allomia:index:Organization"
CALL_SECONDS = 60
Response = provider_pb2.ListResponse


class Clinics:
    """A tenant of its own, and the plugin with its key."""

    def __init__(self, sandbox: Sandbox, tenant: Tenant, face: PluginFace) -> None:
        self.sandbox, self.tenant, self.face = sandbox, tenant, face

    def add(self, *counts: int) -> list[str]:
        """Add organizations with that many keys; return the ids of the keys as an import takes them."""
        made: list[str] = []
        for count in counts:
            organization = self.sandbox.add_organization(self.tenant.id, f"Clinic of {count}")
            keys = [self.sandbox.make_key_by_hand(organization, f"key {number}") for number in range(count)]
            made += [f"{organization}/{key.id}" for key in keys]
        return made

    def ask(self, token: str, query: dict[str, Any] | None = None, **request: Any) -> list[Response]:
        asked = provider_pb2.ListRequest(token=token, **request)
        asked.query.update(query or {})
        try:
            return list(self.face._stub.List(asked, timeout=CALL_SECONDS))
        except grpc.RpcError as problem:
            raise FaceError(problem.details(), problem.code()) from None

    def refused(self, token: str, query: dict[str, Any] | None = None, **request: Any) -> FaceError:
        with pytest.raises(FaceError) as caught:
            self.ask(token, query, **request)
        assert_readable(str(caught.value), self.tenant.key)
        assert str(caught.value).startswith("allomia: ")
        return caught.value


@pytest.fixture
def clinics(sandbox: Sandbox) -> Iterator[Clinics]:
    sandbox.clear_faults()
    sandbox.settings(key_endpoints=True)
    tenant = sandbox.add_tenant("clinics")
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        yield Clinics(sandbox, tenant, face)
        assert face.printed == ""
    sandbox.clear_faults()
    sandbox.settings(key_endpoints=True)


def ids(responses: Sequence[Response]) -> list[str]:
    return [each.result.id for each in responses if each.WhichOneof("response") == "result"]


def continuation(responses: Sequence[Response]) -> str:
    last = responses[-1] if responses else Response()
    return last.continuation.continuation_token


def test_every_key_is_on_one_page_and_an_import_takes_its_id(clinics: Clinics) -> None:
    keys = clinics.add(3, 0, 5, 1)
    shown: list[str] = []
    token, pages = "", 0
    while token or not pages:
        assert pages <= len(keys) + 4, "pages without an end"
        page = clinics.ask(KEY, page_size=2, continuation_token=token)
        assert len(ids(page)) <= 2
        shown += ids(page)
        token, pages = continuation(page), pages + 1
    assert shown == sorted(keys)
    assert pages >= 5
    assert ids(clinics.ask(KEY)) == shown
    for each in shown:
        assert clinics.face.read(each, {})[1]["keyId"] == each.partition("/")[2]


def test_organizations_are_listed_by_the_ids_that_an_import_takes(clinics: Clinics) -> None:
    clinics.add(0, 0, 0)
    made = {each.id: each.name for each in clinics.sandbox.organizations(clinics.tenant.id)}
    page = clinics.ask(ORGANIZATION, limit=2, page_size=1)
    rest = clinics.ask(ORGANIZATION, limit=2, page_size=1, continuation_token=continuation(page))
    assert [*ids(page), *ids(rest)] == sorted(made)[:2]
    assert continuation(rest) == ""
    assert {each.result.id: each.result.name for each in clinics.ask(ORGANIZATION)} == made
    clinics.face.forget("clinic", "Organization")
    assert clinics.face.read(ids(page)[0], {})[0] == ids(page)[0]


def test_g3_no_answer_holds_a_secret_wherever_allomia_puts_one(clinics: Clinics) -> None:
    organization = clinics.sandbox.add_organization(clinics.tenant.id, f"Clinic {clinics.tenant.key}")
    clinics.sandbox.make_key_by_hand(organization, f"for {clinics.tenant.key}")
    assert [each.result.name for each in clinics.ask(ORGANIZATION)] == ["Clinic [secret]"]
    assert [each.result.name for each in clinics.ask(KEY)] == ["for [secret]"]


def test_a_page_of_many_organizations_asks_no_more_than_it_needs(clinics: Clinics) -> None:
    clinics.add(*[5] * 8)
    for number in range(192):
        clinics.sandbox.add_organization(clinics.tenant.id, f"Empty {number}", f"~{number:03}")
    for size, limit, lists in ((10, 0, 2), (0, 10, 2), (3, 0, 1), (0, 0, 200)):
        start = clinics.sandbox.last_event()
        assert len(ids(clinics.ask(KEY, page_size=size, limit=limit))) == (size or limit or 40)
        calls = [event.type for event in clinics.sandbox.events(start)]
        assert (calls.count("organizations_listed"), calls.count("listed"), len(calls)) == (2, lists, 2 + lists)


def test_what_has_no_importable_id_is_not_listed(clinics: Clinics) -> None:
    dashboard = clinics.refused("allomia:index:DashboardApiKey")
    assert str(dashboard) == (
        "allomia: a listing shows what can be imported, and a DashboardApiKey is not imported: it makes nothing in "
        "AlloMia. Declare it with organizationId and vaultSecret, and run `pulumi up`."
    )
    assert "has no call that reads metadata" in str(clinics.refused("allomia:index:OrganizationMetadata"))
    for token in ("", "allomia:index:Nothing", "aws:s3:Organization", "allomia:index:getOrganization"):
        refused = clinics.refused(token)
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT
        assert "is no resource of this version" in str(refused)


def test_a_query_that_is_not_known_yet_is_computed_and_asks_nothing(clinics: Clinics) -> None:
    start = clinics.sandbox.last_event()
    for token in (KEY, ORGANIZATION):
        (answer,) = clinics.ask(token, {"name": UNKNOWN})
        assert answer.WhichOneof("response") == "computed"
    assert clinics.sandbox.events(start) == []


@pytest.mark.catalogue(152)
def test_a_wrong_query_and_a_foreign_token_are_one_line(clinics: Clinics) -> None:
    clinics.add(2, 2)
    token = continuation(clinics.ask(KEY, page_size=1))
    for refused in (
        clinics.refused(KEY, {"organizationId": "a/b"}),
        clinics.refused(KEY, {"isActive": True}),
        clinics.refused(ORGANIZATION, {"search": ""}),
        clinics.refused(KEY, continuation_token="nonsense"),
        clinics.refused(ORGANIZATION, continuation_token=token),
        clinics.refused(KEY, {"madeByHand": True}, continuation_token=token),
    ):
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.catalogue(153)
def test_a_list_whose_total_disagrees_is_an_error_and_shows_nothing(clinics: Clinics) -> None:
    clinics.add(1, 1, 1)
    victim = clinics.sandbox.organizations(clinics.tenant.id)[1].id
    pagination = {"page": 1, "limit": 100, "total": 2, "totalPages": 1, "hasNextPage": False, "hasPreviousPage": False}
    for path, body in (
        (f"*/{victim}/api-keys", {"apiKeys": [], "pagination": pagination}),
        ("/api/organization", {"organizations": [], "pagination": pagination}),
    ):
        clinics.sandbox.clear_faults()
        clinics.sandbox.add_fault("body_after", method="GET", path=path, times=None, body=json.dumps(body))
        refused = clinics.refused(KEY)
        assert "pages and total do not agree" in str(refused)
        assert refused.code == grpc.StatusCode.FAILED_PRECONDITION


def test_missing_key_endpoints_and_a_refused_tenant_key_are_errors(clinics: Clinics) -> None:
    clinics.add(1)
    clinics.sandbox.settings(key_endpoints=False)
    assert "serves no key endpoints" in str(clinics.refused(KEY))
    assert len(ids(clinics.ask(ORGANIZATION))) == 1
    clinics.sandbox.rotate_tenant_key(clinics.tenant.id)
    assert clinics.refused(ORGANIZATION).code == grpc.StatusCode.UNAUTHENTICATED


def test_an_organization_that_is_listed_and_deactivated_is_left_out_with_a_word(clinics: Clinics) -> None:
    keys = clinics.add(1, 1)
    gone = clinics.sandbox.organizations(clinics.tenant.id)[0].id
    clinics.sandbox.add_fault("status", method="GET", path=f"*/{gone}*", times=None, status=404)
    assert ids(clinics.ask(KEY)) == [each for each in keys if not each.startswith(gone)]
    (warning,) = clinics.face.warnings
    assert warning == (
        f"AlloMia lists organizations and answers 404 to a question for them: their keys are left out ({gone})"
    )


def test_a_listing_that_is_cancelled_ends_quietly_and_asks_no_more(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    for number in range(64):
        sandbox.add_organization(tenant.id, f"Clinic {number}")
    sandbox.clear_faults()
    sandbox.add_fault("delay_before", method="GET", path="*/api-keys*", times=None, seconds=0.5)
    start = sandbox.last_event()
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        call = face._stub.List(provider_pb2.ListRequest(token=KEY), timeout=CALL_SECONDS)
        deadline = time.monotonic() + CALL_SECONDS
        while not lists(sandbox, start) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lists(sandbox, start)
        call.cancel()
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() == grpc.StatusCode.CANCELLED
    # The plugin has ended, and so has everything that it asked.
    assert face.printed == ""
    assert [said.severity for said in face.said] == []
    assert lists(sandbox, start) <= 32
    sandbox.clear_faults()


def lists(sandbox: Sandbox, since: int) -> int:
    return sum(event.type == "listed" for event in sandbox.events(since))
