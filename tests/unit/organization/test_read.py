"""A refresh: drift field by field, and nothing that is not proved; then what takes an organization over."""

import pytest

from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization.inputs import FIELDS
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    RequestRefused,
    UnexpectedAnswer,
)
from tests.unit.organization.scenes import NEWS, OTHER, Fault, Scene, answered, line, lost_before


def test_it_is_one_get_and_changes_nothing(scene: Scene) -> None:
    state = scene.create()
    scene.take_sent()
    assert scene.read(state) == state
    assert scene.take_sent() == [f"GET /{state.record.organization_id}"]
    assert (scene.listener.warnings, scene.listener.infos) == ([], [])


def test_drift_is_shown_field_by_field(scene: Scene) -> None:
    state = scene.create()
    scene.change_by_hand(state.record.organization_id, city="Oakland", address=None)
    after = scene.read(state)
    changed = {name for name in FIELDS if getattr(after, name) != getattr(state, name)}
    assert changed == {"city", "address"}
    assert after.record.accepted == state.record.accepted
    assert "address (none), city “Oakland”" in line(scene.listener.infos)


def test_the_diff_after_a_read_reports_nothing_and_the_programs_own_does(scene: Scene) -> None:
    state = scene.create()
    after = scene.read(state)
    other = {**NEWS, "city": "Oakland"}
    assert not scene.diff(after, other).has_changes
    scene.read(state)
    scene.check(other, NEWS)
    assert scene.diff(after, other).has_changes


@pytest.mark.catalogue(110)
def test_one_that_was_deactivated_outside_is_kept_with_a_warning(scene: Scene) -> None:
    state = scene.create()
    scene.deactivate_by_hand(state.record.organization_id)
    after = scene.read(state)
    assert after.is_active is False
    assert "was deactivated outside of Pulumi; it stays in the state" in line(scene.listener.warnings)
    scene.check(NEWS, NEWS)
    assert not scene.diff(after, NEWS).has_changes


def test_a_moment_of_deletion_alone_is_a_sign_too(scene: Scene) -> None:
    state = scene.create()
    answer = scene.local.send("GET", f"/api/organization/{state.record.organization_id}", scene.key).json()
    answer["currentOrg"] |= {"deletedAt": "2026-01-01T00:00:00Z"}
    scene.faults["GET"] = [answered(200, is_done=False, json=answer)]
    assert scene.read(state).is_active is False


@pytest.mark.catalogue(110)
def test_g4_one_that_is_gone_is_an_error_that_names_the_way_out(scene: Scene) -> None:
    state = scene.create()
    scene.local.control("DELETE", f"organizations/{state.record.organization_id}")
    with pytest.raises(NotFound, match="is gone: it answers 404") as raised:
        scene.read(state)
    assert "pulumi state delete URN" in raised.value.hint


def test_g4_a_404_of_one_that_is_listed_proves_nothing(scene: Scene) -> None:
    state = scene.create()
    scene.faults["GET"] = [answered(404, is_done=False, json={"error": "no"})]
    with pytest.raises(NotFound, match="although AlloMia lists it, so nothing is proved") as raised:
        scene.read(state)
    assert "state delete" not in raised.value.hint


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (answered(403, is_done=False, json={"error": "no"}), AccessDenied),
        (answered(404, is_done=False, html="<html></html>"), UnexpectedAnswer),
        (answered(200, is_done=False, json={"currentOrg": {"id": "another", "name": "x"}}), UnexpectedAnswer),
        (answered(200, is_done=False, json={"id": "bare"}), UnexpectedAnswer),
    ],
)
def test_g4_what_is_no_proof_is_an_error(scene: Scene, fault: Fault, error: type[AllomiaError]) -> None:
    state = scene.create()
    scene.faults["GET"] = [fault]
    with pytest.raises(error):
        scene.read(state)


def test_another_tenant_than_the_recorded_one_is_an_error(scene: Scene) -> None:
    state = scene.create().with_record(tenant_id="another-tenant")
    with pytest.raises(UnexpectedAnswer, match="to tenant another-tenant in the state"):
        scene.read(state)


def test_another_address_is_an_error_unless_it_shows_the_same(scene: Scene) -> None:
    state = scene.create().with_record(api_url="https://allomia.com")
    assert scene.read(state).record.api_url == "https://allomia.com"
    for elsewhere in (state.with_record(tenant_id=None), state.with_record(organization_id="unknown")):
        with pytest.raises(InvalidConfiguration, match=r"is recorded at https://allomia\.com"):
            scene.read(elsewhere)


def test_what_an_older_record_lacks_is_added(scene: Scene) -> None:
    state = scene.create()
    older = state.model_copy(update={"tenant_id": None}).with_record(tenant_id=None, lineage=None, api_url=None)
    after = scene.read(older)
    assert after.tenant_id == after.record.tenant_id == state.tenant_id


class TestTakeover:
    """`adopt` and an import: nothing is changed at AlloMia."""

    def test_an_import_brings_a_state_and_inputs_that_are_no_difference(self, scene: Scene) -> None:
        existing = scene.by_hand()
        state, inputs = scene.import_(existing)
        assert scene.take_sent() == [f"GET /{existing}"]
        assert inputs == NEWS
        assert not scene.check(inputs, inputs).failures
        assert not scene.diff(state, inputs).has_changes
        assert scene.diff(state, {**inputs, "city": "Oakland"}).has_changes

    def test_an_import_of_one_with_nulls_and_an_odd_zone_passes_its_check(self, scene: Scene) -> None:
        existing = scene.by_hand(address=None, timezone="Nowhere")
        state, inputs = scene.import_(existing)
        assert (inputs["address"], inputs["timezone"]) == ("", "Nowhere")
        assert not scene.check(inputs, inputs).failures
        assert not scene.diff(state, inputs).has_changes
        # AlloMia documents that a PUT has a documented zone, and not that it keeps one which is left out.
        with pytest.raises(RequestRefused, match="timezone is none of the 21"):
            scene.update(state, {**inputs, "city": "Oakland"})
        after = scene.update(state, {**inputs, "city": "Oakland", "timezone": NEWS["timezone"]})
        assert (after.city, after.address) == ("Oakland", None)

    @pytest.mark.parametrize("pulumi_id", ["", "a/b", "../x", "-x"])
    def test_an_id_that_is_none_is_refused(self, scene: Scene, pulumi_id: str) -> None:
        with pytest.raises(InvalidInput, match="nothing was imported"):
            scene.import_(pulumi_id)

    def test_one_that_is_not_there_is_an_error(self, scene: Scene) -> None:
        with pytest.raises(NotFound, match="nothing was recorded"):
            scene.import_("unknown")
        with pytest.raises(NotFound, match="nothing was recorded"):
            scene.create({**NEWS, "adopt": "unknown"})

    def test_adopt_makes_nothing_and_leaves_the_programs_changes_to_the_next_run(self, scene: Scene) -> None:
        existing = scene.by_hand(city="Oakland")
        news = {**NEWS, "adopt": existing, "deactivateOnDestroy": True}
        state = scene.create(news)
        assert scene.take_sent() == [f"GET /{existing}"]
        assert (state.record.organization_id, state.city) == (existing, "Oakland")
        assert "city (AlloMia: city “Oakland”)" in line(scene.listener.warnings)
        assert scene.diff(state, news).fields == ("city",)
        assert scene.update(state, news).city == NEWS["city"]
        assert state.record.settings.deactivate_on_destroy is True

    def test_adopt_of_one_that_is_as_the_program_says_is_no_change_later(self, scene: Scene) -> None:
        existing = scene.by_hand()
        news = {**NEWS, "adopt": existing}
        assert not scene.check(news).failures
        assert not scene.diff(scene.create(news), news).has_changes
        assert scene.listener.warnings == []

    def test_a_check_says_of_one_to_adopt_what_create_would_meet(self, scene: Scene) -> None:
        assert not scene.check({**NEWS, "adopt": UNKNOWN}).failures
        assert scene.take_sent() == []
        scene.faults["GET"] = [answered(403, is_done=False, json={"error": "no"})]
        assert not scene.check({**NEWS, "adopt": scene.by_hand()}).failures
        assert not scene.check({**NEWS, "adopt": "unknown"}, identity=OTHER).failures
        assert all("`pulumi up` will fail unless" in each for each in scene.listener.warnings)
        assert len(scene.listener.warnings) == 2

    def test_a_deactivated_one_is_warned_of(self, scene: Scene) -> None:
        existing = scene.by_hand()
        scene.deactivate_by_hand(existing)
        assert scene.create({**NEWS, "adopt": existing}).is_active is False
        assert "documents no way back" in line(scene.listener.warnings)


def test_a_state_of_another_version_or_shape_is_said_to_be_an_organizations(scene: Scene) -> None:
    state = scene.create()
    for broken in ({}, {"record": {"stateVersion": 2}}):
        with pytest.raises(AllomiaError, match="the state of this organization"):
            scene.organizations_of_process.delete(
                {**state.to_outputs(), "record": broken.get("record")}, scene.listener
            )


def test_errors_that_another_configuration_could_mend_say_so(scene: Scene) -> None:
    state = scene.create()
    scene.faults["GET"] = [lost_before] * 50
    with pytest.raises(AllomiaError, match="--run-program"):
        scene.read(state)
