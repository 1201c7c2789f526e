"""The sandbox's organizations: made, changed and deactivated as AlloMia documents it, and where it is silent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandboxes import Local

CLINIC = {
    "name": "Valley Health Clinic",
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "stateProvince": "CA",
    "postalCode": "94105",
    "country": "USA",
    "phoneNumber": "+14155551234",
    "timezone": "America/Los_Angeles",
}
ALL = "/api/organization"


def create(local: Local, **changes: Any) -> dict[str, Any]:
    response = local.send("POST", ALL, local.key, json={**CLINIC, **changes})
    assert response.is_success, response.text
    return dict(response.json())


def read(local: Local, org: str) -> dict[str, Any]:
    return dict(local.send("GET", f"{ALL}/{org}", local.key).json()["currentOrg"])


def update(local: Local, org: str, **fields: Any) -> dict[str, Any]:
    response = local.send("PUT", f"{ALL}/{org}", local.key, json=fields)
    assert response.is_success, response.text
    return dict(response.json())


def listed(local: Local) -> list[str]:
    return [each["id"] for each in local.send("GET", f"{ALL}?limit=100", local.key).json()["organizations"]]


def everything(local: Local) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in local.control("GET", "organizations")["organizations"]}


def test_a_creation_answers_thirteen_fields_unwrapped_and_never_shows_the_external_id(local: Local) -> None:
    response = local.send("POST", ALL, local.key, json={**CLINIC, "externalId": "emr-4711"})

    made = response.json()
    assert response.status_code == 201
    assert set(made) == {*CLINIC, "id", "tenantId", "createdAt", "createdBy"}
    assert CLINIC.items() <= made.items()
    assert made["tenantId"] == made["createdBy"] == local.tenant["id"]
    shown = local.send("GET", f"{ALL}/{made['id']}", local.key)
    assert "emr-4711" not in shown.text + local.send("GET", ALL, local.key).text
    assert everything(local)[made["id"]]["externalId"] == "emr-4711"
    assert len(shown.json()["currentOrg"]) == 19
    assert (shown.json()["currentOrg"]["isActive"], shown.json()["currentOrg"]["deletedAt"]) == (True, None)
    assert listed(local) == [local.org, made["id"]]


def test_two_clinics_may_have_one_name_and_one_address(local: Local) -> None:
    assert create(local)["id"] != create(local)["id"]
    assert len(listed(local)) == 3


@pytest.mark.parametrize("field", CLINIC)
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_creation_needs_nine_texts(local: Local, field: str, value: object) -> None:
    body = {name: text for name, text in CLINIC.items() if name != field}

    for answer in [
        local.send("POST", ALL, local.key, json=body),
        local.send("POST", ALL, local.key, json={**body, field: value}),
    ]:
        assert answer.status_code == 400
        assert set(answer.json()) == {"error"}
        assert field in answer.json()["error"]
    assert listed(local) == [local.org]


@pytest.mark.parametrize("timezone", ["UTC", "America/Montreal", "america/new_york", "Nowhere"])
def test_another_timezone_than_the_documented_ones_is_a_400(local: Local, timezone: str) -> None:
    made = local.send("POST", ALL, local.key, json={**CLINIC, "timezone": timezone})
    changed = local.send("PUT", f"{ALL}/{local.org}", local.key, json={**CLINIC, "timezone": timezone})

    assert [made.status_code, changed.status_code] == [400, 400]
    assert "timezone" in made.json()["error"]
    assert read(local, local.org)["timezone"] == "America/Los_Angeles"


def test_the_external_id_is_a_text(local: Local) -> None:
    assert local.send("POST", ALL, local.key, json={**CLINIC, "externalId": 4711}).status_code == 400


def test_an_update_needs_name_and_email_and_keeps_what_it_leaves_out(local: Local) -> None:
    org = create(local)["id"]
    for body in [{"name": "Hill Clinic"}, {"email": "hill@clinic.example"}, {}]:
        assert local.send("PUT", f"{ALL}/{org}", local.key, json=body).status_code == 400

    changed = update(local, org, name="Hill Clinic", email="hill@clinic.example", externalId="x", isActive=False)

    assert set(changed) == {*CLINIC, "id", "tenantId", "createdAt", "createdBy"}
    assert {**CLINIC, "name": "Hill Clinic", "email": "hill@clinic.example"}.items() <= changed.items()
    after = everything(local)[org]
    assert (after["isActive"], after["externalId"], after["lastModifiedBy"]) == (True, None, local.tenant["id"])


def test_an_update_can_be_set_to_clear_what_it_leaves_out(local: Local) -> None:
    local.control("POST", "settings", {"omittedFields": "cleared"})

    changed = update(local, local.org, name="Hill Clinic", email="hill@clinic.example", city="Oslo")

    assert (changed["city"], changed["address"], changed["timezone"]) == ("Oslo", None, None)
    assert read(local, local.org)["country"] is None


def test_a_deletion_is_soft(local: Local) -> None:
    key = local.mint().json()["key"]

    answer = local.send("DELETE", f"{ALL}/{local.org}", local.key)

    assert answer.json() == {"message": "Organization successfully deleted", "organizationId": local.org}
    deleted = read(local, local.org)
    assert deleted["isActive"] is False
    assert deleted["deletedAt"] is not None
    assert listed(local) == [local.org]
    assert local.calls(key).status_code == 200
    local.control("POST", "settings", {"listDeactivated": False})
    assert listed(local) == []
    assert local.send("DELETE", f"{ALL}/{local.org}", local.key).status_code == 200
    assert read(local, local.org)["deletedAt"] == deleted["deletedAt"]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_deactivated_organization_can_be_set_to_refuse_everything(local: Local, status: int) -> None:
    local.send("DELETE", f"{ALL}/{local.org}", local.key)
    local.control("POST", "settings", {"deactivatedStatus": status})

    for method, path in [("GET", f"{ALL}/{local.org}"), ("GET", local.keys()), ("DELETE", f"{ALL}/{local.org}")]:
        assert local.send(method, path, local.key).status_code == status
    assert local.send("GET", f"{ALL}/{create(local)['id']}", local.key).status_code == 200


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", CLINIC), ("DELETE", None), ("PUT /metadata", {"metadata": {}}), ("GET", None)]
)
def test_a_foreign_organization_is_a_404_to_every_endpoint(local: Local, method: str, body: object) -> None:
    stranger = local.control("POST", "tenants", {"name": "Somebody else"})
    foreign = local.add_organization("Foreign Clinic", stranger["id"])
    verb, _, more = method.partition(" ")

    for org in [foreign, "no-such-organization"]:
        answer = local.send(verb, f"{ALL}/{org}{more}", local.key, json=body)
        assert (answer.status_code, answer.json()) == (404, {"error": "Organization not found"})
    assert everything(local)[foreign]["isActive"]
    assert everything(local)[foreign]["name"] == "Foreign Clinic"


def test_a_list_can_lag_behind_a_creation(local: Local) -> None:
    local.control("POST", "settings", {"listLag": 2})
    org = create(local)["id"]

    assert read(local, org)["id"] == org
    assert [org in listed(local) for _ in range(3)] == [False, False, True]
    neighbour = local.control(
        "POST", "organizations", {"tenantId": local.tenant["id"], "name": "Neighbour", "hiddenLists": 1}
    )["id"]
    assert [neighbour in listed(local) for _ in range(2)] == [False, True]


def test_metadata_needs_a_first_record_and_counts_versions(local: Local) -> None:
    path = f"{ALL}/{local.org}/metadata"
    missing = local.send("PUT", path, local.key, json={"metadata": {"emrSystem": "Epic"}})
    assert (missing.status_code, missing.json()) == (404, {"error": "Organization metadata not found"})
    local.control("POST", f"organizations/{local.org}/metadata", {"metadata": {"emrSystem": "None"}})

    answers = [local.send("PUT", path, local.key, json={"metadata": {"emrSystem": "Epic"}}).json() for _ in range(2)]

    assert [each["version"] for each in answers] == [2, 3]
    assert set(answers[0]) == {"id", "organizationId", "version", "metadata", "createdAt", "createdBy"}
    assert answers[0]["id"] == answers[1]["id"] != local.org
    assert answers[1]["metadata"] == {"emrSystem": "Epic"}
    assert local.control("GET", f"organizations/{local.org}/metadata")["record"] == answers[1]
    assert local.send("GET", path, local.key).status_code == 404
    for body in [{}, {"metadata": []}, {"metadata": None}]:
        assert local.send("PUT", path, local.key, json=body).status_code == 400


def test_metadata_is_validated_by_the_tenants_schema(local: Local) -> None:
    local.control("POST", f"organizations/{local.org}/metadata", {"metadata": {}})
    schema = {
        "properties": {"emrSystem": "string", "beds": "number", "open": "boolean", "services": "object"},
        "required": ["emrSystem"],
        "additional": False,
    }
    local.control("POST", f"tenants/{local.tenant['id']}/metadata-schema", schema)

    def put(metadata: object) -> Any:
        return local.send("PUT", f"{ALL}/{local.org}/metadata", local.key, json={"metadata": metadata})

    refused = put({"beds": True, "floor": 2})
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "Invalid metadata - Schema validation failed",
        "details": ["emrSystem is required", "floor is not allowed", "beds must be of type number"],
    }
    assert put({"emrSystem": "Epic", "beds": 2.5, "open": False, "services": {}}).json()["version"] == 2


def test_organizations_can_be_made_and_changed_by_hand(local: Local) -> None:
    known = {"email": None, "city": "Oslo", "externalId": "emr-1", "createdBy": None, "isActive": False}
    org = local.control("POST", "organizations", {"tenantId": local.tenant["id"], "name": "Fjord", **known})["id"]

    made = everything(local)[org]
    assert known.items() <= made.items()
    assert (made["name"], made["country"], made["deletedAt"]) == ("Fjord", "USA", None)
    local.control("PATCH", f"organizations/{org}", {"name": "Fjell", "timezone": "UTC"})
    local.control("POST", f"organizations/{org}/deactivate")
    assert read(local, org)["deletedAt"] is not None
    local.control("PATCH", f"organizations/{org}", {"isActive": True})
    assert (read(local, org)["isActive"], read(local, org)["deletedAt"]) == (True, None)
    assert (read(local, org)["name"], read(local, org)["timezone"], read(local, org)["city"]) == (
        "Fjell",
        "UTC",
        "Oslo",
    )
    assert [event["type"] for event in local.events() if "by_hand" in event["type"]] == [
        "organization_changed_by_hand",
        "organization_deactivated_by_hand",
        "organization_changed_by_hand",
    ]


def test_each_write_is_an_event_that_names_the_organization(local: Local) -> None:
    org = create(local)["id"]
    update(local, org, name="Hill Clinic", email="hill@clinic.example")
    local.send("PUT", f"{ALL}/{org}/metadata", local.key, json={"metadata": {}})
    local.control("POST", f"organizations/{org}/metadata", {"metadata": {}})
    local.send("PUT", f"{ALL}/{org}/metadata", local.key, json={"metadata": {}})
    local.send("DELETE", f"{ALL}/{org}", local.key)
    local.send("POST", ALL, local.key, json={"name": "Incomplete"})

    events = local.events()
    assert [(event["type"], event["status"]) for event in events] == [
        ("organization_created", 201),
        ("organization_updated", 200),
        ("refused", 404),
        ("metadata_updated", 200),
        ("organization_deactivated", 200),
        ("refused", 400),
    ]
    assert [event.get("organizationId") for event in events] == [org] * 5 + [None]
    assert [event.get("organizationName") for event in events] == [
        CLINIC["name"],
        "Hill Clinic",
        None,
        None,
        None,
        "Incomplete",
    ]


@pytest.mark.parametrize(
    ("kind", "fields", "is_made", "status"),
    [
        ("status", {"status": 500}, False, 500),
        ("status_after", {"status": 500}, True, 500),
        ("html", {}, False, 200),
        ("html", {"after": True}, True, 200),
        ("body_after", {"body": "{"}, True, 200),
        ("edit_after", {"changes": {"tenantId": "another"}}, True, 201),
        ("delay_after", {"seconds": 3}, True, 201),
    ],
)
def test_every_fault_strikes_a_creation(
    local: Local, kind: str, fields: dict[str, Any], is_made: bool, status: int
) -> None:
    local.fault(kind, method="POST", **fields)

    answer = local.send("POST", ALL, local.key, json=CLINIC)

    assert answer.status_code == status
    assert len(listed(local)) == 1 + is_made
    event = local.events()[0]
    assert (event["type"] == "organization_created", event["fault"]) == (is_made, kind)
    assert ("organizationId" in event) is is_made


def test_a_removed_organization_takes_its_metadata_along(local: Local) -> None:
    local.control("POST", f"organizations/{local.org}/metadata", {"metadata": {}})
    local.control("DELETE", f"organizations/{local.org}")
    local.control("POST", "organizations", {"tenantId": local.tenant["id"], "name": "Again", "id": local.org})

    assert local.control("GET", f"organizations/{local.org}/metadata") == {"record": None}
