"""What a preview says on both faces: what is certain to fail is an error, and messages use the caller's spelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.faces import FACES, DynamicFace, Face, FaceError
from tests.contract.scenes import Scene, assert_readable, spelled
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

Made = tuple[Face, Tenant, str]

FREE_PATH = "apps/nothing-yet"
IGNORED = "is no setting, and is ignored"
MISTAKES = {
    "apiURL": f"{IGNORED}: allomia:apiUrl is meant",
    "colour": f"{IGNORED}. The settings are apiUrl, tenantKeyRef, vault, owner, keysPath",
    "tenantkeyref": f"{IGNORED}: allomia:tenantKeyRef is meant",
    "vault.address": f"{IGNORED}: it is a part of allomia:vault, which `pulumi config set --path "
    "allomia:vault.address` sets",
}


def refused(face: Face, news: dict[str, Any], **olds: Any) -> str:
    with pytest.raises(FaceError) as caught:
        face.check(olds, news)
    assert_readable(str(caught.value))
    return str(caught.value)


@pytest.mark.catalogue(90, 95)
@pytest.mark.parametrize("adopt", [None, {"keyId": "key-1", "vaultSecret": "secret/by/hand#api_key"}])
def test_an_organization_that_the_tenants_list_lacks_is_an_error(scene: Scene, adopt: dict[str, str] | None) -> None:
    face, news = scene.face, {"organizationId": f"{scene.organization}x", "name": "ehr"}
    text = refused(face, {**news, "adopt": adopt} if adopt else news)
    assert "it answers 404, and AlloMia's list of organizations lacks it" in text
    assert f"Check {spelled(face, 'organizationId')}, and" in text
    assert face.warnings == []


@pytest.mark.catalogue(90)
def test_missing_key_endpoints_are_an_error_of_a_new_key_and_nothing_to_one_that_stays(scene: Scene) -> None:
    face = scene.face
    inputs = face.check({}, scene.news(name="ehr"))
    pulumi_id, outputs = face.create(inputs)
    scene.sandbox.settings(key_endpoints=False)
    try:
        other = scene.sandbox.add_organization(scene.tenant.id, "Hill Practice")
        text = refused(face, {"organizationId": other, "name": "another"})
        assert "AlloMia serves no key endpoints at" in text
        start = scene.sandbox.last_event()
        assert face.check(inputs, scene.news(name="ehr"))
        assert not face.diff(pulumi_id, outputs, inputs).changes
        assert scene.calls(start) == []
    finally:
        scene.sandbox.settings(key_endpoints=True)
    assert face.warnings == []
    face.delete(pulumi_id, outputs)


@pytest.mark.catalogue(91)
def test_a_404_of_another_shape_blames_the_address_once_and_passes(scene: Scene) -> None:
    scene.sandbox.add_fault("status", status=404, body="<html>Not here</html>", method="GET", times=None)
    for _ in range(2):
        scene.face.check({}, scene.news(name="ehr"))
    (warning,) = scene.face.warnings
    assert "does not look like AlloMia: 404" in warning
    assert "; `pulumi up` will fail unless that has passed by then. Check allomia:apiUrl" in warning
    assert "does not exist" not in warning


@pytest.mark.catalogue(93)
def test_a_label_that_was_cut_is_said(scene: Scene) -> None:
    name = "e" * 61
    scene.face.check({}, scene.news(), name=name)
    (said,) = scene.face.said
    assert said.severity == "INFO"
    assert f"label in AlloMia's dashboard is “{'e' * 60}”" in said.message


@pytest.mark.catalogue(95)
def test_inputs_are_spelled_as_the_caller_writes_them(scene: Scene) -> None:
    face = scene.face
    wrong = {
        "organizationId": "org",
        "rotateAfter": "0s",
        "rotationTriggers": "q1",
        "vaultSecret": {"mount": "secret", "path": "a", "field": "f", "takeOver": "yes"},
        "adopt": {"keyId": "k"},
        "tenantKeyRef": "alm_tenant_in_clear",
    }
    text = refused(face, wrong)
    for reason in (
        "rotateAfter is zero",
        "rotationTriggers is not a map",
        "vaultSecret.takeOver is neither",
        "adopt has not exactly keyId and vaultSecret",
        "tenantKeyRef is not a Vault reference",
    ):
        assert spelled(face, reason) in text
    assert ("rotate_after" in text) == isinstance(face, DynamicFace)
    assert "alm_tenant_in_clear" not in text


@pytest.mark.catalogue(97)
def test_a_destroy_names_the_key_that_it_revoked(scene: Scene) -> None:
    face = scene.face
    pulumi_id, outputs = face.up(scene.news(name="ehr"))
    face.delete(pulumi_id, outputs)
    (said,) = face.said
    assert (said.severity, said.urn) == ("INFO", face.urn(face.name))
    assert said.message == f"key {outputs['keyId']} of organization {scene.organization} is revoked"


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def with_vault(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[Made]:
    sandbox.clear_faults()
    tenant = sandbox.add_tenant("clinics")
    kv = openbao.client().secrets.kv.v2
    kv.create_or_update_secret(f"allomia/{tenant.id}", {"api_key": tenant.key}, mount_point="secret")
    configuration = {
        "apiUrl": sandbox.address,
        "tenantKeyRef": f"secret/allomia/{tenant.id}#api_key",
        **dict.fromkeys(MISTAKES, "https://elsewhere.example"),
    }
    with request.param(configuration, {"VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}) as face:
        yield face, tenant, sandbox.add_organization(tenant.id, "Valley Health")


@pytest.mark.catalogue(94)
def test_values_that_are_no_settings_are_warned_of_once(with_vault: Made) -> None:
    face, _, organization = with_vault
    for name in ("one", "two"):
        face.check({}, {"organizationId": organization}, name=name)
    assert face.warnings == [f"stack configuration allomia:{name} {what}" for name, what in MISTAKES.items()]


@pytest.mark.catalogue(90)
def test_a_refused_tenant_key_is_an_error_and_a_destroy_of_another_key_is_not_stopped(
    with_vault: Made, sandbox: Sandbox
) -> None:
    face, tenant, organization = with_vault
    news = {"organizationId": organization, "name": "ehr"}
    inputs = face.check({}, news)
    pulumi_id, outputs = face.create(inputs)
    sandbox.rotate_tenant_key(tenant.id)
    other = sandbox.add_organization(tenant.id, "Hill Practice")
    text = refused(face, {"organizationId": other, "name": "another"})
    assert f"AlloMia at {sandbox.address} (stack configuration allomia:apiUrl) does not accept the key" in text
    start = sandbox.last_event()
    assert face.check(inputs, news)
    assert not face.diff(pulumi_id, outputs, inputs).changes
    assert sandbox.events(start) == []


@pytest.mark.catalogue(90, 92)
def test_what_the_program_may_still_make_in_vault_is_a_warning_and_a_field_that_is_lacking_an_error(
    with_vault: Made, openbao: OpenBao
) -> None:
    face, _, organization = with_vault
    face.forget("dashboard", "DashboardApiKey")
    openbao.client().secrets.kv.v2.create_or_update_secret("by/hand", {"api_key": "alm_x"}, mount_point="secret")
    news = {"organizationId": organization, "vaultSecret": f"secret/{FREE_PATH}#api_key"}
    face.check({}, news)
    face.check({}, {**news, "vaultSecret": {"mount": "secret", "path": "data/by/hand", "field": "api_key"}})
    empty, copied = (warning for warning in face.warnings if IGNORED not in warning)
    assert f"has no secret for secret/{FREE_PATH}#api_key; `pulumi up` will fail unless it is there by then." in empty
    assert copied.endswith("Leave data/ out of the path: it belongs to Vault's API, not to the path.")
    text = refused(face, {**news, "vaultSecret": "secret/by/hand#apikey"})
    assert "the secret of secret/by/hand#apikey has no field apikey" in text
