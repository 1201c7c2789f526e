"""Replacements that something forces: an organization is never replaced, and none is deactivated on the way."""

import pytest

from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.errors import AllomiaError, InvalidInput, Unavailable
from tests.unit.organization.scenes import NEWS, OTHER, Scene, answered, line

ENDING = {**NEWS, "deactivateOnDestroy": True}
RENAMED = {**ENDING, "name": "Harbor Dental and Sons", "email": "new@harbor.example"}
DOWN = answered(503, is_done=False, json={"error": "x"})


@pytest.fixture
def ending(scene: Scene) -> OrganizationState:
    """Return an organization whose recorded settings let a removal deactivate it, in a new process."""
    state = scene.create(ENDING)
    scene.restart()
    scene.take_sent()
    return state


def is_active(scene: Scene, state: OrganizationState) -> object:
    return scene.field(state.record.organization_id, "isActive")


@pytest.mark.catalogue(137)
def test_one_that_is_adopted_outlives_its_record_that_is_deleted_before_it_is_taken_over_again(
    scene: Scene, ending: OrganizationState
) -> None:
    adopting = {**ENDING, "adopt": ending.record.organization_id}
    assert scene.check(adopting).failures == ()
    scene.delete(ending)
    assert "another record of this stack goes on using it" in line(scene.listener.warnings)
    newer = scene.create(adopting)
    assert is_active(scene, ending) is True
    # The same removal without a declaration that takes it over deactivates it.
    scene.restart()
    scene.delete(newer)
    assert is_active(scene, ending) is False


@pytest.mark.catalogue(137)
def test_one_that_another_declaration_could_not_take_over_outlives_its_removed_record(
    scene: Scene, ending: OrganizationState
) -> None:
    adopting = {**ENDING, "adopt": ending.record.organization_id}
    scene.check(adopting, identity=OTHER)
    scene.faults["GET"] = [DOWN] * 50
    with pytest.raises(Unavailable):
        scene.create(adopting, OTHER)
    scene.faults.clear()
    scene.delete(ending)
    assert is_active(scene, ending) is True


@pytest.mark.catalogue(137)
@pytest.mark.parametrize("news", [ENDING, RENAMED, {**NEWS, "name": "Other"}])
def test_nobody_is_ended_before_another_one_is_made_in_its_place(
    scene: Scene, ending: OrganizationState, news: dict[str, object]
) -> None:
    scene.faults["GET"] = [DOWN] * 50
    # The list that would show the duplicate is not to be had, so check lets the replacement through.
    assert scene.check(news).failures == ()
    scene.faults.clear()
    with pytest.raises(InvalidInput, match="never replaced"):
        scene.delete(ending)
    assert is_active(scene, ending) is True
    scene.restart()
    assert scene.check(ENDING, ENDING).failures == ()
    assert not scene.diff(ending, ENDING).has_changes


@pytest.mark.catalogue(137)
def test_one_that_was_made_in_place_of_another_deactivates_nobody_in_this_run_or_the_next(
    scene: Scene, ending: OrganizationState
) -> None:
    assert scene.check(RENAMED).failures == ()
    made = scene.create(RENAMED)
    scene.delete(ending)
    assert "only forgotten: a forced replacement made another one" in line(scene.listener.warnings)
    scene.restart()
    scene.diff(made, RENAMED)
    scene.delete(ending)
    assert is_active(scene, ending) is True
    scene.delete(made)
    assert is_active(scene, made) is False


@pytest.mark.catalogue(137)
@pytest.mark.parametrize("name", ["Harbor Dental", "Harbor Dental and Sons"])
def test_a_replacement_after_a_change_is_refused_before_anything_is_done(
    scene: Scene, ending: OrganizationState, name: str
) -> None:
    news = {**ENDING, "name": name}
    assert scene.check(news, ENDING).failures == ()
    scene.diff(ending, news)
    (failure,) = scene.check(news).failures
    assert "an organization is never replaced" in failure.reason
    assert scene.take_sent() == []


def test_a_declaration_that_was_removed_and_comes_back_is_a_new_one(scene: Scene, ending: OrganizationState) -> None:
    scene.check(ENDING, ENDING)
    scene.delete(ending)
    assert scene.check(NEWS).failures == ()
    assert scene.create(NEWS).record.organization_id != ending.record.organization_id


def test_an_id_that_is_still_unknown_takes_nothing_over(scene: Scene, ending: OrganizationState) -> None:
    scene.check({**ENDING, "adopt": UNKNOWN}, identity=OTHER)
    scene.delete(ending)
    assert is_active(scene, ending) is False


def test_a_failed_creation_is_no_reason_to_keep_another_declaration(scene: Scene, ending: OrganizationState) -> None:
    scene.check({**NEWS, "name": "Beside"}, identity=OTHER)
    scene.faults["POST"] = [answered(400, is_done=False, json={"error": "no"})]
    with pytest.raises(AllomiaError):
        scene.create({**NEWS, "name": "Beside"}, OTHER)
    scene.delete(ending)
    assert is_active(scene, ending) is False
