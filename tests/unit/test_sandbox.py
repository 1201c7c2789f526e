"""The sandbox called in-process: AlloMia's side, the control side, and the log between them."""

from __future__ import annotations

import asyncio
import pickle
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from allomia_pulumi.sandbox.app import build_app
from allomia_pulumi.sandbox.connection import ConnectionDroppedError
from allomia_pulumi.sandbox.world import Sandbox

PAGINATION_KEYS = {"page", "limit", "total", "totalPages", "hasNextPage", "hasPreviousPage"}
A_YEAR = 365 * 86_400


class Local:
    """A sandbox with one tenant and one organization, whose waits are recorded instead of waited."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, int]] = []
        self.sandbox = Sandbox(pause=self._pause)
        self.app = build_app(self.sandbox)
        self.tenant = self.control("POST", "tenants", {"name": "Coastal Group"})
        self.key: str = self.tenant["key"]
        self.org = self.add_organization("Valley Health Clinic")

    async def _pause(self, seconds: float) -> None:
        self.waits.append((seconds, self.counts()["alive"]))

    def counts(self) -> dict[str, int]:
        world = self.sandbox.world
        return {**world.events.counts, "alive": len(world.store.keys)}

    def send(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {key}"} if key else {}

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(
                    method,
                    path,
                    headers={**authorization, **(headers or {})},
                    params=params,
                    json=json,
                    content=content,
                )

        return asyncio.run(request())

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        response = self.send(method, f"/sandbox/{path}", json=body)
        assert response.is_success, response.text
        return dict(response.json())

    def add_organization(self, name: str, tenant_id: str | None = None) -> str:
        body = {"tenantId": tenant_id or self.tenant["id"], "name": name}
        return str(self.control("POST", "organizations", body)["id"])

    def by_hand(self, name: str, org: str | None = None) -> dict[str, Any]:
        return self.control("POST", f"organizations/{org or self.org}/keys", {"name": name})

    def keys(self, org: str | None = None) -> str:
        return f"/api/organization/{org or self.org}/api-keys"

    def mint(self, name: object = "ehr-sync", key: str | None = None, org: str | None = None) -> httpx.Response:
        return self.send("POST", self.keys(org), key or self.key, json={"name": name})

    def calls(self, key: str, **query: str) -> httpx.Response:
        return self.send("GET", "/api/calls", key, params={"organizationId": self.org, **query})

    def fault(self, kind: str, **fields: object) -> str:
        return str(self.control("POST", "faults", {"kind": kind, "path": "/api/*", **fields})["id"])

    def events(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.control("GET", f"events?since={since}")["events"])

    def last_event(self) -> dict[str, Any]:
        return self.events()[-1]


@pytest.fixture
def local() -> Local:
    return Local()


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
        ("GET", f"/api/organization/{local.org}"),
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


def test_every_api_request_is_one_event_and_control_requests_are_none(local: Local) -> None:
    agent = {"User-Agent": "allomia-pulumi/9.9.9"}
    minted = local.send("POST", local.keys(), local.key, json={"name": "ehr-sync"}, headers=agent).json()
    local.send("GET", local.keys(), local.key)
    local.send("GET", f"{local.keys()}/{minted['id']}", local.key)
    local.calls(minted["key"])
    local.send("DELETE", f"{local.keys()}/{minted['id']}", local.key)
    local.send("GET", "/api/organization", local.key)

    events = local.events()
    assert [event["type"] for event in events] == [
        "minted",
        "listed",
        "read",
        "verified",
        "revoked",
        "organizations_listed",
    ]
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert all(event["answered"] for event in events)
    assert events[0] == {
        "seq": 1,
        "at": events[0]["at"],
        "type": "minted",
        "method": "POST",
        "path": local.keys(),
        "status": 201,
        "organizationId": local.org,
        "keyId": minted["id"],
        "keyName": "ehr-sync",
        "credential": "tenant",
        "userAgent": "allomia-pulumi/9.9.9",
        "answered": True,
    }
    assert [event.get("keyId") for event in events] == [minted["id"], None, *[minted["id"]] * 3, None]
    assert events[3]["credential"] == "organization"
    assert local.events(since=4) == events[4:]


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


def test_counts_balance_whatever_was_done_by_hand(local: Local) -> None:
    local.mint("one")
    second = local.mint("two").json()["id"]
    local.send("DELETE", f"{local.keys()}/{second}", local.key)
    by_hand = local.by_hand("three")["id"]
    local.by_hand("four")
    local.control("DELETE", f"organizations/{local.org}/keys/{by_hand}")
    kept = local.add_organization("Kept")
    local.mint("five", org=kept)
    local.control("DELETE", f"organizations/{local.org}")

    answer = local.control("GET", "events")
    counts = answer["counts"]
    assert (counts["minted"], counts["revoked"], counts["minted_by_hand"], counts["revoked_by_hand"]) == (3, 1, 2, 3)
    assert counts["alive"] == 1
    assert answer["last"] == len(answer["events"]) == sum(counts.values()) - counts["alive"]
    assert [key["name"] for key in local.control("GET", f"organizations/{kept}/keys")["keys"]] == ["five"]
    assert local.send("GET", f"/api/organization/{local.org}", local.key).status_code == 404


def test_a_refused_mint_is_logged_with_the_name_it_asked_for(local: Local) -> None:
    local.control("POST", "settings", {"keyLimit": 0})
    local.mint("sixth")

    event = local.last_event()
    assert (event["type"], event["status"], event["keyName"]) == ("refused", 409, "sixth")
    assert "keyId" not in event


def test_a_status_fault_answers_instead_of_doing_it(local: Local) -> None:
    local.fault("status", status=429, headers={"Retry-After": "7"}, method="POST")

    response = local.mint()

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert set(response.json()) == {"error"}
    event = local.last_event()
    assert (event["type"], event["status"], event["fault"], event["keyName"]) == ("refused", 429, "status", "ehr-sync")
    assert local.counts()["alive"] == 0
    assert local.mint().status_code == 201, "a fault strikes once by default"


@pytest.mark.parametrize(("body", "text"), [({"a": 1}, '{"a": 1}'), ("plain", "plain"), ("", ""), ([], "[]")])
def test_a_status_after_fault_does_it_and_answers_with_the_given_body(local: Local, body: object, text: str) -> None:
    local.fault("status_after", status=500, body=body)

    response = local.mint()

    assert (response.status_code, response.text) == (500, text)
    event = local.last_event()
    assert (event["type"], event["status"], event["answered"]) == ("minted", 500, True)
    assert local.counts()["alive"] == 1


@pytest.mark.parametrize(
    ("kind", "alive", "event_type", "status"),
    [
        ("drop_before", 0, "failed", 0),
        ("drop_after", 1, "minted", 201),
    ],
)
def test_a_dropped_connection_leaves_an_unanswered_event(
    local: Local, kind: str, alive: int, event_type: str, status: int
) -> None:
    local.fault(kind)

    with pytest.raises(ConnectionDroppedError):
        local.mint()

    event = local.last_event()
    assert (event["type"], event["status"], event["answered"]) == (event_type, status, False)
    assert local.counts()["alive"] == alive


@pytest.mark.parametrize(("after", "alive"), [(False, 0), (True, 1)])
def test_an_html_fault_answers_with_a_page(local: Local, after: bool, alive: int) -> None:
    local.fault("html", after=after)

    response = local.mint()

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.text.startswith("<!DOCTYPE html>")
    assert local.counts()["alive"] == alive


@pytest.mark.parametrize(("kind", "alive_during_the_wait"), [("delay_before", 0), ("delay_after", 1)])
def test_a_delay_is_before_or_after_doing_it(local: Local, kind: str, alive_during_the_wait: int) -> None:
    local.fault(kind, seconds=30)

    assert local.mint().status_code == 201
    assert local.waits == [(30.0, alive_during_the_wait)]
    assert local.last_event()["answered"] is True


def test_latency_is_a_wait_before_every_api_request(local: Local) -> None:
    local.control("POST", "settings", {"latencyMs": 250})
    local.mint()

    assert local.waits == [(0.25, 0)]


def test_a_body_after_fault_does_it_and_answers_with_raw_text(local: Local) -> None:
    local.fault("body_after", body='{"id": ', contentType="application/problem+json")

    response = local.mint()

    assert (response.status_code, response.text) == (200, '{"id": ')
    assert response.headers["content-type"] == "application/problem+json"
    assert local.last_event()["type"] == "minted"


def test_an_edit_after_fault_does_it_and_changes_what_allomia_says_of_it(local: Local) -> None:
    local.fault("edit_after", changes={"id": "other-{id}", "createdAt": None, "name": "{key}", "more": {"n": 1}})

    response = local.mint()
    said = response.json()

    assert response.status_code == 201
    assert (said["name"], said["createdAt"], said["more"]) == (said["key"], None, {"n": 1})
    assert said["id"] == f"other-{local.last_event()['keyId']}"


def test_a_drip_fault_waits_between_two_bytes_and_loses_none(local: Local) -> None:
    local.fault("drip", seconds=2)

    response = local.mint()

    assert response.json()["name"] == "ehr-sync"
    assert local.waits == [(2.0, 1)] * (len(response.content) - 1)
    assert local.last_event()["answered"] is True


def test_faults_are_aimed_skipped_counted_and_strike_in_order(local: Local) -> None:
    local.fault("status", status=500, method="POST", times=2, skip=1)
    local.fault("status", status=503, path="*/api-keys", times=None)
    local.fault("status", status=418, path="/api/organization", method="GET")

    assert [local.mint().status_code for _ in range(5)] == [503, 500, 500, 503, 503]
    assert local.send("GET", local.keys(), local.key).status_code == 503
    assert local.send("GET", "/api/organization", local.key).status_code == 418
    faults = local.control("GET", "faults")["faults"]
    assert [(fault["hits"], fault["remaining"]) for fault in faults] == [(2, 0), (4, None), (1, 0)]
    local.control("DELETE", "faults")
    assert local.control("GET", "faults") == {"faults": []}
    assert local.mint().status_code == 201


@pytest.mark.parametrize(
    ("seed", "statuses"),
    [(1, [500, 201, 201, 500, 201, 201, 201, 201]), (2, [201, 201, 500, 500, 201, 201, 201, 500])],
)
def test_a_fault_strikes_at_random_and_repeatably(local: Local, seed: int, statuses: list[int]) -> None:
    for _ in range(2):
        local.control("DELETE", "faults")
        local.fault("status", status=500, method="POST", times=None, chance=0.4, seed=seed)
        local.control("POST", "settings", {"keyLimit": 100})

        assert [local.mint().status_code for _ in range(8)] == statuses


def test_a_chance_is_drawn_after_the_skipped_and_for_as_long_as_the_times_last(local: Local) -> None:
    local.fault("status", status=500, method="POST", times=2, skip=2, chance=0.4, seed=1)

    assert [local.mint().status_code for _ in range(7)] == [201, 201, 500, 201, 201, 500, 201]


def test_requests_that_a_chance_spares_are_left_to_the_next_fault(local: Local) -> None:
    local.fault("status", status=500, method="POST", times=None, chance=0.4, seed=1)
    local.fault("status", status=503, method="POST", times=None)

    assert [local.mint().status_code for _ in range(4)] == [500, 503, 503, 500]


def test_a_fault_can_set_the_date_header(local: Local) -> None:
    local.fault("status", status=500, headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})

    assert local.mint().headers.get_list("date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


def test_settings_change_one_by_one_and_are_shown(local: Local) -> None:
    local.control("POST", "settings", {"quotaStatus": 422})

    assert local.control("POST", "settings", {"keyLimit": 3}) == {
        "latencyMs": 0,
        "keyEndpoints": True,
        "quotaStatus": 422,
        "clockOffsetSeconds": 0.0,
        "verifyLag": 0,
        "keyLimit": 3,
    }
    assert local.control("GET", "settings")["quotaStatus"] == 422


def test_a_reset_forgets_everything(local: Local) -> None:
    local.mint()
    local.fault("status", status=500, times=None)
    local.control("POST", "settings", {"latencyMs": 5, "clockOffsetSeconds": A_YEAR})

    local.control("POST", "reset")

    assert local.send("GET", "/api/organization", local.key).status_code == 401
    answer = local.control("GET", "events")
    assert (answer["last"], answer["counts"]["alive"], answer["counts"]["minted"]) == (1, 0, 0)
    assert local.control("GET", "faults") == {"faults": []}
    assert local.control("GET", "settings")["latencyMs"] == 0
    assert local.waits == []


def test_an_organization_can_be_given_its_id_once(local: Local) -> None:
    body = {"tenantId": local.tenant["id"], "name": "Fixed", "id": "org-1"}

    assert local.control("POST", "organizations", body) == {"id": "org-1"}
    again = local.send("POST", "/sandbox/organizations", json=body)
    assert (again.status_code, again.json()) == (422, {"error": "an organization has this id already"})


@pytest.mark.parametrize(
    ("path", "body", "blamed"),
    [
        ("tenants", {}, "name"),
        ("tenants", [], "body"),
        ("organizations", {"tenantId": "nobody", "name": "x"}, "tenant"),
        ("organizations", {"tenantId": "nobody", "name": "x", "extra": 1}, "extra"),
        ("organizations/nowhere/keys", {"name": "x"}, "organization"),
        ("tenants/nobody/rotate-key", {}, "tenant"),
        ("settings", {"quotaStatus": 200}, "quotaStatus"),
        ("settings", {"keyEndpoints": "yes"}, "keyEndpoints"),
        ("settings", {"colour": "red"}, "colour"),
        ("settings", [], "body"),
        ("faults", {"kind": "earthquake"}, "kind"),
        ("faults", {"kind": "status"}, "status"),
        ("faults", {"kind": "drop_after", "times": 0}, "times"),
        ("faults", {"kind": "drip", "seconds": -1}, "seconds"),
        ("faults", {"kind": "drip", "seconds": 1, "chance": 1.5}, "chance"),
        ("faults", {"kind": "drip", "seconds": 1, "chance": 0}, "chance"),
        ("faults", {"kind": "drip", "seconds": 1, "seed": "x"}, "seed"),
        ("faults", {"kind": "status", "status": 500, "headers": {"Content-Length": "3"}}, "header"),
        ("faults", {"kind": "status", "status": 500, "headers": {"X": "a\r\nb"}}, "header"),
    ],
)
def test_a_bad_control_request_is_a_422_that_names_what_is_wrong(
    local: Local, path: str, body: object, blamed: str
) -> None:
    response = local.send("POST", f"/sandbox/{path}", json=body)

    assert response.status_code == 422
    assert set(response.json()) == {"error"}
    assert blamed in response.json()["error"]
    assert "\n" not in response.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:8470"},
        {"Host": "127.0.0.1.example"},
        {"Host": ""},
        {"Origin": "https://page.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_a_web_page_can_neither_steer_the_sandbox_nor_ask_it(headers: dict[str, str]) -> None:
    local = Local()
    for method, path in (("POST", "/sandbox/reset"), ("GET", "/sandbox/events"), ("GET", "/api/organization")):
        refused = local.send(method, path, local.key, headers=headers)
        assert refused.status_code == 403
        assert refused.json() == {"error": "This sandbox serves programs of this machine only"}
    assert local.send("GET", "/api/organization", local.key).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8470", "localhost", "[::1]:1", "127.8.9.1"])
def test_programs_of_this_machine_are_served_by_any_of_its_names(host: str) -> None:
    local = Local()
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert local.send("GET", "/sandbox/events", headers=headers).status_code == 200
