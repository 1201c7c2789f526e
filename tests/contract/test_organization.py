"""An organization as code, for every face: real gRPC, real HTTP, and a process for each command."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from tests.contract.faces import FACES, UNKNOWN, Face, FaceError, PluginFace
from tests.contract.scenes import assert_readable, spelled
from tools.engine.sandbox import MadeOrganization, Sandbox, Tenant

SECRET = "4dabf18193072939515e22adb298388d"
NINE = {
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
WRITES = {"organization_created", "organization_updated", "organization_deactivated"}


@dataclass(frozen=True)
class Declared:
    """What the engine's state has of the organization."""

    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def fields(self) -> dict[str, Any]:
        return {name: self.outputs.get(name) for name in NINE}


@dataclass(frozen=True)
class Scene:
    """A tenant of its own, and the face whose commands work there."""

    sandbox: Sandbox
    tenant: Tenant
    make_face: type[Face]
    name: str

    @contextmanager
    def run(self, **environ: str) -> Iterator[Face]:
        """Give a command its own provider process, as the engine does."""
        configuration, given = {"apiUrl": self.sandbox.address}, {"ALLOMIA_TENANT_KEY": self.tenant.key, **environ}
        with self.make_face(configuration, given, name=self.name, kind="Organization") as face:
            yield face
            assert face.printed == ""

    def news(self, **changes: Any) -> dict[str, Any]:
        return {name: value for name, value in {**NINE, **changes}.items() if value is not None}

    def create(self, face: Face, **changes: Any) -> Declared:
        inputs = face.check({}, self.news(**changes))
        id_, outputs = face.create(inputs)
        return Declared(id_, inputs, outputs)

    def up(self, **changes: Any) -> Declared:
        with self.run() as face:
            return self.create(face, **changes)

    def go_on(self, face: Face, before: Declared, **changes: Any) -> Declared:
        """Go on as an `up` does; without a change the outputs stay what they are."""
        inputs = face.check(before.inputs, self.news(**changes))
        diffed = face.diff(before.id, before.outputs, inputs, old_inputs=before.inputs)
        assert diffed.replaces == []
        outputs = face.update(before.id, before.outputs, inputs) if diffed.changes else before.outputs
        return Declared(before.id, inputs, outputs)

    def refresh(self, face: Face, before: Declared) -> Declared:
        id_, outputs = face.read(before.id, before.outputs, before.inputs)
        assert id_ == before.id
        return Declared(id_, before.inputs, outputs)

    def seen(self, since: int) -> list[str]:
        return [event.type for event in self.sandbox.events(since)]

    def there(self) -> list[MadeOrganization]:
        return self.sandbox.organizations(self.tenant.id)

    def spelled(self, text: str) -> str:
        return spelled(self.make_face({}), text)


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Scene]:
    sandbox.clear_faults()
    sandbox.settings(key_endpoints=True, omitted_fields="kept")
    name = f"clinic-{zlib.crc32(request.node.nodeid.encode())}"
    yield Scene(sandbox, sandbox.add_tenant("clinics"), request.param, name)
    sandbox.clear_faults()
    sandbox.settings(key_endpoints=True, omitted_fields="kept")


def test_a_creation_is_one_list_and_one_post_and_its_id_is_allomias(scene: Scene) -> None:
    before = scene.sandbox.last_event()
    made = scene.up(externalId="emr-4711")
    assert scene.seen(before) == ["organizations_listed", "organization_created"]
    (there,) = scene.there()
    assert made.id == there.id
    assert made.fields == NINE == {name: there.fields[name] for name in NINE}
    assert there.external_id == "emr-4711"
    told = {name: made.outputs[name] for name in ("tenantId", "createdAt", "createdBy", "isActive")}
    assert told == {name: there.fields[name] for name in told}
    assert {name for name in made.outputs if not name.startswith("__")} == {*NINE, *told, "applied", "record"}


def test_g6_an_unchanged_organization_asks_nothing(scene: Scene) -> None:
    made = scene.up(externalId="emr-4711", deactivateOnDestroy=False)
    before = scene.sandbox.last_event()
    with scene.run() as face:
        assert scene.go_on(face, made, externalId="emr-4711", deactivateOnDestroy=False).outputs == made.outputs
        assert face.said == []
    assert scene.seen(before) == []


@pytest.mark.catalogue(109)
@pytest.mark.parametrize("omitted", ["kept", "cleared"])
def test_an_update_is_one_get_and_one_put_that_carries_all_nine(scene: Scene, omitted: str) -> None:
    made = scene.up()
    scene.sandbox.settings(omitted_fields=omitted)
    before = scene.sandbox.last_event()
    with scene.run() as face:
        moved = scene.go_on(face, made, city="Oakland", postalCode="94601")
        assert face.warnings == []
    assert scene.seen(before) == ["organization_read", "organization_updated"]
    (there,) = scene.there()
    assert moved.fields == {**NINE, "city": "Oakland", "postalCode": "94601"}
    assert {name: there.fields[name] for name in NINE} == moved.fields
    with scene.run() as face:
        assert scene.go_on(face, moved, city="Oakland", postalCode="94601").outputs == moved.outputs


@pytest.mark.catalogue(109)
def test_a_refresh_shows_what_changed_and_an_update_leaves_what_only_allomia_changed(scene: Scene) -> None:
    made = scene.up()
    scene.sandbox.change_organization(made.id, city="Oslo", phone_number=None)
    before = scene.sandbox.last_event()
    with scene.run() as face:
        found = scene.refresh(face, made)
        shown = face.diff(made.id, found.outputs, made.inputs, old_inputs=made.inputs)
        assert (shown.changes, shown.replaces) == (True, [])
        assert shown.paths.keys() == ({"city", "phoneNumber"} if isinstance(face, PluginFace) else set())
        again = scene.refresh(face, found)
        assert again.outputs == found.outputs
        assert not face.diff(made.id, again.outputs, made.inputs, old_inputs=made.inputs).changes
    assert scene.seen(before) == ["organization_read"] * 2
    changed = {name for name, value in found.fields.items() if value != made.fields[name]}
    assert changed == {"city", "phoneNumber"}
    assert (found.fields["city"], found.fields["phoneNumber"]) == ("Oslo", None)
    with scene.run() as face:
        assert scene.go_on(face, found).outputs == found.outputs
    with scene.run() as face:
        renamed = scene.go_on(face, found, name="Valley Clinic")
        assert any("city" in warning and scene.spelled("phoneNumber") in warning for warning in face.warnings)
        assert all(warning.isprintable() for warning in face.warnings)
    (there,) = scene.there()
    assert (there.name, there.fields["city"]) == ("Valley Clinic", "Oslo")
    assert renamed.fields["city"] == "Oslo"


@pytest.mark.catalogue(110)
def test_g4_what_was_deactivated_outside_is_kept_with_a_warning_and_never_made_again(scene: Scene) -> None:
    made = scene.up()
    scene.sandbox.deactivate_organization(made.id)
    with scene.run() as face:
        found = scene.refresh(face, made)
        assert found.outputs["isActive"] is False
        assert any("deactivated outside of Pulumi" in warning for warning in face.warnings)
    before = scene.sandbox.last_event()
    with scene.run() as face:
        assert scene.go_on(face, found).outputs["isActive"] is False
    assert not WRITES & set(scene.seen(before))
    assert [each.is_active for each in scene.there()] == [False]


@pytest.mark.catalogue(105)
def test_a_removal_forgets_the_organization_and_says_that_it_lives_on(scene: Scene) -> None:
    made = scene.up()
    before = scene.sandbox.last_event()
    with scene.run() as face:
        face.delete(made.id, made.outputs)
        face.delete(made.id, made.outputs)
        said = " ".join(each.message for each in face.said)
        assert made.id in said
        assert spelled(face, "deactivateOnDestroy") in said
    assert not WRITES & set(scene.seen(before))
    assert [each.is_active for each in scene.there()] == [True]


@pytest.mark.catalogue(105)
def test_g7_with_the_applied_switch_a_removal_deactivates_and_is_safe_to_repeat(scene: Scene) -> None:
    made = scene.up()
    with scene.run() as face:
        armed = scene.go_on(face, made, deactivateOnDestroy=True)
    before = scene.sandbox.last_event()
    with scene.run() as face:
        face.delete(armed.id, armed.outputs)
    assert scene.seen(before).count("organization_deactivated") == 1
    assert [each.is_active for each in scene.there()] == [False]
    before = scene.sandbox.last_event()
    with scene.run() as face:
        face.delete(armed.id, armed.outputs)
    assert [each.is_active for each in scene.there()] == [False]


@pytest.mark.catalogue(106)
def test_an_organization_with_living_keys_is_not_deactivated_and_the_error_names_them(scene: Scene) -> None:
    made = scene.up(deactivateOnDestroy=True)
    key = scene.sandbox.make_key_by_hand(made.id, "EHR sync")
    before = scene.sandbox.last_event()
    with scene.run() as face, pytest.raises(FaceError) as refused:
        face.delete(made.id, made.outputs)
    assert key.id in str(refused.value)
    assert_readable(str(refused.value), scene.tenant.key, key.key)
    assert not WRITES & set(scene.seen(before))
    scene.sandbox.revoke_by_hand(made.id, key.id)
    with scene.run() as face:
        face.delete(made.id, made.outputs)
    assert [each.is_active for each in scene.there()] == [False]


@pytest.mark.catalogue(106)
def test_without_key_endpoints_a_removal_warns_and_deactivates(scene: Scene) -> None:
    made = scene.up(deactivateOnDestroy=True)
    scene.sandbox.settings(key_endpoints=False)
    with scene.run() as face:
        face.delete(made.id, made.outputs)
        assert any("key endpoints" in warning for warning in face.warnings)
    assert [each.is_active for each in scene.there()] == [False]


@pytest.mark.catalogue(101)
def test_g1_g2_a_creation_whose_answer_is_lost_is_found_again_and_one_is_made(scene: Scene) -> None:
    scene.sandbox.add_fault("drop_after", method="POST", path="/api/organization")
    before = scene.sandbox.last_event()
    made = scene.up()
    assert scene.seen(before).count("organization_created") == 1
    assert [each.id for each in scene.there()] == [made.id]
    with scene.run() as face:
        assert scene.go_on(face, made).outputs == made.outputs


@pytest.mark.catalogue(103)
def test_the_same_name_and_e_mail_is_an_error_that_says_how_to_take_it_over(scene: Scene) -> None:
    there = scene.sandbox.add_organization(scene.tenant.id, NINE["name"], email=NINE["email"])
    before = scene.sandbox.last_event()
    with scene.run() as face, pytest.raises(FaceError) as refused:
        scene.create(face)
    text = str(refused.value)
    assert_readable(text, scene.tenant.key)
    assert there in text
    assert "adopt" in text
    assert "duplicate" in text
    if scene.make_face is PluginFace:
        assert f"pulumi import allomia:index:Organization {scene.name} {there}" in text
    assert "organization_created" not in scene.seen(before)
    assert len(scene.there()) == 1


@pytest.mark.catalogue(103)
def test_a_duplicate_that_is_meant_is_named_and_stays_beside(scene: Scene) -> None:
    there = scene.sandbox.add_organization(scene.tenant.id, NINE["name"], email=NINE["email"])
    made = scene.up(duplicateOf=[there])
    assert {each.id for each in scene.there()} == {there, made.id}


@pytest.mark.catalogue(103)
def test_another_e_mail_is_no_duplicate_and_a_deactivated_one_warns(scene: Scene) -> None:
    scene.sandbox.add_organization(scene.tenant.id, NINE["name"], email="other@valley.example")
    gone = scene.sandbox.add_organization(scene.tenant.id, NINE["name"], email=NINE["email"], is_active=False)
    with scene.run() as face:
        made = scene.create(face)
        assert any(gone in warning and "deactivated" in warning for warning in face.warnings)
    assert len(scene.there()) == 3
    assert made.id != gone


def test_an_organization_is_adopted_without_a_write_and_then_follows_the_program(scene: Scene) -> None:
    there = scene.sandbox.add_organization(scene.tenant.id, "Valley", email=NINE["email"], city="Oslo")
    before = scene.sandbox.last_event()
    made = scene.up(adopt=there)
    assert not WRITES & set(scene.seen(before))
    assert (made.id, made.fields["name"], made.fields["city"]) == (there, "Valley", "Oslo")
    with scene.run() as face:
        followed = scene.go_on(face, made, adopt=there)
    assert followed.fields == NINE
    assert {name: scene.there()[0].fields[name] for name in NINE} == NINE
    before = scene.sandbox.last_event()
    with scene.run() as face:
        assert scene.go_on(face, followed).outputs == followed.outputs
    assert scene.seen(before) == []


def test_what_is_not_there_or_another_tenants_is_not_adopted(scene: Scene) -> None:
    foreign = scene.sandbox.add_organization(scene.sandbox.add_tenant("others").id, NINE["name"], email=NINE["email"])
    for wanted in (foreign, "0c8dcf0e-0000-4000-8000-000000000000"):
        with scene.run() as face, pytest.raises(FaceError) as refused:
            scene.create(face, adopt=wanted)
        assert wanted in str(refused.value)
        assert_readable(str(refused.value), scene.tenant.key)
    assert scene.there() == []


def test_an_import_reads_the_nine_inputs_and_plans_nothing(scene: Scene) -> None:
    there = scene.sandbox.add_organization(scene.tenant.id, **{to_snake(name): value for name, value in NINE.items()})
    before = scene.sandbox.last_event()
    with scene.run() as face:
        if not isinstance(face, PluginFace):
            with pytest.raises(FaceError, match="__provider"):
                face.read(there, {})
            return
        id_, outputs = face.read(there, {})
        inputs = face.last_inputs
        assert id_ == there
        assert {name: inputs[name] for name in NINE} == NINE
        checked = face.check(inputs, scene.news())
        assert not face.diff(there, outputs, checked, old_inputs=inputs).changes
    assert scene.seen(before) == ["organization_read"]
    before = scene.sandbox.last_event()
    with scene.run() as face:
        imported = Declared(there, inputs, outputs)
        assert scene.go_on(face, imported).outputs == outputs
    assert scene.seen(before) == []
    with scene.run() as face:
        assert scene.go_on(face, imported, city="Oakland").fields["city"] == "Oakland"


def test_an_import_of_what_is_not_there_is_one_line(scene: Scene) -> None:
    if scene.make_face is not PluginFace:
        pytest.skip("the dynamic face imports nothing")
    with scene.run() as face, pytest.raises(FaceError) as refused:
        face.read("0c8dcf0e-0000-4000-8000-000000000000", {})
    assert_readable(str(refused.value), scene.tenant.key)


def test_a_changed_external_id_is_said_once_recorded_and_sent_nowhere(scene: Scene) -> None:
    made = scene.up(externalId="emr-4711")
    before = scene.sandbox.last_event()
    with scene.run() as face:
        changed = scene.go_on(face, made, externalId="emr-4712")
        (warning,) = dict.fromkeys(face.warnings)
        assert spelled(face, "externalId") in warning
        assert warning.isprintable()
    with scene.run() as face:
        assert scene.go_on(face, changed, externalId="emr-4712").outputs == changed.outputs
        assert face.warnings == []
    assert scene.seen(before) == []
    assert scene.there()[0].external_id == "emr-4711"


@pytest.mark.catalogue(112)
def test_g4_another_tenant_than_recorded_is_an_error(scene: Scene) -> None:
    made = scene.up()
    outputs = json.loads(json.dumps(made.outputs))
    outputs["record"]["tenantId"] = outputs["tenantId"] = "0c8dcf0e-0000-4000-8000-000000000000"
    with scene.run() as face, pytest.raises(FaceError, match="tenant") as refused:
        face.read(made.id, outputs)
    assert_readable(str(refused.value), scene.tenant.key)


@pytest.mark.catalogue(112)
def test_g4_g5_whatever_the_answer_an_organization_is_never_dropped_from_the_state(scene: Scene) -> None:
    made = scene.up()
    with scene.run() as face:
        for status, path in ((401, "*"), (403, "*"), (500, "*"), (404, f"/api/organization/{made.id}")):
            scene.sandbox.clear_faults()
            scene.sandbox.add_fault("status", method="GET", path=path, status=status, times=None)
            with pytest.raises(FaceError) as refused:
                face.read(made.id, made.outputs)
            assert_readable(str(refused.value), scene.tenant.key)
            # The list has it still, so nothing is proved.
            assert "pulumi state delete" not in str(refused.value)
        scene.sandbox.clear_faults()
        scene.sandbox.delete_organization(made.id)
    with scene.run() as face:
        with pytest.raises(FaceError, match="pulumi state delete") as refused:
            face.read(made.id, made.outputs)
        assert_readable(str(refused.value), scene.tenant.key)


@pytest.mark.catalogue(103)
def test_a_forced_replacement_ends_at_the_duplicate_and_nothing_is_deactivated(scene: Scene) -> None:
    made = scene.up(deactivateOnDestroy=True)
    before, news = scene.sandbox.last_event(), scene.news(deactivateOnDestroy=True)
    with scene.run() as face:
        inputs = face.check(made.inputs, news)
        assert not face.diff(made.id, made.outputs, inputs, old_inputs=made.inputs).changes
        # The engine checks again without old inputs, once it knows that it is to replace.
        with pytest.raises(FaceError) as refused:
            face.check({}, news)
        with pytest.raises(FaceError) as not_made:
            face.create(inputs)
    assert "an organization is never replaced" in str(refused.value)
    assert made.id in str(not_made.value)
    assert not WRITES & set(scene.seen(before))
    assert [(each.id, each.is_active) for each in scene.there()] == [(made.id, True)]


@pytest.fixture(scope="module", params=FACES, ids=lambda face: face.__name__)
def checking(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Face]:
    """One process for all that is only checked, and asks nobody."""
    environ = {"ALLOMIA_TENANT_KEY": sandbox.add_tenant("clinics").key}
    with request.param({"apiUrl": sandbox.address}, environ, name="valley", kind="Organization") as face:
        yield face


@pytest.mark.catalogue(111)
@pytest.mark.parametrize("missing", NINE)
def test_each_of_the_nine_is_required_and_named(checking: Face, missing: str) -> None:
    with pytest.raises(FaceError) as refused:
        checking.check({}, {name: value for name, value in NINE.items() if name != missing})
    assert str(refused.value) == f"{spelled(checking, missing)} is missing. AlloMia requires it of every organization."


@pytest.mark.catalogue(111)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"city": " "}, "city is empty. AlloMia requires it of every organization."),
        ({"name": 7}, "name is not a text. Write it as a text."),
        (
            {"stateProvince": "C\nA"},
            "stateProvince has control or bidi characters. Write it in one line of plain text.",
        ),
        ({"address": "123 \u202eMain"}, "address has control or bidi characters. Write it in one line of plain text."),
        ({"externalId": ["emr"]}, "externalId is not a text. Write it as a text."),
        ({"deactivateOnDestroy": "yes"}, "deactivateOnDestroy is neither true nor false. Write true or false."),
        ({"duplicateOf": "org"}, "duplicateOf is not a list. Write the ids of the organizations that are meant, in a"),
        ({"duplicateOf": [7]}, "an id in duplicateOf is not a text or is empty. Give the id, as AlloMia has it."),
        ({"adopt": "a/b"}, "adopt is not an id: it has spaces around it, a slash, a dash in front,"),
        ({"adopt": ""}, "adopt is not a text or is empty. Give the id, as AlloMia has it."),
        ({"timezone": "America/Los_Angles"}, "America/Los_Angeles"),
        ({"tenantKeyRef": "nowhere"}, "tenantKeyRef"),
        ({"organizationId": "org"}, "`organizationId` is not supported by this version. Remove it, or upgrade."),
    ],
)
def test_each_bad_input_says_what_to_write(
    checking: Face, sandbox: Sandbox, changes: dict[str, Any], said: str
) -> None:
    before = sandbox.last_event()
    with pytest.raises(FaceError) as refused:
        checking.check({}, {**NINE, **changes})
    text = str(refused.value)
    assert_readable(text, checking.environ["ALLOMIA_TENANT_KEY"])
    assert (said if "`" in said else spelled(checking, said)) in text
    assert sandbox.events(before) == []


@pytest.mark.catalogue(114)
def test_texts_are_trimmed_nowhere_and_another_zone_is_allomias_to_decide(scene: Scene) -> None:
    with scene.run() as face:
        made = scene.create(face, address="  Straße 1, Büro 2 ", name="診療所 & Söhne")
        assert face.warnings == []
    assert (made.fields["address"], made.fields["name"]) == ("  Straße 1, Büro 2 ", "診療所 & Söhne")
    with scene.run() as face:
        face.check({}, scene.news(name="Other", timezone="Europe/Zurich"))
        (warning,) = face.warnings
        assert "Europe/Zurich" in warning
        with pytest.raises(FaceError, match="timezone") as refused:
            scene.create(face, name="Other", timezone="Europe/Zurich")
    assert_readable(str(refused.value), scene.tenant.key)
    assert len(scene.there()) == 1


def test_g8_a_preview_writes_nothing_and_knows_the_id_of_an_update(scene: Scene) -> None:
    before = scene.sandbox.last_event()
    with scene.run() as face:
        face.check({}, scene.news())
        face.check({}, scene.news(name=UNKNOWN, email=UNKNOWN))
    made = scene.up()
    with scene.run() as face:
        inputs = face.check(made.inputs, scene.news(city="Oakland"))
        assert face.diff(made.id, made.outputs, inputs, old_inputs=made.inputs).changes
        if isinstance(face, PluginFace):
            shown = face.preview(made.id, made.outputs, inputs)
            assert {name: shown[name] for name in NINE} == {**NINE, "city": "Oakland"}
            assert shown["tenantId"] == made.outputs["tenantId"]
        unknown = face.check(made.inputs, scene.news(city=UNKNOWN))
        assert face.diff(made.id, made.outputs, unknown, old_inputs=made.inputs).changes
    seen = scene.seen(before)
    assert [each for each in seen if each in WRITES] == ["organization_created"]
    assert {name: scene.there()[0].fields[name] for name in NINE} == NINE


@pytest.mark.catalogue(142)
def test_g3_only_what_was_applied_is_secret_and_no_secret_is_shown(scene: Scene) -> None:
    with scene.run() as face:
        made = scene.create(face, externalId="emr-4711")
        marked = {name: value for name, value in face.last_answer.items() if SECRET in json.dumps(value)}
        assert list(marked) == ["applied"]
        # The engine keeps the secrecy of an input for the output of its name, and for nothing inside of another one.
        others = json.dumps({name: each for name, each in face.last_answer.items() if name not in {*NINE, "applied"}})
        assert not [value for value in (*NINE.values(), "emr-4711") if value in others]
        assert scene.tenant.key not in json.dumps(face.last_answer)
    scene.sandbox.rotate_tenant_key(scene.tenant.id)
    with scene.run() as face:
        with pytest.raises(FaceError) as refused:
            face.read(made.id, made.outputs)
        assert_readable(str(refused.value), scene.tenant.key)
        assert scene.tenant.key not in str(face.said)
