"""Both faces read ahead the lists of organizations that a program announces, and nobody else sees the announcement."""

from __future__ import annotations

import time

import pytest

from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from tests.contract.faces import FaceError
from tests.contract.scenes import Scene


def listed(scene: Scene, since: int) -> list[str | None]:
    return [event.organization_id for event in scene.sandbox.events(since) if event.type == "listed"]


def test_lists_of_announced_organizations_are_read_once_and_used(scene: Scene) -> None:
    face, sandbox = scene.face, scene.sandbox
    clinics = [sandbox.add_organization(scene.tenant.id, f"Clinic {number}") for number in range(4)]
    for number in range(5):
        sandbox.make_key_by_hand(clinics[2], f"by hand {number}")
    since = sandbox.last_event()
    first = face.check({}, {"organizationId": clinics[0], "name": "a", ANNOUNCEMENT: clinics}, name="a")
    assert ANNOUNCEMENT not in first
    assert listed(scene, since) == clinics[:1]
    face.check({}, {"organizationId": clinics[1], "name": "b"}, name="b")
    end = time.monotonic() + 30
    while len(listed(scene, since)) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert sorted(map(str, listed(scene, since))) == sorted(clinics[:3])
    with pytest.raises(FaceError, match="has no free key slot: 5 of 5 keys are alive"):
        face.check({}, {"organizationId": clinics[2], "name": "c"}, name="c")
    face.check({}, {"organizationId": clinics[3], "name": "d"}, name="d")
    assert sorted(map(str, listed(scene, since))) == sorted(clinics)


def test_g6_a_key_that_does_not_change_has_nothing_read_for_an_announcement(scene: Scene) -> None:
    face = scene.face
    inputs = face.check({}, scene.news(name="ehr"))
    pulumi_id, outputs = face.create(inputs)
    since = scene.sandbox.last_event()
    others = [scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}") for number in range(3)]
    again = face.check(inputs, {**scene.news(name="ehr"), ANNOUNCEMENT: [scene.organization, *others]})
    assert again == inputs
    assert not face.diff(pulumi_id, outputs, again).changes
    assert listed(scene, since) == []
    face.delete(pulumi_id, outputs)
