"""How the sandbox is steered, what it logs, and who may steer it."""

from __future__ import annotations

import pytest

from tests.unit.sandboxes import A_YEAR, Local


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


def test_settings_change_one_by_one_and_are_shown(local: Local) -> None:
    local.control("POST", "settings", {"quotaStatus": 422})

    assert local.control("POST", "settings", {"keyLimit": 3}) == {
        "latencyMs": 0,
        "keyEndpoints": True,
        "quotaStatus": 422,
        "clockOffsetSeconds": 0.0,
        "verifyLag": 0,
        "keyLimit": 3,
        "omittedFields": "kept",
        "listDeactivated": True,
        "deactivatedStatus": None,
        "listLag": 0,
        "createStatus": 201,
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
        ("organizations", {"tenantId": "nobody", "name": "x", "city": 1}, "city"),
        ("organizations/nowhere/keys", {"name": "x"}, "organization"),
        ("organizations/nowhere/deactivate", {}, "organization"),
        ("organizations/nowhere/metadata", {"metadata": {}}, "organization"),
        ("tenants/nobody/metadata-schema", {}, "tenant"),
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
