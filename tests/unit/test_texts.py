"""What `help` and an editor say of classes, arguments and outputs is what the core's models say."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from allomia_pulumi import native
from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.handmade_key.inputs import DashboardInputs
from allomia_pulumi.core.handmade_key.state import DashboardState
from allomia_pulumi.core.minted_key.inputs import Adoption, Inputs
from allomia_pulumi.core.minted_key.state import KeyState, Reason
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.program import arguments, dynamic, functions, organization_api_key
from tools.schema.settings import METHODS, SETTINGS, TEXTS
from tools.schema.texts import entry_texts, field_texts, summary_of, to_wire_words

FACES = [dynamic, native]
MODELS: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "OrganizationApiKey": (Inputs, KeyState),
    "DashboardApiKey": (DashboardInputs, DashboardState),
}
OBJECTS: list[tuple[type, type[BaseModel]]] = [
    (arguments.VaultReferenceArgs, VaultReference),
    (arguments.VaultSecretArgs, VaultLocation),
    (arguments.AdoptArgs, Adoption),
]
# What Python alone has, said after the model's text.
ONLY_PYTHON = ("", " Also `12h`, ISO 8601 or a `timedelta`.", " True by default.")


def assert_same(shown: str, text: str) -> None:
    assert shown in {f"{text}{more}" for more in ONLY_PYTHON}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", MODELS)
def test_each_class_says_what_it_is_and_each_argument_and_output_what_the_model_says(
    face: ModuleType, kind: str
) -> None:
    resource, (asked, kept) = getattr(face, kind), MODELS[kind]
    assert resource.__doc__.startswith("An API key of one AlloMia organization")
    assert resource.__init__.__doc__.startswith("Declare an API key of one AlloMia organization")
    shown = entry_texts(resource.__init__)
    assert list(shown) == ["resource_name", "opts", *asked.model_fields]
    for name, text in field_texts(asked).items():
        assert_same(shown[name], to_wire_words(text))
    for name, text in field_texts(kept).items():
        assert " ".join(summary_of(getattr(resource, name)).split()) == text, name


def test_a_provider_says_of_its_settings_what_the_schema_says() -> None:
    assert native.Provider.__doc__
    shown = entry_texts(native.Provider.__init__)
    assert [*shown.values()][2:] == [text for _, text in SETTINGS.values()]


@pytest.mark.parametrize(("declared", "model"), OBJECTS)
def test_an_object_says_of_its_parts_what_the_model_says(declared: type, model: type[BaseModel]) -> None:
    expected = {name: to_wire_words(text) for name, text in field_texts(model).items()}
    assert entry_texts(declared) == expected


def test_an_objects_parts_are_required_as_the_model_says() -> None:
    for declared, model in OBJECTS:
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        # Only a place in short leaves it to Vault where the mount ends.
        also = {"mount"} if declared is arguments.VaultSecretArgs else set()
        assert vars(declared)["__required_keys__"] == required | also


def test_the_settings_of_vault_say_what_the_schema_says() -> None:
    for declared in (arguments.VaultArgs, arguments.VaultAuthArgs):
        shown = entry_texts(declared)
        assert sorted(shown) == sorted(declared.__annotations__)
        by_wire_name = {to_wire_words(f"`{name}`").strip("`"): text for name, text in shown.items()}
        assert by_wire_name == {name: TEXTS[name] for name in by_wire_name}


def test_the_words_that_a_setting_or_a_reason_may_be_are_those_of_the_core() -> None:
    assert set(get_args(organization_api_key.RotationReason)) == set(Reason)
    methods = {method for each in METHODS for method in get_args(each.model_fields["method"].annotation)}
    assert set(get_args(arguments.AuthMethod)) == methods


@pytest.mark.parametrize("face", [functions, native])
@pytest.mark.parametrize("name", ["get_organization", "get_organizations", "get_organization_api_keys"])
def test_both_forms_of_a_function_say_the_same_of_their_arguments(face: Any, name: str) -> None:
    forms = [getattr(face, form) for form in (name, f"{name}_output")]
    shown = [{key: text for key, text in entry_texts(each).items() if key != "pulumi"} for each in forms]
    parameters = [list(inspect.signature(each).parameters) for each in forms]
    assert shown[1] == {key: text for key, text in shown[0].items() if key in parameters[1]}
    assert list(shown[1]) == parameters[1]
