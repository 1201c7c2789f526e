"""`allomia orphans` on stacks of the real engine: what a kill leaves is found and ended, and nothing else touched."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.engine.scenes import (
    PROJECT,
    PROOFS,
    Scene,
    answer,
    kill_while_making,
    leaks,
    resource,
    set_scene,
)
from tests.fakes import LINEAGE
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.sandbox import MadeKey, Sandbox
from tools.engine.workspace import Result

Stage = Callable[..., Scene]

PROGRAMS = Path(sys.executable).parent
ALLOMIA = PROGRAMS / "allomia"
PLUGIN_PROJECT = yaml.safe_dump(
    {"name": "clinic", "runtime": "python", "plugins": {"providers": [{"name": "allomia", "path": str(PROGRAMS)}]}}
)
FACES = {"dynamic": (PROJECT, "allomia_pulumi"), "plugin": (PLUGIN_PROJECT, "allomia_pulumi.native")}
PROGRAM = """
import pulumi
from {module} import OrganizationApiKey

config = pulumi.Config()
quarter = {{"quarter": config.get("quarter") or "q1"}}
for name, overlap in (("rotated", "1d"), ("replaced", None)):
    OrganizationApiKey(
        name, organization_id=config.require("organizationId"), rotation_triggers=quarter, overlap=overlap
    )
OrganizationApiKey("lost", organization_id=config.require("other"))
"""
ONE_KEY = """
import pulumi
from allomia_pulumi import OrganizationApiKey

OrganizationApiKey("ehr", organization_id=pulumi.Config().require("organizationId"))
"""
ROTATING = """
import pulumi
from {module} import OrganizationApiKey

config = pulumi.Config()
OrganizationApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    rotation_triggers={{"quarter": config.get("quarter") or "q1"}},
    overlap="30d",
)
"""
LACKING = "an operation whose record was lost, or a restored state, or the wrong backend"
REVOKES: dict[str, Any] = {"method": "DELETE", "path": "*/api-keys/*"}
EHR = Identity(project="clinic", stack="test", name="ehr")


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Stage:
    """Return a function that sets the scene for a stack that has an owner."""

    def set_up(project: str = PROJECT, program: str = ONE_KEY, owner: str = "the tests") -> Scene:
        scene = set_scene(sandbox, openbao, workspace({"Pulumi.yaml": project, "__main__.py": program}))
        if owner:
            scene.workspace.config_set("allomia:owner", owner)
        return scene

    return set_up


def orphans(scene: Scene, *arguments: str) -> Result:
    return scene.workspace.call(ALLOMIA, "orphans", "--stack", str(scene.workspace.folder), *arguments)


def found(scene: Scene, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(orphans(scene, "--output", "json", *arguments).stdout)
    return document


def ask(scene: Scene, answers: str, *arguments: str) -> Result:
    """Revoke at a terminal."""
    return answer(scene.workspace, answers, ALLOMIA, "orphans", "--stack", ".", "--revoke", *arguments)


def leave(scene: Scene, organization: str = "", identity: Identity = EHR, owner: str = "the tests") -> MadeKey:
    """Make a key as an interrupted run leaves it."""
    name = make_mark(identity, owner, LINEAGE).name(identity.name)
    return scene.sandbox.make_key_by_hand(organization or scene.organization, name)


def key_ids(scene: Scene, name: str) -> dict[str, str]:
    outputs = resource(scene.workspace.export(), name)["outputs"]
    return {each: outputs[each] for each in ("keyId", "previousKeyId") if each in outputs}


@pytest.mark.catalogue(1)
@pytest.mark.parametrize(
    ("project", "module"),
    [
        pytest.param(*found, id=face, marks=pytest.mark.long if face == "plugin" else ())
        for face, found in FACES.items()
    ],
)
def test_g1_what_a_state_lost_is_revoked_and_what_it_knows_or_others_own_is_not_touched(
    stage: Stage, project: str, module: str
) -> None:
    scene = stage(project, PROGRAM.format(module=module))
    other = scene.sandbox.add_organization(scene.tenant.id, "Hill Clinic")
    scene.workspace.config_set("other", other)
    scene.up().check()
    lost = key_ids(scene, "lost")["keyId"]
    scene.sandbox.add_fault("status", status=403, times=None, **REVOKES)
    scene.workspace.config_set("quarter", "q2")
    assert scene.up().code != 0, "the replaced key is to wait for its deletion"
    scene.sandbox.clear_faults()
    urn = resource(scene.workspace.export(), "lost")["urn"]
    scene.workspace.run("state", "delete", urn, "--yes").check()
    theirs = leave(scene, other, Identity(project="clinic", stack="prod", name="ehr"))
    by_hand = scene.sandbox.make_key_by_hand(other, "by\x1b[31m hand\u202e[bold]")

    shown = orphans(scene)
    assert shown.code == 8
    assert shown.stdout.startswith(LACKING)
    assert "clinic/test: 4 declared keys alive" in shown.stdout
    assert "1 orphan: " in shown.stdout
    assert "2 keys not touched: 1 of other stacks, 1 made by hand" in shown.stdout
    assert [each["id"] for each in found(scene)["orphans"]] == [lost]
    told = scene.workspace.call(ALLOMIA, "keys", "--stack", str(scene.workspace.folder), "--output", "json").check()
    kinds = {
        key["id"]: key["whose"]["kind"] for each in json.loads(told.stdout)["organizations"] for key in each["keys"]
    }
    assert sorted(kinds.values()) == ["by-hand", "current", "current", "orphan", "other", "predecessor", "replaced"]
    assert kinds[key_ids(scene, "rotated")["previousKeyId"]] == "predecessor"

    kept = orphans(scene, "--revoke", "--yes")
    assert (kept.code, kept.stdout.splitlines()[-1]) == (8, "1 kept")
    assert "kept: the state has no resource that it belongs to" in kept.stdout
    revoked = ask(scene, "y\n")
    assert revoked.code == 0
    assert revoked.stdout.splitlines()[-1] == "1 revoked"
    assert {key.id for each in (scene.organization, other) for key in scene.sandbox.alive(each)} == set(kinds) - {lost}
    assert "\x1b" not in shown.text + revoked.text
    assert "\u202e" not in shown.text + revoked.text
    secrets = [*scene.canaries, theirs.key, by_hand.key]
    assert leaks(secrets, [(each.command, each.text.encode()) for each in (shown, told, kept, revoked)]) == []
    scene.up().check()
    assert [each["whose"]["kind"] for each in found(scene)["notTouched"]] == ["other", "by-hand"]


@pytest.mark.catalogue(3)
def test_g1_a_key_that_a_run_is_making_is_no_orphan_until_the_killed_run_is_cleared(stage: Stage) -> None:
    scene = stage()
    # The proof of the new key waits, so that one key stays in the making however slow the machine is.
    scene.sandbox.add_fault("delay_before", seconds=600.0, times=None, **PROOFS)
    process = scene.workspace.start("up", "--yes", "--skip-preview")
    wait_until(lambda: scene.alive() != [])
    (key,) = scene.alive()
    under_way = orphans(scene, "--revoke", "--yes")
    assert under_way.code == 8
    assert "1 key not touched: perhaps being made" in under_way.stdout
    process.kill()
    process.communicate(timeout=60)
    scene.workspace.cancel()
    killed = orphans(scene, "--revoke", "--yes")
    assert killed.code == 8
    assert "`pulumi cancel`, then `pulumi up`, and look again" in killed.stdout
    assert scene.alive() == [key]
    scene.sandbox.clear_faults()
    scene.workspace.refresh("--skip-preview", "--clear-pending-creates").check()
    assert [each["id"] for each in found(scene)["orphans"]] == [key]
    assert orphans(scene, "--revoke", "--yes").code == 8, "nothing witnesses its lineage any more"
    assert ask(scene, "y\n").code == 0
    assert scene.alive() == []


@pytest.mark.parametrize(
    ("project", "module"),
    [
        pytest.param(*found, id=face, marks=pytest.mark.long if face == "plugin" else ())
        for face, found in FACES.items()
    ],
)
def test_g1_what_a_kill_lost_is_certain_a_day_after_the_next_up(stage: Stage, project: str, module: str) -> None:
    scene = stage(project, ROTATING.format(module=module))
    first = kill_while_making(scene)
    assert orphans(scene, "--revoke", "--yes").code == 8
    scene.up().check()
    (current,) = {each.id for each in scene.sandbox.alive(scene.organization)} - {first}
    young = orphans(scene, "--revoke", "--yes")
    assert young.code == 8
    assert f"{first}: it was made less than 24 h ago" in young.stdout
    scene.jump(25)
    certain = orphans(scene, "--revoke", "--yes")
    assert (certain.code, certain.stdout.splitlines()[-1]) == (0, "1 revoked"), certain.text
    assert scene.alive() == [current]

    scene.workspace.config_set("quarter", "q2")
    second = kill_while_making(scene)
    scene.up().check()
    scene.jump(25)
    certain = orphans(scene, "--revoke", "--yes")
    assert (certain.code, certain.stdout.splitlines()[-1]) == (0, "1 revoked"), certain.text
    assert second not in scene.alive()
    assert set(scene.alive()) == set(key_ids(scene, "ehr").values())
    scene.workspace.up("--skip-preview", "--expect-no-changes").check()


def test_yes_is_refused_without_an_owner_and_says_how_to_get_one(stage: Stage) -> None:
    scene = stage(owner="")
    key = leave(scene, owner="")
    refused = orphans(scene, "--revoke", "--yes")
    assert (refused.code, refused.stdout) == (2, "")
    assert "--yes is refused while clinic/test has no allomia:owner" in refused.stderr
    assert "pulumi config set allomia:owner NAME" in refused.stderr
    scene.workspace.config_set("allomia:owner", "the tests")
    older = orphans(scene, "--revoke", "--yes")
    assert older.code == 8
    assert "kept: its mark has no owner, and another person's stack of the same project and name" in older.stdout
    assert f"allomia revoke {scene.organization} {key.id}" in older.stdout
    assert scene.alive() == [key.id]


def test_a_failed_revocation_does_not_stop_the_rest_and_shows_in_the_exit_code(stage: Stage) -> None:
    scene = stage()
    scene.up().check()
    (current,) = scene.alive()
    first, second = leave(scene), leave(scene)
    scene.sandbox.add_fault("status", status=403, method="DELETE", path=f"*/{first.id}", times=None)
    ended = ask(scene, "y\ny\n", "--output", "json")
    assert ended.code == 4
    assert f"error: key {first.id} may be alive: " in ended.stderr
    outcomes = {each["id"]: each["outcome"] for each in json.loads(ended.stdout)["orphans"]}
    assert outcomes == {first.id: "failed", second.id: "revoked"}
    assert scene.alive() == [current, first.id]


def test_each_orphan_is_asked_about_at_a_terminal(stage: Stage) -> None:
    scene = stage()
    kept, revoked = leave(scene), leave(scene)
    asked = ask(scene, "n\ny\n")
    assert (asked.code, asked.stderr) == (8, "")
    text = asked.stdout
    assert text.count("Revoke this key now?") == 2
    assert text.count("never used") == 2
    assert text.splitlines()[-1] == "1 revoked, 1 kept"
    assert scene.alive() == [kept.id]
    assert scene.accepts(revoked.key) == 401


def test_g5_a_stack_that_does_not_exist_is_an_error_in_two_lines(stage: Stage) -> None:
    scene = stage()
    failed = scene.workspace.call(ALLOMIA, "orphans", "--stack", f"{scene.workspace.folder}@nope")
    assert (failed.code, failed.stdout) == (2, "")
    assert [line.partition(":")[0] for line in failed.stderr.splitlines()] == ["error", "hint"]
    assert "no stack named 'nope' found" in failed.stderr
    named = scene.workspace.call(ALLOMIA, "orphans", "--stack", f"{scene.workspace.folder}@test")
    assert (named.code, named.stderr) == (0, "")


@pytest.mark.long
def test_g3_an_owner_that_is_marked_as_secret_is_used_and_never_shown(stage: Stage) -> None:
    scene = stage(owner="")
    scene.workspace.config_set("allomia:owner", "hidden-owner", secret=True)
    key = leave(scene, owner="hidden-owner")
    shown = orphans(scene)
    assert key.id in shown.stdout
    assert "1 orphan: " in shown.stdout
    assert "hidden-owner" not in shown.text
    refused = scene.workspace.call(
        ALLOMIA, "orphans", "--stack", str(scene.workspace.folder), env={"PULUMI_CONFIG_PASSPHRASE": "wrong"}
    )
    assert refused.code == 2
    assert "allomia:owner is marked as secret and cannot be decrypted" in refused.stderr


def wait_until(look: Callable[[], object], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise ToolError(f"It did not happen within {seconds:.0f} seconds.")
        time.sleep(0.05)
