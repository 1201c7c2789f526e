"""The resource class registers what the provider needs, and marks what is secret."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pulumi
import pytest
from pydantic.alias_generators import to_camel

from allomia_pulumi import DashboardApiKey, Organization, OrganizationApiKey, OrganizationMetadata
from allomia_pulumi.native import Provider


class Recorder(pulumi.runtime.Mocks):
    def __init__(self) -> None:
        self.registered: dict[str, pulumi.runtime.MockResourceArgs] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.registered[args.name] = args
        outputs = {"keyId": "key-1", "secret": "alm_org_secret", "rotationReason": "created"}
        return f"{args.name}-id", {**args.inputs, **outputs}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # noqa: ARG002 - no program here calls one
        return {}


class Clinic(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("my:index:Clinic", name, None, opts)


KINDS = ("OrganizationApiKey", "DashboardApiKey", "Organization", "OrganizationMetadata")
LOOP = asyncio.new_event_loop()
"""Pulumi's mocks want a current event loop, which another test may have taken away, and never close theirs."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    asyncio.set_event_loop(LOOP)
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="clinic", stack="prod")
    yield recorder
    asyncio.set_event_loop(None)


def run(program: Any) -> Any:
    """Run a program on Pulumi's mocks."""

    @pulumi.runtime.test  # type: ignore[attr-defined, untyped-decorator]
    def wrapped() -> Awaitable[Any] | None:
        result: Awaitable[Any] | None = program()
        return result

    return wrapped()


def test_inputs_are_registered_by_their_wire_names(recorder: Recorder) -> None:
    run(
        lambda: (
            OrganizationApiKey(
                "ehr-sync",
                organization_id="org",
                rotation_triggers={"quarter": "2026-Q4"},
                tenant_key_ref={"mount": "secret", "path": "p", "field": "f", "kv_version": 2},
            ).key_id
        )
    )
    registered = recorder.registered["ehr-sync"]
    assert registered.typ == OrganizationApiKey.pulumi_type
    inputs = {name: value for name, value in registered.inputs.items() if value is not None}
    assert inputs == {
        "organizationId": "org",
        "rotationTriggers": {"quarter": "2026-Q4"},
        "tenantKeyRef": {"mount": "secret", "path": "p", "field": "f", "kvVersion": 2},
        "__identity": {"project": "clinic", "stack": "prod", "parents": "", "name": "ehr-sync"},
        "__provider": OrganizationApiKey.provider_constant,
    }


CLINIC: dict[str, Any] = {
    "name": "Valley Health Clinic",
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "state_province": "CA",
    "postal_code": "94105",
    "country": "USA",
    "phone_number": "+14155551234",
    "timezone": "America/Los_Angeles",
}


def test_an_organization_is_registered_by_its_wire_names(recorder: Recorder) -> None:
    more = {"external_id": "emr-4711", "deactivate_on_destroy": False, "adopt": "org", "duplicate_of": ["other"]}
    reference = {"mount": "secret", "path": "p", "field": "f", "kv_version": 2}
    run(lambda: Organization("valley", **CLINIC, **more, tenant_key_ref=reference).id)
    registered = recorder.registered["valley"]
    assert registered.typ == Organization.pulumi_type
    inputs = {name: value for name, value in registered.inputs.items() if value is not None}
    assert inputs == {
        **{to_camel(name): value for name, value in {**CLINIC, **more}.items()},
        "tenantKeyRef": {"mount": "secret", "path": "p", "field": "f", "kvVersion": 2},
        "__identity": {"project": "clinic", "stack": "prod", "parents": "", "name": "valley"},
        "__provider": Organization.provider_constant,
    }


def test_an_organizations_id_is_what_a_key_takes_and_its_fields_are_outputs(recorder: Recorder) -> None:
    seen: list[list[Any]] = []

    def program() -> Any:
        clinic = Organization("valley", **CLINIC)
        key = OrganizationApiKey("ehr-sync", organization_id=clinic.id)
        told = pulumi.Output.all(clinic.name, clinic.state_province, clinic.is_active, key.key_id)
        return told.apply(seen.append)

    run(program)
    assert recorder.registered["ehr-sync"].inputs["organizationId"] == "valley-id"
    assert seen == [["Valley Health Clinic", "CA", None, "key-1"]]


def test_the_keys_of_metadata_travel_unaltered(recorder: Recorder) -> None:
    metadata = {"emr_system": "Epic", "tenant_key_ref": 1, "operatingHours": {"organization_id": ["9:00-17:00", True]}}
    later = {"at": pulumi.Output.from_input({"metadata_id": "later"})}
    run(lambda: OrganizationMetadata("valley", organization_id="org", metadata={**metadata, **later}).id)
    inputs = recorder.registered["valley"].inputs
    assert inputs["metadata"] == {**metadata, "at": {"metadata_id": "later"}}
    assert inputs["organizationId"] == "org"


@pytest.mark.parametrize("missing", CLINIC)
def test_each_of_the_nine_fields_is_required(recorder: Recorder, missing: str) -> None:
    given = {name: value for name, value in CLINIC.items() if name != missing}
    with pytest.raises(TypeError, match=missing):
        Organization("valley", **given)
    assert recorder.registered == {}


def test_an_organization_keeps_what_it_applied_secret(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[Any] = []
    original = pulumi.CustomResource.__init__

    def spy(self: Any, type_: str, name: str, props: Any, opts: Any = None, **rest: Any) -> None:
        options.append(opts)
        original(self, type_, name, props, opts, **rest)

    monkeypatch.setattr(pulumi.CustomResource, "__init__", spy)
    run(lambda: Organization("valley", **CLINIC).id)
    assert options[0].additional_secret_outputs == ["applied"]
    assert recorder.registered


@pytest.mark.parametrize("later", [True, False])
def test_a_place_in_short_is_registered_as_it_is(recorder: Recorder, later: bool) -> None:
    place = "secret/allomia/ehr#api_key"
    given = pulumi.Output.from_input(place) if later else place
    run(lambda: OrganizationApiKey("ehr-sync", organization_id="org", vault_secret=given).key_id)
    assert recorder.registered["ehr-sync"].inputs["vaultSecret"] == place


def test_the_class_never_fills_in_the_name(recorder: Recorder) -> None:
    run(lambda: OrganizationApiKey("ehr-sync", organization_id="org").key_id)
    assert recorder.registered["ehr-sync"].inputs.get("name") is None


def test_the_identity_has_the_chain_of_parent_types(recorder: Recorder) -> None:
    def program() -> Any:
        outer = Clinic("outer")
        inner = Clinic("inner", pulumi.ResourceOptions(parent=outer))
        return OrganizationApiKey("ehr-sync", pulumi.ResourceOptions(parent=inner), organization_id="org").key_id

    run(program)
    assert recorder.registered["ehr-sync"].inputs["__identity"]["parents"] == "my:index:Clinic$my:index:Clinic"


def test_outputs_are_read_by_python_names(recorder: Recorder) -> None:
    seen: list[tuple[str, ...]] = []

    def program() -> Any:
        key = OrganizationApiKey("ehr-sync", organization_id="org")
        return pulumi.Output.all(key.key_id, key.secret, key.rotation_reason).apply(
            lambda all_: seen.append(tuple(all_))
        )

    run(program)
    assert recorder.registered
    assert seen == [("key-1", "alm_org_secret", "created")]


@pytest.mark.parametrize("arguments", [{"rotate_every": "90d"}, {"keepers": {}}, {"organizationId": "org"}, {}])
def test_an_unsupported_or_missing_argument_is_a_type_error(recorder: Recorder, arguments: dict[str, Any]) -> None:
    given = {"organization_id": "org", **arguments} if arguments else {}
    with pytest.raises(TypeError):
        OrganizationApiKey("ehr-sync", **given)
    assert recorder.registered == {}


def test_secret_outputs_join_the_users_own(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[pulumi.ResourceOptions] = []
    original = pulumi.CustomResource.__init__

    def spy(self: Any, type_: str, name: str, props: Any, opts: Any = None, **rest: Any) -> None:
        options.append(opts)
        original(self, type_, name, props, opts, **rest)

    monkeypatch.setattr(pulumi.CustomResource, "__init__", spy)
    own = pulumi.ResourceOptions(additional_secret_outputs=["keyId"], protect=True)
    run(lambda: OrganizationApiKey("ehr-sync", own, organization_id="org").key_id)
    assert options[0].additional_secret_outputs == ["keyId", "secret", "previousSecret", "triggersHash"]
    assert options[0].protect is True
    assert own.additional_secret_outputs == ["keyId"]
    assert recorder.registered


class Random(pulumi.ProviderResource):
    """Any provider of another package."""

    def __init__(self, name: str) -> None:
        super().__init__("random", name)


def declare(kind: str, opts: pulumi.ResourceOptions) -> Any:
    if kind == "DashboardApiKey":
        return DashboardApiKey("ehr-sync", opts, organization_id="org", vault_secret="secret/by/hand#key").since
    if kind == "Organization":
        return Organization("ehr-sync", opts, **CLINIC).id
    if kind == "OrganizationMetadata":
        return OrganizationMetadata("ehr-sync", opts, organization_id="org", metadata={}).id
    return OrganizationApiKey("ehr-sync", opts, organization_id="org").key_id


def below(**options: Any) -> pulumi.ResourceOptions:
    """Return options below two components, of which the outer one has these options."""
    outer = Clinic("outer", pulumi.ResourceOptions(**options))
    return pulumi.ResourceOptions(parent=Clinic("inner", pulumi.ResourceOptions(parent=outer)))


WAYS: dict[str, Callable[[pulumi.ProviderResource], pulumi.ResourceOptions]] = {
    "provider": lambda provider: pulumi.ResourceOptions(provider=provider),
    "list": lambda provider: pulumi.ResourceOptions(providers=[Random("first"), provider]),
    "map": lambda provider: pulumi.ResourceOptions(providers={provider.package: provider}),
    "parent's provider": lambda provider: below(provider=provider),
    "parent's list": lambda provider: below(providers=[provider]),
    "parent's map": lambda provider: below(providers={provider.package: provider}),
}


@pytest.mark.catalogue(98)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [Provider, lambda name: pulumi.ProviderResource("allomia", name)])
def test_an_allomia_provider_is_refused_in_one_line_that_names_the_class_to_use(
    recorder: Recorder, kind: str, way: str, make: Callable[[str], pulumi.ProviderResource]
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run(lambda: declare(kind, WAYS[way](make("north"))))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"allomia: {kind} ehr-sync: its {'parent' if 'parent' in way else 'options'} ha")
    assert f"Use allomia_pulumi.native.{kind}" in line
    assert "ehr-sync" not in recorder.registered


@pytest.mark.catalogue(98)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_providers_of_other_packages_stay_fine(recorder: Recorder, kind: str, way: str) -> None:
    run(lambda: declare(kind, WAYS[way](Random("other"))))
    assert "ehr-sync" in recorder.registered
