"""The Go example on the real engine, through Go's Automation API: it needs no language host."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import EXAMPLES, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.go_programs import GoProgram, go_example_copy
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result

EXAMPLE = EXAMPLES / "go"


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLE))
    declared = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())
    declared["plugins"]["providers"][0]["path"] = str(Path(sys.executable).parent)
    scene.workspace.write({"Pulumi.yaml": yaml.safe_dump(declared)})
    return scene


def run(scene: Scene, program: GoProgram, command: str) -> Result:
    return program.run(scene.workspace, command, "test").check()


def test_a_go_program_previews_a_key_and_writes_nothing(scene: Scene, go_example: GoProgram) -> None:
    with Calls(scene) as calls:
        result = run(scene, go_example, "preview")
    assert "allomia:index:OrganizationApiKey ehr-sync create" in " ".join(result.text.split())
    assert calls.allomia() == [["listed"]]
    assert leaks(scene.canaries, [("preview", result.text.encode()), *state_texts(scene.workspace)]) == []


@pytest.mark.long
def test_the_example_mints_rotates_and_revokes(scene: Scene, go_example: GoProgram) -> None:
    with Calls(scene) as calls:
        results = [run(scene, go_example, "up")]
    assert calls.allomia() == [["listed", "minted", "verified"]]
    first = scene.secret()

    with Calls(scene) as calls:
        results.append(run(scene, go_example, "up"))
    assert (calls.allomia(), calls.vault()) == ([], {})
    assert "2 unchanged" in results[-1].text

    scene.jump(hours=91 * 24)
    results.append(run(scene, go_example, "up"))
    shown, outputs = scene.workspace.outputs(), scene.workspace.outputs(show_secrets=True)
    assert (shown["secret"], shown["previousSecret"]) == ("[secret]", "[secret]")
    assert shown["secretFingerprint"] == hashlib.sha256(outputs["secret"].encode()).hexdigest()[:12]
    assert outputs["previousSecret"] == first != outputs["secret"]
    assert [scene.accepts(outputs[name]) for name in ("secret", "previousSecret")] == [200, 200]

    results.append(run(scene, go_example, "refresh"))
    results.append(run(scene, go_example, "destroy"))
    assert scene.alive() == []
    consoles = [(result.command, result.text.encode()) for result in results]
    assert leaks([*scene.canaries, outputs["secret"]], [*consoles, *state_texts(scene.workspace)]) == []


def test_a_command_that_is_none_is_told_with_those_that_are(go_example: GoProgram) -> None:
    answer = subprocess.run([go_example.path, "dance"], check=False, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "unknown command: dance; write preview, up, refresh, destroy\n"


@pytest.mark.long
def test_the_go_example_is_laid_out_and_vetted_and_its_program_is_whole_without_the_automation() -> None:
    with go_example_copy() as folder:
        assert told(folder, "gofmt", "-l", ".") == (0, "")
        assert told(folder, "go", "vet", ".") == (0, "")
        (folder / "automation.go").unlink()
        assert told(folder, "go", "vet", ".") == (0, "")


def told(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
