"""An organization's metadata on both faces: written as a whole, never read, and every answer of AlloMia's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.faces import Face, FaceError, PluginFace, is_marked_secret
from tests.contract.scenes import Scene, assert_readable, set_scene, spelled
from tools.engine.sandbox import Sandbox, Tenant

METADATA: dict[str, Any] = {
    "emr_system": "Epic",
    "operatingHours": {"monday": "9:00-17:00", "tenant_id": "kept"},
    "specialties": ["cardiology", "neurology"],
    "services": {"telehealth": True, "inPersonVisits": False},
    "beds": 12,
    "share": 0.5,
    "organizationId": "not this one",
    "Köln": "ä “quoted” 医院",
    "empty": {},
    "none": [],
}
OTHER = {"emr_system": "Cerner"}


@pytest.fixture
def scene(process: tuple[Face, Tenant], sandbox: Sandbox, request: pytest.FixtureRequest) -> Scene:
    scene = set_scene(process, sandbox, request.node.nodeid)
    scene.face.forget(scene.face.name, "OrganizationMetadata")
    sandbox.put_metadata(scene.organization, {"made": "by AlloMia"})
    return scene


def news(scene: Scene, metadata: object = METADATA, **more: Any) -> dict[str, Any]:
    return {"organizationId": scene.organization, "metadata": metadata, **more}


def record(scene: Scene) -> dict[str, Any]:
    found = scene.sandbox.metadata(scene.organization)
    assert found is not None
    return found


def refused(scene: Scene, text: str, metadata: object = METADATA) -> FaceError:
    inputs = scene.face.check({}, news(scene, metadata))
    with pytest.raises(FaceError, match=text) as caught:
        scene.face.create(inputs)
    assert caught.value.kept is None
    assert_readable(str(caught.value), scene.tenant.key)
    return caught.value


def test_a_creation_is_one_put_of_the_object_as_it_is(scene: Scene) -> None:
    start = scene.sandbox.last_event()
    id_, outputs = scene.face.up(news(scene))
    assert scene.calls(start) == ["metadata_updated"]
    assert id_ == scene.organization
    written = record(scene)
    assert (written["metadata"], written["version"]) == (METADATA, 2)
    assert repr(written["metadata"]["beds"]) == "12"
    assert (outputs["metadataId"], outputs["version"]) == (written["id"], 2)
    assert outputs["createdAt"] == written["createdAt"]
    assert is_marked_secret(scene.face.last_answer, "metadataHash")
    assert outputs["record"]["settings"] == {"organizationId": scene.organization}
    (warning,) = scene.face.warnings
    assert f"replaces whatever organization {scene.organization} has there" in warning


def test_g6_no_change_asks_nothing_and_a_change_is_one_put_in_place(scene: Scene) -> None:
    id_, outputs = scene.face.up(news(scene))
    start = scene.sandbox.last_event()
    inputs = scene.face.check(news(scene), news(scene))
    assert not scene.face.diff(id_, outputs, inputs, old_inputs=news(scene)).changes
    assert scene.calls(start) == []
    inputs = scene.face.check(news(scene), news(scene, OTHER))
    diffed = scene.face.diff(id_, outputs, inputs, old_inputs=news(scene))
    assert (diffed.changes, diffed.replaces) == (True, [])
    assert scene.calls(start) == []
    after = scene.face.update(id_, outputs, inputs)
    assert scene.calls(start) == ["metadata_updated"]
    assert (record(scene)["metadata"], after["version"]) == (OTHER, 3)
    assert not scene.face.diff(id_, after, inputs, old_inputs=inputs).changes


def test_a_refresh_claims_no_drift_and_asks_nothing(scene: Scene) -> None:
    id_, outputs = scene.face.up(news(scene))
    scene.sandbox.put_metadata(scene.organization, {"changed": "elsewhere"})
    start = scene.sandbox.last_event()
    assert scene.face.read(id_, outputs, news(scene)) == (id_, outputs)
    assert not scene.face.diff(id_, outputs, news(scene), old_inputs=news(scene)).changes
    assert scene.calls(start) == []
    assert record(scene)["metadata"] == {"changed": "elsewhere"}


def test_g7_destroy_leaves_the_record_and_says_so(scene: Scene) -> None:
    id_, outputs = scene.face.up(news(scene))
    start = scene.sandbox.last_event()
    for _ in range(2):
        scene.face.delete(id_, outputs)
        assert f"the metadata of organization {scene.organization} stay at AlloMia" in scene.face.warnings[-1]
    assert scene.calls(start) == []
    assert record(scene)["metadata"] == METADATA


def test_another_organization_is_a_new_record_there(scene: Scene) -> None:
    other = scene.sandbox.add_organization(scene.tenant.id, "Hill Clinic")
    scene.sandbox.put_metadata(other, {})
    id_, outputs = scene.face.up(news(scene))
    there = {**news(scene), "organizationId": other}
    inputs = scene.face.check(news(scene), there)
    diffed = scene.face.diff(id_, outputs, inputs, old_inputs=news(scene))
    assert diffed.replaces == ["organizationId"]
    new_id, _ = scene.face.up(there)
    scene.face.delete(id_, outputs)
    assert new_id == other
    assert record(scene)["metadata"] == METADATA
    assert (scene.sandbox.metadata(other) or {})["metadata"] == METADATA


@pytest.mark.catalogue(124)
def test_a_404_says_that_a_first_record_is_made_on_allomias_side(scene: Scene) -> None:
    scene.sandbox.delete_organization(scene.organization)
    scene.sandbox.add_organization(scene.tenant.id, "Valley Health", scene.organization)
    error = refused(scene, f"AlloMia has no metadata record of organization {scene.organization}")
    assert "Have the first record made on AlloMia's side" in str(error)
    scene.sandbox.put_metadata(scene.organization, {})
    scene.face.create(news(scene))
    assert record(scene)["metadata"] == METADATA


@pytest.mark.catalogue(124)
def test_a_404_of_a_hidden_organization_is_not_blamed_on_the_record(scene: Scene) -> None:
    scene.sandbox.delete_organization(scene.organization)
    refused(scene, f"organization {scene.organization} is not visible to the tenant key")


@pytest.mark.catalogue(124)
def test_allomias_own_schema_refuses_with_its_detail_and_nothing_is_recorded(scene: Scene) -> None:
    scene.sandbox.set_metadata_schema(scene.tenant.id, properties={"beds": "string"}, required=["region"])
    try:
        error = refused(scene, "region is required")
        assert "beds must be of type string" in str(error)
        assert "Correct metadata by the schema" in str(error)
    finally:
        scene.sandbox.set_metadata_schema(scene.tenant.id)
    assert record(scene)["version"] == 1


@pytest.mark.catalogue(124)
def test_g3_a_refusal_that_repeats_the_tenant_key_or_a_page_is_scrubbed_and_bounded(scene: Scene) -> None:
    key = scene.tenant.key
    body = {"error": f"bad {key}\nnext line", "details": [f"{key}\x1b[31m", "x" * 9000]}
    scene.sandbox.add_fault("status", method="PUT", path="*/metadata", status=400, body=body)
    error = refused(scene, "bad")
    assert len(str(error)) < 1500
    assert "\x1b" not in str(error)


AMBIGUOUS: dict[str, dict[str, Any]] = {
    "lost before": {"kind": "drop_before"},
    "lost after": {"kind": "drop_after"},
    "cut": {"kind": "truncate"},
    "500": {"kind": "status", "status": 500},
    "500 after": {"kind": "status_after", "status": 500},
    "HTML": {"kind": "html"},
    "HTML after": {"kind": "html", "after": True},
    "garbage": {"kind": "body_after", "body": '{"id": 7}'},
    "another organization's": {"kind": "edit_after", "changes": {"organizationId": "somebody-else"}},
}


@pytest.mark.catalogue(125)
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_lost_answer_is_followed_by_the_same_put_once(scene: Scene, name: str) -> None:
    scene.sandbox.add_fault(method="PUT", path="*/metadata", **AMBIGUOUS[name])
    start = scene.sandbox.last_event()
    _, outputs = scene.face.up(news(scene))
    puts = [event for event in scene.sandbox.events(start) if event.method == "PUT"]
    assert len(puts) == 2
    written = record(scene)
    assert (written["metadata"], written["version"]) == (METADATA, outputs["version"])


@pytest.mark.catalogue(125)
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_two_lost_answers_are_an_error_and_the_next_up_writes_once_more(scene: Scene, name: str) -> None:
    scene.sandbox.add_fault(method="PUT", path="*/metadata", times=2, **AMBIGUOUS[name])
    start = scene.sandbox.last_event()
    refused(scene, "may be the new ones or still those before")
    assert len([event for event in scene.sandbox.events(start) if event.method == "PUT"]) == 2
    scene.face.up(news(scene))
    assert record(scene)["metadata"] == METADATA


@pytest.mark.catalogue(125)
def test_a_change_whose_answers_are_lost_stays_a_change(scene: Scene) -> None:
    id_, outputs = scene.face.up(news(scene))
    inputs = scene.face.check(news(scene), news(scene, OTHER))
    assert scene.face.diff(id_, outputs, inputs).changes
    scene.sandbox.add_fault("drop_after", method="PUT", path="*/metadata", times=2)
    with pytest.raises(FaceError, match="Run `pulumi up` again"):
        scene.face.update(id_, outputs, inputs)
    assert scene.face.diff(id_, outputs, inputs).changes
    scene.face.update(id_, outputs, inputs)
    assert record(scene)["metadata"] == OTHER


@pytest.mark.catalogue(124)
@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_an_answer_that_wrote_nothing_is_not_taken_for_a_lost_one(scene: Scene, status: int) -> None:
    scene.sandbox.add_fault("status", method="PUT", path="*/metadata", times=None, status=status)
    inputs = scene.face.check({}, news(scene))
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert_readable(str(caught.value), scene.tenant.key)
    assert record(scene)["version"] == 1


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"metadata": {}}, "organizationId is missing"),
        ({"organizationId": "org"}, "metadata is missing"),
        ({"organizationId": "org", "metadata": "{}"}, "metadata is not an object"),
        ({"organizationId": "org", "metadata": [1]}, "metadata is not an object"),
        ({"organizationId": "a/b", "metadata": {}}, "is not an id"),
        ({"organizationId": "org", "metadata": {}, "version": 3}, "`version` is not supported"),
    ],
)
def test_bad_inputs_are_one_line_each_and_nothing_is_asked(scene: Scene, inputs: dict[str, Any], text: str) -> None:
    start = scene.sandbox.last_event()
    with pytest.raises(FaceError) as caught:
        scene.face.check({}, inputs)
    assert spelled(scene.face, text) in str(caught.value)
    assert_readable(str(caught.value), scene.tenant.key)
    assert scene.sandbox.events(start) == []


@pytest.mark.parametrize("process", [PluginFace], indirect=True)
def test_it_is_not_imported(scene: Scene) -> None:
    with pytest.raises(FaceError, match="AlloMia has no call that reads metadata"):
        scene.face.read(scene.organization, {})


@pytest.mark.parametrize("process", [PluginFace], indirect=True)
def test_a_preview_of_a_change_knows_all_but_the_version(scene: Scene) -> None:
    assert isinstance(scene.face, PluginFace)
    id_, outputs = scene.face.up(news(scene))
    start = scene.sandbox.last_event()
    shown = scene.face.preview(id_, outputs, news(scene, OTHER))
    assert shown["metadataId"] == outputs["metadataId"]
    assert shown["version"] != outputs["version"]
    assert scene.calls(start) == []
