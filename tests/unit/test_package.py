"""What a program sees of the package, and what it does not have to load."""

import base64
import inspect
import pickle
import subprocess
import sys

import pytest

import allomia_pulumi
from allomia_pulumi import dynamic, dynamic_provider, errors
from allomia_pulumi.keys.inputs import SUPPORTED
from allomia_pulumi.keys.models import SECRET_OUTPUTS, Inputs, KeyState


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
        "from allomia_pulumi.session import Session\n"
        "from allomia_pulumi.clock import SystemClock\n"
        "Session({}, {'ALLOMIA_TENANT_KEY': 'k'}, SystemClock()).open(None)\n"
        "print('hvac' in sys.modules)"
    )
    assert heavy == "False"


@pytest.mark.parametrize("module", [allomia_pulumi, dynamic, errors])
def test_exported_names_are_the_visible_ones(module: object) -> None:
    exported = module.__all__  # type: ignore[attr-defined]
    assert sorted(exported, key=str.casefold) == sorted(set(exported), key=str.casefold)
    assert all(hasattr(module, name) for name in exported)


def test_every_error_is_exported_and_drawn() -> None:
    kinds = [name for name, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert sorted(kinds) == errors.__all__
    assert errors.__doc__ is not None
    assert [name for name in kinds if name not in errors.__doc__] == []


def test_the_provider_constant_of_the_first_release_stays_what_it_is() -> None:
    assert dynamic.PROVIDER == (
        "gASVOwAAAAAAAACMH2FsbG9taWFfcHVsdW1pLmR5bmFtaWNfcHJvdmlkZXKMFG9yZ2FuaXphdGlvbl9hcGlfa2V5kylSLg=="
    )
    provider = pickle.loads(base64.b64decode(dynamic.PROVIDER))  # noqa: S301 - our own constant
    assert isinstance(provider, dynamic_provider.OrganizationApiKeyProvider)


def test_both_halves_of_the_dynamic_face_agree_on_the_type() -> None:
    assert dynamic.TYPE == dynamic_provider.TYPE == "pulumi-python:dynamic/allomia:OrganizationApiKey"


def test_the_class_has_the_models_inputs_and_outputs() -> None:
    inputs = [str(field.alias) for field in Inputs.model_fields.values()]
    assert sorted(inputs) == sorted(SUPPORTED)
    assert sorted(KeyState.model_fields) == sorted(dynamic.OUTPUTS)
    assert set(dynamic.SECRET_OUTPUTS) == SECRET_OUTPUTS
    parameters = list(inspect.signature(dynamic.OrganizationApiKey.__init__).parameters)
    assert parameters == ["self", "resource_name", "opts", *Inputs.model_fields]
    assert all(isinstance(getattr(dynamic.OrganizationApiKey, name), property) for name in KeyState.model_fields)


def test_the_class_describes_what_the_models_describe() -> None:
    documented = inspect.getdoc(dynamic.OrganizationApiKey)
    assert documented is not None
    assert all(f"\n    {name}: " in documented for name in Inputs.model_fields)
