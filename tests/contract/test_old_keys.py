"""Old keys made by hand, with a Vault that refuses in the middle and as `allomia doctor` looks at them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.cli.doctor.old_keys import check_old_keys
from allomia_pulumi.cli.doctor.steps import Finding, State
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.container import Container
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.errors import CredentialRejected
from allomia_pulumi.ground.clock import SystemClock
from tests.fakes import Listener
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeKey, Sandbox

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")


@dataclass
class Scene:
    """A place in Vault that a person writes to; each step is a process of its own, with a token of its own."""

    sandbox: Sandbox
    openbao: OpenBao
    organization: str
    path: str

    @property
    def news(self) -> dict[str, Any]:
        return {"organizationId": self.organization, "vaultSecret": f"secret/{self.path}#api_key"}

    def make(self) -> MadeKey:
        made = self.sandbox.make_key_by_hand(self.organization, "ehr")
        kv = self.openbao.client().secrets.kv.v2
        kv.create_or_update_secret(self.path, {"api_key": made.key}, mount_point="secret")
        return made

    def environ(self, token: str = "") -> dict[str, str]:
        vault = {"VAULT_ADDR": self.openbao.address, "VAULT_TOKEN": token or self.openbao.token}
        return {"ALLOMIA_API_URL": self.sandbox.address, **vault}

    @contextmanager
    def keys(self, token: str = "") -> Iterator[DashboardKeys]:
        session = Container({}, self.environ(token), SystemClock())
        try:
            yield DashboardKeys(session, SystemClock())
        finally:
            session.close()

    def up(self) -> dict[str, Any]:
        with self.keys() as keys:
            return keys.create(self.news, Call(IDENTITY, Listener()))[1].to_outputs()

    def update(self, outputs: dict[str, Any], said: Listener, token: str = "") -> dict[str, Any]:
        with self.keys(token) as keys:
            return keys.update(outputs, self.news, Call(IDENTITY, said, "id")).to_outputs()

    def refresh(self, outputs: dict[str, Any], said: Listener, token: str = "") -> dict[str, Any]:
        with self.keys(token) as keys:
            return keys.read("id", outputs, said).to_outputs()

    def token_of(self, uses: int) -> str:
        """Return a token that Vault refuses after so many requests; the look for the mount is none of them."""
        name = f"reader-{uuid.uuid4().hex}"
        client = self.openbao.client()
        client.sys.create_or_update_policy(name, 'path "secret/*" { capabilities = ["read"] }')
        made = client.auth.token.create(policies=[name], num_uses=uses, no_default_policy=True)
        return str(made["auth"]["client_token"])

    def doctor(self, outputs: dict[str, Any], token: str = "", **others: Any) -> Finding:
        kinds = {"DashboardApiKey": outputs, **others}
        resources = [
            {
                "urn": f"urn:pulumi:prod::clinic::allomia:index:{kind}::ehr",
                "type": f"allomia:index:{kind}",
                "outputs": each,
            }
            for kind, each in kinds.items()
        ]
        stack = Stack(Path(), "clinic", "organization/clinic/prod", "prod", {}, frozenset(), {"resources": resources})
        subject = Subject(stack, self.environ(token))
        try:
            return check_old_keys(subject)
        finally:
            subject.container.close()


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao) -> Scene:
    sandbox.clear_faults()
    organization = sandbox.add_organization(sandbox.add_tenant("clinics").id, "Valley Health")
    return Scene(sandbox, openbao, organization, f"allomia/{organization}")


@pytest.fixture
def rotated(scene: Scene) -> tuple[Scene, MadeKey, dict[str, Any]]:
    """Return an old key that is alive and whose time is over, and the record that has it."""
    first = scene.make()
    outputs = scene.up()
    scene.make()
    return scene, first, scene.update(outputs, Listener())


@pytest.mark.catalogue(69)
@pytest.mark.parametrize("uses", [2, 3])
def test_g4_a_token_that_vault_refuses_at_a_skipped_version_forgets_no_key(scene: Scene, uses: int) -> None:
    scene.make()
    outputs = scene.up()
    scene.make()
    scene.make()
    scene.make()
    said = Listener()
    after = scene.update(outputs, said, scene.token_of(uses))
    assert sorted(old["version"] for old in after["previousKeys"]) == [1, 2, 3]
    assert sum(not old["fingerprint"] for old in after["previousKeys"]) == 4 - uses
    assert any(
        "does not accept the token from environment variable VAULT_TOKEN" in warning for warning in said.warnings
    )
    found = scene.refresh(after, Listener())
    assert sorted(old["version"] for old in found["previousKeys"]) == [1, 2, 3]
    assert all(old["fingerprint"] and old["lookedAt"] for old in found["previousKeys"])


@pytest.mark.catalogue(69)
def test_g4_a_token_that_vault_refuses_at_an_old_version_forgets_no_key(
    rotated: tuple[Scene, MadeKey, dict[str, Any]],
) -> None:
    scene, _, outputs = rotated
    said = Listener()
    found = scene.refresh(outputs, said, scene.token_of(2))
    assert found["previousKeys"] == outputs["previousKeys"]
    assert found["pending"] == []
    assert any("is not known: Vault at" in warning for warning in said.warnings)


@pytest.mark.catalogue(69)
def test_g4_a_token_that_vault_refuses_is_no_refusal_of_the_current_key(scene: Scene) -> None:
    scene.make()
    outputs = scene.up()
    with pytest.raises(CredentialRejected, match="does not accept the token") as caught:
        scene.refresh(outputs, Listener(), scene.token_of(1))
    assert caught.value.said_by == "Vault"


def test_a_refusal_by_allomia_says_so(scene: Scene) -> None:
    scene.sandbox.revoke_by_hand(scene.organization, scene.make().id)
    with pytest.raises(CredentialRejected, match="does not accept the key") as caught:
        scene.up()
    assert caught.value.said_by == "AlloMia"


@pytest.mark.catalogue(71)
def test_doctor_uses_an_old_key_once_and_says_what_it_saw(rotated: tuple[Scene, MadeKey, dict[str, Any]]) -> None:
    scene, first, outputs = rotated
    alive = scene.doctor(outputs)
    assert alive.state is State.CARE
    assert f"AlloMia still accepts an old key of ehr (version 1 of Vault secret/{scene.path}#api_key" in alive.found
    assert "the trash icon). The look used the key: lastUsedAt" in alive.fix
    scene.sandbox.revoke_by_hand(scene.organization, first.id)
    start = scene.sandbox.last_event()
    assert scene.doctor(outputs) == Finding(State.OK, "AlloMia refuses 1: `pulumi refresh` forgets them")
    assert [event.status for event in scene.sandbox.events(start)] == [401]
    assert first.key not in f"{alive}"


def test_doctor_leaves_old_keys_alone_that_are_in_their_overlap_adopted_or_unreadable(
    rotated: tuple[Scene, MadeKey, dict[str, Any]],
) -> None:
    scene, _, outputs = rotated
    (old,) = outputs["previousKeys"]
    start = scene.sandbox.last_event()
    waiting = {**outputs, "previousKeys": [{**old, "deleteAt": "2399-01-01T00:00:00Z"}, {"version": "x"}]}
    assert scene.doctor(waiting) == Finding(State.OK, "none whose time is over; known: 1")
    adopted = {"keyId": "x", "secretFingerprint": old["fingerprint"], "record": {"settings": {}}}
    assert scene.doctor(outputs, OrganizationApiKey=adopted).state is State.OK
    refused = scene.doctor(outputs, "hvs.unknown")
    assert (refused.state, refused.fix) == (State.CARE, "Run `pulumi refresh`, which records what it sees.")
    assert "does not accept the token" in refused.found
    assert scene.sandbox.events(start) == []
