"""Files beside a program that bear the names of modules: they stand for none of those that this package needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from allomia_pulumi.ground.lazy_imports import loading
from tests.unit.records import CREATED, DECLARED

ROOT = Path(__file__).parents[2]
OF_VAULT = {
    "ALLOMIA_TENANT_KEY_REF": "secret/allomia/tenant#api_key",
    "VAULT_ADDR": "http://127.0.0.1:1",
    "VAULT_TOKEN": "s",
}
OF_ALLOMIA = {"ALLOMIA_TENANT_KEY": "alm_tenant_x", "ALLOMIA_API_URL": "http://127.0.0.1:1"}
# What the engine's plugin does before it calls a provider: the project's folder comes first, as with `python -m`.
HOST = """
import asyncio, base64, json, os, sys, traceback
import dill, grpc, pulumi.dynamic
from pulumi.runtime import Settings, configure, proto, rpc
from pulumi.runtime.proto import provider_pb2_grpc
"""
SHADOW_ALL = """
import importlib.metadata  # which `importlib.invalidate_caches` needs since Python 3.13
import pathlib
from importlib.util import find_spec
PACKAGES = ["anyio", "certifi", "h11", "httpcore", "httpx", "hvac", "idna", "pydantic", "requests", "tenacity"]
names = [name for name in {*sys.stdlib_module_names, *PACKAGES} - {*sys.modules} if find_spec(name)]
for name in names:
    pathlib.Path(name + ".py").write_text("raise RuntimeError('a file of the program')")
"""
LIFE = """
import importlib; importlib.invalidate_caches()
path = list(sys.path)
try:
    from allomia_pulumi.dynamic_provider import organization_api_key
    provider = organization_api_key()
    provider.configure(pulumi.dynamic.ConfigureRequest(pulumi.dynamic.Config({}, "clinic")))
    declared, created = json.loads(sys.argv[1])
    print([failure.reason for failure in provider.check(declared, declared).failures])
    provider.create(declared)
except Exception as problem:
    print(f"{type(problem).__name__}: {problem}")
print(sys.path == path)
"""
FUNCTION = """
from allomia_pulumi import get_organization
from pulumi.runtime import set_mocks, Mocks
pulumi.runtime.set_config("allomia:apiUrl", "http://127.0.0.1:1")
try:
    get_organization(id="org")
except pulumi.RunError as problem:
    print(f"{type(problem).__name__}: {problem}")
"""


def run(folder: Path, code: str, **environ: str) -> list[str]:
    """Run Python as a program's: its folder stands first, also where the working directory is left out by `-P`."""
    file = folder / "run_me.py"
    file.write_text(code)
    command = [sys.executable, str(file), json.dumps([DECLARED, CREATED])]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.catalogue(80)
@pytest.mark.parametrize("environ", [OF_VAULT, OF_ALLOMIA], ids=["vault", "allomia"])
def test_files_with_the_name_of_every_module_make_no_difference(tmp_path: Path, environ: dict[str, str]) -> None:
    checked, created, is_restored = run(tmp_path, HOST + SHADOW_ALL + LIFE, **environ)
    assert checked == "[]"
    assert "http://127.0.0.1:1" in created
    assert "is not reachable while" in created
    assert is_restored == "True"


@pytest.mark.catalogue(80)
@pytest.mark.parametrize("name", ["secrets", "httpx", "calendar"])
def test_a_module_that_was_shadowed_before_is_one_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("mine = True")
    first = f"for known in [*sys.modules]:\n    if known.partition('.')[0] == {name!r}: del sys.modules[known]\n"
    lines = run(tmp_path, HOST + first + f"import {name}\n" + LIFE, **OF_ALLOMIA)
    assert lines[-2].endswith(
        f"{tmp_path / name}.py was imported in place of a module of Python or of a package that is needed here; "
        "nothing was done. Give the file another name, which no module of Python or of an installed package has."
    )
    assert "Error" not in lines[-2]


@pytest.mark.catalogue(80)
def test_a_function_of_a_program_is_held_to_the_same(tmp_path: Path) -> None:
    (tmp_path / "secrets.py").write_text("mine = True")
    code = "import sys, pulumi\n"
    found = run(tmp_path, f"{code}sys.modules.pop('secrets', None)\n{FUNCTION}", **OF_ALLOMIA)
    assert "AlloMia at http://127.0.0.1:1" in found[-1]
    refused = run(tmp_path, f"{code}sys.modules.pop('secrets', None)\nimport secrets\n{FUNCTION}", **OF_ALLOMIA)
    assert refused[-1].startswith(f"RunError: allomia: {tmp_path}/secrets.py was imported in place of a module")


def test_a_file_that_nobody_else_expects_is_nobodys_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "this.py").write_text("mine = True")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "this", raising=False)
    import this  # noqa: PLC0415 - the program's own, and a module of Python

    assert vars(this)["mine"]
    with loading():
        import mailbox  # noqa: F401, PLC0415 - any module


def test_what_a_program_adds_to_the_search_path_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with loading():
        assert sys.path[0] != str(tmp_path)
        sys.path.append("/added")
    assert sys.path[0] == str(tmp_path)
    assert "/added" in sys.path
