"""The schema is what the state say, lists only what works, and tempts no SDK into what would be wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from allomia_pulumi import __version__
from allomia_pulumi.contracts import values
from allomia_pulumi.contracts.timezones import TIMEZONES, Timezone, TimezoneName
from allomia_pulumi.core.handmade_key import inputs as dashboard_inputs
from allomia_pulumi.core.minted_key import inputs
from allomia_pulumi.core.organization import inputs as organization_inputs
from allomia_pulumi.core.organization_metadata import inputs as metadata_inputs
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.program import functions
from allomia_pulumi.program.dynamic import DashboardApiKey, Organization, OrganizationApiKey, OrganizationMetadata
from tools.engine.processes import CHECKOUT
from tools.schema import SCHEMA_FILE, build_schema
from tools.schema.settings import METHODS

SCHEMA = build_schema()
ORGANIZATION_KEY = SCHEMA["resources"]["allomia:index:OrganizationApiKey"]
ORGANIZATION = SCHEMA["resources"]["allomia:index:Organization"]
DASHBOARD_KEY = SCHEMA["resources"]["allomia:index:DashboardApiKey"]
METADATA = SCHEMA["resources"]["allomia:index:OrganizationMetadata"]


def named(part: Any, name: str) -> Iterator[Any]:
    """Yield every value of this name, however deep."""
    if isinstance(part, list):
        for each in part:
            yield from named(each, name)
    if isinstance(part, dict):
        yield from (part[name] for _ in range(name in part))
        for each in part.values():
            yield from named(each, name)


def test_the_committed_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == SCHEMA, "run `make schema`"


def test_the_wheel_has_the_schema_and_the_root_of_the_checkout_shows_it() -> None:
    shipped = resources.files("allomia_pulumi.provider.plugin").joinpath("schema.json").read_text()
    assert shipped == (CHECKOUT / "schema.json").read_text()
    assert not (CHECKOUT / "schema.json").readlink().is_absolute()


def test_the_schema_lists_exactly_what_works() -> None:
    assert sorted(ORGANIZATION_KEY["inputProperties"]) == sorted(inputs.SUPPORTED)
    assert ORGANIZATION_KEY["requiredInputs"] == ["organizationId"]
    assert sorted(DASHBOARD_KEY["inputProperties"]) == sorted(dashboard_inputs.SUPPORTED)
    assert DASHBOARD_KEY["requiredInputs"] == ["organizationId", "vaultSecret"]
    assert sorted(ORGANIZATION["inputProperties"]) == sorted(organization_inputs.SUPPORTED)
    nine = [organization_inputs.wire_name(name) for name in organization_inputs.FIELDS]
    assert ORGANIZATION["requiredInputs"] == nine
    assert len(nine) == 9
    assert sorted(METADATA["inputProperties"]) == sorted(metadata_inputs.SUPPORTED)
    assert METADATA["requiredInputs"] == ["organizationId", "metadata"]
    assert SCHEMA["version"] == __version__
    assert {token.rpartition(":")[2] for token in SCHEMA["functions"]} == {
        to_camel(name) for name in functions.__all__ if name.startswith("get_") and not name.endswith("_output")
    }


def test_only_what_holds_a_secret_is_one() -> None:
    secrets = {name for name, output in ORGANIZATION_KEY["properties"].items() if output.get("secret")}
    assert secrets == {"previousSecret", "secret", "triggersHash"}
    assert [name for name, output in DASHBOARD_KEY["properties"].items() if output.get("secret")] == ["secret"]
    assert [name for name, output in METADATA["properties"].items() if output.get("secret")] == ["metadataHash"]
    assert [name for name, output in ORGANIZATION["properties"].items() if output.get("secret")] == ["applied"]
    others = [ORGANIZATION["inputProperties"], *map(SCHEMA.get, ("functions", "types", "provider", "config"))]
    assert list(named(others, "secret")) == []


def test_every_part_says_what_it_is() -> None:
    described = [
        *SCHEMA["resources"].values(),
        *SCHEMA["functions"].values(),
        *SCHEMA["types"].values(),
        *SCHEMA["config"]["variables"].values(),
        *(
            each
            for name in ("properties", "inputProperties")
            for group in named(SCHEMA, name)
            for each in group.values()
        ),
    ]
    texts = [each.get("description", "") for each in described]
    assert all(texts)
    assert [text for text in texts if "None" in text] == [], "Python's word for what is absent"


def test_every_type_that_is_referred_to_is_there_and_none_is_idle() -> None:
    mentioned = {each.removeprefix("#/types/") for each in named(SCHEMA, "$ref") if each.startswith("#")}
    assert mentioned == set(SCHEMA["types"]), "an SDK would have a class that nothing takes or returns"


def test_the_functions_answer_with_the_fields_of_the_python_results() -> None:
    for answer, result in (
        (SCHEMA["functions"]["allomia:index:getOrganization"]["outputs"], values.OrganizationInfo),
        (SCHEMA["functions"]["allomia:index:getOrganizationApiKeys"]["outputs"], values.OrganizationApiKeys),
        (SCHEMA["types"]["allomia:index:OrganizationInfo"], values.OrganizationInfo),
        (SCHEMA["types"]["allomia:index:ApiKeyInfo"], values.ApiKeyInfo),
    ):
        assert list(answer["properties"]) == [to_camel(field.name) for field in dataclasses.fields(result)]
        optional = [to_camel(field.name) for field in dataclasses.fields(result) if "None" in str(field.type)]
        assert [name for name in answer["properties"] if name not in answer["required"]] == optional
    assert SCHEMA["functions"]["allomia:index:getOrganization"]["inputs"].get("required", []) == []
    assert SCHEMA["functions"]["allomia:index:getOrganizationApiKeys"]["inputs"]["required"] == ["organizationId"]


def test_an_explicit_provider_takes_the_settings_of_a_stack_and_its_sdk_fills_in_nothing() -> None:
    provider = SCHEMA["provider"]["inputProperties"]
    assert list(provider) == list(SCHEMA["config"]["variables"]) == list(CONFIGURATION)
    assert [name for name, declared in provider.items() if {"default", "defaultInfo"} & set(declared)] == []
    vault = SCHEMA["types"]["allomia:index:VaultSettings"], SCHEMA["types"]["allomia:index:VaultAuth"]
    assert list(named(vault, "default")) == []


def test_a_login_to_vault_may_have_every_setting_of_every_method() -> None:
    auth = SCHEMA["types"]["allomia:index:VaultAuth"]["properties"]
    assert set(auth) == {str(field.alias) for method in METHODS for field in method.model_fields.values()}


def test_only_a_change_that_always_replaces_says_so() -> None:
    for resource in (ORGANIZATION_KEY, DASHBOARD_KEY, METADATA):
        marked = [name for name, each in resource["inputProperties"].items() if each.get("willReplaceOnChanges")]
        assert marked == ["organizationId"]
    assert list(named(ORGANIZATION, "willReplaceOnChanges")) == []


def test_the_time_zones_that_allomia_documents_are_offered() -> None:
    text, offered = ORGANIZATION["inputProperties"]["timezone"]["oneOf"]
    assert (text, offered) == ({"type": "string"}, {"$ref": "#/types/allomia:index:Timezone"})
    choices = SCHEMA["types"]["allomia:index:Timezone"]["enum"]
    assert tuple(choice["value"] for choice in choices) == TIMEZONES
    assert len({choice["name"] for choice in choices}) == len(choices) == 21
    assert get_args(TimezoneName) == TIMEZONES == tuple(Timezone)


def test_a_program_in_another_language_takes_over_the_resources_of_the_python_one() -> None:
    assert ORGANIZATION["aliases"] == [{"type": Organization.pulumi_type}]
    assert METADATA["aliases"] == [{"type": OrganizationMetadata.pulumi_type}]
    assert ORGANIZATION_KEY["aliases"] == [{"type": OrganizationApiKey.pulumi_type}]
    assert DASHBOARD_KEY["aliases"] == [{"type": DashboardApiKey.pulumi_type}]


def test_metadata_are_an_object_of_anything() -> None:
    declared = METADATA["inputProperties"]["metadata"]
    assert (declared["type"], declared["additionalProperties"]) == ("object", {"$ref": "pulumi.json#/Any"})
