"""What the sandbox answers as AlloMia: keys, organizations, calls, and who may ask."""

from __future__ import annotations

import pickle
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.unit.sandboxes import A_YEAR, Local

PAGINATION_KEYS = {"page", "limit", "total", "totalPages", "hasNextPage", "hasPreviousPage"}


@pytest.mark.parametrize("path", ["/api/organization", "/api/calls?organizationId=x", "/api/anything"])
@pytest.mark.parametrize(
    ("authorization", "credential"),
    [(None, "none"), ("Bearer alm_tenant_wrong", "unknown"), ("Basic dXNlcjpwdw==", "none"), ("Bearer ", "none")],
)
def test_everything_under_api_needs_a_known_bearer_key(
    local: Local, path: str, authorization: str | None, credential: str
) -> None:
    response = local.send("GET", path, headers={"Authorization": authorization} if authorization else {})

    assert response.status_code == 401
    assert response.json() == {"error": "Invalid or missing API key"}
    assert (local.last_event()["type"], local.last_event()["credential"]) == ("refused", credential)


def test_an_organization_key_is_refused_on_tenant_endpoints(local: Local) -> None:
    key = local.by_hand("dashboard")["key"]

    for method, path in [
        ("GET", "/api/organization"),
        ("POST", "/api/organization"),
        ("GET", f"/api/organization/{local.org}"),
        ("PUT", f"/api/organization/{local.org}"),
        ("DELETE", f"/api/organization/{local.org}"),
        ("PUT", f"/api/organization/{local.org}/metadata"),
        ("GET", local.keys()),
        ("POST", local.keys()),
        ("DELETE", f"{local.keys()}/x"),
    ]:
        response = local.send(method, path, key)
        assert response.status_code == 403, path
        assert set(response.json()) == {"error"}


def test_a_rotated_tenant_key_kills_the_old_one_at_once(local: Local) -> None:
    new = local.control("POST", f"tenants/{local.tenant['id']}/rotate-key")["key"]

    assert local.send("GET", "/api/organization", local.key).status_code == 401
    assert local.send("GET", "/api/organization", new).status_code == 200


def test_the_organization_list_is_unwrapped_paged_sorted_and_searched(local: Local) -> None:
    for name in ["Coast Clinic", "Alpine Health", "Bay Dental"]:
        local.add_organization(name)

    def names(**query: object) -> list[str]:
        body = local.send("GET", "/api/organization", local.key, params=query).json()
        return [each["name"] for each in body["organizations"]]

    first = local.send("GET", "/api/organization?limit=3&sort=name", local.key).json()
    assert [each["name"] for each in first["organizations"]] == ["Alpine Health", "Bay Dental", "Coast Clinic"]
    assert len(first["organizations"][0]) == 13
    assert first["pagination"] == {
        "page": 1,
        "limit": 3,
        "total": 4,
        "totalPages": 2,
        "hasNextPage": True,
        "hasPreviousPage": False,
    }
    assert names(sort="name", limit=3, page=2) == ["Valley Health Clinic"]
    assert names(sort="-name", limit=1) == ["Valley Health Clinic"]
    assert names(sort="name", search="HEALTH") == ["Alpine Health", "Valley Health Clinic"]
    assert names(page=9) == []


def test_one_organization_is_wrapped_and_has_nineteen_fields(local: Local) -> None:
    other = local.add_organization("Coast Clinic")

    body = local.send("GET", f"/api/organization/{local.org}", local.key).json()

    assert set(body) == {"currentOrg", "userOrgs"}
    assert (body["currentOrg"]["id"], body["currentOrg"]["name"]) == (local.org, "Valley Health Clinic")
    assert len(body["currentOrg"]) == 19
    assert [each["id"] for each in body["userOrgs"]] == [local.org, other]
    assert local.last_event()["type"] == "organization_read"


def test_a_foreign_organization_looks_like_an_unknown_one(local: Local) -> None:
    stranger = local.control("POST", "tenants", {"name": "Somebody else"})
    foreign = local.add_organization("Foreign Clinic", stranger["id"])
    hidden = local.by_hand("hidden", foreign)["id"]

    for org in [foreign, "no-such-organization"]:
        for path in [f"/api/organization/{org}", local.keys(org), f"{local.keys(org)}/{hidden}"]:
            response = local.send("GET", path, local.key)
            assert (response.status_code, response.json()) == (404, {"error": "Organization not found"})
    assert local.send("GET", f"{local.keys()}/{hidden}", local.key).status_code == 404
    assert local.send("GET", "/api/organization", local.key).json()["pagination"]["total"] == 1


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=", "limit=0", "limit=101", "limit=-1", "sort=secret"])
def test_nonsense_in_a_list_query_is_a_400(local: Local, query: str) -> None:
    response = local.send("GET", f"/api/organization?{query}", local.key)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


def test_a_minted_key_is_shown_once_and_works(local: Local) -> None:
    response = local.mint("ehr-sync")
    minted = response.json()

    assert response.status_code == 201
    assert set(minted) == {"id", "name", "key", "organizationId", "createdAt", "createdBy"}
    assert minted["key"].startswith("alm_org_")
    assert len(minted["key"]) == len("alm_org_") + 43
    listed = local.send("GET", local.keys(), local.key)
    one = local.send("GET", f"{local.keys()}/{minted['id']}", local.key)
    assert listed.json()["apiKeys"] == [one.json()]
    assert set(one.json()) == {"id", "name", "organizationId", "createdAt", "createdBy", "lastUsedAt"}
    assert minted["key"] not in listed.text + one.text
    assert one.json()["lastUsedAt"] is None
    assert local.calls(minted["key"]).status_code == 200
    assert local.send("GET", f"{local.keys()}/{minted['id']}", local.key).json()["lastUsedAt"] is not None


def test_a_revoked_key_is_dead_at_once_and_gone(local: Local) -> None:
    minted = local.mint().json()
    path = f"{local.keys()}/{minted['id']}"

    deleted = local.send("DELETE", path, local.key)

    assert (deleted.status_code, set(deleted.json())) == (200, {"message", "apiKeyId"})
    assert deleted.json()["apiKeyId"] == minted["id"]
    assert local.calls(minted["key"]).status_code == 401
    assert local.send("GET", path, local.key).status_code == 404
    assert local.send("DELETE", path, local.key).json() == {"error": "API key not found"}


def test_the_sixth_key_is_refused_with_the_set_status_and_a_freed_slot_can_be_used(local: Local) -> None:
    ids = [local.mint(f"key-{number}").json()["id"] for number in range(5)]
    assert local.mint().status_code == 409
    local.control("POST", "settings", {"quotaStatus": 403})
    refused = local.mint()
    assert (refused.status_code, set(refused.json())) == (403, {"error"})
    assert local.counts()["alive"] == 5
    assert local.send("POST", f"/sandbox/organizations/{local.org}/keys", json={"name": "x"}).status_code == 422

    local.send("DELETE", f"{local.keys()}/{ids[0]}", local.key)
    assert local.mint().status_code == 201
    assert local.mint(org=local.add_organization("Other")).status_code == 201, "the limit counts per organization"


def test_keys_are_listed_oldest_first_and_paged(local: Local) -> None:
    local.control("POST", "settings", {"keyLimit": 12})
    for number in range(12):
        local.control("POST", "settings", {"clockOffsetSeconds": -60.0 * number})
        assert local.mint(f"key-{number}").status_code == 201

    first = local.send("GET", local.keys(), local.key).json()
    second = local.send("GET", f"{local.keys()}?page=2&limit=10", local.key).json()

    assert [key["name"] for key in first["apiKeys"]] == [f"key-{number}" for number in range(11, 1, -1)]
    assert [key["name"] for key in second["apiKeys"]] == ["key-1", "key-0"]
    assert set(first["pagination"]) == PAGINATION_KEYS
    assert (first["pagination"]["total"], first["pagination"]["hasNextPage"]) == (12, True)
    assert (second["pagination"]["hasNextPage"], second["pagination"]["hasPreviousPage"]) == (False, True)
    assert local.send("GET", f"{local.keys()}?limit=101", local.key).status_code == 400


@pytest.mark.parametrize("name", ["", "  ", None, 7, "x" * 101])
def test_a_bad_key_name_is_a_400_and_makes_nothing(local: Local, name: object) -> None:
    assert local.mint(name).status_code == 400
    assert local.counts()["alive"] == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_a_400(local: Local, body: bytes) -> None:
    json_type = {"Content-Type": "application/json"}
    assert local.send("POST", local.keys(), local.key, content=body, headers=json_type).status_code == 400


def test_a_body_without_its_content_type_is_a_400(local: Local) -> None:
    assert local.send("POST", local.keys(), local.key, content=b'{"name": "x"}').status_code == 400


def test_key_endpoints_can_be_absent_as_on_the_real_service(local: Local) -> None:
    local.control("POST", "settings", {"keyEndpoints": False})

    for method, path in [("GET", local.keys()), ("POST", local.keys()), ("DELETE", f"{local.keys()}/x")]:
        response = local.send(method, path, local.key)
        assert (response.status_code, response.json()) == (404, {"error": "Not found"})
    assert local.send("GET", "/api/organization", local.key).status_code == 200


def test_a_fresh_key_can_lag_behind_for_its_first_uses(local: Local) -> None:
    early = local.mint("early").json()["key"]
    local.control("POST", "settings", {"verifyLag": 2})
    late = local.mint("late").json()

    assert [local.calls(late["key"]).status_code for _ in range(4)] == [401, 401, 200, 200]
    assert local.calls(early).status_code == 200
    lagging = [event for event in local.events() if event.get("keyId") == late["id"] and event["type"] == "refused"]
    assert [event["credential"] for event in lagging] == ["organization"] * 2


def test_no_key_is_kept_or_logged_in_clear(local: Local) -> None:
    values = [local.key, local.mint().json()["key"], local.by_hand("dashboard")["key"]]
    for value in values:
        local.calls(value)

    store = local.sandbox.world.store
    kept = repr(vars(store)) + pickle.dumps(vars(store)).decode("latin-1") + repr(local.events())
    assert "ehr-sync" in kept, "the search would find what is there"
    assert not [value for value in values if value in kept]


def test_an_empty_window_transfers_no_call_record_and_an_open_one_does(local: Local) -> None:
    key = local.mint().json()["key"]

    window = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z"}
    empty = local.calls(key, **window).json()
    assert (empty["calls"], empty["pagination"]["total"], empty["pagination"]["totalPages"]) == ([], 0, 0)
    assert (local.last_event()["type"], local.last_event()["records"]) == ("verified", 0)

    full = local.calls(key).json()
    assert [call["callType"] for call in full["calls"]] == ["Inbound", "Outbound", "Web"]
    assert isinstance(full["calls"][0]["callDurationSeconds"], str)
    assert full["pagination"]["limit"] == 20
    assert local.last_event()["records"] == 3
    assert len(local.calls(key, callType="Web").json()["calls"]) == 1
    one = local.send("GET", f"/api/calls/{full['calls'][0]['id']}", key).json()
    assert full["calls"][0].items() <= one.items()
    assert {"transcriptUrl", "recordingUrl", "callSummary"} <= set(one)


def test_an_organization_key_sees_only_its_own_calls_and_a_tenant_key_those_of_its_tenant(local: Local) -> None:
    key = local.mint().json()["key"]
    other = local.add_organization("Other")
    foreign_call = local.send("GET", "/api/calls", local.key, params={"organizationId": other}).json()["calls"][0]["id"]

    assert local.calls(key, organizationId=other).status_code == 404
    assert local.send("GET", f"/api/calls/{foreign_call}", key).json() == {"error": "Call not found"}
    assert local.send("GET", f"/api/calls/{foreign_call}", local.key).status_code == 200
    stranger = local.control("POST", "tenants", {"name": "Somebody else"})["key"]
    assert local.calls(stranger).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"organizationId": ""},
        {"limit": "51"},
        {"limit": "0"},
        {"callType": "inbound"},
        {"from": "yesterday"},
        {"from": "2025-05-02T00:00:00Z", "to": "2025-05-01T00:00:00Z"},
    ],
)
def test_nonsense_in_a_calls_query_is_a_400(local: Local, query: dict[str, str]) -> None:
    response = local.calls(local.key, **query)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


def test_the_clock_can_be_moved_for_records_and_for_the_date_header(local: Local) -> None:
    before = local.mint("before")
    local.control("POST", "settings", {"clockOffsetSeconds": A_YEAR})
    after = local.mint("after")

    def created(response: httpx.Response) -> datetime:
        return datetime.fromisoformat(response.json()["createdAt"])

    assert (created(after) - created(before)).days in {365, 366}
    for response in (before, after):
        assert abs((parsedate_to_datetime(response.headers["date"]) - created(response)).total_seconds()) <= 60


def test_every_answer_says_that_this_is_a_sandbox(local: Local) -> None:
    local.fault("status", status=503)
    for path in ["/", "/sandbox/", "/sandbox/events", "/api/organization", "/api/calls", "/nowhere"]:
        assert local.send("GET", path).headers["x-allomia-sandbox"] == "1", path
    page = local.send("GET", "/sandbox/")
    assert "not the real service" in page.text
    assert local.org in page.text
    assert page.headers["content-type"].startswith("text/plain")
    assert local.send("GET", "/").text == page.text


@pytest.mark.parametrize("path", ["/nowhere", "/sandbox/nowhere", "/api/nowhere", "/api/organization/", "/api/x%0Ay"])
def test_an_unknown_route_is_a_404_in_json(local: Local, path: str) -> None:
    response = local.send("GET", path, local.key)

    assert (response.status_code, response.json()) == (404, {"error": "Not found"})


def test_an_encoded_slash_stays_inside_its_segment(local: Local) -> None:
    response = local.send("GET", f"/api/organization/{local.org}%2Fapi-keys", local.key)

    assert response.json() == {"error": "Organization not found"}
    assert local.last_event()["organizationId"] == f"{local.org}/api-keys"


def test_a_key_of_an_earlier_world_is_put_back_as_it_was_and_only_once(local: Local) -> None:
    value = f"alm_org_{'k' * 43}"
    known = {"name": "ehr", "id": "key-1", "createdAt": "2025-06-01T14:23:45Z", "key": value}
    assert local.control("POST", f"organizations/{local.org}/keys", known) == {
        "id": "key-1",
        "name": "ehr",
        "key": value,
    }
    (shown,) = local.control("GET", f"organizations/{local.org}/keys")["keys"]
    assert (shown["id"], shown["createdAt"]) == ("key-1", "2025-06-01T14:23:45Z")
    assert local.send("GET", "/api/calls", value, params={"organizationId": local.org}).status_code != 401
    for again in ({"id": "key-1"}, {"key": value}):
        refused = local.send("POST", f"/sandbox/organizations/{local.org}/keys", json={"name": "ehr", **again})
        assert (refused.status_code, refused.json()) == (
            422,
            {"error": "another key has this id or this value already"},
        )


@pytest.mark.parametrize(
    ("body", "blamed"),
    [({"createdAt": "2025-06-01T14:23:45"}, "createdAt"), ({"key": "alm_org_short"}, "key"), ({"id": "a/b"}, "id")],
)
def test_what_is_wrong_with_a_key_to_put_back_is_named_and_not_shown(
    local: Local, body: dict[str, str], blamed: str
) -> None:
    refused = local.send("POST", f"/sandbox/organizations/{local.org}/keys", json={"name": "ehr", **body})
    assert refused.status_code == 422
    assert blamed in refused.json()["error"]
    assert body[blamed] not in refused.text
