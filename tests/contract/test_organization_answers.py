"""Every answer to a write of an organization that tells nothing, on both faces: how many organizations come of it.

A process of the provider is one run: what it lists, it lists once. So each test starts its own, and another one is the
next `up`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.faces import Face, FaceError
from tests.contract.scenes import assert_readable
from tools.engine.sandbox import MadeOrganization, Sandbox, Tenant

FIELDS: dict[str, Any] = {
    "address": "123 Main Street",
    "city": "San Francisco",
    "stateProvince": "CA",
    "postalCode": "94105",
    "country": "USA",
    "phoneNumber": "+14155551234",
    "timezone": "America/Los_Angeles",
}


@dataclass(frozen=True)
class Lost:
    """An answer that tells nothing, and whether AlloMia has carried the request out."""

    kind: str
    is_done: bool
    more: dict[str, Any]


ANSWERS = {
    "lost before": Lost("drop_before", False, {}),
    "lost after": Lost("drop_after", True, {"reset": True}),
    "cut": Lost("truncate", True, {}),
    "500 before": Lost("status", False, {"status": 500}),
    "500 after": Lost("status_after", True, {"status": 500}),
    "408 after": Lost("status_after", True, {"status": 408}),
    "HTML before": Lost("html", False, {}),
    "HTML after": Lost("html", True, {"after": True}),
    "garbage": Lost("body_after", True, {"body": '{"id": {"x": 1}}'}),
    "an empty object": Lost("body_after", True, {"body": "{}"}),
}
# Answers of the documented shape that cannot be true.
LIES = {
    "another tenant": {"tenantId": "somebody-else"},
    "another clinic": {"name": "Hill Clinic", "email": "hill@clinic.example"},
    "no id": {"id": ""},
    "an id with a slash": {"id": "a/b"},
}


@dataclass(frozen=True)
class Stage:
    """A declaration of its own, in a process that has listed its tenant's organizations before."""

    sandbox: Sandbox
    tenant: Tenant
    face: Face
    bystander: str
    clinic: dict[str, Any]

    @property
    def moved(self) -> dict[str, Any]:
        return {**self.clinic, "city": "Oakland"}

    @property
    def closed(self) -> dict[str, Any]:
        return {**self.clinic, "deactivateOnDestroy": True}

    @contextmanager
    def run(self) -> Iterator[Face]:
        """Start the process of another run, which lists anew."""
        with type(self.face)({"apiUrl": self.sandbox.address}, {"ALLOMIA_TENANT_KEY": self.tenant.key}) as face:
            face.forget(self.face.name, "Organization")
            yield face

    def made(self) -> list[MadeOrganization]:
        """Return the organizations of the clinic's name; the one that nobody declares is as it was."""
        found = {each.id: each for each in self.sandbox.organizations(self.tenant.id)}
        bystander = found.pop(self.bystander)
        assert (bystander.name, bystander.is_active) == ("Bystander", True)
        return [each for each in found.values() if each.name == self.clinic["name"]]

    def sent(self, since: int, method: str) -> int:
        """Count the requests of a method."""
        return sum(event.method == method and event.credential != "none" for event in self.sandbox.events(since))

    def lose(self, method: str, answer: Lost, times: int | None = 1) -> None:
        path = "/api/organization" if method == "POST" else "/api/organization/*"
        self.sandbox.add_fault(answer.kind, method=method, path=path, times=times, **answer.more)

    def neighbour(self, **changes: Any) -> str:
        """Make an organization with the same fields, as another process does."""
        known = {_snake(name): value for name, value in {**self.clinic, **changes}.items() if name != "name"}
        return self.sandbox.add_organization(self.tenant.id, self.clinic["name"], **known)

    def next_up(self, **more: Any) -> tuple[str, dict[str, Any]]:
        """Create in the next run."""
        with self.run() as face:
            return face.up({**self.clinic, **more})


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


@pytest.fixture(scope="module")
def bystander(process: tuple[Face, Tenant], sandbox: Sandbox) -> str:
    return sandbox.add_organization(process[1].id, "Bystander")


@pytest.fixture
def stage(
    process: tuple[Face, Tenant], sandbox: Sandbox, bystander: str, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    face, tenant = process
    name = f"valley-{zlib.crc32(request.node.nodeid.encode())}"
    usual = {"list_lag": 0, "list_deactivated": True, "deactivated_status": None, "omitted_fields": "kept"}
    sandbox.clear_faults()
    sandbox.settings(**usual)
    face.forget(name, "Organization")
    clinic = {"name": f"Clinic {name}", "email": f"{name}@clinic.example", **FIELDS}
    yield Stage(sandbox, tenant, face, bystander, clinic)
    sandbox.clear_faults()
    sandbox.settings(**usual)


def refused(stage: Stage, act: Callable[[], object], *texts: str) -> str:
    """Do what fails; return the line, which says all that and keeps nothing."""
    with pytest.raises(FaceError) as caught:
        act()
    assert caught.value.kept is None
    line = str(caught.value)
    assert_readable(line, stage.tenant.key)
    for text in texts:
        assert text in line
    return line


def assert_settled(stage: Stage, id_: str, outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
    """The state has the one organization, and what follows asks nothing."""
    (made,) = stage.made()
    assert (made.id, made.is_active) == (id_, True)
    start = stage.sandbox.last_event()
    checked = stage.face.check(inputs, inputs)
    assert not stage.face.diff(id_, outputs, checked, old_inputs=inputs).changes
    assert stage.sandbox.events(start) == []


@pytest.mark.catalogue(101)
@pytest.mark.parametrize("name", ANSWERS)
def test_g1_a_creation_whose_answer_tells_nothing_ends_with_one_organization(stage: Stage, name: str) -> None:
    answer = ANSWERS[name]
    start = stage.sandbox.last_event()
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.lose("POST", answer)
    if answer.is_done:
        id_, outputs = face.create(inputs)
        (made,) = stage.made()
        assert id_ == made.id
        assert any(made.id in warning and "was taken for it" in warning for warning in face.warnings)
    else:
        refused(stage, lambda: face.create(inputs), "no new organization with these fields", "none was recorded")
        assert stage.made() == []
    assert stage.sent(start, "POST") == 1
    if not answer.is_done:
        id_, outputs = stage.next_up()
        assert stage.sent(start, "POST") == 2
    assert_settled(stage, id_, outputs, stage.clinic)


@pytest.mark.catalogue(101)
@pytest.mark.parametrize("name", LIES)
def test_g1_a_creation_whose_answer_cannot_be_true_is_settled_by_the_list(stage: Stage, name: str) -> None:
    start = stage.sandbox.last_event()
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.sandbox.add_fault("edit_after", method="POST", path="/api/organization", changes=LIES[name])
    id_, outputs = face.create(inputs)
    assert any("was taken for it" in warning for warning in face.warnings)
    assert stage.sent(start, "POST") == 1
    assert (outputs["name"], outputs["tenantId"]) == (stage.clinic["name"], stage.tenant.id)
    assert_settled(stage, id_, outputs, stage.clinic)


@pytest.mark.catalogue(101)
def test_g1_a_creation_that_is_answered_with_what_was_there_before_claims_none_of_it(stage: Stage) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    changes = {"id": stage.bystander}
    stage.sandbox.add_fault("edit_after", method="POST", path="/api/organization", changes=changes)
    id_, outputs = face.create(inputs)
    assert id_ != stage.bystander
    assert_settled(stage, id_, outputs, stage.clinic)


@pytest.mark.catalogue(101)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_creation_that_is_refused_is_not_taken_for_a_lost_one(stage: Stage, status: int) -> None:
    start = stage.sandbox.last_event()
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.sandbox.add_fault("status", method="POST", path="/api/organization", status=status, times=None)
    lists = stage.sent(start, "GET")
    refused(stage, lambda: face.create(inputs))
    assert stage.sent(start, "GET") == lists
    assert stage.made() == []


@pytest.mark.catalogue(101)
def test_a_repeated_create_of_the_same_run_sends_no_second_post(stage: Stage) -> None:
    start = stage.sandbox.last_event()
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.lose("POST", ANSWERS["lost before"])
    refused(stage, lambda: face.create(inputs), "none was recorded")
    refused(stage, lambda: face.create(inputs), "none was recorded")
    assert stage.sent(start, "POST") == 1
    assert stage.made() == []


@pytest.mark.catalogue(121)
def test_a_list_that_shows_the_new_one_late_is_asked_until_it_does(stage: Stage) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.sandbox.settings(list_lag=3)
    stage.lose("POST", ANSWERS["lost after"])
    id_, outputs = face.create(inputs)
    assert_settled(stage, id_, outputs, stage.clinic)


@pytest.mark.catalogue(121)
def test_a_list_that_shows_the_new_one_too_late_is_an_error_and_the_next_up_finds_it(stage: Stage) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.sandbox.settings(list_lag=6)
    stage.lose("POST", ANSWERS["lost after"])
    line = refused(stage, lambda: face.create(inputs), "AlloMia may still carry the request out")
    assert "it looks at the list first" in line
    (made,) = stage.made()
    refused(stage, stage.next_up, made.id, "already", f'adopt="{made.id}"')
    id_, outputs = stage.next_up(adopt=made.id)
    assert id_ == made.id
    assert_settled(stage, id_, outputs, {**stage.clinic, "adopt": made.id})


@pytest.mark.catalogue(121)
@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_list_that_fails_after_a_lost_answer_settles_nothing(stage: Stage, status: int) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    stage.lose("POST", ANSWERS["lost after"])
    stage.sandbox.add_fault("status", method="GET", path="/api/organization", status=status, times=None)
    refused(stage, lambda: face.create(inputs), "An organization may exist that no state has")
    stage.sandbox.clear_faults()
    (made,) = stage.made()
    refused(stage, stage.next_up, made.id, "already")
    assert len(stage.made()) == 1


@pytest.mark.catalogue(102)
def test_a_neighbours_equal_organization_beside_a_lost_answer_is_an_error_that_names_both(stage: Stage) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    theirs = stage.neighbour()
    stage.lose("POST", ANSWERS["lost after"])
    line = refused(stage, lambda: face.create(inputs), theirs, "none was recorded")
    assert all(each.id in line for each in stage.made())
    assert len(stage.made()) == 2
    refused(stage, stage.next_up, *(each.id for each in stage.made()))
    assert len(stage.made()) == 2


@pytest.mark.catalogue(102)
def test_the_only_equal_organization_after_a_lost_answer_is_taken_with_a_warning_that_names_it(stage: Stage) -> None:
    """Whether a neighbour made it cannot be told: nothing is made twice, and nothing is deactivated for it."""
    face = stage.face
    inputs = face.check({}, stage.clinic)
    theirs = stage.neighbour()
    stage.lose("POST", ANSWERS["lost before"])
    id_, outputs = face.create(inputs)
    assert id_ == theirs
    assert any(theirs in warning and "was taken for it" in warning for warning in face.warnings)
    assert_settled(stage, id_, outputs, stage.clinic)


@pytest.mark.catalogue(102)
@pytest.mark.parametrize("change", [{"email": "hill@clinic.example"}, {"city": "Oakland"}, {"phoneNumber": None}])
def test_a_neighbours_organization_with_other_fields_is_never_taken(stage: Stage, change: dict[str, Any]) -> None:
    face = stage.face
    inputs = face.check({}, stage.clinic)
    theirs = stage.neighbour(**change)
    stage.lose("POST", ANSWERS["lost before"])
    refused(stage, lambda: face.create(inputs), theirs, "and other fields")
    (left,) = stage.made()
    assert left.id == theirs


@pytest.mark.catalogue(103)
def test_a_neighbours_organization_from_before_the_run_ends_the_creation_before_the_post(stage: Stage) -> None:
    theirs = stage.neighbour()
    start = stage.sandbox.last_event()
    refused(stage, stage.next_up, theirs, "already")
    assert stage.sent(start, "POST") == 0
    id_, _ = stage.next_up(duplicateOf=[theirs])
    assert {each.id for each in stage.made()} == {theirs, id_}


@pytest.mark.catalogue(103)
@pytest.mark.parametrize("name", ["lost before", "lost after"])
def test_g1_two_declarations_of_one_clinic_at_once_make_one_organization(stage: Stage, name: str) -> None:
    start = stage.sandbox.last_event()
    face = stage.face
    # Check would refuse the second one, and a creation has to hold without it: they are checked as two clinics.
    clinics = {f"{face.name}-{each}": {**stage.clinic, "email": f"{each}@valley.example"} for each in (1, 2)}
    checked = {each: face.check({}, clinic, name=each) for each, clinic in clinics.items()}
    inputs = {each: {**found, "email": stage.clinic["email"]} for each, found in checked.items()}
    stage.lose("POST", ANSWERS[name])
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(face.create, inputs[each], name=each) for each in inputs]
    ends = [call.exception() for call in calls]
    # What the first may have made is looked for before the second is sent.
    assert sum(end is not None for end in ends) >= 1
    assert all(end is None or isinstance(end, FaceError) for end in ends)
    assert len(stage.made()) == 1
    assert stage.sent(start, "POST") <= 2


@pytest.mark.catalogue(122)
@pytest.mark.parametrize("name", ANSWERS)
def test_an_update_whose_answer_tells_nothing_is_settled_by_one_get(stage: Stage, name: str) -> None:
    answer = ANSWERS[name]
    id_, outputs = stage.face.up(stage.clinic)
    start = stage.sandbox.last_event()
    face = stage.face
    checked = face.check(stage.clinic, stage.moved)
    assert face.diff(id_, outputs, checked, old_inputs=stage.clinic).changes
    stage.lose("PUT", answer)
    if answer.is_done:
        after = face.update(id_, outputs, checked)
    else:
        refused(stage, lambda: face.update(id_, outputs, checked), id_, "nothing was recorded")
    assert (stage.sent(start, "PUT"), stage.sent(start, "GET")) == (1, 2)
    if not answer.is_done:
        assert face.diff(id_, outputs, checked, old_inputs=stage.clinic).changes
        after = face.update(id_, outputs, checked)
    (made,) = stage.made()
    assert made.fields["city"] == after["city"] == "Oakland"
    assert_settled(stage, id_, after, stage.moved)


@pytest.mark.catalogue(122)
@pytest.mark.parametrize("changes", [{"id": "other"}, {"tenantId": "somebody-else"}])
def test_an_update_whose_answer_is_of_another_organization_is_settled_by_one_get(
    stage: Stage, changes: dict[str, Any]
) -> None:
    id_, outputs = stage.face.up(stage.clinic)
    face = stage.face
    checked = face.check(stage.clinic, stage.moved)
    face.diff(id_, outputs, checked, old_inputs=stage.clinic)
    stage.sandbox.add_fault("edit_after", method="PUT", path="*", changes=changes)
    after = face.update(id_, outputs, checked)
    assert_settled(stage, id_, after, stage.moved)


@pytest.mark.catalogue(122)
def test_an_update_whose_answer_and_look_are_lost_is_done_by_the_next_up(stage: Stage) -> None:
    id_, outputs = stage.face.up(stage.clinic)
    face = stage.face
    checked = face.check(stage.clinic, stage.moved)
    face.diff(id_, outputs, checked, old_inputs=stage.clinic)
    stage.lose("PUT", ANSWERS["lost after"])
    stage.sandbox.add_fault("status", method="GET", path="/api/organization/*", status=500, skip=1, times=None)
    refused(stage, lambda: face.update(id_, outputs, checked), "whether the update holds is not known")
    stage.sandbox.clear_faults()
    start = stage.sandbox.last_event()
    assert face.diff(id_, outputs, checked, old_inputs=stage.clinic).changes
    after = face.update(id_, outputs, checked)
    assert stage.sent(start, "PUT") == 0
    assert_settled(stage, id_, after, stage.moved)


@pytest.mark.catalogue(122)
@pytest.mark.parametrize("omitted", ["kept", "cleared"])
def test_an_update_carries_all_fields_whatever_becomes_of_omitted_ones(stage: Stage, omitted: str) -> None:
    stage.sandbox.settings(omitted_fields=omitted)
    id_, outputs = stage.face.up(stage.clinic)
    face = stage.face
    checked = face.check(stage.clinic, stage.moved)
    face.diff(id_, outputs, checked, old_inputs=stage.clinic)
    face.update(id_, outputs, checked)
    (made,) = stage.made()
    assert stage.moved.items() <= made.fields.items()


@pytest.mark.catalogue(107)
@pytest.mark.parametrize("name", ANSWERS)
def test_g7_a_destroy_whose_answer_tells_nothing_is_settled_by_a_look(stage: Stage, name: str) -> None:
    answer, face = ANSWERS[name], stage.face
    id_, outputs = face.up(stage.closed)
    stage.lose("DELETE", answer, times=None)
    if answer.is_done:
        face.delete(id_, outputs)
    else:
        refused(stage, lambda: face.delete(id_, outputs), id_, "still active", "a repeated deactivation does no harm")
    assert stage.made()[0].is_active is not answer.is_done
    stage.sandbox.clear_faults()
    face.delete(id_, outputs)
    (made,) = stage.made()
    assert not made.is_active


@pytest.mark.catalogue(107)
@pytest.mark.parametrize("status", [404, 403])
def test_g4_a_deactivated_organization_that_answers_no_more_is_done_only_on_proof(stage: Stage, status: int) -> None:
    id_, outputs = stage.face.up(stage.closed)
    stage.sandbox.settings(deactivated_status=status, list_deactivated=False)
    face = stage.face
    stage.lose("DELETE", ANSWERS["lost after"])
    if status == 404:
        face.delete(id_, outputs)
    else:
        refused(stage, lambda: face.delete(id_, outputs), id_)
    assert not stage.made()[0].is_active


@pytest.mark.catalogue(107)
def test_a_destroy_that_names_another_organization_is_settled_by_a_look(stage: Stage) -> None:
    id_, outputs = stage.face.up(stage.closed)
    face = stage.face
    stage.sandbox.add_fault("edit_after", method="DELETE", path="*", changes={"organizationId": stage.bystander})
    face.delete(id_, outputs)
    assert not stage.made()[0].is_active


@pytest.mark.catalogue(105)
def test_nobody_is_deactivated_whose_state_does_not_say_so(stage: Stage) -> None:
    id_, outputs = stage.face.up(stage.clinic)
    start = stage.sandbox.last_event()
    face = stage.face
    face.check(stage.clinic, stage.closed)
    face.delete(id_, outputs)
    assert stage.sent(start, "DELETE") == 0
    assert stage.made()[0].is_active
