"""An update: the program's changes and AlloMia's, merged three ways; one GET and one PUT that carries everything."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.contracts.managed_organizations import OrganizationFields
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization.inputs import FIELDS, OrganizationInputs, wire_name
from allomia_pulumi.core.organization.plan import differing, drift_of, make_plan, merge, settle_accepted
from allomia_pulumi.core.organization.state import (
    AcceptedFields,
    OrganizationRecord,
    OrganizationSettings,
    OrganizationState,
)
from allomia_pulumi.errors import AllomiaError, NotFound, OutcomeUnknown, RequestRefused, SetupError, UnexpectedAnswer
from tests.fakes import SERVICE
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
)

MOVED = {**NEWS, "city": "Oakland", "postalCode": "94601"}


def test_it_is_one_get_and_one_put_that_carries_everything(scene: Scene) -> None:
    scene.local.control("POST", "settings", {"omittedFields": "cleared"})
    state = scene.create()
    organization_id = state.record.organization_id
    scene.take_sent()
    assert scene.diff(state, MOVED).has_changes
    after = scene.update(state, MOVED)
    assert scene.take_sent() == [f"GET /{organization_id}", f"PUT /{organization_id}"]
    assert {name: scene.field(organization_id, name) for name in NEWS} == MOVED
    assert {name: after.to_outputs()[name] for name in NEWS} == MOVED
    assert after.is_active is True
    assert not scene.diff(after, MOVED).has_changes
    assert not scene.listener.warnings


@pytest.mark.catalogue(109)
def test_what_only_allomia_changed_stays_and_is_named(scene: Scene) -> None:
    state = scene.create()
    scene.change_by_hand(state.record.organization_id, email="new@harbor.example", country="United States")
    after = scene.update(state, MOVED)
    assert after.email == scene.field(state.record.organization_id, "email") == "new@harbor.example"
    assert after.country == "United States"
    assert after.city == "Oakland"
    said = line(scene.listener.warnings)
    assert "email “new@harbor.example”, country “United States”" in said
    assert "they were kept" in said
    # It stays a difference that is told, and no change, until the program has AlloMia's values.
    scene.listener.warnings.clear()
    assert not scene.diff(after, MOVED).has_changes
    assert "email “new@harbor.example”" in line(scene.listener.warnings)
    taken = {**MOVED, "email": "new@harbor.example", "country": "United States"}
    scene.take_sent()
    settled = scene.update(after, taken)
    assert scene.take_sent() == [f"GET /{state.record.organization_id}"]
    scene.listener.warnings.clear()
    assert not scene.diff(settled, taken).has_changes
    assert scene.listener.warnings == []


@pytest.mark.catalogue(109)
def test_what_both_changed_gets_the_programs_value_and_is_named(scene: Scene) -> None:
    state = scene.create()
    scene.change_by_hand(state.record.organization_id, city="Berkeley")
    assert scene.update(state, MOVED).city == "Oakland"
    assert "city (AlloMia had city “Berkeley”)" in line(scene.listener.warnings)


def test_what_both_changed_alike_is_written_to_nobody(scene: Scene) -> None:
    state = scene.create()
    scene.change_by_hand(state.record.organization_id, city="Oakland", postalCode="94601")
    scene.take_sent()
    after = scene.update(state, MOVED)
    assert scene.take_sent() == [f"GET /{state.record.organization_id}"]
    assert (after.city, scene.listener.warnings) == ("Oakland", [])
    assert not scene.diff(after, MOVED).has_changes


def test_nulls_of_allomia_are_not_sent_back(scene: Scene) -> None:
    state = scene.create()
    scene.change_by_hand(state.record.organization_id, address=None)
    bodies: list[bytes] = []

    def keep(request: httpx.Request, send: Send) -> httpx.Response:
        bodies.append(request.read())
        return send(request)

    scene.faults["PUT"] = [keep]
    assert scene.update(state, MOVED).address is None
    assert b"address" not in bodies[0]
    assert b'"name":"Harbor Dental"' in bodies[0]


def unreadable(field: str, *values: object) -> Fault:
    """Return a fault that shows one field of the organization as something else, or not at all."""

    def fault(request: httpx.Request, send: Send) -> httpx.Response:
        answer = send(request).json()
        shown = {name: value for name, value in answer["currentOrg"].items() if name != field}
        body = json.dumps({**answer, "currentOrg": shown | dict(zip((field,), values, strict=False))})
        return httpx.Response(200, text=body, headers={"Content-Type": "application/json"})

    return fault


@pytest.mark.catalogue(139)
@pytest.mark.parametrize("shown", [(), (14155551234,), ({"e164": "+14155551234"},), ("\ud800",)])
def test_a_field_that_no_answer_shows_is_not_cleared(scene: Scene, shown: tuple[object, ...]) -> None:
    scene.local.control("POST", "settings", {"omittedFields": "cleared"})
    state = scene.create()
    scene.faults["GET"] = [unreadable("phoneNumber", *shown)]
    after = scene.update(state, MOVED)
    assert scene.field(state.record.organization_id, "phoneNumber") == NEWS["phoneNumber"]
    assert after.phone_number == NEWS["phoneNumber"]
    assert "they were sent as last known (phoneNumber)" in line(scene.listener.warnings)


@pytest.mark.catalogue(139)
def test_a_lost_update_is_settled_by_what_the_answer_shows(scene: Scene) -> None:
    state = scene.create()
    scene.faults["PUT"] = [lost_after]
    scene.faults["GET"] = [unreadable("phoneNumber")] * 2
    assert scene.update(state, MOVED).city == "Oakland"
    assert scene.field(state.record.organization_id, "phoneNumber") == NEWS["phoneNumber"]


@pytest.mark.catalogue(139)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_only_an_answer_to_a_write_left_out_is_no_drift(scene: Scene, method: str) -> None:
    if method == "POST":
        scene.faults["POST"] = [changed(phoneNumber=None)]
        state, news = scene.create(), NEWS
    else:
        state, news = scene.create(), MOVED
        scene.faults["PUT"] = [changed(phoneNumber=None)]
        state = scene.update(state, news)
    scene.listener.warnings.clear()
    read = scene.read(state)
    scene.restart()
    assert not scene.diff(read, news).has_changes
    assert scene.listener.warnings == []


@pytest.mark.parametrize(
    "fault",
    [
        lost_after,
        cut_after,
        answered(500, is_done=True, json={"error": "x"}),
        answered(200, is_done=True, html="<html></html>"),
        changed(id="another"),
        changed(tenantId="another"),
    ],
)
def test_one_get_tells_that_a_put_holds_whose_answer_was_lost(scene: Scene, fault: Fault) -> None:
    state = scene.create()
    scene.take_sent()
    scene.faults["PUT"] = [fault]
    after = scene.update(state, MOVED)
    assert [each.partition(" ")[0] for each in scene.take_sent()] == ["GET", "PUT", "GET"]
    assert after.city == "Oakland"
    assert not scene.diff(after, MOVED).has_changes


@pytest.mark.parametrize("fault", [lost_before, answered(500, is_done=False, json={"error": "x"})])
def test_a_put_that_does_not_hold_is_an_error_and_the_next_run_writes_it(scene: Scene, fault: Fault) -> None:
    state = scene.create()
    scene.faults["PUT"] = [fault]
    with pytest.raises(OutcomeUnknown, match="does not show what was sent"):
        scene.update(state, MOVED)
    assert scene.update(state, MOVED).city == "Oakland"


def test_a_put_of_which_nothing_tells_is_an_error(scene: Scene) -> None:
    state = scene.create()

    refused = answered(403, is_done=False, json={"error": "no"})
    scene.faults["PUT"] = [after(lambda: scene.faults.update(GET=[refused]), then=lost_after)]
    with pytest.raises(OutcomeUnknown, match="whether the update holds is not known"):
        scene.update(state, MOVED)


def test_only_a_429_is_followed_by_another_put(scene: Scene) -> None:
    state = scene.create()
    scene.take_sent()
    scene.faults["PUT"] = [answered(429, is_done=False, json={"error": "slow"})]
    scene.update(state, MOVED)
    assert [each.partition(" ")[0] for each in scene.take_sent()] == ["GET", "PUT", "PUT"]


def test_a_refused_put_changed_nothing(scene: Scene) -> None:
    state = scene.create()
    with pytest.raises(RequestRefused, match="timezone is none of the 21"):
        scene.update(state, {**NEWS, "timezone": "Europe/Zurich"})


@pytest.mark.catalogue(110)
@pytest.mark.parametrize("status", [None, 403, 404])
def test_a_deactivated_one_is_not_written_to(scene: Scene, status: int | None) -> None:
    state = scene.create()
    if status is not None:
        scene.local.control("POST", "settings", {"deactivatedStatus": status})
    scene.deactivate_by_hand(state.record.organization_id)
    with pytest.raises(AllomiaError):
        scene.update(state, MOVED)
    assert not any(each.startswith("PUT") for each in scene.sent)


def test_the_error_of_a_deactivated_one_names_the_way_out(scene: Scene) -> None:
    state = scene.create()
    scene.deactivate_by_hand(state.record.organization_id)
    with pytest.raises(SetupError, match=r"nothing was changed.*pulumi state delete"):
        scene.update(state, MOVED)


def test_one_that_is_gone_is_an_error(scene: Scene) -> None:
    state = scene.create()
    scene.local.control("DELETE", f"organizations/{state.record.organization_id}")
    with pytest.raises(NotFound, match="is gone"):
        scene.update(state, MOVED)


def test_one_that_vanishes_before_the_put_is_an_error(scene: Scene) -> None:
    state = scene.create()
    scene.faults["PUT"] = [answered(404, is_done=False, json={"error": "no"})]
    with pytest.raises(NotFound, match="although AlloMia lists it"):
        scene.update(state, MOVED)


class TestSettings:
    """Inputs that are no fields."""

    def test_an_external_id_warns_once_is_recorded_and_replaces_nothing(self, scene: Scene) -> None:
        state = scene.create({**NEWS, "externalId": "emr-1"})
        scene.take_sent()
        plan = scene.diff(state, {**NEWS, "externalId": "emr-2"})
        assert (plan.has_changes, plan.replaces) == (True, ())
        assert "externalId" in line(scene.listener.warnings)
        after = scene.update(state, {**NEWS, "externalId": "emr-2"})
        assert not scene.diff(after, {**NEWS, "externalId": "emr-2"}).has_changes
        assert (len(scene.listener.warnings), scene.take_sent()) == (1, [])

    def test_another_tenant_key_is_recorded_after_a_look(self, scene: Scene) -> None:
        state = scene.create()
        news = {**NEWS, "tenantKeyRef": "secret/allomia/other#api_key"}
        scene.take_sent()
        assert scene.diff(state, news).has_changes
        after = scene.update(state, news)
        assert scene.take_sent() == [f"GET /{state.record.organization_id}"]
        assert str(after.record.settings.reference) == "secret/allomia/other#api_key"

    def test_another_tenants_key_is_an_error(self, scene: Scene) -> None:
        state = scene.create().with_record(tenant_id="another-tenant")
        with pytest.raises(UnexpectedAnswer, match="to tenant another-tenant in the state"):
            scene.update(state, {**NEWS, "tenantKeyRef": "secret/allomia/other#api_key"})

    def test_a_new_name_of_the_resource_is_recorded_and_asks_nothing(self, scene: Scene) -> None:
        state = scene.create()
        scene.take_sent()
        assert scene.diff(state, NEWS, OTHER).has_changes
        after = scene.update(state, NEWS, OTHER)
        assert (after.record.identity, scene.take_sent()) == (OTHER, [])
        assert not scene.diff(after, NEWS, OTHER).has_changes

    def test_adopt_and_duplicate_of_are_no_change_later(self, scene: Scene) -> None:
        state = scene.create({**NEWS, "duplicateOf": ["x"]})
        for news in (NEWS, {**NEWS, "adopt": "else", "duplicateOf": ["y"]}):
            assert not scene.diff(state, news).has_changes

    def test_another_address_is_recorded_when_it_shows_the_same_organization(self, scene: Scene) -> None:
        state = scene.create().with_record(api_url="https://allomia.com")
        assert scene.diff(state, NEWS).has_changes
        after = scene.update(state, NEWS)
        assert after.record.api_url == scene.service.api_url


def test_a_preview_knows_what_stays_and_what_the_program_says(scene: Scene) -> None:
    state = scene.create()
    scene.take_sent()
    preview = scene.preview(state, {**MOVED, "email": UNKNOWN})
    assert preview.unknown == {"email", "record", "applied"}
    assert preview.outputs["city"] == "Oakland"
    assert preview.outputs["tenantId"] == state.tenant_id
    assert scene.diff(state, {**NEWS, "email": UNKNOWN}).has_changes
    assert scene.take_sent() == []


VALUES = st.sampled_from(["", "a", "b", "c"])
ROWS = st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES))


def inputs_of(fields: dict[str, str]) -> OrganizationInputs:
    return OrganizationInputs(**fields)


def state_of(applied: dict[str, Any], accepted: dict[str, Any]) -> OrganizationState:
    record = OrganizationRecord(
        organization_id="org",
        identity=IDENTITY,
        settings=OrganizationSettings(**applied),
        accepted=AcceptedFields(**accepted),
    )
    return OrganizationState(**accepted, record=record)


@given(asked=ROWS, applied=ROWS, accepted=ROWS, now=ROWS)
def test_the_merge_of_an_update(
    asked: dict[str, str], applied: dict[str, str], accepted: dict[str, str], now: dict[str, str]
) -> None:
    state, current = state_of(applied, accepted), OrganizationFields(**now)
    merged = merge(inputs_of(asked), state, current)
    for name in FIELDS:
        value, is_changed = getattr(merged.fields, name), asked[name] != applied[name]
        if is_changed:
            # What the program changed has its value, and it is said if AlloMia had changed it too.
            assert value == (asked[name] or None)
            assert name not in merged.kept
            assert (name in merged.overridden) == (now[name] != accepted[name] and now[name] != asked[name])
        else:
            # What it did not change is as AlloMia has it, and it is said if AlloMia changed it.
            fallback = asked[name] if name in {"name", "email"} else None
            assert value == (now[name] or fallback or None)
            is_other = now[name] not in {accepted[name], asked[name]}
            assert (name in merged.kept) == (is_other and value == (now[name] or None))
            assert name not in merged.overridden
    assert merged.is_needed == bool(differing(merged.fields, current))


@given(asked=ROWS, applied=ROWS, accepted=ROWS, now=ROWS)
def test_an_update_converges(
    asked: dict[str, str], applied: dict[str, str], accepted: dict[str, str], now: dict[str, str]
) -> None:
    inputs, before, current = inputs_of(asked), state_of(applied, accepted), OrganizationFields(**now)
    merged = merge(inputs, before, current)
    after = merged.fields if merged.is_needed else current
    written = state_of(asked, settle_accepted(before.record.accepted, after, merged.kept).model_dump())
    written = written.model_copy(update=after.model_dump())
    assert not make_plan(inputs, written, IDENTITY, SERVICE).fields
    assert not merge(inputs, written, after).is_needed
    # What AlloMia changed goes on being told, and nothing else is.
    assert set(drift_of(written)) == {name for name in merged.kept if getattr(after, name) != accepted[name]}


@given(asked=ROWS, applied=ROWS)
def test_an_organization_is_never_replaced(asked: dict[str, str], applied: dict[str, str]) -> None:
    plan = make_plan(inputs_of(asked), state_of(applied, applied), OTHER, SERVICE)
    assert plan.replaces == ()
    assert set(plan.fields) == {name for name in FIELDS if asked[name] != applied[name]}
    assert {wire_name(name) for name in plan.fields} <= NEWS.keys()
