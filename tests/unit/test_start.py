"""What a start loads, and what it leaves alone: most of an `up` without changes is the start of processes."""

import gc
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from allomia_pulumi.ground.lazy_imports import LEFT_OUT, NO_PLUGINS, loading

LOADED = """
import sys
def loaded(*names): return sorted(name for name in names if name in sys.modules)
EDGES = ("httpx", "hvac", "requests", "tenacity")
"""
PLUGIN = """
import grpc, os
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.provider.plugin.protocol import protocol_alone
with loading(), protocol_alone():
    from pulumi.runtime.proto import provider_pb2
    from allomia_pulumi.provider.plugin.servicer import Provider
print(loaded("pulumi", "pulumi.runtime", "pulumi.output", *EDGES))
import pulumi
from pulumi.runtime import proto
print(proto.provider_pb2 is provider_pb2)
print(pulumi.Output is not None and __import__("allomia_pulumi").OrganizationApiKey.pulumi_type)
"""
NO_OP = """
import pulumi.dynamic
from allomia_pulumi.dynamic_provider import organization_api_key
from tests.unit.records import CREATED, DECLARED
provider = organization_api_key()
provider.configure(pulumi.dynamic.ConfigureRequest(pulumi.dynamic.Config({}, "clinic")))
assert not provider.check(DECLARED, DECLARED).failures
assert not provider.diff("org/id-1", CREATED, DECLARED).changes
print(loaded("allomia_pulumi.core.handmade_key.handler", "httpx._main", *EDGES))
"""


def run(code: str, **environ: str) -> list[str]:
    command = [sys.executable, "-c", LOADED + code]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout.splitlines()


def test_the_plugin_starts_without_the_sdk_and_without_an_edge_and_leaves_the_sdk_usable() -> None:
    loaded, is_the_same, pulumi_type = run(PLUGIN)
    assert loaded == "[]"
    assert is_the_same == "True"
    assert pulumi_type == "pulumi-python:dynamic/allomia:OrganizationApiKey"


def test_g6_a_no_op_loads_no_edge_and_no_other_resource() -> None:
    environ = {"ALLOMIA_TENANT_KEY_REF": "secret/allomia/tenant#api_key", "VAULT_ADDR": "http://127.0.0.1:1"}
    assert run(NO_OP, PYTHONPATH=os.pathsep.join(sys.path), **environ) == ["[]"]


def test_a_wrong_configuration_is_still_a_check_failure_of_a_no_op() -> None:
    code = NO_OP.replace(
        "assert not provider.check(DECLARED, DECLARED).failures",
        "print(provider.check(DECLARED, DECLARED).failures[0].reason); sys.exit()",
    )
    (reason,) = run(code, PYTHONPATH=os.pathsep.join(sys.path))
    assert "no tenant key is configured" in reason


def test_httpx_is_loaded_without_its_command_line_and_works() -> None:
    code = "from allomia_pulumi.ground.lazy_imports import loading\nwith loading(): import httpx\n"
    look = "print(loaded('httpx._main', 'click', 'rich'))\nimport httpx._main\nprint(callable(httpx._main.main))"
    assert run(code + look) == ["[]", "True"]


WATCHED = """
from allomia_pulumi.ground import lazy_imports
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in (*EDGES, "allomia_pulumi.core.handmade_key.handler") and not lazy_imports._one_at_a_time._is_owned():
            print("alone", name)
sys.meta_path.insert(0, Watch())
from allomia_pulumi.ground.clock import SystemClock
"""
VAULT = """
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.ground.settings import VaultSettings
vault = Vault(VaultSettings(address="http://127.0.0.1:1"), {"VAULT_TOKEN": "s.x"}, SystemClock())
"""
LOADERS = {
    "versions": VAULT + "try: vault.read_versions(parse_reference('secret/a#b', 'x'))\nexcept Exception: pass\n",
    "diagnostics": VAULT + "vault.diagnostics()\n",
    "the other resource": """
import allomia_pulumi.provider.plugin.servicer as servicer
from allomia_pulumi.ground.cancellation import Cancellation
provider = servicer.Provider(None, {"ALLOMIA_TENANT_KEY": "alm_tenant_x"}, SystemClock(), Cancellation())
provider._resource("urn:pulumi:s::p::allomia:index:DashboardApiKey::x")
""",
}


@pytest.mark.catalogue(76)
@pytest.mark.parametrize("what", LOADERS)
def test_threads_that_come_together_load_one_after_another(what: str) -> None:
    # Of two threads that import modules with circles, one can be handed a half: seen on Python 3.13 as an ImportError.
    assert run(WATCHED + LOADERS[what] + "print(loaded('hvac') or loaded('pydantic'))")[:-1] == []


@pytest.mark.parametrize("plugins", [None, "some-plugin"])
def test_loading_leaves_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch, plugins: str | None) -> None:
    if plugins is None:
        monkeypatch.delenv(NO_PLUGINS, raising=False)
    else:
        monkeypatch.setenv(NO_PLUGINS, plugins)
    had = LEFT_OUT in sys.modules
    inside: list[object] = []
    with suppress(ImportError), loading():
        inside += [gc.isenabled(), os.environ[NO_PLUGINS]]
        raise ImportError
    assert inside == [False, "__all__"]
    assert gc.isenabled()
    assert os.environ.get(NO_PLUGINS) == plugins
    assert (LEFT_OUT in sys.modules) == had
