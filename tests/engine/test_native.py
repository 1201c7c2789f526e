"""The Python classes over the plugin on the real engine: providers for several tenants, functions, honest previews."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
import yaml

from tests.engine.scenes import Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

PLUGIN = [{"name": "allomia", "path": str(Path(sys.executable).parent)}]
PROJECT = yaml.safe_dump({"name": "clinic", "runtime": "python", "plugins": {"providers": PLUGIN}})
TWO_TENANTS = """
import pulumi
from allomia_pulumi.native import (
    OrganizationApiKey,
    Provider,
    get_organization,
    get_organization_api_keys_output,
    get_organizations_output,
)

config = pulumi.Config()
for tenant in ("north", "south"):
    provider = Provider(
        tenant,
        api_url=config.require("apiUrl"),
        tenant_key_ref=config.require(f"{tenant}Ref"),
        vault={
            "address": config.require("vault"),
            "timeout_seconds": config.get_int("timeout") or 10,
            "auth": {"method": "token", "token_env": "CLINIC_TOKEN"},
        },
    )
    asking = pulumi.InvokeOptions(provider=provider)
    clinic = get_organization(name=f"{tenant.title()} Health", opts=asking)
    key = OrganizationApiKey(f"{tenant}-ehr", pulumi.ResourceOptions(provider=provider), organization_id=clinic.id)
    after = key.key_id.apply(lambda _, clinic=clinic: clinic.id)
    pulumi.export(tenant, key.secret)
    pulumi.export(f"{tenant}Clinic", clinic)
    names = get_organizations_output(opts=asking).apply(lambda found: [each.name for each in found])
    pulumi.export(f"{tenant}Names", names)
    labels = get_organization_api_keys_output(after, opts=asking).keys
    pulumi.export(f"{tenant}Labels", labels.apply(lambda keys: [each.label for each in keys]))
"""
LATE = """
import pulumi
from pulumi import dynamic
from allomia_pulumi.native import OrganizationApiKey, Provider, get_organizations_output

config = pulumi.Config()


class Place(dynamic.ResourceProvider):
    def create(self, props):
        return dynamic.CreateResult("place", {**props, "reference": props["wanted"]})

    def diff(self, _id, olds, news):
        return dynamic.DiffResult(changes=olds["comment"] != news["comment"])

    def update(self, _id, olds, news):
        return dynamic.UpdateResult({**news, "reference": news["wanted"]})


class Reference(dynamic.Resource):
    reference: pulumi.Output[str]

    def __init__(self, name):
        props = {"wanted": config.require("reference"), "comment": config.get("comment") or "", "reference": None}
        super().__init__(Place(), name, props)


provider = Provider("late", api_url=config.require("apiUrl"), tenant_key_ref=Reference("place").reference)
key = OrganizationApiKey(
    "ehr", pulumi.ResourceOptions(provider=provider), organization_id=config.require("organization")
)
found = get_organizations_output(opts=pulumi.InvokeOptions(provider=provider))
pulumi.export("secret", key.secret)
pulumi.export("count", found.apply(len))
"""
DEPENDENT = """
import pulumi
from pulumi import dynamic
from allomia_pulumi.native import OrganizationApiKey

config = pulumi.Config()
key = OrganizationApiKey(
    "ehr",
    organization_id=config.require("organizationId"),
    rotation_triggers={"quarter": config.require("quarter")},
    overlap="24h",
)


class Reader(dynamic.ResourceProvider):
    def create(self, props):
        return dynamic.CreateResult("reader", props)

    def update(self, _id, olds, news):
        return dynamic.UpdateResult(news)


class ReaderOf(dynamic.Resource):
    def __init__(self, name, **props):
        super().__init__(Reader(), name, props)


ReaderOf("reader", secret=key.secret, key_id=key.key_id, fingerprint=key.secret_fingerprint)
pulumi.export("secret", key.secret)
"""

EXISTING = """
import pulumi
from allomia_pulumi.native import OrganizationApiKey

config = pulumi.Config()
organization = config.require("organizationId")
existing = f"{organization}/{config.require('key')}"
if config.require("way") == "get":
    key = OrganizationApiKey.get("existing", existing)
else:
    key = OrganizationApiKey(
        "existing",
        pulumi.ResourceOptions(import_=existing),
        organization_id=organization,
        rotation_triggers={"quarter": "1"},
        overlap="24h",
    )
pulumi.export("secret", key.secret)
pulumi.export("name", key.key_name)
"""


@dataclass(frozen=True)
class Clinic:
    """A tenant with one organization, and where its key lies."""

    tenant: Tenant
    organization: str
    reference: str


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Callable[..., Scene]:
    """Return a function that sets the scene for a program."""

    def set_up(program: str, **config: str) -> Scene:
        return set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECT, "__main__.py": program}), **config)

    return set_up


def planned(scene: Scene) -> dict[str, str]:
    """Return what a preview would do, for each resource that it would touch by its logical name."""
    shown = json.loads(scene.workspace.preview("--json").check().stdout)
    steps = {step["urn"].rpartition("::")[2]: step["op"] for step in shown["steps"]}
    return {name: operation for name, operation in steps.items() if operation != "same"}


def add_clinic(sandbox: Sandbox, openbao: OpenBao, name: str) -> Clinic:
    """Make a tenant with one organization, and put its key into Vault."""
    tenant = sandbox.add_tenant(name)
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/{tenant.id}", {"api_key": tenant.key}, mount_point="secret")
    reference = f"secret/allomia/{tenant.id}#api_key"
    return Clinic(tenant, sandbox.add_organization(tenant.id, f"{name} Health"), reference)


@pytest.mark.long
def test_two_explicit_providers_serve_two_tenants(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> None:
    north, south = (add_clinic(sandbox, openbao, name) for name in ("North", "South"))
    project = workspace({"Pulumi.yaml": PROJECT, "__main__.py": TWO_TENANTS})
    settings = {"apiUrl": sandbox.address, "vault": openbao.address, "northRef": north.reference}
    scene = set_scene(sandbox, openbao, project, **settings, southRef=south.reference)
    scene.canaries.extend([north.tenant.key, south.tenant.key])
    project.env["CLINIC_TOKEN"] = project.env.pop("VAULT_TOKEN")
    project.env.pop("VAULT_ADDR")

    result = scene.up().check()
    outputs = project.outputs(show_secrets=True)
    scene.canaries.extend([outputs["north"], outputs["south"]])
    for name, clinic in (("north", north), ("south", south)):
        assert sandbox.key_status(clinic.organization, outputs[name]) == 200
        assert outputs[f"{name}Clinic"]["id"] == clinic.organization
        assert outputs[f"{name}Names"] == [f"{name.title()} Health"]
        assert outputs[f"{name}Labels"] == [f"{name}-ehr"]
    project.up("--skip-preview", "--expect-no-changes").check()

    project.config_set("timeout", "20")
    assert planned(scene) == {"north": "update", "south": "update"}
    project.up("--skip-preview").check()
    assert project.outputs(show_secrets=True) == outputs
    texts = [*state_texts(project), ("console", result.text.encode())]
    assert leaks(scene.canaries, texts) == []
    project.destroy("--skip-preview").check()
    assert (sandbox.alive(north.organization), sandbox.alive(south.organization)) == ([], [])


@pytest.mark.catalogue(49)
@pytest.mark.long
def test_a_setting_that_a_preview_does_not_know_is_survived(
    sandbox: Sandbox, openbao: OpenBao, stage: Callable[..., Scene]
) -> None:
    clinic = add_clinic(sandbox, openbao, "Late")
    late = {"apiUrl": sandbox.address, "reference": clinic.reference, "organization": clinic.organization}
    scene = stage(LATE, **late)
    project = scene.workspace
    with Calls(scene) as calls:
        project.preview().check()
    assert calls.allomia() == []
    scene.up().check()
    secret = scene.secret()
    assert (sandbox.key_status(clinic.organization, secret), project.outputs()["count"]) == (200, 1)

    project.config_set("comment", "the place is updated, so the preview does not know it")
    with Calls(scene) as calls:
        project.preview().check()
    assert calls.allomia() == []
    scene.up().check()
    assert scene.secret() == secret
    project.destroy("--skip-preview").check()
    assert sandbox.alive(clinic.organization) == []


@pytest.mark.long
def test_a_preview_of_a_retirement_touches_no_dependent(stage: Callable[..., Scene]) -> None:
    scene = stage(DEPENDENT, quarter="1")
    project = scene.workspace
    scene.up().check()
    first = scene.secret()
    project.config_set("quarter", "2")
    with Calls(scene) as calls:
        assert planned(scene) == {"ehr": "update", "reader": "update"}
    assert Counter(chain.from_iterable(calls.allomia())).keys() <= {"listed"}
    scene.up().check()
    second = scene.secret()

    scene.jump(hours=25)
    with Calls(scene) as calls:
        assert planned(scene) == {"ehr": "update"}
    assert calls.allomia() == []
    assert scene.accepts(first) == 200
    result = scene.up().check()
    assert re.search(r"1 updated\s+2 unchanged|2 unchanged\s+1 updated", result.text), result.text
    assert (scene.accepts(first), scene.accepts(second), scene.secret()) == (401, 200, second)


@pytest.mark.long
@pytest.mark.parametrize("way", ["get", "import"])
def test_a_key_that_exists_can_be_looked_up_and_imported(stage: Callable[..., Scene], way: str) -> None:
    scene = stage(EXISTING, way=way)
    project = scene.workspace
    made = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    scene.canaries.append(made.key)
    project.config_set("key", made.id)
    project.env["ALLOMIA_IMPORT_SECRET"] = made.key
    with Calls(scene) as calls:
        result = scene.up().check()
        project.up("--skip-preview", "--expect-no-changes").check()
    assert {"minted", "revoked"}.isdisjoint(chain.from_iterable(calls.allomia()))
    assert (scene.secret(), project.outputs()["name"]) == (made.key, "by hand")
    assert leaks(scene.canaries, [*state_texts(project), ("console", result.text.encode())]) == []
    project.destroy("--skip-preview").check()
    assert scene.alive() == ([made.id] if way == "get" else [])
