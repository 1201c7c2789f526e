"""The end of an organization in a stack: nobody is deactivated by default, by accident, or with a living key."""

import pytest

from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration, NotFound, SetupError, Unreachable
from tests.unit.organization.scenes import (
    NEWS,
    OTHER,
    Fault,
    Scene,
    after,
    answered,
    changed,
    cut_after,
    line,
    lost_after,
    lost_before,
)

ENDING = {**NEWS, "deactivateOnDestroy": True}
REFUSED = answered(403, is_done=False, json={"error": "no"})


@pytest.fixture
def ending(scene: Scene) -> OrganizationState:
    """Return an organization whose recorded settings let a removal deactivate it."""
    state = scene.create(ENDING)
    scene.take_sent()
    return state


def is_active(scene: Scene, state: OrganizationState) -> object:
    return scene.field(state.record.organization_id, "isActive")


@pytest.mark.catalogue(105)
def test_by_default_it_is_forgotten_with_a_line_and_nothing_is_asked(scene: Scene) -> None:
    state = scene.create()
    scene.take_sent()
    scene.delete(state)
    assert scene.take_sent() == []
    assert "lives on at AlloMia" in line(scene.listener.infos)
    assert is_active(scene, state) is True


@pytest.mark.catalogue(105)
def test_the_switch_has_to_be_applied_before_it_counts(scene: Scene) -> None:
    state = scene.create()
    assert scene.diff(state, ENDING).has_changes
    scene.delete(state)
    assert is_active(scene, state) is True
    scene.take_sent()
    applied = scene.update(state, ENDING)
    assert scene.take_sent() == []
    scene.delete(applied)
    assert is_active(scene, state) is False


def test_g7_a_removal_reads_lists_the_keys_and_deletes_and_may_be_repeated(
    scene: Scene, ending: OrganizationState
) -> None:
    scene.delete(ending)
    organization_id = ending.record.organization_id
    assert scene.take_sent() == [
        f"GET /{organization_id}",
        f"GET /{organization_id}/api-keys",
        f"DELETE /{organization_id}",
    ]
    assert is_active(scene, ending) is False
    scene.delete(ending)
    assert scene.take_sent() == [f"GET /{organization_id}"]
    assert scene.listener.infos[-1].endswith("was deactivated already")


@pytest.mark.catalogue(106)
def test_living_keys_are_an_error_that_names_them(scene: Scene, ending: OrganizationState) -> None:
    key = scene.local.by_hand("ehr-sync", ending.record.organization_id)
    with pytest.raises(SetupError, match="keys of it are alive") as raised:
        scene.delete(ending)
    assert key["id"] in raised.value.message
    assert "allomia revoke" in raised.value.hint
    assert is_active(scene, ending) is True


@pytest.mark.catalogue(106)
def test_without_key_endpoints_a_warning_says_that_nobody_knows(scene: Scene, ending: OrganizationState) -> None:
    scene.local.control("POST", "settings", {"keyEndpoints": False})
    scene.delete(ending)
    assert "is not known, since AlloMia serves no key endpoints" in line(scene.listener.warnings)
    assert is_active(scene, ending) is False


@pytest.mark.catalogue(106)
def test_g4_keys_that_answer_404_in_a_foreign_shape_or_order_prove_nothing(
    scene: Scene, ending: OrganizationState
) -> None:
    missing = answered(404, is_done=False, json={"error": "no"})
    scene.faults["GET"] = [lambda request, send: send(request), missing, missing]
    with pytest.raises(NotFound, match="was not deactivated"):
        scene.delete(ending)
    assert is_active(scene, ending) is True


@pytest.mark.parametrize("fault", [REFUSED, answered(200, is_done=False, html="<html></html>")])
@pytest.mark.parametrize("position", [0, 1])
def test_what_cannot_be_read_deactivates_nobody(
    scene: Scene, ending: OrganizationState, fault: Fault, position: int
) -> None:
    scene.faults["GET"] = [*[lambda request, send: send(request)] * position, fault]
    with pytest.raises(AllomiaError, match="was not deactivated"):
        scene.delete(ending)
    assert not any(each.startswith("DELETE") for each in scene.sent)
    assert is_active(scene, ending) is True


@pytest.mark.catalogue(107)
@pytest.mark.parametrize(
    "fault",
    [
        lost_after,
        cut_after,
        lost_before,
        answered(500, is_done=True, json={"error": "x"}),
        answered(200, is_done=True, html="<html></html>"),
        answered(204, is_done=True),
        answered(202, is_done=True, json={"message": "later"}),
        answered(409, is_done=True, json={"error": "deleted already"}),
        changed(organizationId="another"),
    ],
)
def test_a_lost_answer_is_settled_by_reading(scene: Scene, ending: OrganizationState, fault: Fault) -> None:
    scene.faults["DELETE"] = [fault]
    scene.delete(ending)
    assert is_active(scene, ending) is False
    assert scene.listener.infos[-1].endswith("is deactivated")


@pytest.mark.catalogue(107)
@pytest.mark.parametrize(
    "fault",
    [
        answered(200, is_done=False, html="<html></html>"),
        answered(200, is_done=False, json={"message": "ok"}),
        answered(409, is_done=False, json={"error": "x"}),
    ],
)
def test_g4_an_answer_that_holds_for_nothing_is_an_error(scene: Scene, ending: OrganizationState, fault: Fault) -> None:
    scene.faults["DELETE"] = [fault]
    with pytest.raises(AllomiaError, match="it is still active"):
        scene.delete(ending)
    assert is_active(scene, ending) is True


def test_what_nothing_tells_is_said_so(scene: Scene, ending: OrganizationState) -> None:
    refused = answered(409, is_done=True, json={"error": "x"})
    scene.faults["DELETE"] = [after(lambda: scene.faults.update(GET=[REFUSED]), then=refused)]
    with pytest.raises(AllomiaError, match="is not known"):
        scene.delete(ending)


@pytest.mark.catalogue(110)
@pytest.mark.parametrize("status", [403, 404, 410])
def test_one_that_was_deactivated_and_refuses_everything_names_the_way_out(
    scene: Scene, ending: OrganizationState, status: int
) -> None:
    scene.local.control("POST", "settings", {"deactivatedStatus": status})
    scene.deactivate_by_hand(ending.record.organization_id)
    with pytest.raises(AllomiaError, match="was not deactivated") as raised:
        scene.delete(ending)
    assert "`pulumi state delete URN`" in raised.value.hint
    # A refresh proves nothing by it, and so it names no way to drop what may be alive.
    with pytest.raises(AllomiaError) as raised:
        scene.read(ending)
    assert "state delete" not in raised.value.hint


class TestGone:
    """An organization that answers 404."""

    def test_the_recorded_tenants_list_proves_it(self, scene: Scene, ending: OrganizationState) -> None:
        scene.local.control("DELETE", f"organizations/{ending.record.organization_id}")
        scene.delete(ending)
        assert scene.listener.infos[-1].endswith("was deactivated already")

    def test_g4_another_tenants_list_proves_nothing(self, scene: Scene, ending: OrganizationState) -> None:
        other = scene.local.control("POST", "tenants", {"name": "Other"})
        scene.local.add_organization("Elsewhere", other["id"])
        scene.key = other["key"]
        scene.restart()
        with pytest.raises(NotFound, match="pulumi state delete"):
            scene.delete(ending)
        assert is_active(scene, ending) is True

    def test_g4_an_empty_list_proves_nothing(self, scene: Scene, ending: OrganizationState) -> None:
        for organization_id in (ending.record.organization_id, scene.local.org):
            scene.local.control("DELETE", f"organizations/{organization_id}")
        with pytest.raises(NotFound):
            scene.delete(ending)


def test_another_address_deactivates_nobody(scene: Scene, ending: OrganizationState) -> None:
    elsewhere = ending.with_record(api_url="https://staging.allomia.example")
    with pytest.raises(InvalidConfiguration, match="nothing was deactivated"):
        scene.delete(elsewhere)
    assert scene.take_sent() == []


@pytest.mark.catalogue(107)
def test_an_answer_that_names_another_organization_is_said_though_ours_is_deactivated(
    scene: Scene, ending: OrganizationState
) -> None:
    scene.faults["DELETE"] = [changed(organizationId="another")]
    scene.delete(ending)
    said = line(scene.listener.warnings)
    assert "AlloMia answered that it deleted organization another" in said
    assert "Look at both" in said
    assert is_active(scene, ending) is False


class TestTwoRecords:
    """One organization in two records, as a forced replacement with `adopt` leaves it."""

    @pytest.mark.catalogue(108)
    def test_the_older_one_ends_without_a_deactivation(self, scene: Scene, ending: OrganizationState) -> None:
        scene.create({**ENDING, "adopt": ending.record.organization_id})
        scene.delete(ending)
        assert "another record of this stack goes on using it" in line(scene.listener.warnings)
        assert is_active(scene, ending) is True

    @pytest.mark.catalogue(108)
    def test_also_in_a_later_run_in_which_the_newer_ones_diff_comes_first(
        self, scene: Scene, ending: OrganizationState
    ) -> None:
        newer = scene.create({**ENDING, "adopt": ending.record.organization_id})
        scene.restart()
        scene.diff(newer, ENDING)
        scene.delete(ending)
        assert is_active(scene, ending) is True
        scene.delete(newer)
        assert is_active(scene, ending) is False

    @pytest.mark.catalogue(108)
    def test_also_when_another_resource_has_it(self, scene: Scene, ending: OrganizationState) -> None:
        beside = scene.create({**ENDING, "adopt": ending.record.organization_id}, OTHER)
        scene.restart()
        scene.diff(beside, ENDING, OTHER)
        scene.delete(ending)
        assert is_active(scene, ending) is True

    @pytest.mark.catalogue(108)
    def test_the_read_of_one_hides_no_change_of_the_other(self, scene: Scene, ending: OrganizationState) -> None:
        beside = scene.create({**ENDING, "adopt": ending.record.organization_id}, OTHER)
        scene.restart()
        for state in (ending, beside):
            scene.read(state)
        news = {**ENDING, "city": "Oakland"}
        scene.check(news, ENDING)
        assert scene.diff(ending, news).fields == ("city",)

    @pytest.mark.catalogue(108)
    def test_a_refresh_or_a_diff_of_the_same_record_is_no_other_one(
        self, scene: Scene, ending: OrganizationState
    ) -> None:
        scene.restart()
        scene.delete(scene.read(ending))
        assert is_active(scene, ending) is False


def test_an_unreachable_allomia_stops_a_deactivation_and_not_the_forgetting(scene: Scene) -> None:
    state = scene.create()
    scene.faults["GET"] = [lost_before] * 50
    scene.delete(state)
    ending = scene.update(state, ENDING)
    with pytest.raises(Unreachable, match="was not deactivated"):
        scene.delete(ending)
