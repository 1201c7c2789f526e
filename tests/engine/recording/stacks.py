"""The stack of a recording, when it is made and when it is put back."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from tests.engine.moves import PROJECT
from tests.engine.recording.files import PASSPHRASE
from tests.engine.scenes import Scene
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Workspace

STACK = "test"
CONFIG = f"Pulumi.{STACK}.yaml"
TENANT_KEY = "allomia/recorded"
SETTINGS = ("allomia:apiUrl", "allomia:tenantKeyRef")
"""What each scene says anew."""


def project(face: str, program: str) -> dict[str, str]:
    """Return the files of a project on one face."""
    about = PROJECT if face == "plugin" else {"runtime": "python"}
    return {"Pulumi.yaml": yaml.safe_dump({"name": "clinic", **about}), "__main__.py": program}


def open_stack(sandbox: Sandbox, openbao: OpenBao, workspace: Workspace, config: Mapping[str, str]) -> Scene:
    """Make a stack whose passphrase is known, in a new world with nothing but a tenant."""
    sandbox.reset()
    tenant = sandbox.add_tenant("clinics")
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(TENANT_KEY, {"api_key": tenant.key}, mount_point="secret")
    workspace.env |= {
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "VAULT_ADDR": openbao.address,
        "VAULT_TOKEN": openbao.token,
    }
    settings = dict(zip(SETTINGS, (sandbox.address, f"secret/{TENANT_KEY}#api_key"), strict=True))
    workspace.write({CONFIG: yaml.safe_dump({"config": {**config, **settings}})})
    workspace.init(STACK)
    return Scene(sandbox, openbao, workspace, tenant, "", [tenant.key, openbao.token])


def values_in(workspace: Workspace) -> dict[str, str]:
    """Return the value of each key that the stack's state names and holds, by the key's id."""
    state = json.loads(workspace.run("stack", "export", "--show-secrets").check().stdout)
    found = {}
    for each in state["deployment"]["resources"]:
        outputs = each.get("outputs", {})
        for key_id, secret in (("keyId", "secret"), ("previousKeyId", "previousSecret")):
            if key_id in outputs and secret in outputs:
                found[outputs[key_id]] = str(json.loads(outputs[secret]["plaintext"]))
    return found
