"""Where the faces cannot be alike: each row of the page's table, on both sides. All else is in the common suite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from tests.contract.faces import FACES, Face, FaceError, PluginFace
from tools.engine.sandbox import Sandbox, Tenant

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "faces.md"
ROWS = {
    "Half-done creation": "test_a_creation_that_ends_half_way",
    "List": "test_a_list",
    "Import": "test_an_import",
    "Preview": "test_a_preview",
    "What a diff shows": "test_what_a_diff_shows",
    "Wrong configuration": "test_wrong_configuration",
    "Messages": "test_a_message",
    "Functions": "test_a_function",
    "Ctrl-C": "test_a_cancel",
}


CLINIC = dict.fromkeys(("name", "address", "city", "stateProvince", "postalCode", "country", "phoneNumber"), "text")
CLINIC |= {"email": "ops@valley.example", "timezone": "America/Toronto"}


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    tenant: Tenant
    organization: str
    face: Face

    @property
    def is_plugin(self) -> bool:
        return isinstance(self.face, PluginFace)

    @property
    def news(self) -> dict[str, Any]:
        return {"organizationId": self.organization, "rotationTriggers": {"quarter": "1"}}


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Scene]:
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    with request.param({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}) as face:
        yield Scene(sandbox, tenant, sandbox.add_organization(tenant.id, "Valley Health"), face)


def test_the_page_has_these_rows_and_each_has_its_test() -> None:
    table = PAGE.read_text().partition("\n| | dynamic ")[2].partition("\n\n")[0]
    tested = [match[1] for match in re.finditer(r"^\| \*\*(.+?)\*\* \|", table, re.MULTILINE)]
    assert tested == list(ROWS)
    assert all(name in globals() for name in ROWS.values())


def test_a_creation_that_ends_half_way(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news)
    scene.sandbox.add_fault("drop_after", method="POST", path="*/api-keys")
    scene.sandbox.add_fault("status", method="DELETE", path="*", status=403, times=None)
    with pytest.raises(FaceError, match="and nobody holds it") as caught:
        scene.face.create(inputs)
    assert (caught.value.kept is not None) == scene.is_plugin


def test_a_list(scene: Scene) -> None:
    made = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    asked = provider_pb2.ListRequest(token="allomia:index:OrganizationApiKey")
    if scene.is_plugin:
        (found,) = scene.face._stub.List(asked)
        assert found.result.id == f"{scene.organization}/{made.id}"
    else:
        with pytest.raises(grpc.RpcError) as refused:
            list(scene.face._stub.List(asked))
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_import(scene: Scene) -> None:
    made = scene.sandbox.make_key_by_hand(scene.organization, "by hand")
    pulumi_id = f"{scene.organization}/{made.id}"
    if scene.is_plugin:
        assert scene.face.read(pulumi_id, {})[1]["keyId"] == made.id
    else:
        with pytest.raises(FaceError, match="__provider"):
            scene.face.read(pulumi_id, {})


def test_an_import_of_an_organization(scene: Scene) -> None:
    scene.face.forget("valley", "Organization")
    if scene.is_plugin:
        id_, outputs = scene.face.read(scene.organization, {})
        assert (id_, outputs["name"], scene.face.last_inputs["name"]) == (scene.organization, *["Valley Health"] * 2)
    else:
        with pytest.raises(FaceError, match="__provider"):
            scene.face.read(scene.organization, {})


def test_a_preview(scene: Scene) -> None:
    answer = scene.face._stub.Configure(provider_pb2.ConfigureRequest(args=scene.face.settings()))
    assert answer.supportsPreview == scene.is_plugin


def test_what_a_diff_shows(scene: Scene) -> None:
    id_, outputs = scene.face.up(scene.news)
    news = {**scene.news, "name": scene.face.name}
    diffed = scene.face.diff(id_, outputs, {**news, "rotationTriggers": {"quarter": "2"}}, old_inputs=news)
    assert diffed.replaces == ["rotationTriggers"]
    assert set(diffed.paths) == ({"rotation", "rotationTriggers"} if scene.is_plugin else set())


def test_what_a_diff_of_an_organization_shows(scene: Scene) -> None:
    scene.face.forget("valley", "Organization")
    inputs = scene.face.check({}, {**CLINIC, "adopt": scene.organization})
    id_, outputs = scene.face.create(inputs)
    diffed = scene.face.diff(id_, outputs, inputs, old_inputs=inputs)
    assert (diffed.changes, diffed.replaces) == (True, [])
    assert set(diffed.paths) == (set(CLINIC) if scene.is_plugin else set())
    followed = scene.face.update(id_, outputs, inputs)
    diffed = scene.face.diff(id_, followed, {**inputs, "city": "Oslo"}, old_inputs=inputs)
    assert set(diffed.paths) == ({"city"} if scene.is_plugin else set())


@pytest.mark.parametrize("kind", FACES)
def test_wrong_configuration(kind: type[Face]) -> None:
    with kind({"apiUrl": "http://allomia.example"}) as face:
        request = provider_pb2.CheckRequest(news=face.settings())
        if isinstance(face, PluginFace):
            assert "off this machine" in face._stub.CheckConfig(request).failures[0].reason
        else:
            with pytest.raises(grpc.RpcError) as caught:
                face._stub.CheckConfig(request)
            assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(FaceError, match="off this machine"):
            face.check({}, {"organizationId": "org"})


def test_a_message(scene: Scene) -> None:
    spelled = "rotateAfter" if scene.is_plugin else "rotate_after"
    with pytest.raises(FaceError, match=f"{spelled} is zero"):
        scene.face.check({}, {**scene.news, "rotateAfter": "0s"})


def test_a_function(scene: Scene) -> None:
    request = provider_pb2.InvokeRequest(tok="allomia:index:getOrganizations")
    if scene.is_plugin:
        assert getattr(scene.face._stub.Invoke(request), "return")["organizations"]
    else:
        with pytest.raises(grpc.RpcError):
            scene.face._stub.Invoke(request)


def test_a_cancel(scene: Scene) -> None:
    inputs = scene.face.check({}, scene.news)
    if scene.is_plugin:
        scene.face._stub.Cancel(empty_pb2.Empty())
        with pytest.raises(FaceError, match="interrupted"):
            scene.face.create(inputs)
    else:
        scene.face._stub.Cancel(empty_pb2.Empty())
        scene.face.create(inputs)
    assert len(scene.sandbox.alive(scene.organization)) == (0 if scene.is_plugin else 1)
