"""What only the plugin can: its protocol, import, previews, half-done operations, and its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from allomia_pulumi import __version__
from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from tests.contract.faces import FACES, UNKNOWN, Face, FaceError, PluginFace, is_marked_secret
from tests.contract.scenes import ONE, TWO, Scene, assert_readable
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

PLUGIN = Path(sys.executable).with_name("pulumi-resource-allomia")


@pytest.fixture(scope="module")
def process(sandbox: Sandbox, openbao: OpenBao) -> Iterator[tuple[PluginFace, Tenant]]:
    tenant = sandbox.add_tenant("clinics")
    environ = {
        "ALLOMIA_TENANT_KEY": tenant.key,
        "ALLOMIA_IMPORT_VAULT_SECRET": "secret/by/{organizationId}/{keyId}#api_key",
        "VAULT_ADDR": openbao.address,
        "VAULT_TOKEN": openbao.token,
    }
    with PluginFace({"apiUrl": sandbox.address}, environ) as face:
        yield face, tenant


def plugin(scene: Scene) -> PluginFace:
    assert isinstance(scene.face, PluginFace)
    return scene.face


def test_it_tells_its_version_and_the_schema_of_this_package(scene: Scene) -> None:
    stub = plugin(scene)._stub
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == __version__
    schema = json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["name"], schema["version"]) == ("allomia", __version__)
    assert schema == json.loads(Path("schema.json").read_text())


def test_what_it_does_not_serve_it_says_by_the_protocols_own_code(scene: Scene) -> None:
    stub = plugin(scene)._stub
    for method, request in (
        (stub.Construct, provider_pb2.ConstructRequest()),
        (stub.Call, provider_pb2.CallRequest()),
        (stub.GetMapping, provider_pb2.GetMappingRequest()),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            method(request)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        ({"apiUrl": "http://allomia.example"}, "an http address off this machine"),
        ({"tenantKeyRef": "alm_tenant_in_clear"}, "is not a Vault reference"),
        ({"vault": {"auth": {"token": "s.canary"}}}, "would put a secret into Pulumi's state"),
        ({"vault": '{"auth": {"token": "s.canary"}}'}, "would put a secret into Pulumi's state"),
    ],
)
def test_g5_wrong_configuration_is_told_once_and_not_repeated(
    scene: Scene, configuration: dict[str, Any], reason: str
) -> None:
    answer = config(plugin(scene), configuration)
    assert reason in answer.failures[0].reason
    assert_readable(answer.failures[0].reason, "alm_tenant_in_clear", "s.canary")


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"apiUrl": UNKNOWN, "vault": UNKNOWN},
        {"tenantKeyRef": '"secret/allomia/tenant#api_key"'},
        {"tenantKeyRef": '{"mount": "secret", "path": "allomia/tenant", "field": "api_key"}'},
        {"vault": '{"address": "https://vault.example"}', "version": "0.1.0"},
        {"vault": {"address": "https://vault.example", "timeoutSeconds": 5}},
    ],
)
def test_configuration_may_be_unknown_or_json_and_comes_back_as_it_was(
    scene: Scene, configuration: dict[str, Any]
) -> None:
    answer = config(plugin(scene), configuration)
    assert list(answer.failures) == []
    assert MessageToDict(answer.inputs) == configuration


@pytest.mark.catalogue(51)
def test_no_setting_replaces_a_provider(scene: Scene) -> None:
    def diff(olds: dict[str, str], news: dict[str, str]) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest()
        request.old_inputs.update(olds)
        request.olds.update(olds)
        request.news.update(news)
        answer: provider_pb2.DiffResponse = plugin(scene)._stub.DiffConfig(request)
        return answer

    same, other = diff({"owner": "a"}, {"owner": "a"}), diff({"apiUrl": "https://a.example"}, {"owner": "b"})
    assert (same.changes, other.changes) == (provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME)
    assert list(other.replaces) == []


@pytest.mark.catalogue(49)
def test_g8_a_preview_of_a_creation_makes_nothing_and_knows_nothing(scene: Scene) -> None:
    request = provider_pb2.CreateRequest(urn=plugin(scene)._urn(None), preview=True)
    start = scene.sandbox.last_event()
    request.properties.update(plugin(scene).check({}, scene.news(ONE)))
    answer = plugin(scene)._stub.Create(request)
    assert (answer.id, MessageToDict(answer.properties)) == ("", {})
    assert scene.calls(start) == ["listed"]
    assert scene.sandbox.alive(scene.organization) == []


def test_g8_a_preview_of_an_update_knows_what_stays_and_marks_the_secrets(scene: Scene) -> None:
    face, news = plugin(scene), scene.news(ONE, overlap="24h", name="ehr")
    id_, outputs = face.up(news)
    start = scene.sandbox.last_event()
    for change in ({"rotateAfter": "90d"}, {"rotationTriggers": TWO}):
        wanted = face.check(news, {**news, **change})
        assert face.diff(id_, outputs, wanted, old_inputs=news).changes
        foretold = face.preview(id_, outputs, wanted)
        is_rotated = "rotationTriggers" in change
        assert (foretold["secret"] == UNKNOWN) == is_rotated
        assert (foretold["keyId"] == outputs["keyId"]) != is_rotated
        assert is_marked_secret(face.last_answer, "secret")
    assert [call for call in scene.calls(start) if call != "listed"] == []


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"rotationTriggers": TWO}, {"rotation": "UPDATE_REPLACE", "rotationTriggers": "UPDATE_REPLACE"}),
        ({"rotateAfter": "90d"}, {"rotateAfter": "ADD"}),
        ({"rotationTriggers": TWO, "overlap": "1h"}, {"rotation": "UPDATE", "overlap": "ADD"}),
        ({"organizationId": "another"}, {"organizationId": "UPDATE_REPLACE"}),
        ({"rotationTriggers": None}, {"rotationTriggers": "DELETE"}),
    ],
)
def test_a_diff_names_what_changed_and_what_is_due(scene: Scene, change: dict[str, Any], paths: dict[str, str]) -> None:
    face, news = plugin(scene), scene.news(ONE, name="ehr")
    id_, outputs = face.up(news)
    wanted = {name: value for name, value in {**news, **change}.items() if value is not None}
    diffed = face.diff(id_, outputs, wanted, old_inputs=news)
    assert diffed.changes
    assert paths.items() <= diffed.paths.items()


def test_a_refresh_returns_the_inputs_as_they_were(scene: Scene) -> None:
    face, news = plugin(scene), scene.news(ONE, name="ehr")
    id_, outputs = face.up(news)
    assert face.read(id_, outputs, news) == (id_, outputs)
    assert face.last_inputs == news
    assert not face.diff(id_, outputs, news, old_inputs=news).changes


def test_g4_what_is_gone_is_an_empty_answer(scene: Scene) -> None:
    face = plugin(scene)
    id_, outputs = face.up(scene.news(ONE))
    scene.sandbox.revoke_by_hand(scene.organization, outputs["keyId"])
    request = provider_pb2.ReadRequest(id=id_, urn=face._urn(None))
    request.properties.update(json.loads(json.dumps(outputs)))
    with PluginFace(face.configuration, face.environ) as later:
        assert later._stub.Read(request) == provider_pb2.ReadResponse()


def test_g3_an_import_brings_the_proved_secret_as_a_secret(scene: Scene, openbao: OpenBao) -> None:
    face, made = plugin(scene), scene.sandbox.make_key_by_hand(scene.organization, "ehr, by hand")
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"by/{scene.organization}/{made.id}", {"api_key": made.key}, mount_point="secret")
    start = scene.sandbox.last_event()
    id_, outputs = face.read(f"{scene.organization}/{made.id}", {})
    assert scene.calls(start) == ["listed", "refused", "verified", "listed"]
    assert (id_, outputs["secret"]) == (f"{scene.organization}/{made.id}", made.key)
    assert is_marked_secret(face.last_answer, "secret")
    assert face.last_inputs == {"organizationId": scene.organization, "name": "ehr, by hand"}
    assert face.warnings == []


@pytest.mark.parametrize(
    ("id_", "code", "text"),
    [
        ("nonsense", grpc.StatusCode.INVALID_ARGUMENT, "is not that of a key, <organizationId>/<keyId>"),
        ("{organization}/missing", grpc.StatusCode.NOT_FOUND, "has no key with that id"),
        ("00000000-0000-0000-0000-000000000000/missing", grpc.StatusCode.NOT_FOUND, "00000000"),
    ],
)
def test_g5_an_import_that_finds_nothing_says_so(scene: Scene, id_: str, code: grpc.StatusCode, text: str) -> None:
    with pytest.raises(FaceError, match=re.escape(text)) as caught:
        scene.face.read(id_.format(organization=scene.organization), {})
    assert caught.value.code == code
    assert_readable(str(caught.value), scene.tenant.key)


def test_g4_a_state_that_lost_its_record_is_an_error_and_no_import_of_its_first_key(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news(ONE, overlap="1h"))
    inputs = scene.face.check(scene.news(ONE, overlap="1h", name=scene.face.name), scene.news(TWO, overlap="1h"))
    assert scene.face.diff(id_, outputs, inputs).changes
    after = scene.face.update(id_, outputs, inputs)
    assert id_.endswith(after["previousKeyId"])
    with pytest.raises(FaceError, match="the state of this key is not readable"):
        scene.face.read(id_, {name: value for name, value in after.items() if name != "record"})


@pytest.mark.catalogue(53)
def test_g5_a_foreign_organizations_key_is_not_imported(scene: Scene) -> None:
    other = scene.sandbox.add_organization(scene.sandbox.add_tenant("others").id, "Lakeside")
    made = scene.sandbox.make_key_by_hand(other, "theirs")
    with pytest.raises(FaceError) as caught:
        scene.face.read(f"{other}/{made.id}", {})
    assert caught.value.code == grpc.StatusCode.NOT_FOUND


def test_g2_g3_a_key_that_could_not_be_delivered_is_kept_with_its_secret_marked(scene: Scene, openbao: OpenBao) -> None:
    face, mounts = plugin(scene), openbao.client().sys
    place = {"mount": f"apps-{scene.organization}", "path": "ehr", "field": "api_key"}
    mounts.enable_secrets_engine("kv", path=place["mount"], options={"version": "2"})
    inputs = face.check({}, scene.news(ONE, vaultSecret=place))
    with minting(scene, face, inputs) as creating:
        mounts.disable_secrets_engine(place["mount"])
    with pytest.raises(FaceError) as caught:
        creating.result()
    kept = caught.value.kept
    assert kept is not None
    assert kept.id == f"{scene.organization}/{kept.outputs['keyId']}"
    assert is_marked_secret(kept.answer, "secret")
    assert scene.accepts(kept.outputs["secret"]) == 200
    assert "exists and works" in kept.reasons[0]
    assert_readable(str(caught.value), kept.outputs["secret"], scene.tenant.key)

    mounts.enable_secrets_engine("kv", path=place["mount"], options={"version": "2"})
    start = scene.sandbox.last_event()
    checked = face.check(inputs, scene.news(ONE, vaultSecret=place))
    assert face.diff(kept.id, kept.outputs, checked, old_inputs=inputs).paths == {"delivery": "UPDATE"}
    healed = face.update(kept.id, kept.outputs, checked)
    assert (healed["pending"], healed["vaultSecretVersion"]) == ([], 1)
    assert "minted" not in scene.calls(start)


@pytest.mark.catalogue(45)
def test_g2_a_key_that_can_neither_be_used_nor_revoked_is_kept_by_its_id(scene: Scene) -> None:
    face = plugin(scene)
    inputs = face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.sandbox.add_fault("status", method="DELETE", path="*", status=403, times=None)
    with pytest.raises(FaceError, match="nobody holds it") as caught:
        face.create(inputs)
    assert caught.value.kept is not None
    assert [caught.value.kept.outputs["keyId"]] == scene.alive()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 401}, grpc.StatusCode.UNAUTHENTICATED),
        ({"status": 403}, grpc.StatusCode.PERMISSION_DENIED),
        ({"status": 429, "headers": {"Retry-After": "3600"}}, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ({"status": 503}, grpc.StatusCode.ABORTED),
        ({"status": 302}, grpc.StatusCode.ABORTED),
    ],
)
def test_g5_every_error_has_a_status_code_of_its_kind(
    scene: Scene, fault: dict[str, Any], code: grpc.StatusCode
) -> None:
    inputs = scene.face.check({}, scene.news(ONE))
    scene.sandbox.add_fault("status", method="POST", path="*/api-keys", times=None, **fault)
    scene.sandbox.add_fault("status", method="GET", path="*/api-keys", times=None, **fault)
    with pytest.raises(FaceError) as caught:
        scene.face.create(inputs)
    assert caught.value.code == code
    assert scene.alive() == []


def test_an_unknown_resource_or_function_is_told_by_name(scene: Scene) -> None:
    stub = plugin(scene)._stub
    with pytest.raises(grpc.RpcError, match="Tenant is no resource of this version"):
        stub.Check(provider_pb2.CheckRequest(urn="urn:pulumi:prod::clinic::allomia:index:Tenant::x"))
    with pytest.raises(grpc.RpcError, match="getEverything is no function of this version"):
        stub.Invoke(provider_pb2.InvokeRequest(tok="allomia:index:getEverything"))


def test_g3_functions_answer_without_a_secret(scene: Scene) -> None:
    face = plugin(scene)
    _, outputs = face.up(scene.news(ONE))
    listed = invoke(face, "getOrganizationApiKeys", organizationId=scene.organization)
    assert (listed["slotsUsed"], listed["slots"]) == (1, 5)
    assert listed["keys"][0]["id"] == outputs["keyId"]
    assert listed["keys"][0]["label"] == face.name
    assert outputs["secret"] not in json.dumps(listed)
    assert invoke(face, "getOrganization", id=scene.organization)["name"] == "Valley Health"
    found = invoke(face, "getOrganizations", search="Valley")["organizations"]
    assert scene.organization in [each["id"] for each in found]


def test_a_function_of_something_unknown_answers_nothing(scene: Scene) -> None:
    assert invoke(plugin(scene), "getOrganization", id=UNKNOWN) == {}


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        ("getOrganization", {}, "and neither was given"),
        ("getOrganization", {"nmae": "x"}, "has no argument nmae"),
        ("getOrganization", {"id": 7}, "id of getOrganization is not a text"),
        ("getOrganizationApiKeys", {}, "the organization's id is empty"),
    ],
)
def test_g5_a_function_that_is_asked_wrongly_says_how(
    scene: Scene, function: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(grpc.RpcError, match=re.escape(text)) as caught:
        invoke(plugin(scene), function, **arguments)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_sixty_four_operations_run_at_once() -> None:
    together = "barrier = threading.Barrier(64)\ndef changed(*a):\n    barrier.wait(60)\n    return told(*a)\n"
    with serving(together) as (_, stub), ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: stub.GetPluginInfo(empty_pb2.Empty(), timeout=90).version, range(64)))
    assert answers == [__version__] * 64


@pytest.mark.catalogue(7)
def test_after_a_cancel_nothing_new_is_begun(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        inputs = face.check({}, {"organizationId": organization})
        face._stub.Cancel(empty_pb2.Empty())
        with pytest.raises(FaceError, match="interrupted before a key was asked for"):
            face.create(inputs)
        assert sandbox.alive(organization) == []


@pytest.mark.catalogue(4, 8)
def test_g2_a_mint_under_way_when_ctrl_c_comes_is_handed_over(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        scene = Scene(sandbox, tenant, organization, face)
        with minting(scene, face, face.check({}, scene.news())) as creating:
            face._stub.Cancel(empty_pb2.Empty())
            face.process.send_signal(signal.SIGINT)
        _, outputs = creating.result()
        assert scene.accepts(outputs["secret"]) == 200


@pytest.mark.catalogue(6)
def test_g2_a_key_whose_engine_was_killed_during_its_mint_is_revoked(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    with PluginFace({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        scene = Scene(sandbox, tenant, organization, face)
        start = sandbox.last_event()
        with minting(scene, face, face.check({}, scene.news())) as creating:
            face._channel.close()
            face._server.stop(0).wait()
        with pytest.raises((FaceError, ValueError)):
            creating.result()
        assert face.process.wait(30) == 0
        assert scene.calls(start) == ["listed", "minted", "verified", "revoked"]
        assert scene.alive() == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_a_person_who_starts_it_is_told_what_it_is(arguments: list[str]) -> None:
    answer = subprocess.run([PLUGIN, *arguments], capture_output=True, text=True, check=True)
    assert __version__ in answer.stdout
    assert answer.stderr == ""


@pytest.mark.catalogue(57)
def test_stdout_carries_the_port_and_nothing_else_whatever_is_printed() -> None:
    loud = "def changed(*a):\n    print('loud')\n    os.write(1, b'louder')\n    return told(*a)\n"
    with serving(loud) as (process, stub):
        stub.GetPluginInfo(empty_pb2.Empty(), timeout=30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out == b""
    assert b"loud" in err
    assert process.returncode == 0


@pytest.mark.parametrize("kind", FACES)
def test_a_process_whose_engine_died_ends_by_itself(kind: type[Face]) -> None:
    with kind({"apiUrl": "http://127.0.0.1:1"}, {"ALLOMIA_TENANT_KEY": "alm_tenant_x"}) as face:
        face.check({}, {"organizationId": "org"})
        # The engine has been spoken to: one that was never reached is no dead one.
        assert "is not reachable" in face.warnings[0]
        face._server.stop(0).wait()
        assert face.process.wait(30) == 0


def test_an_engine_may_attach_to_one_that_runs_already() -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "ALLOMIA_TENANT_KEY": "alm_tenant_x"}
    with subprocess.Popen([PLUGIN], stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"), timeout=30)
            stub.Handshake(provider_pb2.ProviderHandshakeRequest(), timeout=30)
            answer = stub.Configure(provider_pb2.ConfigureRequest(), timeout=30)
            assert answer.supportsPreview
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@contextmanager
def serving(change: str) -> Iterator[tuple[subprocess.Popen[bytes], provider_pb2_grpc.ResourceProviderStub]]:
    """Run the plugin with another `GetPluginInfo`: `change` defines `changed`, beside `told`, which is the real one."""
    program = "import os, threading\nfrom allomia_pulumi.provider.plugin import process, servicer\n"
    program += f"told = servicer.Provider.GetPluginInfo\n{change}"
    program += "servicer.Provider.GetPluginInfo = changed\nprocess.run()\n"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield process, provider_pb2_grpc.ResourceProviderStub(channel)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


@contextmanager
def minting(scene: Scene, face: PluginFace, inputs: dict[str, Any]) -> Iterator[Future[tuple[str, dict[str, Any]]]]:
    """Create a key, and run the block while AlloMia has made it and its answer is still to come."""
    scene.sandbox.add_fault("delay_after", method="POST", path="*/api-keys", seconds=1)
    start = scene.sandbox.last_event()
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(face.create, inputs)
        while "minted" not in scene.calls(start):
            assert not creating.done()
        yield creating


def config(face: PluginFace, configuration: dict[str, Any]) -> provider_pb2.CheckResponse:
    request = provider_pb2.CheckRequest(urn="urn:pulumi:prod::clinic::pulumi:providers:allomia::default")
    request.news.update(configuration)
    answer: provider_pb2.CheckResponse = face._stub.CheckConfig(request)
    return answer


def invoke(face: PluginFace, function: str, **arguments: Any) -> dict[str, Any]:
    request = provider_pb2.InvokeRequest(tok=f"allomia:index:{function}")
    request.args.update(arguments)
    answer = face._stub.Invoke(request, timeout=60)
    return MessageToDict(getattr(answer, "return"))


def test_slots_are_given_in_the_programs_order_whatever_the_engine_asks_first(scene: Scene) -> None:
    """The engine checks one key after another, and previews their creations in parallel."""
    face = plugin(scene)
    for number in range(KEY_LIMIT - 1):
        scene.sandbox.make_key_by_hand(scene.organization, f"by hand {number}")
    checked = {name: Face.check(face, {}, scene.news(name=name), name=name) for name in ("first", "second")}

    def foresee(name: str) -> None:
        request = provider_pb2.CreateRequest(urn=face._urn(name), preview=True)
        request.properties.update(checked[name])
        face._stub.Create(request)

    with pytest.raises(grpc.RpcError, match=f"has no free key slot: {KEY_LIMIT - 1} of {KEY_LIMIT} keys are alive"):
        foresee("second")
    foresee("first")
    assert len(scene.alive()) == KEY_LIMIT - 1


def test_checks_wait_for_no_list(scene: Scene) -> None:
    """A list that nobody answers holds up no check: other lists are read meanwhile."""
    face = plugin(scene)
    clinics = [scene.sandbox.add_organization(scene.tenant.id, f"Clinic {number}") for number in range(3)]
    scene.sandbox.settings(latency_ms=10_000)
    since = scene.sandbox.last_event()
    for number, clinic in enumerate(clinics):
        Face.check(face, {}, {"organizationId": clinic}, name=f"clinic-{number}")
    assert [event for event in scene.sandbox.events(since) if event.type == "listed"] == []
