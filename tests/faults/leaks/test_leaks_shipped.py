"""What is shipped and what commands print: no secret, no path of a machine, no host that does not belong there."""

from __future__ import annotations

import io
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from allomia_pulumi.cli.app import app, run
from tests.leaks import channels
from tests.leaks.search import search
from tests.leaks.watch import complain
from tools.engine import canaries
from tools.engine.openbao import OpenBao
from tools.engine.processes import CHECKOUT, free_port
from tools.engine.sandbox import MadeKey, Sandbox, Tenant
from tools.engine.trail import Shown

ALLOMIA = str(Path(sys.executable).with_name("allomia"))
HOSTS = {
    "allomia.com",
    "docs.allomia.com",
    "files.sandbox.invalid",
    "golang.org",
    "keepachangelog.com",
    "semver.org",
    "vault.example.com",
    "www.apache.org",
    "www.pulumi.com",
}
URL = re.compile(rb"https?://([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
MACHINE_PATH = re.compile(rb"(?<![\w.~$}])/(?:home|root|work|Users|mnt|private)/\w+")
LOOPBACK = re.compile(r"127(\.\d+){3}")
NOT_SHIPPED = re.compile(r"(__pycache__|\.pyc|\.lock|package-lock\.json|\.env|Pulumi\.\w+\.yaml)$|(^|/)(tests|tools)/")


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    tenant: Tenant
    organization: str
    key: MadeKey
    environ: dict[str, str]
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def told(self, *arguments: str, code: int, **environ: str) -> str:
        """Run a command in this process, which is fast, search what it prints, and return that."""
        self.patch.setattr(sys, "argv", ["allomia", *arguments])
        with self.patch.context() as patch:
            for name, value in {**self.environ, **environ}.items():
                patch.setenv(name, value)
            ended = run()
        texts = self.captured.readouterr()
        shown = [Shown("stdout", texts.out.encode()), Shown("stderr", texts.err.encode())]
        complain(search(shown, canaries.planted()))
        assert ended == code, texts.err
        return texts.out + texts.err


@pytest.fixture
def scene(
    sandbox: Sandbox,
    openbao: OpenBao,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Scene:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    key = sandbox.make_key_by_hand(organization, "by hand")
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/{tenant.id}", {"api_key": tenant.key}, mount_point="secret")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ALLOMIA_API_URL": sandbox.address,
        "ALLOMIA_TENANT_KEY_REF": f"secret/allomia/{tenant.id}#api_key",
        "VAULT_ADDR": openbao.address,
        "VAULT_TOKEN": openbao.token,
    }
    return Scene(sandbox, tenant, organization, key, environ, monkeypatch, capfd)


def test_g3_keys_and_orphans_print_no_secret(scene: Scene) -> None:
    assert scene.key.id in scene.told("keys", "--organization", scene.organization, code=0)
    assert scene.key.id in scene.told("keys", "--output", "json", code=0)
    direct = {"ALLOMIA_TENANT_KEY_REF": "", "ALLOMIA_TENANT_KEY": scene.tenant.key}
    assert scene.organization in scene.told("keys", code=0, **direct)
    assert "stack" in scene.told("orphans", code=0)
    scene.told("orphans", "--output", "json", code=0)


def test_g3_organizations_print_no_secret_and_no_import_file_has_one(scene: Scene, tmp_path: Path) -> None:
    for options in ((), ("--active", "--keys"), ("--output", "json")):
        assert scene.organization in scene.told("organizations", *options, code=0)
    for command, id_ in {"organizations": scene.organization, "keys": scene.key.id}.items():
        file = tmp_path / f"{command}.json"
        scene.told(command, "--import-file", str(file), code=0)
        assert id_ in file.read_text()
        complain(search([Shown(file.name, file.read_bytes())], canaries.planted()))


def test_g3_revoke_prints_no_secret_when_it_works_and_when_not(scene: Scene) -> None:
    assert "revoked" in scene.told("revoke", scene.organization, scene.key.id, "--yes", code=0)
    assert scene.key.id in scene.told("revoke", scene.organization, scene.key.id, "--yes", code=3)
    scene.sandbox.rotate_tenant_key(scene.tenant.id)
    assert "does not accept" in scene.told("revoke", scene.organization, scene.key.id, "--yes", code=4)


def test_g3_doctor_prints_no_secret(scene: Scene) -> None:
    done, shown = channels.of_command(ALLOMIA, "doctor", "--output", "json", env=scene.environ)
    assert done.returncode in {0, 8}, done.stderr
    assert b"Vault" in done.stdout
    complain(search(shown, canaries.planted()))


def test_g3_a_failing_vault_or_allomia_prints_no_secret(scene: Scene) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    scene.told("keys", code=4, VAULT_TOKEN=canaries.plant("s.NobodyKnowsThisToken0001"))
    scene.sandbox.add_fault("status", status=403)
    scene.told("keys", code=4)
    scene.told("keys", code=6, ALLOMIA_API_URL=nobody)


def test_g3_a_secret_in_the_wrong_place_is_refused_unseen(scene: Scene) -> None:
    scene.told("keys", "--tenant-key-ref", scene.tenant.key, code=2)
    scene.told("keys", "--api-url", f"https://user:{scene.tenant.key}@allomia.example", code=2)
    scene.told("sandbox", "--host", "192.0.2.1", code=2)


def test_every_command_is_played_here() -> None:
    played = set(re.findall(r'"(keys|organizations|orphans|revoke|doctor|sandbox)"', Path(__file__).read_text()))
    assert {each.name for each in app.registered_commands} == played


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return wheel and sdist of what git tracks or would track."""
    built = channels.of_distributions(CHECKOUT, tmp_path_factory.mktemp("dist"))
    return {shown.channel: shown.content for shown in built}


def members(kind: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if kind == "whl":
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist())
        return
    with tarfile.open(fileobj=io.BytesIO(content)) as sdist:
        for member in sdist.getmembers():
            if file := sdist.extractfile(member):
                yield member.name, file.read()


@pytest.mark.parametrize("kind", ["whl", "gz"])
def test_g3_a_distribution_has_no_secret_no_path_of_a_machine_and_no_strange_host(
    distributions: dict[str, bytes], kind: str
) -> None:
    complain(search([Shown(kind, distributions[kind])], canaries.planted()))
    strange = {"machine path": [], "host": [], "file": []}  # type: dict[str, list[str]]
    checkout, home = str(CHECKOUT).encode(), str(Path.home()).encode()
    found = list(members(kind, distributions[kind]))
    for name, content in found:
        if MACHINE_PATH.search(content) or checkout in content or home + b"/" in content:
            strange["machine path"].append(name)
        hosts = {host.decode().rstrip(".") for host in URL.findall(content)}
        strange["host"] += [f"{name}: {host}" for host in hosts - HOSTS if not LOOPBACK.fullmatch(host)]
        if NOT_SHIPPED.search(name):
            strange["file"].append(name)
    assert strange == {"machine path": [], "host": [], "file": []}
    assert any(name.endswith("allomia_pulumi/container.py") for name, _ in found)


def test_g3_the_search_sees_what_a_package_index_would_add() -> None:
    line = b"-i https://mirror.corp.example/simple\n/home/somebody/.venv/bin\nhttp://127.0.0.1:8200"
    assert [host for host in URL.findall(line) if host.decode() not in HOSTS] == [b"mirror.corp.example", b"127.0.0.1"]
    assert MACHINE_PATH.search(line)
