"""The classes over the plugin register what it needs, take over what the dynamic face made, and load nothing heavy."""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor
from pydantic.alias_generators import to_camel

import allomia_pulumi
from allomia_pulumi import native
from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from allomia_pulumi.contracts.values import ApiKeyInfo, OrganizationApiKeys, OrganizationInfo
from allomia_pulumi.ground.model import WireModel
from allomia_pulumi.ground.settings import AppRoleAuth, JwtAuth, KubernetesAuth, Settings, TokenAuth, VaultSettings
from allomia_pulumi.native import Provider, VaultArgs, VaultAuthArgs
from allomia_pulumi.program import dynamic, functions
from allomia_pulumi.program.arguments import to_wire

KINDS = ("OrganizationApiKey", "DashboardApiKey", "Organization", "OrganizationMetadata")
CLINIC = dict.fromkeys(("name", "email", "address", "city", "country", "timezone"), "text")
CLINIC |= dict.fromkeys(("state_province", "postal_code", "phone_number"), "text")
METADATA = {"emr_system": "Epic", "operatingHours": {"tenant_id": ["9:00-17:00"]}}
FORMS = ("get_organization", "get_organizations", "get_organization_api_keys")
PLACE = {"mount": "secret", "path": "allomia/ehr", "field": "api_key"}
VALLEY = {
    "id": "org",
    "name": "Valley",
    "city": "Chur",
    "createdAt": "2026-11-25T12:00:00Z",
    "timezone": None,
    "isActive": False,
}
KEY = {"id": "key-1", "name": "ehr--p1", "label": "ehr", "ageSeconds": 90.0, "mark": "abcdef/ghjkmn"}
ANSWERS: dict[str, dict[str, Any]] = {
    "allomia:index:getOrganization": VALLEY,
    "allomia:index:getOrganizations": {"organizations": [VALLEY]},
    "allomia:index:getOrganizationApiKeys": {"organizationId": "org", "keys": [KEY], "slotsUsed": 1, "slots": 5},
}
ORGANIZATION = OrganizationInfo("org", "Valley", "Chur", None, None, "2026-11-25T12:00:00Z", is_active=False)
KEYS = OrganizationApiKeys("org", (ApiKeyInfo("key-1", "ehr--p1", "ehr", None, None, 90, "abcdef/ghjkmn"),), 1, 5)
GIVEN: dict[str, dict[str, Any]] = {
    "OrganizationApiKey": {"organization_id": "org"},
    "DashboardApiKey": {"organization_id": "org", "vault_secret": PLACE},
    "Organization": CLINIC,
    "OrganizationMetadata": {"organization_id": "org", "metadata": METADATA},
}
SECRET = "1b47061264138c4ac30d75fd1eb44270"


class RefusedError(grpc.RpcError):
    """What the engine answers when the plugin fails."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return (
            "invocation of allomia:index:getOrganization returned an error: allomia: no such organization. Look again."
        )


@dataclass
class Engine(pulumi.runtime.Mocks):
    """What the engine is asked, and what it answers."""

    answers: dict[str, Any] = field(default_factory=lambda: dict(ANSWERS))
    problem: Exception | None = None
    registered: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    invoked: list[Any] = field(default_factory=list)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = {"keyId": "key-1", "secret": "alm_org_secret", "since": "2026-11-25T12:00:00Z"}
        return args.resource_id or f"{args.name}-id", {**args.inputs, **outputs}

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        if self.problem:
            raise self.problem
        return self.answers[args.token]

    def inputs(self, name: str) -> dict[str, Any]:
        return MessageToDict(self.registered[name].object)

    def arguments(self) -> list[tuple[str, dict[str, Any]]]:
        return [(request.tok, MessageToDict(request.args)) for request in self.invoked]


LOOP = asyncio.new_event_loop()
"""Pulumi's mocks want a current event loop, which another test may have taken away, and never close theirs."""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    asyncio.set_event_loop(LOOP)
    engine = Engine()
    pulumi.runtime.set_mocks(engine, project="clinic", stack="prod")

    def listen(method: str, note: Callable[[Any], None]) -> None:
        original = getattr(MockMonitor, method)

        def heard(self: MockMonitor, request: Any) -> Any:
            note(request)
            return original(self, request)

        monkeypatch.setattr(MockMonitor, method, heard)

    listen("RegisterResource", lambda request: engine.registered.update({request.name: request}))
    listen("ReadResource", lambda request: engine.read.update({request.name: request}))
    listen("Invoke", engine.invoked.append)
    yield engine
    asyncio.set_event_loop(None)


def run(program: Callable[[], Any]) -> None:
    """Run a program on Pulumi's mocks."""

    @pulumi.runtime.test  # type: ignore[attr-defined, untyped-decorator]
    def wrapped() -> Awaitable[Any] | None:
        result: Awaitable[Any] | None = program()
        return result

    wrapped()


def declare(kind: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any) -> Any:
    given = {**GIVEN[kind], **arguments}
    return getattr(native, kind)("ehr", opts, **given).id


def unknown() -> Any:
    return pulumi.Output.from_input("").apply(lambda _: pulumi.UNKNOWN)


@pytest.mark.parametrize("kind", KINDS)
def test_the_plugins_type_is_registered_and_nothing_internal_with_it(engine: Engine, kind: str) -> None:
    run(lambda: declare(kind))
    assert engine.registered["ehr"].type == f"allomia:index:{kind}"
    given = {name: value for name, value in engine.inputs("ehr").items() if value is not None}
    assert given == {to_camel(name): value for name, value in GIVEN[kind].items()}


def announced(engine: Engine) -> dict[str, Any]:
    found = {name: engine.inputs(name).get(ANNOUNCEMENT) for name in engine.registered}
    return {name: value for name, value in found.items() if value}


@pytest.mark.parametrize("face", [native, dynamic])
def test_the_first_key_that_is_sent_announces_the_organizations_of_all(engine: Engine, face: Any) -> None:
    def program() -> Any:
        keys = [face.OrganizationApiKey(f"k{n}", organization_id=f"org-{n % 3}") for n in range(6)]
        return pulumi.Output.all(*(key.id for key in keys))

    run(program)
    assert announced(engine) == {"k0": ["org-0", "org-1", "org-2"]}


def test_a_program_about_one_organization_announces_none(engine: Engine) -> None:
    run(lambda: pulumi.Output.all(declare(KINDS[0]), declare(KINDS[1])))
    assert announced(engine) == {}


def test_each_providers_organizations_are_announced_to_it_alone(engine: Engine) -> None:
    def program() -> Any:
        tenants = {name: Provider(name) for name in ("north", "south")}
        component = pulumi.ComponentResource(
            "my:index:Clinic", "c", None, pulumi.ResourceOptions(providers=[tenants["south"]])
        )
        options = {
            "a": pulumi.ResourceOptions(provider=tenants["north"]),
            "b": pulumi.ResourceOptions(provider=tenants["north"]),
            "c": pulumi.ResourceOptions(parent=component),
            "d": pulumi.ResourceOptions(provider=tenants["south"]),
            "e": None,
        }
        keys = [native.OrganizationApiKey(f"k{name}", each, organization_id=name) for name, each in options.items()]
        return pulumi.Output.all(*(key.id for key in keys))

    run(program)
    assert announced(engine) == {"ka": ["a", "b"], "kc": ["c", "d"]}


def test_organizations_of_another_tenant_key_or_not_known_yet_are_not_announced(engine: Engine) -> None:
    def program() -> Any:
        keys = [
            native.OrganizationApiKey("k0", organization_id="org-0"),
            native.OrganizationApiKey("k1", organization_id="org-1", tenant_key_ref="secret/other#api_key"),
            native.OrganizationApiKey("k2", organization_id=pulumi.Output.from_input("org-2")),
        ]
        return pulumi.Output.all(*(key.id for key in keys))

    run(program)
    assert announced(engine) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_alias_takes_over_what_the_dynamic_class_made(engine: Engine, kind: str) -> None:
    own = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="formerly")])
    run(lambda: declare(kind, own))
    theirs, formerly, twin = engine.registered["ehr"].aliases
    assert (theirs.spec.name, theirs.spec.type) == ("formerly", "")
    assert (twin.spec.name, twin.spec.type) == ("formerly", getattr(dynamic, kind).pulumi_type)
    assert formerly.urn == f"urn:pulumi:prod::clinic::{getattr(dynamic, kind).pulumi_type}::ehr"
    assert own.aliases is not None
    assert len(own.aliases) == 1


PARENT = "urn:pulumi:prod::clinic::my:index:Clinic::valley"
WAS_BELOW = "urn:pulumi:old::shop::my:index:Clinic$allomia:index:{0}::a::b"
BELOW = "urn:pulumi:old::shop::my:index:Clinic$pulumi-python:dynamic/allomia:{0}::a::b"


def twins(engine: Engine, kind: str, *aliases: Any, parent: str | None = None) -> list[Any]:
    """Register a key with these aliases of the user's, and return what follows them and the alias for its own name."""

    def program() -> Any:
        given = [each.format(kind) if isinstance(each, str) else each for each in aliases]
        below = pulumi.ComponentResource("my:index:Clinic", parent) if parent else None
        return declare(kind, pulumi.ResourceOptions(aliases=given, parent=below))

    run(program)
    registered = list(engine.registered["ehr"].aliases)
    return registered[len(aliases) + 1 :]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parent", [None, "valley"])
@pytest.mark.parametrize("is_output", [False, True])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "before"}, {"name": "before"}),
        ({"parent": pulumi.ROOT_STACK_RESOURCE}, {"noParent": True}),
        ({"parent": None, "name": "before"}, {"noParent": True, "name": "before"}),
        ({"parent": PARENT}, {"parentUrn": PARENT}),
        ({"stack": "old", "project": "shop"}, {"stack": "old", "project": "shop"}),
        ({"type_": "my:index:Key", "name": "before"}, {"name": "before"}),
    ],
    ids=["name", "root", "root and name", "parent", "stack and project", "type"],
)
def test_each_alias_of_the_users_has_a_twin_of_the_dynamic_type(
    engine: Engine, kind: str, given: dict[str, Any], expected: dict[str, Any], parent: str | None, *, is_output: bool
) -> None:
    alias: Any = pulumi.Alias(**given)
    own = pulumi.Output.from_input(alias) if is_output else alias
    (twin,) = twins(engine, kind, own, parent=parent)
    said = {name: value for name, value in MessageToDict(twin.spec).items() if value}
    assert said == {"type": getattr(dynamic, kind).pulumi_type, **expected}


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_of_an_alias_keeps_a_parent_that_is_a_resource(engine: Engine, kind: str) -> None:
    def program() -> Any:
        clinic = pulumi.ComponentResource("my:index:Clinic", "valley")
        return declare(kind, pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=clinic)]))

    run(program)
    theirs, _, twin = engine.registered["ehr"].aliases
    assert twin.spec.parentUrn == theirs.spec.parentUrn != ""
    assert twin.spec.type == getattr(dynamic, kind).pulumi_type


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_output", [False, True])
def test_the_twin_of_a_whole_urn_has_its_own_type_changed_only(engine: Engine, kind: str, *, is_output: bool) -> None:
    urn = WAS_BELOW.format(kind)
    (twin,) = twins(engine, kind, pulumi.Output.from_input(urn) if is_output else urn)
    assert twin.urn == BELOW.format(kind)


@pytest.mark.parametrize(
    "alias",
    [
        BELOW,
        "no URN",
        pulumi.Alias(name="before", type_=dynamic.OrganizationApiKey.pulumi_type),
    ],
)
@pytest.mark.parametrize("is_output", [False, True])
def test_an_alias_that_a_twin_would_only_repeat_has_none(engine: Engine, alias: Any, *, is_output: bool) -> None:
    alias = alias.format("OrganizationApiKey") if isinstance(alias, str) else alias
    if is_output:
        (twin,) = twins(engine, "OrganizationApiKey", pulumi.Output.from_input(alias))
        assert twin == engine.registered["ehr"].aliases[0]
    else:
        assert twins(engine, "OrganizationApiKey", alias) == []


@pytest.mark.parametrize("kind", KINDS)
def test_below_a_parent_the_alias_leaves_the_parents_part_to_the_engine(engine: Engine, kind: str) -> None:
    def program() -> Any:
        clinic = pulumi.ComponentResource("my:index:Clinic", "valley")
        return declare(kind, pulumi.ResourceOptions(parent=clinic))

    run(program)
    (formerly,) = engine.registered["ehr"].aliases
    assert (formerly.urn, formerly.spec.type, formerly.spec.name) == ("", getattr(dynamic, kind).pulumi_type, "")


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("OrganizationApiKey", ["secret", "previousSecret", "triggersHash"]),
        ("DashboardApiKey", ["secret"]),
        ("Organization", ["applied"]),
        ("OrganizationMetadata", ["metadataHash"]),
    ],
)
def test_secret_outputs_join_the_users_own(engine: Engine, kind: str, secret: list[str]) -> None:
    run(lambda: declare(kind, pulumi.ResourceOptions(additional_secret_outputs=["record"])))
    assert list(engine.registered["ehr"].additionalSecretOutputs) == ["record", *secret]


def test_a_key_can_be_imported_by_the_program(engine: Engine) -> None:
    run(lambda: declare("OrganizationApiKey", pulumi.ResourceOptions(import_="org/key-7")))
    assert engine.registered["ehr"].importId == "org/key-7"


def test_a_key_can_be_looked_up_by_its_id(engine: Engine) -> None:
    seen: list[Any] = []

    def program() -> Any:
        found = native.OrganizationApiKey.get("ehr", pulumi.Output.from_input("org/key-7"))
        assert isinstance(found, native.OrganizationApiKey)
        return pulumi.Output.all(found.id, found.secret, found.pending).apply(seen.append)

    run(program)
    request = engine.read["ehr"]
    assert (request.type, request.id) == ("allomia:index:OrganizationApiKey", "org/key-7")
    assert list(request.additionalSecretOutputs) == ["secret", "previousSecret", "triggersHash"]
    assert not any(MessageToDict(request.properties).values())
    assert seen == [["org/key-7", "alm_org_secret", None]]
    assert engine.registered == {}


def test_an_organization_can_be_imported_by_the_program_and_looked_up_by_its_id(engine: Engine) -> None:
    def program() -> Any:
        imported = declare("Organization", pulumi.ResourceOptions(import_="org-7"))
        found = native.Organization.get("found", pulumi.Output.from_input("org-8"))
        assert isinstance(found, native.Organization)
        return pulumi.Output.all(imported, found.id, found.is_active)

    run(program)
    assert engine.registered["ehr"].importId == "org-7"
    request = engine.read["found"]
    assert (request.type, request.id) == ("allomia:index:Organization", "org-8")
    assert not any(MessageToDict(request.properties).values())


def test_a_looked_up_key_takes_the_users_options(engine: Engine) -> None:
    own = pulumi.ResourceOptions(parent=pulumi.ComponentResource("my:index:Clinic", "valley"))
    run(lambda: native.OrganizationApiKey.get("ehr", "org/key-7", own).id)
    assert engine.read["ehr"].parent.endswith("my:index:Clinic::valley")
    assert own.id is None


@pytest.mark.parametrize("kind", KINDS)
def test_both_faces_take_the_same_arguments(kind: str) -> None:
    faces = [inspect.signature(getattr(face, kind).__init__) for face in (dynamic, native)]
    assert faces[0] == faces[1]


def test_every_name_of_the_package_has_its_counterpart() -> None:
    assert set(allomia_pulumi.__all__) - {"__version__"} < set(native.__all__)
    assert all(inspect.getdoc(getattr(native, name)) for name in native.__all__)


def test_a_provider_takes_every_setting_that_there_is() -> None:
    parameters = [*inspect.signature(Provider).parameters][2:]
    assert sorted(parameters) == sorted(name for name in Settings.model_fields if name != "sources")
    methods: list[type[WireModel]] = [TokenAuth, AppRoleAuth, JwtAuth, KubernetesAuth]
    assert set(VaultArgs.__annotations__) == set(VaultSettings.model_fields)
    assert set(VaultAuthArgs.__annotations__) == {name for method in methods for name in method.model_fields}
    for model in (VaultSettings, *methods):
        for name, setting in model.model_fields.items():
            assert to_wire({name: ""}) == {setting.alias: ""}


def test_a_provider_says_only_what_it_was_given(engine: Engine) -> None:
    run(lambda: Provider("north", owner="ann").id)
    assert engine.registered["north"].type == "pulumi:providers:allomia"
    assert engine.inputs("north") == {"owner": "ann"}


def test_a_providers_settings_are_texts_with_wire_names(engine: Engine) -> None:
    later = pulumi.Output.from_input("role-7")
    auth: Any = {"method": "approle", "role_id": later, "secret_id_file": "/run/secret-id"}
    vault: Any = {"address": "https://vault.example", "ca_cert_file": "ca.pem", "timeout_seconds": 5, "auth": auth}
    reference: Any = {"mount": "secret", "path": "tenant", "field": "api_key", "kv_version": 2}
    run(
        lambda: (
            Provider(
                "north",
                api_url="https://allomia.example",
                tenant_key_ref=reference,
                vault=vault,
                keys_path="/k/{organizationId}",
            ).id
        )
    )
    settings = engine.inputs("north")
    assert (settings["apiUrl"], settings["keysPath"]) == ("https://allomia.example", "/k/{organizationId}")
    assert json.loads(settings["tenantKeyRef"]) == {
        "mount": "secret",
        "path": "tenant",
        "field": "api_key",
        "kvVersion": 2,
    }
    assert json.loads(settings["vault"]) == {
        "address": "https://vault.example",
        "caCertFile": "ca.pem",
        "timeoutSeconds": 5,
        "auth": {"method": "approle", "roleId": "role-7", "secretIdFile": "/run/secret-id"},
    }


@pytest.mark.parametrize("plain", [True, False])
def test_a_short_reference_stays_as_it_is(engine: Engine, plain: bool) -> None:
    reference = "secret/allomia/tenant#api_key"
    run(lambda: Provider("north", tenant_key_ref=reference if plain else pulumi.Output.from_input(reference)).id)
    assert engine.inputs("north") == {"tenantKeyRef": reference}


def test_g3_a_secret_setting_stays_secret(engine: Engine) -> None:
    namespace = pulumi.Output.secret("team-a")
    run(lambda: Provider("north", vault={"namespace": namespace}).id)
    assert SECRET in engine.inputs("north")["vault"].values()


def test_an_unknown_setting_stays_unknown(engine: Engine) -> None:
    run(lambda: Provider("north", tenant_key_ref=unknown(), vault={"address": unknown()}).id)
    assert set(engine.inputs("north").values()) == {pulumi.runtime.rpc.UNKNOWN}


def test_a_key_names_its_provider(engine: Engine) -> None:
    run(lambda: declare("OrganizationApiKey", pulumi.ResourceOptions(provider=Provider("north"))))
    assert engine.registered["ehr"].provider.endswith("pulumi:providers:allomia::north::north-id")


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize(
    ("form", "arguments", "asked", "expected"),
    [
        ("get_organization", {"name": "Valley"}, {"name": "Valley"}, ORGANIZATION),
        ("get_organization", {"id": "org"}, {"id": "org"}, ORGANIZATION),
        ("get_organizations", {}, {}, (ORGANIZATION,)),
        ("get_organizations", {"search": "v"}, {"search": "v"}, (ORGANIZATION,)),
        ("get_organization_api_keys", {"organization_id": "org"}, {"organizationId": "org"}, KEYS),
    ],
)
def test_the_functions_ask_the_plugin(
    engine: Engine, form: str, arguments: dict[str, str], asked: dict[str, str], expected: Any, later: bool
) -> None:
    seen: list[Any] = []

    def program() -> Any:
        if later:
            return getattr(native, f"{form}_output")(**arguments).apply(seen.append)
        return seen.append(getattr(native, form)(**arguments))

    run(program)
    assert seen == [expected]
    token = f"allomia:index:get{form.removeprefix('get').title().replace('_', '')}"
    assert engine.arguments() == [(token, asked)]


def test_whole_numbers_stay_whole(engine: Engine) -> None:
    seen: list[Any] = []
    run(lambda: seen.append(native.get_organization_api_keys("org")))
    assert [type(each) for each in (seen[0].slots, seen[0].slots_used, seen[0].keys[0].age_seconds)] == [int] * 3
    assert engine.invoked


def test_the_functions_ask_the_provider_that_they_are_given(engine: Engine) -> None:
    def program() -> Any:
        opts = pulumi.InvokeOptions(provider=Provider("north"))
        native.get_organizations(opts=opts)
        return native.get_organization_output(id="org", opts=opts)

    run(program)
    assert {request.provider.rpartition("pulumi:providers:allomia::")[2] for request in engine.invoked} == {
        "north::north-id"
    }
    assert len(engine.invoked) == 2


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("form", ["{}", "{}_output"])
def test_the_functions_take_the_arguments_of_the_other_face(name: str, form: str) -> None:
    other, ours = (inspect.signature(getattr(face, form.format(name))) for face in (functions, native))
    assert [*other.parameters.values()] == [each for each in ours.parameters.values() if each.name != "opts"]
    assert ours.parameters["opts"].kind is inspect.Parameter.KEYWORD_ONLY
    assert ours.return_annotation == other.return_annotation


def test_the_output_form_stays_unknown_without_a_call_and_secret_with_one(engine: Engine) -> None:
    async def program() -> None:
        found = native.get_organization_output(name=unknown())
        assert not await found.is_known()
        assert engine.invoked == []
        found = native.get_organization_output(name=pulumi.Output.secret("Valley"))
        assert await found.is_secret()

    run(program)


def test_a_provider_that_a_preview_cannot_configure_is_unknown_later_and_an_error_at_once(engine: Engine) -> None:
    engine.answers["allomia:index:getOrganization"] = {}

    async def program() -> None:
        assert not await native.get_organization_output(id="org").is_known()

    run(program)
    with pytest.raises(pulumi.RunError, match=r"not known yet\. Use get_organization_output instead\.$"):
        native.get_organization(id="org")


@pytest.mark.parametrize("name", FORMS)
def test_g5_an_output_in_the_plain_form_names_the_other_form(engine: Engine, name: str) -> None:
    argument = next(iter(inspect.signature(getattr(native, name)).parameters))

    async def program() -> None:
        output = pulumi.Output.from_input("org")
        with pytest.raises(pulumi.RunError, match=rf"^allomia: {argument} of {name} is an .* Use {name}_output "):
            getattr(native, name)(**{argument: output})
        await output.future()

    run(program)
    assert engine.invoked == []


def test_g5_an_error_is_one_line_in_both_forms(engine: Engine) -> None:
    engine.problem = RefusedError()
    line = r"^allomia: no such organization\. Look again\.$"
    with pytest.raises(pulumi.RunError, match=line):
        native.get_organization(id="org")
    with pytest.raises(pulumi.RunError, match=line):
        run(lambda: native.get_organization_output(id="org"))


def test_g5_a_refused_argument_is_one_line(engine: Engine) -> None:
    engine.answers["allomia:index:getOrganization"] = ({}, [("name", "both were given")])
    with pytest.raises(pulumi.RunError, match=r"^allomia: both were given \(name\)$"):
        native.get_organization(id="org", name="Valley")


def test_a_program_loads_no_edge_no_model_and_no_server() -> None:
    code = (
        "import sys, allomia_pulumi.native\n"
        "heavy = {'httpx', 'hvac', 'pydantic', 'tenacity', 'requests', 'starlette'} & set(sys.modules)\n"
        "others = ('allomia_pulumi.provider', 'allomia_pulumi.core')\n"
        "ours = [name for name in sys.modules if name.startswith(others)]\n"
        "print(sorted(heavy), ours)"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "[] []"
