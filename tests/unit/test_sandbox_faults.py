"""How the sandbox breaks on purpose: faults that are aimed, counted, drawn and repeatable."""

from __future__ import annotations

import pytest

from allomia_pulumi.sandbox.connection import ConnectionDroppedError
from tests.unit.sandboxes import Local


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
