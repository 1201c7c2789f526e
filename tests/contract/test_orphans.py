"""`allomia orphans --revoke --yes` over a real AlloMia and a real Vault: one doubt keeps a key."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import Mark, make_mark
from tests.contract.scenes import STAND_IN
from tests.fakes import LINEAGE
from tools.engine.openbao import OpenBao
from tools.engine.processes import free_port
from tools.engine.sandbox import MadeKey, Sandbox

ALLOMIA = str(Path(sys.executable).with_name("allomia"))
EHR = Identity(project="clinic", stack="prod", name="ehr")
URN = "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr"
DASHBOARD_URN = "urn:pulumi:prod::clinic::allomia:index:DashboardApiKey::lab"
NAME = "organization/clinic/prod"


@dataclass
class Scene:
    """A stack `clinic/prod` with one key, made after a lost one that nobody used; each test changes one thing."""

    sandbox: Sandbox
    openbao: OpenBao
    folder: Path
    organization: str
    environ: dict[str, str]
    lost: MadeKey
    current: MadeKey
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    further: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    commands: dict[str, str | None] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = self.resource["outputs"]["record"]["settings"]
        return settings

    @property
    def backend(self) -> Path:
        return self.folder / "backend" / ".pulumi"

    def hold(self, name: str, content: bytes | str) -> None:
        """Put a file into the backend."""
        file = self.backend / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def deliver(self, path: str, key_id: str, *, version: int = 1) -> dict[str, str]:
        """Write a secret as a delivery does, or without a key id as a person does, and return its place."""
        kv = self.openbao.client().secrets.kv.v2
        kv.create_or_update_secret(path, {"api_key": "x"}, mount_point="secret")
        if key_id:
            marks = {"managed-by": "allomia-pulumi", "mark": "m", "key_id": key_id, "version": str(version)}
            kv.update_metadata(path, custom_metadata=marks, mount_point="secret")
        return {"mount": "secret", "path": path, "field": "api_key"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        keys = [{"organizationId": self.organization, **each} for each in self.made.values()]
        pagination = {"page": 1, "limit": 100, "total": len(keys), "totalPages": 1}
        body = {"apiKeys": keys, "pagination": {**pagination, "hasNextPage": False, "hasPreviousPage": False}}
        self.sandbox.add_fault("body_after", method="GET", path="*/api-keys", times=None, body=json.dumps(body))
        state = {"resources": [self.resource, *self.further], "pending_operations": self.pending}
        states = {NAME: state, **self.others}
        answers: dict[str, str | None] = {
            "stack --show-name": NAME,
            "config --json": json.dumps({"allomia:owner": {"value": "me"}}),
            "whoami --json": json.dumps({"url": self.backend.parent.as_uri()}),
            "stack ls": json.dumps([{"name": name} for name in states]),
            **{f"stack export {name}": json.dumps({"deployment": each}) for name, each in states.items() if each},
            **self.commands,
        }
        kept = {command: answer for command, answer in answers.items() if answer is not None}
        (self.folder / "bin" / "answers.json").write_text(json.dumps(kept))
        return subprocess.run(
            [ALLOMIA, "orphans", "--stack", str(self.folder), "--organization", self.organization, *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    def is_alive(self, key: MadeKey) -> bool:
        return key.id in [each.id for each in self.sandbox.alive(self.organization)]


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, tmp_path: Path) -> Scene:
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    lost, current = (sandbox.make_key_by_hand(organization, mark_of().name("ehr")) for _ in range(2))
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    identity = {"project": "clinic", "stack": "prod", "name": "ehr"}
    settings = {"organizationId": organization}
    record = {"stateVersion": 1, "identity": identity, "owner": "me", "lineage": LINEAGE, "settings": settings}
    return Scene(
        sandbox,
        openbao,
        tmp_path,
        organization,
        {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "ALLOMIA_API_URL": sandbox.address,
            "ALLOMIA_TENANT_KEY": tenant.key,
            "VAULT_ADDR": openbao.address,
            "VAULT_TOKEN": openbao.token,
        },
        lost,
        current,
        made={"lost": listed(lost, hours=48), "current": listed(current, hours=47)},
        resource={"urn": URN, "type": "allomia:index:OrganizationApiKey", "outputs": {"keyId": current.id}}
        | {"outputs": {"keyId": current.id, "pending": [], "record": record}},
    )


def mark_of(owner: str = "me", lineage: str = LINEAGE) -> Mark:
    return make_mark(EHR, owner, lineage)


def listed(key: MadeKey, *, hours: float, **more: Any) -> dict[str, Any]:
    made_at = datetime.now(UTC) - timedelta(hours=hours)
    return {"id": key.id, "name": key.name, "createdAt": made_at.isoformat(), "lastUsedAt": None, **more}


def test_what_is_certain_is_revoked_without_a_question(scene: Scene) -> None:
    done = scene.run("--revoke", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("clinic/prod: 1 declared key alive\n")
    assert done.stdout.splitlines()[-1] == "1 revoked"
    assert not scene.is_alive(scene.lost)
    assert scene.is_alive(scene.current)


def change_name(scene: Scene, **more: str) -> None:
    scene.made["lost"]["name"] = mark_of(**more).name("ehr")


def copy_name(scene: Scene) -> None:
    by_hand = scene.sandbox.make_key_by_hand(scene.organization, scene.lost.name)
    scene.made["copy"] = listed(by_hand, hours=1)


def put_place(scene: Scene, key_id: str = "another", *, version: int = 1) -> None:
    scene.settings["vaultSecret"] = scene.deliver(f"orphans/{scene.current.id}", key_id, version=version)


def declare_by_hand(scene: Scene, key_id: str = "", *, version: int = 1, **more: Any) -> None:
    place = scene.deliver(f"orphans/{scene.current.id}", key_id, version=version)
    reference = f"{place['mount']}/{place['path']}#api_key"
    settings = {"organizationId": scene.organization, "vaultSecret": reference}
    outputs = {"record": {"stateVersion": 1, "settings": settings}, **more}
    scene.further = [{"urn": DASHBOARD_URN, "type": "allomia:index:DashboardApiKey", "outputs": outputs}]


def checkpoint(key_id: str) -> str:
    return json.dumps({"checkpoint": {"latest": {"resources": [{"outputs": {"keyId": key_id}}]}}})


def begin(scene: Scene, kind: str) -> None:
    resource = {"urn": URN, "type": "allomia:index:OrganizationApiKey", "inputs": {"__lineage": LINEAGE}}
    scene.pending = [{"type": kind, "resource": resource}]


LACKING = "an operation whose record was lost, or a restored state, or the wrong backend"
DOUBTS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "no use served": (lambda it: it.made["lost"].pop("lastUsedAt"), "AlloMia does not say whether it was used"),
    "use unreadable": (
        lambda it: it.made["lost"].update(lastUsedAt="soon"),
        "AlloMia does not say whether it was used",
    ),
    "used": (
        lambda it: it.made["lost"].update(lastUsedAt=(datetime.now(UTC) - timedelta(hours=1)).isoformat()),
        "it was used after it was made",
    ),
    "young": (lambda it: it.made.update(lost=listed(it.lost, hours=23.9), current=listed(it.current, hours=1)), "24 h"),
    "another life, or colliding hashes": (lambda it: change_name(it, lineage="000000"), "has another lineage"),
    "no owner in the mark": (lambda it: change_name(it, owner=""), "its mark has no owner"),
    "a copy of its name": (copy_name, "another key has the same mark"),
    "newer than the current key": (lambda it: it.made.update(lost=listed(it.lost, hours=46)), "was not made before"),
    "current key gone": (lambda it: it.made.pop("current"), "is not alive beside it"),
    "retained": (lambda it: it.resource.update(retainOnDelete=True), "its resource is retained on delete"),
    "unfinished": (lambda it: it.resource["outputs"].update(pending=[{"step": "deliver"}]), "something unfinished"),
    "Vault holds it": (lambda it: put_place(it, it.lost.id), "#api_key names it"),
    "Vault is marked for a version to come": (lambda it: put_place(it, version=2), "does not say which key it holds"),
    "Vault does not answer": (
        lambda it: (put_place(it), it.environ.update(VAULT_ADDR=f"http://127.0.0.1:{free_port()}")),
        "does not let its metadata be read",
    ),
    "place hidden": (lambda it: it.settings.update(vaultSecret={"ciphertext": "v1:x"}), "the state does not show"),
    "a hand-made key there": (declare_by_hand, "does not say which key it holds"),
    "a hand-made key it is": (lambda it: declare_by_hand(it, it.lost.id), "#api_key names it"),
    "a hand-made key written since": (lambda it: declare_by_hand(it, "x", version=2), "does not say which key it"),
    "old hand-made keys": (lambda it: declare_by_hand(it, "another", previousKeys=[{}]), "has old keys"),
    "history": (lambda it: it.hold("history/clinic/prod/prod-1.checkpoint.json", checkpoint(it.lost.id)), "names it"),
    "history of its mark": (
        lambda it: it.hold("history/clinic/prod/prod-1.checkpoint.json", checkpoint(it.lost.name)),
        "history/clinic/prod/prod-1.checkpoint.json names it",
    ),
    "a backup of another name": (
        lambda it: it.hold("backups/clinic/was/was.1.json.gz", gzip.compress(checkpoint(it.lost.id).encode())),
        "backups/clinic/was/was.1.json.gz names it",
    ),
    "a state's own backup": (lambda it: it.hold("stacks/clinic/was.json.bak", checkpoint(it.lost.id)), "names it"),
    "a backup unreadable": (lambda it: it.hold("backups/clinic/prod/prod.1.json", '{"checkpoint": '), "cannot be read"),
    "another stack": (
        lambda it: it.others.update({"organization/clinic/new": json.loads(checkpoint(it.lost.id))}),
        "the state of organization/clinic/new names it",
    ),
    "another project's stack": (
        lambda it: it.others.update({"organization/hospital/prod": json.loads(checkpoint(it.lost.id))}),
        "the state of organization/hospital/prod names it",
    ),
    "another stack unreadable": (
        lambda it: it.others.update({"organization/clinic/new": None}),
        "the state of organization/clinic/new cannot be read",
    ),
    "no list of stacks": (lambda it: it.commands.update({"stack ls": None}), "list of stacks cannot be read"),
    "another resource uses it": (
        lambda it: it.further.append({"urn": "urn:x", "type": "x", "inputs": {"id": it.lost.id}}),
        "the state of clinic/prod names it",
    ),
}


@pytest.mark.parametrize(("change", "doubt"), DOUBTS.values(), ids=DOUBTS)
def test_g1_whatever_is_doubtful_is_kept(scene: Scene, change: Callable[[Scene], object], doubt: str) -> None:
    change(scene)
    kept = scene.run("--revoke", "--yes")
    assert kept.returncode == 8, kept.stdout + kept.stderr
    assert "kept: " in kept.stdout
    assert doubt in kept.stdout
    assert "revoked" not in kept.stdout
    assert scene.is_alive(scene.lost)


@pytest.mark.parametrize(
    ("change", "is_lacking"),
    [
        (lambda it: change_name(it, lineage="000000"), True),
        (lambda it: it.made.pop("current"), True),
        (lambda it: it.made.update(lost=listed(it.lost, hours=46)), True),
        (lambda it: it.resource.update(urn=URN.replace("ehr", "lab")), True),
        (lambda it: it.made["lost"].pop("lastUsedAt"), False),
    ],
    ids=["lineage", "current", "newer", "resource", "use"],
)
def test_that_a_state_lacks_what_allomia_has_is_said_first(
    scene: Scene, change: Callable[[Scene], object], is_lacking: bool
) -> None:
    change(scene)
    if "lab" in scene.resource["urn"]:
        scene.resource["outputs"]["record"]["identity"]["name"] = "lab"
    shown = scene.run()
    assert shown.stdout.startswith(LACKING) is is_lacking
    document = json.loads(scene.run("--output", "json").stdout)
    assert str(document["notice"]).startswith(LACKING) is is_lacking


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.hold("history/clinic/prod/prod-1.checkpoint.json", checkpoint("another")),
        lambda it: it.hold("history/other/prod/prod-1.checkpoint.json", "no JSON"),
        lambda it: it.others.update({"organization/other/prod": None}),
        put_place,
        lambda it: declare_by_hand(it, "another"),
        lambda it: it.resource["outputs"]["record"].update(former=[{"identity": {"stack": "x"}}]),
        lambda it: it.made["lost"].update(lastUsedAt=it.made["lost"]["createdAt"]),
        lambda it: begin(it, "creating"),
    ],
)
def test_what_has_nothing_to_do_with_a_lost_key_does_not_keep_it(
    scene: Scene, change: Callable[[Scene], object]
) -> None:
    change(scene)
    done = scene.run("--revoke", "--yes")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 revoked"), done.stdout + done.stderr


def test_a_message_that_names_a_lost_key_is_no_holder_of_it(scene: Scene) -> None:
    lost = json.dumps({"resources": [{"urn": "x", "initErrors": [f"key {scene.lost.id} is alive"]}]})
    scene.hold("history/clinic/prod/prod-1.checkpoint.json", lost)
    assert scene.run("--revoke", "--yes").returncode == 0


@pytest.mark.parametrize("kind", ["updating", "deleting"])
def test_an_operation_under_way_keeps_every_key_of_its_resource(scene: Scene, kind: str) -> None:
    begin(scene, kind)
    kept = scene.run("--revoke", "--yes")
    assert kept.returncode == 8
    assert "1 key not touched: perhaps being made" in kept.stdout
    assert scene.is_alive(scene.lost)


def test_a_backend_that_is_no_folder_is_named_as_not_looked_through(scene: Scene) -> None:
    scene.commands["whoami --json"] = json.dumps({"url": "s3://states"})
    shown = scene.run()
    assert "history and backups were not looked through: those of clinic/prod lie in no folder" in shown.stdout
    assert json.loads(scene.run("--output", "json").stdout)["unsearched"] == ["clinic/prod"]


def test_nothing_beyond_the_states_is_asked_for_what_is_doubtful_anyway(scene: Scene) -> None:
    put_place(scene)
    scene.made["lost"].pop("lastUsedAt")
    before = len(scene.openbao.audit_entries())
    assert scene.run().returncode == 8
    assert len(scene.openbao.audit_entries()) == before
