"""What a program sees of the package, and what it does not have to load."""

import base64
import inspect
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from allomia_pulumi import errors
from allomia_pulumi.core.handmade_key.inputs import DashboardInputs
from allomia_pulumi.core.handmade_key.state import DashboardState
from allomia_pulumi.core.minted_key.inputs import SUPPORTED, Inputs
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.organization import inputs as organization_inputs
from allomia_pulumi.core.organization.inputs import OrganizationInputs
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.core.record import SECRET_OUTPUTS
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.program import dynamic
from allomia_pulumi.provider.dynamic import calls
from tools.engine.processes import CHECKOUT


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_a_program_loads_no_edge_and_no_model() -> None:
    heavy = python(
        "import sys, allomia_pulumi\n"
        "print(sorted({'httpx', 'hvac', 'pydantic', 'tenacity', 'requests', 'starlette'} & set(sys.modules)))"
    )
    assert heavy == "[]"


def test_a_session_without_vault_loads_no_hvac() -> None:
    heavy = python(
        "import sys\n"
        "from allomia_pulumi.container import Container\n"
        "from allomia_pulumi.ground.clock import SystemClock\n"
        "Container({}, {'ALLOMIA_TENANT_KEY': 'k'}, SystemClock()).open(None)\n"
        "print('hvac' in sys.modules)"
    )
    assert heavy == "False"


def test_every_error_is_exported_and_drawn() -> None:
    kinds = [name for name, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert sorted(kinds) == errors.__all__
    assert errors.__doc__ is not None
    assert [name for name in kinds if name not in errors.__doc__] == []


CONSTANTS = {
    "OrganizationApiKey": (
        "gASVOwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMFG9yZ2FuaXphdGlvbl9hcGlfa2V5kylSLg=="
    ),
    "DashboardApiKey": "gASVOAAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMEWRhc2hib2FyZF9hcGlfa2V5kylSLg==",
    "Organization": "gASVMwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMDG9yZ2FuaXphdGlvbpMpUi4=",
}
MODELS: dict[str, tuple[type[WireModel], type[WireModel]]] = {
    "OrganizationApiKey": (Inputs, KeyState),
    "DashboardApiKey": (DashboardInputs, DashboardState),
    "Organization": (OrganizationInputs, OrganizationState),
}


@pytest.mark.catalogue(52)
@pytest.mark.parametrize("kind", CONSTANTS)
def test_the_provider_constant_stays_what_it_is(kind: str) -> None:
    resource = getattr(dynamic, kind)
    assert resource.provider_constant == CONSTANTS[kind]
    provider = pickle.loads(base64.b64decode(resource.provider_constant))  # noqa: S301 - our own constant
    assert isinstance(provider, calls.HandlerProvider)
    assert resource.pulumi_type == f"pulumi-python:dynamic/allomia:{provider.kind}"
    assert provider.kind == kind


@pytest.mark.parametrize("kind", MODELS)
def test_the_class_has_the_models_inputs_and_outputs(kind: str) -> None:
    resource, (asked, kept) = getattr(dynamic, kind), MODELS[kind]
    assert sorted(kept.model_fields) == sorted(resource._outputs)
    assert set(resource._secret_outputs) == SECRET_OUTPUTS & {str(each.alias) for each in kept.model_fields.values()}
    parameters = list(inspect.signature(resource.__init__).parameters)
    assert parameters == ["self", "resource_name", "opts", *asked.model_fields]
    assert all(isinstance(getattr(resource, name), property) for name in kept.model_fields)


def test_every_input_of_the_model_is_parsed() -> None:
    assert sorted(str(each.alias) for each in Inputs.model_fields.values()) == sorted(SUPPORTED)
    wire_names = [str(each.alias) for each in OrganizationInputs.model_fields.values()]
    assert sorted(wire_names) == sorted(organization_inputs.SUPPORTED)


def test_wheel_and_sdist_have_the_name_of_pulumis_tools(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert {"allomia_pulumi_sdk/__init__.py", "allomia_pulumi_sdk/py.typed"} <= set(archive.namelist())
    with tarfile.open(sdist) as unpacked:
        names = {name.partition("/")[2] for name in unpacked.getnames()}
    assert {"allomia_pulumi_sdk/__init__.py", "allomia_pulumi_sdk/py.typed"} <= names
