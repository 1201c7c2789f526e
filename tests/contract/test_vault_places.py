"""What a key leaves in Vault when it ends: of a place that others prepared only its own part goes; both faces."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.minted_key.deliver import check_ownership
from allomia_pulumi.errors import SecretConflict
from tests.contract.faces import FACES, Face, FaceError
from tests.contract.scenes import ONE, TWO, spelled
from tests.deliveries import MARK, Shelf, on_its_way
from tests.vaults import opened
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

SETTINGS: dict[str, object] = {"max_versions": 7, "cas_required": True, "delete_version_after": "1h0m0s"}
OTHERS = {"team": "voice", "ticket": "42"}


@dataclass
class Scene:
    """One organization, a face, and a place in a real Vault."""

    shelf: Shelf
    bao: OpenBao
    sandbox: Sandbox
    organization: str
    face: Face
    path: str

    def news(self, **more: Any) -> dict[str, Any]:
        place = {"mount": "secret", "path": self.path, "field": "api_key", **more.pop("place", {})}
        return {"organizationId": self.organization, "rotationTriggers": ONE, "vaultSecret": place, **more}

    def update(self, made: tuple[str, dict[str, Any]], news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Update as an `up` does."""
        inputs = self.face.check({**news, "name": self.face.name}, news)
        assert self.face.diff(*made, inputs).replaces == []
        return made[0], self.face.update(*made, inputs)

    def replace(self, made: tuple[str, dict[str, Any]], news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Replace as an `up` does: the new key is made first."""
        inputs = self.face.check({**news, "name": self.face.name}, news)
        assert self.face.diff(*made, inputs).replaces
        new = self.face.up(news)
        self.face.delete(*made)
        return new

    def is_gone(self) -> bool:
        answer = self.bao.client().adapter.get(f"/v1/secret/metadata/{self.path}", raise_exception=False)
        return not isinstance(answer, dict)

    def settings(self) -> dict[str, object]:
        found = self.shelf.metadata(self.path)
        return {name: found[name] for name in SETTINGS}

    def readable(self) -> list[int]:
        versions = self.shelf.metadata(self.path)["versions"]
        return [int(number) for number, one in versions.items() if not one["destroyed"]]

    def alive(self) -> int:
        return len(self.sandbox.alive(self.organization))


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[Scene]:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    shelf = Shelf(openbao)
    shelf.put(f"allomia/{tenant.id}", api_key=tenant.key)
    settings = {
        "apiUrl": sandbox.address,
        "tenantKeyRef": f"secret/allomia/{tenant.id}#api_key",
        "vault": json.dumps({"address": openbao.address}),
    }
    path = f"places/{zlib.crc32(request.node.nodeid.encode())}"
    with request.param(settings, {"VAULT_TOKEN": openbao.token}) as face:
        yield Scene(shelf, openbao, sandbox, organization, face, path)


def test_a_place_that_we_made_goes_whole_and_can_be_made_again(scene: Scene) -> None:
    for _ in range(2):
        made = scene.face.up(scene.news(overlap="1h"))
        assert made[1]["record"]["hasMadePlace"] is True
        made = scene.update(made, scene.news(overlap="1h", rotationTriggers=TWO))
        assert (made[1]["vaultSecretVersion"], made[1]["record"]["hasMadePlace"]) == (2, True)
        scene.face.delete(*made)
        assert scene.is_gone()
        scene.face.delete(*made)
    assert scene.alive() == 0


def test_a_place_that_we_made_goes_whole_after_a_replacement(scene: Scene) -> None:
    first = scene.face.up(scene.news())
    second = scene.replace(first, scene.news(rotationTriggers=TWO))
    assert scene.readable() == [2]
    assert second[1]["record"]["hasMadePlace"] is True
    scene.face.delete(*second)
    assert scene.is_gone()


@pytest.mark.catalogue(41)
def test_g7_of_a_place_that_others_prepared_only_our_part_goes_and_it_can_be_used_again(scene: Scene) -> None:
    scene.shelf.set(scene.path, **SETTINGS, custom_metadata=OTHERS)
    for version in (1, 2):
        made = scene.face.up(scene.news())
        assert made[1]["vaultSecretVersion"] == version
        assert made[1]["record"].get("hasMadePlace", False) is False
        scene.face.delete(*made)
        assert (scene.shelf.custom(scene.path), scene.settings(), scene.readable()) == (OTHERS, SETTINGS, [])
    scene.face.forget(scene.face.name)
    scene.face.delete(*made)
    assert scene.face.warnings == []


def test_other_peoples_versions_stay_readable_through_create_destroy_and_create(scene: Scene) -> None:
    scene.shelf.put(scene.path, password="theirs")
    scene.shelf.set(scene.path, custom_metadata=OTHERS)
    for version in (2, 3):
        with pytest.raises(FaceError, match="did not write"):
            scene.face.up(scene.news())
        made = scene.face.up(scene.news(place={"takeOver": True}))
        assert made[1]["vaultSecretVersion"] == version
        scene.face.delete(*made)
        assert scene.shelf.data(scene.path, version=1) == {"password": "theirs"}
        assert (scene.shelf.custom(scene.path), scene.readable()) == (OTHERS, [1])
    assert scene.alive() == 0


@pytest.mark.catalogue(41)
@pytest.mark.parametrize("what", ["version", "custom metadata", "settings"])
def test_g7_a_place_that_we_made_and_others_use_since_stays_without_our_part(scene: Scene, what: str) -> None:
    made = scene.face.up(scene.news())
    custom = scene.shelf.custom(scene.path) or {}
    if what == "version":
        scene.shelf.put(scene.path, password="theirs")
    elif what == "settings":
        scene.shelf.set(scene.path, **SETTINGS)
    else:
        scene.shelf.set(scene.path, custom_metadata={**custom, **OTHERS})
    scene.face.delete(*made)
    assert scene.shelf.custom(scene.path) == (OTHERS if what == "custom metadata" else None)
    assert scene.readable() == ([2] if what == "version" else [])
    if what == "settings":
        assert scene.settings() == SETTINGS


@pytest.mark.parametrize("overlap", [None, "1h"])
def test_a_place_in_short_is_the_same_place_and_moves_nothing(scene: Scene, overlap: str | None) -> None:
    more = {"overlap": overlap} if overlap else {}
    in_short = {**scene.news(**more), "vaultSecret": f"secret/{scene.path}#api_key"}
    made = scene.face.up(in_short)
    assert scene.shelf.data(scene.path)["api_key"] == made[1]["secret"]
    assert made[1]["record"]["settings"]["vaultSecret"]["path"] == f"secret/{scene.path}"
    before = scene.sandbox.last_event()
    for news in (scene.news(**more), in_short):
        made = scene.update(made, news)
        assert (made[1]["vaultSecretVersion"], scene.shelf.version(scene.path)) == (1, 1)
    assert {"minted", "revoked"}.isdisjoint(event.type for event in scene.sandbox.events(before))
    scene.face.delete(*made)
    assert scene.is_gone()
    assert scene.alive() == 0


def test_a_key_that_moves_is_asked_anew_who_made_its_place(scene: Scene) -> None:
    made = scene.face.up(scene.news(overlap="1h"))
    prepared = f"{scene.path}-prepared"
    scene.shelf.set(prepared, custom_metadata=OTHERS)
    made = scene.update(made, scene.news(overlap="1h", place={"path": prepared}))
    assert made[1]["record"].get("hasMadePlace", False) is False
    made = scene.update(made, scene.news(overlap="1h", place={"path": f"{scene.path}-new"}))
    assert made[1]["record"]["hasMadePlace"] is True
    scene.face.delete(*made)
    assert scene.shelf.version(prepared) == 1
    scene.path = f"{scene.path}-new"
    assert scene.is_gone()


def test_a_place_that_is_marked_as_somebody_elses_is_refused_before_anything_is_written_there(scene: Scene) -> None:
    scene.shelf.set(scene.path, custom_metadata={"managed-by": "external-secrets"})
    with pytest.raises(FaceError, match=spelled(scene.face, "takeOver")):
        scene.face.up(scene.news())
    assert scene.shelf.custom(scene.path) == {"managed-by": "external-secrets"}
    assert scene.alive() == 0


def test_g2_a_place_belongs_to_its_present_mark_and_to_the_former_only_by_its_key(openbao: OpenBao) -> None:
    place, environ = VaultLocation(mount="secret", path="places/owned", field="api_key"), {"VAULT_TOKEN": openbao.token}
    with opened({**environ, "VAULT_ADDR": openbao.address}) as vault:
        vault.deliver_secret(place, on_its_way())
        assert vault.remark_secret(place, "key-1", "p1another")
        stored = vault.inspect_secret(place)
        check_ownership(place, stored, {"p1another"}, ())
        check_ownership(place, stored, {MARK}, {"key-1"})
        with pytest.raises(SecretConflict, match="did not write"):
            check_ownership(place, stored, {MARK}, {"key-2"})
        assert not vault.remark_secret(place, "key-2", MARK)
        assert vault.inspect_secret(place) == stored
