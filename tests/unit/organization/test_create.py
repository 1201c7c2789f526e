"""A new organization: one POST at most, and one that exists already is not made again unasked."""

import threading
from typing import Any

import httpx
import pytest

from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    Interrupted,
    InvalidInput,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.redaction import guard
from tests.unit.organization.scenes import (
    IDENTITY,
    NEWS,
    OTHER,
    Fault,
    Scene,
    Send,
    after,
    answered,
    changed,
    cut_after,
    line,
    lost_after,
    lost_before,
    not_sent,
)

AMBIGUOUS = {
    "lost before": (lost_before, 0),
    "lost after": (lost_after, 1),
    "cut": (cut_after, 1),
    "500 before": (answered(500, is_done=False, json={"error": "Internal server error occurred"}), 0),
    "500 after": (answered(500, is_done=True, json={"error": "Internal server error occurred"}), 1),
    "a web page before": (answered(200, is_done=False, html="<html>login</html>"), 0),
    "a web page after": (answered(200, is_done=True, html="<html>login</html>"), 1),
    "201 with garbage": (answered(201, is_done=True, json={"ok": True}), 1),
    "201 with an id that no request can name": (changed(id="../keys"), 1),
    "201 of another tenant": (changed(tenantId="0f0f0f0f-aaaa-bbbb-cccc-dddddddddddd"), 1),
    "201 of another clinic": (changed(name="Somebody Else", email="else@elsewhere.example"), 1),
}


def test_a_creation_is_one_list_and_one_post(scene: Scene) -> None:
    assert not scene.check({**NEWS, "externalId": "emr-4711"}).failures
    state = scene.create({**NEWS, "externalId": "emr-4711"})
    assert scene.take_sent() == ["GET ", "POST "]
    outputs = state.to_outputs()
    assert {name: outputs[name] for name in NEWS} == NEWS
    assert outputs["tenantId"] == scene.local.tenant["id"]
    assert outputs["isActive"] is True
    assert {"createdAt", "createdBy"} <= outputs.keys()
    assert state.record.settings.external_id == "emr-4711"
    assert scene.made == [state.record.organization_id]
    assert not scene.listener.warnings


def test_g6_what_was_made_asks_nothing_afterwards(scene: Scene) -> None:
    state = scene.create()
    scene.take_sent()
    assert not scene.check(NEWS, NEWS).failures
    plan = scene.diff(state, NEWS)
    assert (plan.has_changes, plan.replaces, scene.take_sent()) == (False, (), [])


@pytest.mark.catalogue(103)
def test_two_ways_to_one_tenant_key_make_no_two_organizations(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way has a list of its own, read before the first creation."""
    by_configuration, by_reference = scene.client, scene.new_client()
    ways = {None: by_configuration}
    monkeypatch.setattr(scene, "organizations", lambda reference: ways.get(reference, by_reference))
    own = {**NEWS, "tenantKeyRef": "secret/allomia/tenant#api_key"}
    assert scene.check(NEWS).failures == scene.check(own, identity=OTHER).failures == ()
    made = scene.create()
    with pytest.raises(InvalidInput, match=made.record.organization_id):
        scene.create(own, OTHER)
    assert scene.count() == 1


@pytest.mark.catalogue(103)
@pytest.mark.parametrize(
    "name", ["\ufeffHarbor Dental", "Har\u00adbor Dental", "harbor\u00a0DENTAL\u200b", "\uff28arbor Dental"]
)
def test_a_name_that_differs_in_nothing_that_people_see_is_the_same(scene: Scene, name: str) -> None:
    there = scene.by_hand()
    (failure,) = scene.check({**NEWS, "name": name}).failures
    assert there in failure.reason


def test_many_creations_share_one_list(scene: Scene) -> None:
    for number in range(5):
        identity = IDENTITY.model_copy(update={"name": f"clinic-{number}"})
        news = {**NEWS, "name": f"Clinic {number}"}
        scene.check(news, identity=identity)
        scene.create(news, identity)
    assert scene.take_sent() == ["GET ", *["POST "] * 5]


@pytest.mark.catalogue(101)
@pytest.mark.parametrize("how", AMBIGUOUS)
def test_g1_an_ambiguous_answer_to_the_post_never_makes_a_second_one(scene: Scene, how: str) -> None:
    fault, exists = AMBIGUOUS[how]
    scene.faults["POST"] = [fault]
    if exists:
        state = scene.create()
        assert scene.field(state.record.organization_id, "name") == NEWS["name"]
        assert "was lost" in line(scene.listener.warnings)
    else:
        with pytest.raises(OutcomeUnknown, match="within 30 s AlloMia's list showed no new organization"):
            scene.create()
        assert sum(scene.clock.slept) == 30
    assert scene.sent.count("POST /api/organization") == 1
    assert scene.count() == exists
    # The next run starts from the list: it makes the one that is lacking, or refuses a second one.
    scene.restart()
    if exists:
        assert "already" in line(failure.reason for failure in scene.check(NEWS).failures)
    else:
        scene.create()
    assert scene.count() == 1


@pytest.mark.catalogue(101)
def test_g1_a_repeated_call_sends_no_second_post_and_finds_what_came_late(scene: Scene) -> None:
    scene.faults["POST"] = [lost_before]
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            scene.create()
    late = scene.by_hand()
    assert scene.create().record.organization_id == late
    assert scene.sent.count("POST /api/organization") == 1


def test_a_repeated_call_of_a_creation_that_succeeded_returns_the_same(scene: Scene) -> None:
    assert scene.create() == scene.create()
    assert scene.count() == 1


def test_g1_a_list_that_lags_behind_is_given_half_a_minute(scene: Scene) -> None:
    scene.local.control("POST", "settings", {"listLag": 3})
    scene.faults["POST"] = [lost_after]
    scene.create()
    assert 0 < sum(scene.clock.slept) <= 30
    assert scene.count() == 1


@pytest.mark.catalogue(102)
def test_g1_two_new_ones_with_equal_fields_are_named_and_none_is_taken(scene: Scene) -> None:
    scene.faults["POST"] = [after(scene.by_hand, then=lost_after)]
    with pytest.raises(OutcomeUnknown, match="new organizations with the same fields") as raised:
        scene.create()
    ids = [each.id for each in scene.local.sandbox.world.store.organizations.values() if each.name == NEWS["name"]]
    assert len(ids) == 2
    assert all(each in raised.value.message for each in ids)
    assert "adopt=" in raised.value.hint


@pytest.mark.catalogue(102)
def test_g1_a_new_one_with_other_fields_is_named_and_not_taken(scene: Scene) -> None:
    made: list[str] = []
    scene.faults["POST"] = [after(lambda: made.append(scene.by_hand(city="Elsewhere")), then=lost_before)]
    with pytest.raises(OutcomeUnknown, match="with this name or e-mail address and other fields") as raised:
        scene.create()
    assert made[0] in raised.value.message


@pytest.mark.catalogue(102)
def test_g1_one_that_was_there_before_is_never_taken_for_the_new_one(scene: Scene) -> None:
    first, second = scene.by_hand(), scene.by_hand()
    scene.deactivate_by_hand(second)
    news = {**NEWS, "duplicateOf": [first]}
    scene.faults["POST"] = [lost_before]
    with pytest.raises(OutcomeUnknown, match="showed no new organization"):
        scene.create(news)
    scene.restart()
    scene.faults["POST"] = [changed(id=first)]
    state = scene.create(news)
    assert state.record.organization_id not in {first, second}
    assert f"organization {first} existed before" in scene.listener.warnings[-1]
    assert scene.count() == 3


def test_g1_a_list_that_fails_settles_nothing(scene: Scene) -> None:
    scene.check(NEWS)
    scene.faults["POST"] = [lost_after]
    scene.faults["GET"] = [answered(403, is_done=False, json={"error": "no"})] * 9
    with pytest.raises(OutcomeUnknown, match="the list that would settle it failed"):
        scene.create()
    assert scene.count() == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (answered(400, is_done=False, json={"error": "no"}), RequestRefused),
        (answered(403, is_done=False, json={"error": "no"}), AccessDenied),
    ],
)
def test_a_refusal_made_nothing_and_is_not_settled(scene: Scene, fault: Fault, error: type[AllomiaError]) -> None:
    scene.faults["POST"] = [fault]
    with pytest.raises(error):
        scene.create()
    assert (scene.take_sent(), scene.clock.slept) == (["GET ", "POST "], [])


def test_a_refusal_says_what_the_reason_may_be(scene: Scene) -> None:
    with pytest.raises(RequestRefused, match="timezone is none of the 21") as raised:
        scene.create({**NEWS, "timezone": "Europe/Zurich"})
    assert scene.count() == 0
    assert "\n" not in str(raised.value)


def test_only_a_429_is_followed_by_another_post_within_its_time(scene: Scene) -> None:
    scene.faults["POST"] = [answered(429, is_done=False, json={"error": "slow"}, headers={"Retry-After": "2"})]
    scene.create()
    assert scene.take_sent() == ["GET ", "POST ", "POST "]
    assert scene.count() == 1
    scene.faults["POST"] = [answered(429, is_done=False, json={"error": "slow"}, headers={"Retry-After": "90"})]
    with pytest.raises(RateLimited):
        scene.create({**NEWS, "name": "Another"}, OTHER)


def test_what_was_not_sent_made_nothing(scene: Scene) -> None:
    scene.faults["POST"] = [not_sent]
    with pytest.raises(Exception, match="is not reachable"):
        scene.create()
    assert scene.clock.slept == []
    scene.create()
    assert scene.count() == 1


class TestDuplicates:
    """An active organization with the same name and e-mail address."""

    @pytest.mark.catalogue(103)
    @pytest.mark.parametrize("name", ["Harbor Dental", "harbor  dental"])
    def test_it_is_an_error_in_preview_and_in_up_that_says_how_to_take_it_over(self, scene: Scene, name: str) -> None:
        existing = scene.by_hand(name=name)
        reason = line(failure.reason for failure in scene.check(NEWS).failures)
        assert f"already ({existing} “{name}”); none was made" in reason
        assert f'adopt="{existing}"' in reason
        assert f"pulumi import allomia:index:Organization valley {existing}" in reason
        with pytest.raises(InvalidInput, match="already"):
            scene.create()
        assert "POST /api/organization" not in scene.sent

    @pytest.mark.catalogue(103)
    def test_another_email_or_name_is_another_clinic(self, scene: Scene) -> None:
        scene.by_hand(email="else@harbor.example")
        scene.by_hand(name="Harbor Dental II")
        assert not scene.check(NEWS).failures
        assert scene.take_sent() == ["GET "]

    @pytest.mark.catalogue(103)
    def test_those_that_are_meant_may_stay(self, scene: Scene) -> None:
        first, second = scene.by_hand(), scene.by_hand()
        reason = line(failure.reason for failure in scene.check({**NEWS, "duplicateOf": [first]}).failures)
        assert second in reason
        assert f"already ({first}" not in reason
        assert not scene.check({**NEWS, "duplicateOf": [first, second]}).failures
        scene.create({**NEWS, "duplicateOf": [first, second]})
        assert scene.count() == 3

    @pytest.mark.catalogue(103)
    def test_one_program_declares_no_two_unless_the_second_names_the_first(self, scene: Scene) -> None:
        twin = {**NEWS, "name": NEWS["name"].upper()}
        assert not scene.check(NEWS).failures
        assert not scene.check(NEWS).failures, "the engine may ask twice"
        reason = line(failure.reason for failure in scene.check(twin, identity=OTHER).failures)
        assert reason.startswith(f"{IDENTITY.name} of this program is to have this name and e-mail address too")
        assert not scene.check({**twin, "duplicateOf": [UNKNOWN]}, identity=OTHER).failures
        named = {**twin, "duplicateOf": [scene.create().record.organization_id]}
        assert not scene.check(named, identity=OTHER).failures
        scene.create({**named, "name": NEWS["name"]}, identity=OTHER)
        assert scene.count() == 2

    @pytest.mark.catalogue(103)
    def test_ids_that_a_preview_does_not_know_yet_are_a_warning(self, scene: Scene) -> None:
        scene.by_hand()
        assert not scene.check({**NEWS, "duplicateOf": [UNKNOWN]}).failures
        assert "unless duplicateOf names them by then" in line(scene.listener.warnings)

    @pytest.mark.catalogue(103)
    def test_a_deactivated_one_is_said_once_and_stops_nothing(self, scene: Scene) -> None:
        scene.deactivate_by_hand(scene.by_hand())
        assert not scene.check(NEWS).failures
        scene.create()
        assert "is deactivated: a new one is made beside it" in line(scene.listener.warnings)
        assert scene.count() == 2

    @pytest.mark.catalogue(103)
    def test_g4_one_that_contradicts_itself_counts_as_active(self, scene: Scene) -> None:
        existing = scene.by_hand()
        answer = scene.local.send("GET", f"/api/organization/{existing}", scene.key).json()
        answer["currentOrg"] |= {"deletedAt": "2026-01-01T00:00:00Z", "isActive": True}
        scene.faults["GET"] = [lambda request, send: send(request), answered(200, is_done=False, json=answer)]
        assert scene.check(NEWS).failures

    @pytest.mark.catalogue(103)
    def test_one_that_answers_404_itself_is_not_counted(self, scene: Scene) -> None:
        scene.by_hand()
        scene.faults["GET"] = [
            lambda request, send: send(request),
            answered(404, is_done=False, json={"error": "no"}),
        ]
        assert not scene.check(NEWS).failures
        assert "answers 404 itself" in line(scene.listener.warnings)

    @pytest.mark.catalogue(103)
    def test_what_may_pass_is_one_warning_in_preview(self, scene: Scene) -> None:
        scene.faults["GET"] = [answered(403, is_done=False, json={"error": "no"})] * 2
        assert not scene.check(NEWS).failures
        assert not scene.check({**NEWS, "name": "Another"}, identity=OTHER).failures
        assert "`pulumi up` will fail unless" in line(scene.listener.warnings)

    @pytest.mark.catalogue(103)
    def test_g1_creates_of_one_name_follow_one_another(self, scene: Scene) -> None:
        failures: list[Exception] = []

        def create(number: int) -> None:
            try:
                scene.create(identity=IDENTITY.model_copy(update={"name": f"twin-{number}"}))
            except InvalidInput as problem:
                failures.append(problem)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (scene.count(), len(failures)) == (1, 3)


def test_an_answer_that_has_a_field_otherwise_is_said_and_is_no_change_later(scene: Scene) -> None:
    scene.faults["POST"] = [changed(phoneNumber="+1 415 555 1234")]
    state = scene.create()
    assert "phoneNumber “+1 415 555 1234”" in line(scene.listener.warnings)
    assert state.phone_number == "+1 415 555 1234"
    assert not scene.diff(state, NEWS).has_changes


def test_a_name_that_allomia_writes_in_its_own_way_is_not_asked_for_again(scene: Scene) -> None:
    scene.faults["POST"] = [changed(name="Harbor De")]
    state = scene.create()
    assert "name “Harbor De”" in line(scene.listener.warnings)
    assert state.name == "Harbor De"
    assert (scene.clock.slept, scene.count()) == ([], 1)


def test_a_fault_of_ours_after_the_post_is_settled_like_a_lost_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = scene.client.create_organization

    def break_after(*args: Any) -> None:
        create(*args)
        raise ZeroDivisionError

    monkeypatch.setattr(scene.client, "create_organization", break_after)
    assert scene.create().name == NEWS["name"]
    assert "this package itself broke (ZeroDivisionError)" in line(scene.listener.warnings)
    assert scene.count() == 1


def test_a_namesake_without_an_email_is_said_and_stops_nothing(scene: Scene) -> None:
    scene.by_hand(email=None)
    assert not scene.check(NEWS).failures
    assert "no e-mail address to tell it by" in line(scene.listener.warnings)


def test_a_list_that_failed_slowly_is_not_waited_for_by_all(scene: Scene) -> None:
    def slow(request: httpx.Request, _send: Send) -> httpx.Response:
        scene.clock.advance(60)
        raise httpx.ReadTimeout("late", request=request)

    scene.faults["GET"] = [slow] * 9
    for number in range(5):
        scene.check({**NEWS, "name": f"Clinic {number}"}, identity=IDENTITY.model_copy(update={"name": f"c-{number}"}))
    assert scene.take_sent() == ["GET "]
    assert "`pulumi up` will fail unless" in line(scene.listener.warnings)
    scene.faults.clear()
    scene.clock.advance(61)
    assert not scene.check(NEWS).failures


def test_an_interrupted_run_sends_no_post(scene: Scene) -> None:
    scene.check(NEWS)
    scene.cancellation.request()
    with pytest.raises(Interrupted):
        scene.create()
    assert scene.count() == 0
    slow = answered(429, is_done=False, json={"error": "slow"})
    scene.cancellation = Cancellation()
    scene.restart()
    scene.faults["POST"] = [after(scene.cancellation.request, then=slow)]
    with pytest.raises(RateLimited):
        scene.create()
    assert scene.count() == 0


def test_nulls_in_an_answer_are_survived(scene: Scene) -> None:
    scene.faults["POST"] = [changed(address=None, createdBy=None, createdAt=None, tenantId=None)]
    outputs = scene.create().to_outputs()
    assert {"address", "createdBy", "createdAt", "tenantId"}.isdisjoint(outputs)


def test_g3_an_answer_whose_id_holds_the_tenant_key_is_not_recorded(scene: Scene) -> None:
    guard(scene.key)
    scene.faults["POST"] = [changed(id=scene.key)]
    state = scene.create()
    assert scene.key not in str(state.to_outputs())


@pytest.mark.catalogue(104)
def test_an_organization_whose_engine_is_gone_lives_on_and_is_named(scene: Scene) -> None:
    state = scene.create()
    scene.organizations_of_process.abandon({}, state, scene.listener)
    said = line(scene.listener.warnings)
    assert state.record.organization_id in said
    assert "adopt=" in said
    assert scene.field(state.record.organization_id, "isActive") is True
