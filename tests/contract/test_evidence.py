"""What proves something about a key, and what does not: another AlloMia, another's mark, keys that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.contract.faces import FACES, Face, FaceError, PluginFace
from tests.contract.scenes import ONE, TWO, Scene, assert_readable
from tests.deliveries import Shelf
from tests.engine.scenes import wait_until
from tests.fakes import LINEAGE
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

OTHER = Identity(project="other", stack="prod", name="theirs")


class Elsewhere:
    """A key made at one AlloMia, and a second process that asks another one."""

    def __init__(self, face: type[Face], first: Sandbox, second: Sandbox) -> None:
        self.face = face
        self.second = second
        self.tenant = first.add_tenant("clinics")
        self.organization = first.add_organization(self.tenant.id, "Valley Health")
        self.first = first
        with self.at(first.address) as made:
            self.inputs = made.check({}, {"organizationId": self.organization, "rotationTriggers": ONE})
            self.id, self.outputs = made.create(self.inputs)

    def at(self, address: str, **settings: str) -> Face:
        return self.face({"apiUrl": address, **settings}, {"ALLOMIA_TENANT_KEY": self.tenant.key})

    def alive(self) -> list[str]:
        return [key.id for key in self.first.alive(self.organization)]


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def elsewhere(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Elsewhere]:
    with Sandbox.start() as second:
        yield Elsewhere(request.param, sandbox, second)


def twin(elsewhere: Elsewhere) -> None:
    """Give the second AlloMia a tenant with the same key, and the organization, but not the key.

    Ids and keys are AlloMia's own, so its answers are played.
    """
    second, organization = elsewhere.second, elsewhere.organization
    page = {"page": 1, "limit": 100, "total": 0, "totalPages": 0, "hasNextPage": False, "hasPreviousPage": False}
    nothing = {"apiKeys": [], "pagination": page}
    found = {"currentOrg": {"id": organization, "name": "Valley Health"}, "userOrgs": []}
    second.add_fault("status", status=200, method="GET", path="*/api-keys", times=None, body=nothing)
    second.add_fault("status", status=404, method="GET", path="*/api-keys/*", times=None)
    second.add_fault("status", status=404, method="DELETE", path="*/api-keys/*", times=None)
    second.add_fault("status", status=200, method="GET", path=f"*/organization/{organization}", times=None, body=found)


def must_name_both(elsewhere: Elsewhere, text: str) -> None:
    assert_readable(text, elsewhere.outputs["secret"], elsewhere.tenant.key)
    for part in (elsewhere.first.address, elsewhere.second.address, "pulumi state delete", elsewhere.outputs["keyId"]):
        assert part in text, text


@pytest.mark.catalogue(61)
def test_g4_another_allomias_silence_drops_no_key(elsewhere: Elsewhere) -> None:
    twin(elsewhere)
    with elsewhere.at(elsewhere.second.address) as face, pytest.raises(FaceError) as caught:
        face.read(elsewhere.id, elsewhere.outputs)
    must_name_both(elsewhere, str(caught.value))


@pytest.mark.catalogue(61)
def test_g4_another_allomias_404_is_no_deletion(elsewhere: Elsewhere) -> None:
    twin(elsewhere)
    with elsewhere.at(elsewhere.second.address) as face, pytest.raises(FaceError) as caught:
        face.delete(elsewhere.id, elsewhere.outputs)
    must_name_both(elsewhere, str(caught.value))
    assert "nothing was revoked" in str(caught.value)
    assert elsewhere.alive() == [elsewhere.outputs["keyId"]]


@pytest.mark.catalogue(61)
def test_g4_an_update_at_another_allomia_changes_nothing(elsewhere: Elsewhere) -> None:
    twin(elsewhere)
    with elsewhere.at(elsewhere.second.address) as face:
        inputs = face.check(elsewhere.inputs, {"organizationId": elsewhere.organization, "rotationTriggers": TWO})
        diffed = face.diff(elsewhere.id, elsewhere.outputs, inputs)
        assert (diffed.changes, diffed.replaces) == (True, [])
        assert "waits" in face.warnings[0]
        with pytest.raises(FaceError) as caught:
            face.update(elsewhere.id, elsewhere.outputs, inputs)
    must_name_both(elsewhere, str(caught.value))
    assert elsewhere.alive() == [elsewhere.outputs["keyId"]]


def test_g4_the_same_allomia_at_another_address_is_recorded_by_an_up_and_then_obeyed(elsewhere: Elsewhere) -> None:
    address = f"http://localhost:{urlsplit(elsewhere.first.address).port}"
    with elsewhere.at(address) as face:
        _, outputs = face.read(elsewhere.id, elsewhere.outputs)
        assert outputs["record"]["apiUrl"] == elsewhere.outputs["record"]["apiUrl"]
    with elsewhere.at(address) as face:
        with pytest.raises(FaceError, match="pulumi up"):
            face.delete(elsewhere.id, elsewhere.outputs)
        news = {"organizationId": elsewhere.organization, "rotationTriggers": TWO}
        inputs = face.check(elsewhere.inputs, news)
        assert face.diff(elsewhere.id, outputs, inputs).changes
        after = face.update(elsewhere.id, outputs, inputs)
        assert (after["keyId"], after["record"]["apiUrl"]) == (outputs["keyId"], address)
        assert after["triggersHash"] == outputs["triggersHash"]
        assert face.diff(elsewhere.id, after, face.check(inputs, news)).replaces == ["rotationTriggers"]
        face.delete(elsewhere.id, after)
    assert elsewhere.alive() == []


@pytest.mark.parametrize("form", ["upper case", "slash"])
def test_g6_another_spelling_of_the_address_is_no_change(elsewhere: Elsewhere, form: str) -> None:
    plain = elsewhere.first.address
    address = plain.replace("http", "HTTP") if form == "upper case" else f"{plain}/"
    start = elsewhere.first.last_event()
    with elsewhere.at(address) as face:
        inputs = face.check(elsewhere.inputs, elsewhere.inputs)
        assert not face.diff(elsewhere.id, elsewhere.outputs, inputs).changes
        assert elsewhere.first.events(start) == []
        face.delete(elsewhere.id, elsewhere.outputs)
    assert elsewhere.alive() == []


def test_g4_a_record_without_an_address_is_judged_as_before(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE))
    record = {name: value for name, value in outputs["record"].items() if name not in {"apiUrl", "keysPath", "lineage"}}
    old = {**outputs, "record": record}
    inputs = scene.news(ONE, name=scene.face.name)
    assert not scene.face.diff(id_, old, scene.face.check(inputs, inputs)).changes
    scene.face.delete(id_, old)
    assert scene.alive() == []


@pytest.mark.catalogue(64)
@pytest.mark.parametrize("face_type", FACES, ids=lambda face: face.__name__)
@pytest.mark.parametrize("mark", ["another declared key's", "none"])
def test_g1_destroy_leaves_an_adopted_key_with_another_declared_keys_mark_and_names_it(
    face_type: type[Face], mark: str, sandbox: Sandbox, openbao: OpenBao
) -> None:
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    name = "Production" if mark == "none" else make_mark(OTHER, "them", LINEAGE).name("theirs")
    theirs = sandbox.make_key_by_hand(organization, name)
    Shelf(openbao).put(f"adopt/{organization}", api_key=theirs.key)
    environ = {"ALLOMIA_TENANT_KEY": tenant.key, "VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
    news = {
        "organizationId": organization,
        "adopt": {"keyId": theirs.id, "vaultSecret": f"secret/adopt/{organization}#api_key"},
    }
    name = f"adopt-{organization[:6]}"
    with face_type({"apiUrl": sandbox.address}, environ, name=name) as face:
        id_, outputs = face.up(news)
        assert outputs["keyId"] == theirs.id
    with face_type({"apiUrl": sandbox.address}, environ, name=name) as face:
        face.delete(id_, outputs)
        alive = [key.id for key in sandbox.alive(organization)]
        if mark == "none":
            assert alive == []
            return
        assert alive == [theirs.id]
        assert f"allomia revoke {organization} {theirs.id}" in face.warnings[-1]

        rotating = face.check({**news, "name": face.name}, {**news, "name": "renamed"})
        assert face.diff(id_, outputs, rotating).replaces == ["name"]
        assert any(theirs.id in warning and "this ends it" in warning for warning in face.warnings)
        _, successor = face.create(face.check({}, {**news, "name": "renamed"}))
        face.delete(id_, outputs)
        assert [key.id for key in sandbox.alive(organization)] == [successor["keyId"]]


def lose_keys(scene: Scene, count: int) -> list[str]:
    """Leave keys with the resource's mark, as runs whose state could not be written do."""
    identity = Identity(project="clinic", stack="prod", name=scene.face.name)
    names = [make_mark(identity, "", LINEAGE).name("lost") for _ in range(count)]
    return [scene.sandbox.make_key_by_hand(scene.organization, name).id for name in names]


def later(scene: Scene) -> Face:
    """Return another process for the same resource: it shares no list, and knows no key."""
    return type(scene.face)({"apiUrl": scene.sandbox.address}, dict(scene.face.environ), name=scene.face.name)


def must_be_bounded(text: str, lost: list[str]) -> None:
    assert_readable(text)
    for part in (*lost, "allomia orphans", "--revoke", "allomia:owner", "waiting for deletion", "pulumi up"):
        assert part in text, text


@pytest.mark.catalogue(63)
def test_g1_with_two_unknown_keys_no_further_one_is_made(scene: Scene) -> None:
    lost = lose_keys(scene, 1)
    id_, outputs = scene.face.up(scene.news(ONE))
    assert lost[0] in scene.face.warnings[0]
    lost += lose_keys(scene, 1)
    start = scene.sandbox.last_event()
    with later(scene) as face:
        inputs = face.check(scene.news(ONE, name=scene.face.name), scene.news(TWO))
        assert face.diff(id_, outputs, inputs).replaces == ["rotationTriggers"]
        with pytest.raises(FaceError) as caught:
            face.create(face.check({}, scene.news(TWO)))
    must_be_bounded(str(caught.value), lost)
    assert "minted" not in scene.calls(start)
    assert sorted(scene.alive()) == sorted([*lost, outputs["keyId"]])


@pytest.mark.catalogue(63)
def test_g1_a_rotation_in_place_is_bounded_too(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE, overlap="1h"))
    lost = lose_keys(scene, 2)
    old = scene.news(ONE, overlap="1h", name=scene.face.name)
    with later(scene) as face:
        inputs = face.check(old, scene.news(TWO, overlap="1h"))
        assert face.diff(id_, outputs, inputs).changes
        with pytest.raises(FaceError) as caught:
            face.update(id_, outputs, inputs)
    must_be_bounded(str(caught.value), lost)
    assert sorted(scene.alive()) == sorted([*lost, outputs["keyId"]])


@pytest.mark.catalogue(64)
def test_g1_an_adopted_key_is_not_revoked_when_nobody_takes_the_answer(sandbox: Sandbox, openbao: OpenBao) -> None:
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    theirs = sandbox.make_key_by_hand(organization, "Production")
    Shelf(openbao).put(f"adopt/{organization}", api_key=theirs.key)
    environ = {"ALLOMIA_TENANT_KEY": tenant.key, "VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
    adopt = {"keyId": theirs.id, "vaultSecret": f"secret/adopt/{organization}#api_key"}
    with PluginFace({"apiUrl": sandbox.address}, environ, name=f"adopt-{organization[:6]}") as face:
        inputs = face.check({}, {"organizationId": organization, "adopt": adopt})
        sandbox.add_fault("delay_before", method="GET", path="/api/calls", seconds=1)
        start = sandbox.last_event()
        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(face.create, inputs)
            wait_until(lambda: any(event.type == "listed" for event in sandbox.events(start)), 10)
            face._channel.close()
            face._server.stop(0).wait()
            with pytest.raises((FaceError, ValueError)):
                creating.result()
        assert face.process.wait(30) == 0
    assert "verified" in [event.type for event in sandbox.events(start)]
    assert [key.id for key in sandbox.alive(organization)] == [theirs.id]
