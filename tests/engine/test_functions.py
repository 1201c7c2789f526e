"""The functions in programs on the real engine: what arrives in the stack's outputs, and how they fail."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from tests.engine.scenes import PROJECT, Calls, Scene, leaks, set_scene, state_texts
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

PROGRAM = """
import pulumi
from allomia_pulumi import OrganizationApiKey
from allomia_pulumi.program.functions import (
    get_organization,
    get_organization_api_keys,
    get_organization_api_keys_output,
    get_organization_output,
    get_organizations,
    get_organizations_output,
)

valley = get_organization(name="Valley Health")
pulumi.export("valley", valley)
pulumi.export("names", sorted(each.name for each in get_organizations(search="health")))
pulumi.export("before", get_organization_api_keys(valley.id).slots_used)

key = OrganizationApiKey("ehr", organization_id=valley.id)
keys = get_organization_api_keys_output(key.key_id.apply(lambda _: valley.id))
pulumi.export("keyId", key.key_id)
pulumi.export("keys", keys.keys.apply(lambda all: [[each.id, each.label, each.mark, each.created_at] for each in all]))
pulumi.export("after", keys.slots_used)
pulumi.export("again", get_organization_output(id=key.key_id.apply(lambda _: valley.id)))
pulumi.export("count", get_organizations_output().apply(len))
"""
FAILING = {
    "plain": 'get_organization(name="valley health")',
    "output": 'get_organization_output(name=pulumi.Output.from_input("valley health"))',
    "exported": 'pulumi.export("valley", get_organization_output(name="valley health").id)',
}


@pytest.fixture
def scene(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Scene:
    return set_scene(sandbox, openbao, workspace({"Pulumi.yaml": PROJECT, "__main__.py": PROGRAM}))


def use(scene: Scene, line: str) -> None:
    names = "get_organization, get_organization_output"
    program = f"import pulumi\nfrom allomia_pulumi.program.functions import {names}\n{line}\n"
    scene.workspace.write({"__main__.py": program})


def test_all_functions_serve_one_program(scene: Scene) -> None:
    scene.sandbox.add_organization(scene.tenant.id, "Coastal Health")
    scene.sandbox.add_organization(scene.tenant.id, "Something Else")
    by_hand = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    scene.canaries.append(by_hand.key)
    with Calls(scene) as calls:
        preview = scene.workspace.preview().check()
    assert sorted(map(Counter, calls.allomia()), key=len) == [
        {"listed": 1},
        {"organizations_listed": 3, "organization_read": 1, "listed": 1},
    ]
    with Calls(scene) as calls:
        result = scene.up().check()
    assert sorted(map(Counter, calls.allomia()), key=lambda counted: counted["organizations_listed"]) == [
        {"listed": 1, "minted": 1, "verified": 1},
        {"organizations_listed": 3, "listed": 2, "organization_read": 2},
    ]
    # The program's process and the provider's each read the tenant key once.
    assert calls.vault() == {"preflight": 2, "read": 2}
    outputs: dict[str, Any] = scene.workspace.outputs()
    assert outputs["valley"] == outputs["again"]
    assert (outputs["valley"]["id"], outputs["valley"]["name"]) == (scene.organization, "Valley Health")
    assert outputs["names"] == ["Coastal Health", "Valley Health"]
    assert (outputs["before"], outputs["after"], outputs["count"]) == (1, 2, 3)
    first, second = outputs["keys"]
    assert first[:3] == [by_hand.id, "by hand", None]
    assert second[:2] == [outputs["keyId"], "ehr"]
    assert re.fullmatch(r"\w{6}/\w{6}", second[2])
    texts = [*state_texts(scene.workspace), ("up", result.text.encode()), ("preview", preview.text.encode())]
    assert leaks(scene.canaries, texts) == []


@pytest.mark.parametrize("line", FAILING.values(), ids=FAILING)
def test_g5_an_error_is_one_line_without_a_traceback(scene: Scene, line: str) -> None:
    use(scene, line)
    result = scene.up()
    assert result.code != 0
    # The engine shows a line as it comes, and again at the end.
    shown = {line.partition("error: ")[2] for line in result.text.splitlines() if "allomia: " in line}
    assert len(shown) == 1, result.text
    error = shown.pop()
    assert error.startswith("allomia: no organization that the tenant key from Vault secret/allomia/")
    assert f"close to it: “Valley Health” (id {scene.organization})" in error
    assert "Traceback" not in result.text
    assert not re.search(r"site-packages|\.py\b|Task exception", result.text), result.text
    assert leaks(scene.canaries, [*state_texts(scene.workspace), ("up", result.text.encode())]) == []


def test_g3_a_tenant_key_in_clear_as_a_reference_is_refused_unseen(scene: Scene) -> None:
    use(scene, 'get_organization(name="Valley Health")')
    scene.workspace.config_set("allomia:tenantKeyRef", scene.tenant.key, secret=True)
    result = scene.up()
    assert result.code != 0
    assert "error: allomia: stack configuration allomia:tenantKeyRef is not a Vault reference" in result.text
    assert leaks(scene.canaries, [*state_texts(scene.workspace), ("up", result.text.encode())]) == []
