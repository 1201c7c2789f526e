"""What contract tests play on: an organization of their own with a face or a terminal before it."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_snake

from tests.contract.faces import DynamicFace, Face
from tools.engine.sandbox import Sandbox, Tenant

ROOT = Path(__file__).parents[2]
ALLOMIA = str(Path(sys.executable).with_name("allomia"))
CAMEL = re.compile(r"\b[a-z]+(?:[A-Z][a-z]+)+\b")
ONE = {"quarter": "1"}
TWO = {"quarter": "2"}
# What the Pulumi CLI answers is laid out beside it; what is not there fails as a stack that cannot be read does.
STAND_IN = """#!{python} -IS
import json, pathlib, sys

answers = json.loads(pathlib.Path(__file__).with_name("answers.json").read_text())
command = " ".join(sys.argv[1:3])
if command == "stack export":
    command += " " + sys.argv[sys.argv.index("--stack") + 1]
if command not in answers:
    sys.exit("error: " + command + " is not to be had")
print(answers[command])
"""


@dataclass(frozen=True)
class Scene:
    """A tenant with an organization of its own, and a face that has the tenant's key."""

    sandbox: Sandbox
    tenant: Tenant
    organization: str
    face: Face

    def news(self, triggers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        given = {"organizationId": self.organization, "rotationTriggers": triggers, **more}
        return {name: value for name, value in given.items() if value is not None}

    def calls(self, since: int) -> list[str]:
        events = self.sandbox.events(since)
        return [event.type for event in events if event.organization_id in {None, self.organization}]

    def alive(self) -> list[str]:
        return [key.id for key in self.sandbox.alive(self.organization)]

    def accepts(self, secret: str) -> int:
        return self.sandbox.key_status(self.organization, secret)


def set_scene(process: tuple[Face, Tenant], sandbox: Sandbox, test: str) -> Scene:
    """Give a test an organization and a resource of its own, and a sandbox without faults."""
    face, tenant = process
    sandbox.clear_faults()
    sandbox.settings(quota_status=409, key_endpoints=True, verify_lag=0, latency_ms=0)
    face.forget(f"key-{zlib.crc32(test.encode())}")
    return Scene(sandbox, tenant, sandbox.add_organization(tenant.id, "Valley Health"), face)


@dataclass(frozen=True)
class Terminal:
    """A person at a terminal, with a tenant's key in the environment."""

    sandbox: Sandbox
    tenant: str
    organization: str
    environ: dict[str, str]

    def run(self, *arguments: str, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ALLOMIA, *arguments],
            cwd=folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )


def spelled(face: Face, text: str) -> str:
    """Return a text with the inputs that it names as a face's callers write them."""
    return CAMEL.sub(lambda name: to_snake(name.group()), text) if isinstance(face, DynamicFace) else text


def assert_readable(text: str, *secrets: str) -> None:
    """G5 and G3: one line, no traceback, no path of ours, no secret."""
    assert "\n" not in text.strip()
    assert "Traceback" not in text
    assert not re.search(r"\.py\b|site-packages|File \"", text)
    assert str(ROOT) not in text
    assert not any(secret in text for secret in secrets)
    assert text.rstrip().endswith((".", ")", "one", "run", "`"))
