"""The TypeScript example on the real engine, and what the Node SDK adds to it: explicit providers and functions.

The programs run through Node's Automation API, by the example's own `automation.ts`: it needs no language host.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import EXAMPLES, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.node import NodeSdk
from tools.engine.openbao import OpenBao
from tools.engine.processes import CHECKOUT
from tools.engine.sandbox import Sandbox
from tools.engine.sdks import SDKS
from tools.engine.workspace import Result

EXAMPLE = EXAMPLES / "typescript"
EXPLICIT = """
import * as allomia from "@allomia/pulumi";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const provider = new allomia.Provider("tenant", {
    apiUrl: config.require("address"),
    tenantKeyRef: %s,
    vault: { address: config.require("vault"), timeoutSeconds: 5, auth: { tokenEnv: "VAULT_TOKEN" } },
});
const clinic = allomia.getOrganizationOutput({ name: "Valley Health" }, { provider });
const key = new allomia.OrganizationApiKey("ehr-sync", { organizationId: clinic.id }, { provider });
const usage = allomia.getOrganizationApiKeysOutput({ organizationId: clinic.id }, { provider, dependsOn: [key] });

export const secret = key.secret;
export const organizations = allomia
    .getOrganizationsOutput({}, { provider })
    .apply(({ organizations }) => organizations.map(({ name }) => name));
export const labels = usage.keys.apply((keys) => keys.map(({ label }) => label));
export const slots = pulumi.interpolate`${usage.slotsUsed} of ${usage.slots}`;
"""
PYTHON = """
import pulumi
from allomia_pulumi import OrganizationApiKey

key = OrganizationApiKey(
    "ehr-sync",
    organization_id=pulumi.Config().require("organizationId"),
    rotate_after="90d",
    overlap="24h",
)
pulumi.export("secret", key.secret)
"""


@pytest.fixture
def scene(node_sdk: NodeSdk, sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    scene = set_scene(sandbox, openbao, workspace(EXAMPLE))
    declare(scene, "nodejs")
    node_sdk.compile(scene.workspace)
    return scene


def declare(scene: Scene, runtime: str) -> None:
    """Declare the example's project with the plugin of the environment that runs the tests."""
    declared = yaml.safe_load((EXAMPLE / "Pulumi.yaml").read_text())
    declared["plugins"]["providers"][0]["path"] = str(Path(sys.executable).parent)
    scene.workspace.write({"Pulumi.yaml": yaml.safe_dump({**declared, "runtime": runtime})})


def run(scene: Scene, sdk: NodeSdk, command: str) -> Result:
    return sdk.run(scene.workspace, "bin/automation.js", command, "test").check()


@pytest.mark.long
def test_the_example_mints_rotates_and_revokes(scene: Scene, node_sdk: NodeSdk) -> None:
    with Calls(scene) as calls:
        results = [run(scene, node_sdk, "up")]
    assert calls.allomia() == [["listed", "minted", "verified"]]
    first = scene.secret()

    with Calls(scene) as calls:
        results.append(run(scene, node_sdk, "up"))
    assert (calls.allomia(), calls.vault()) == ([], {})

    scene.jump(hours=91 * 24)
    results.append(run(scene, node_sdk, "up"))
    shown, outputs = scene.workspace.outputs(), scene.workspace.outputs(show_secrets=True)
    assert (shown["secret"], shown["previousSecret"]) == ("[secret]", "[secret]")
    assert shown["secretFingerprint"] == hashlib.sha256(outputs["secret"].encode()).hexdigest()[:12]
    assert outputs["previousSecret"] == first != outputs["secret"]
    assert [scene.accepts(outputs[name]) for name in ("secret", "previousSecret")] == [200, 200]
    consoles = [(result.command, result.text.encode()) for result in results]
    canaries = [*scene.canaries, outputs["secret"]]
    assert leaks(canaries, [*consoles, *state_texts(scene.workspace)]) == []

    run(scene, node_sdk, "destroy")
    assert scene.alive() == []


@pytest.mark.long
@pytest.mark.parametrize("form", ["text", "object"])
def test_an_explicit_provider_serves_its_resources_and_functions(form: str, scene: Scene, node_sdk: NodeSdk) -> None:
    place = {"mount": "secret", "path": f"allomia/{scene.tenant.id}", "field": "api_key"}
    reference = "{mount}/{path}#{field}".format(**place) if form == "text" else place
    scene.workspace.config_set("address", scene.sandbox.address)
    scene.workspace.config_set("vault", scene.workspace.env.pop("VAULT_ADDR"))
    scene.workspace.write({"index.ts": EXPLICIT % json.dumps(reference)})
    node_sdk.compile(scene.workspace)
    run(scene, node_sdk, "up")
    assert scene.workspace.outputs() == {
        "secret": "[secret]",
        "organizations": ["Valley Health"],
        "labels": ["ehr-sync"],
        "slots": "1 of 5",
    }
    assert scene.accepts(scene.secret()) == 200
    run(scene, node_sdk, "destroy")
    assert scene.alive() == []


@pytest.mark.long
def test_a_typescript_program_takes_over_the_key_of_a_python_one(scene: Scene, node_sdk: NodeSdk) -> None:
    declare(scene, "python")
    scene.workspace.write({"__main__.py": PYTHON})
    scene.up().check()
    secret = scene.secret()
    declare(scene, "nodejs")
    with Calls(scene) as calls:
        run(scene, node_sdk, "up")
        assert "+-" not in run(scene, node_sdk, "preview").text
    assert [call for process in calls.allomia() for call in process if call in {"minted", "revoked"}] == []
    assert scene.secret() == secret
    run(scene, node_sdk, "destroy")
    assert scene.alive() == []


@pytest.mark.catalogue(59)
@pytest.mark.long
@pytest.mark.usefixtures("node_sdk")
def test_the_example_installs_and_compiles_as_its_readme_says(tmp_path: Path) -> None:
    def call(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)

    folder = tmp_path / "examples" / "typescript"
    unwanted = shutil.ignore_patterns("node_modules", "bin")
    shutil.copytree(EXAMPLE, folder, ignore=unwanted)
    shutil.copytree(CHECKOUT / SDKS / "nodejs", tmp_path / "sdk" / "nodejs", ignore=unwanted)
    assert call("npm", "install", "--no-audit", "--no-fund").returncode == 0
    assert call("npx", "tsc").stdout == ""
    installed = folder / "node_modules"
    assert not (installed / "@allomia" / "pulumi").is_symlink()
    copies = [path.parents[2] for path in installed.rglob("@pulumi/pulumi/package.json")]
    assert copies == [installed], "an inline program fails with a second copy of Pulumi's own SDK"
    answer = call("npm", "run", "--silent", "automation", "--", "dance")
    assert (answer.returncode, answer.stderr) == (1, "unknown command: dance; write preview, up, refresh, destroy\n")
