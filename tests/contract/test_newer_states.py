"""States that a newer version of this package wrote, on every face: refused if they say so, else carried along."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from allomia_pulumi._version import __version__
from tests.contract.faces import FACES, Face, FaceError, PluginFace, is_marked_secret
from tests.contract.scenes import ONE, TWO, assert_readable
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

NINE = {
    "name": "Valley Health Clinic",
    "email": "ops@valley.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "stateProvince": "CA",
    "postalCode": "94105",
    "country": "USA",
    "phoneNumber": "+14155551234",
    "timezone": "America/Los_Angeles",
}
KINDS = ("OrganizationApiKey", "DashboardApiKey", "Organization", "OrganizationMetadata")
NEWER = {2: "2", 99: "99", 1.5: "1.5", 1e300: "10000000"}
MISSING = object()
NO_VERSIONS = ("1", "2", "", None, True, False, 0, -1, [1], {"later": 1}, MISSING)
LATER = {"shape": ["of", {"a": "newer version"}], "count": 3}


@dataclass(frozen=True)
class Declared:
    """One resource as the engine keeps it, and the inputs of a program that asks for something else by now."""

    sandbox: Sandbox
    openbao: OpenBao
    tenant: Tenant
    face: Face
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    other: dict[str, Any]

    def with_version(self, version: object) -> dict[str, Any]:
        outputs = copy.deepcopy(self.outputs)
        if version is MISSING:
            del outputs["record"]["stateVersion"]
        else:
            outputs["record"]["stateVersion"] = version
        return outputs

    def refused(self, outputs: dict[str, Any]) -> list[str]:
        """Try every operation, and return the errors."""
        face, errors = self.face, []
        tries: list[Callable[[], object]] = [
            lambda: face.diff(self.id, outputs, self.other, old_inputs=self.inputs),
            lambda: face.diff(self.id, outputs, self.inputs, old_inputs=self.inputs),
            lambda: face.read(self.id, outputs, self.inputs),
            lambda: face.update(self.id, outputs, self.other),
            lambda: face.delete(self.id, outputs),
        ]
        if isinstance(face, PluginFace):
            tries.append(lambda: face.preview(self.id, outputs, self.other))
        for attempt in tries:
            with pytest.raises(FaceError) as caught:
                attempt()
            assert caught.value.kept is None
            errors.append(str(caught.value))
        return errors

    def writes(self, event: int, entry: int) -> list[str]:
        """Return what was asked of AlloMia, and what was written to Vault."""
        asked = [each.type for each in self.sandbox.events(event)]
        return asked + [each.path for each in self.openbao.audit_entries()[entry:]]


@pytest.fixture(scope="module", params=FACES, ids=lambda face: face.__name__)
def process(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[tuple[Face, Tenant]]:
    tenant = sandbox.add_tenant("clinics")
    environ = {"ALLOMIA_TENANT_KEY": tenant.key, "VAULT_ADDR": openbao.address, "VAULT_TOKEN": openbao.token}
    with request.param({"apiUrl": sandbox.address}, environ) as face:
        yield face, tenant


@pytest.fixture(params=KINDS)
def declared(
    process: tuple[Face, Tenant], sandbox: Sandbox, openbao: OpenBao, request: pytest.FixtureRequest
) -> Declared:
    face, tenant = process
    sandbox.clear_faults()
    number = zlib.crc32(request.node.nodeid.encode())
    face.forget(f"later-{number}", request.param)
    organization = sandbox.add_organization(tenant.id, f"clinic {number}")
    sandbox.put_metadata(organization, {"made": "by AlloMia"})
    path = f"later/{number}"
    if request.param == "DashboardApiKey":
        made = sandbox.make_key_by_hand(organization, "by hand")
        kv = openbao.client().secrets.kv.v2
        kv.create_or_update_secret(path, {"api_key": made.key}, mount_point="secret")
    key = {"organizationId": organization, "overlap": "1h", "vaultSecret": f"secret/{path}#api_key"}
    named = {**NINE, "name": f"Valley {number}", "email": f"ops{number}@valley.example"}
    news, other = {
        "OrganizationApiKey": ({**key, "rotationTriggers": ONE}, {**key, "rotationTriggers": TWO}),
        "DashboardApiKey": ({**key}, {**key, "rotateAfter": "90d"}),
        "Organization": (named, {**named, "city": "Oakland"}),
        "OrganizationMetadata": (
            {"organizationId": organization, "metadata": {"beds": 1}},
            {"organizationId": organization, "metadata": {"beds": 2}},
        ),
    }[request.param]
    inputs = face.check({}, news)
    id_, outputs = face.create(inputs)
    return Declared(sandbox, openbao, tenant, face, id_, inputs, outputs, face.check(inputs, other))


@pytest.mark.catalogue(155)
def test_g4_a_state_of_a_newer_version_is_refused_by_every_operation_before_anything_is_asked(
    declared: Declared,
) -> None:
    event, entry = declared.sandbox.last_event(), len(declared.openbao.audit_entries())
    for version, shown in NEWER.items():
        for error in declared.refused(declared.with_version(version)):
            assert f"written by a newer allomia-pulumi: it has state version {shown}" in error
            assert f"and allomia-pulumi {__version__} reads up to 1; nothing was changed" in error
            assert "Upgrade allomia-pulumi" in error
            assert_readable(error, declared.tenant.key)
    assert declared.writes(event, entry) == []


@pytest.mark.catalogue(155)
def test_g4_a_state_whose_version_is_none_is_refused_as_well(declared: Declared) -> None:
    event, entry = declared.sandbox.last_event(), len(declared.openbao.audit_entries())
    for version in NO_VERSIONS:
        for error in declared.refused(declared.with_version(version)):
            assert "is not readable" in error
            assert "nothing was changed" in error
            assert "If a newer allomia-pulumi has written it, upgrade to that version" in error
            assert_readable(error, declared.tenant.key)
    assert declared.writes(event, entry) == []


def test_g4_a_state_of_another_meaning_is_refused_as_one_that_may_be_newer(declared: Declared) -> None:
    outputs = copy.deepcopy(declared.outputs)
    outputs["record"]["identity"] = "of another shape"
    assert all("If a newer allomia-pulumi has written it" in error for error in declared.refused(outputs))


@pytest.mark.catalogue(163)
def test_g4_a_part_that_marks_or_places_are_made_of_is_neither_ignored_nor_dropped(declared: Declared) -> None:
    event, entry = declared.sandbox.last_event(), len(declared.openbao.audit_entries())
    record = declared.outputs["record"]
    for path in (("identity",), ("former", 0), ("former", 0, "identity"), ("settings", "vaultSecret")):
        outputs = copy.deepcopy(declared.outputs)
        if "former" in path and "keyId" in outputs:
            outputs["record"]["former"] = [{"identity": copy.deepcopy(record["identity"]), "owner": "before"}]
        part = outputs["record"]
        try:
            for name in path:
                part = part[name]
        except KeyError:
            continue
        if not isinstance(part, dict):
            continue
        part["later"] = LATER
        assert all("If a newer allomia-pulumi has written it" in error for error in declared.refused(outputs)), path
    assert declared.writes(event, entry) == []


@pytest.mark.catalogue(154)
def test_g4_what_a_newer_version_added_is_carried_along_and_no_difference(declared: Declared) -> None:
    face, outputs = declared.face, copy.deepcopy(declared.outputs)
    outputs["later"] = LATER
    parts = [outputs["record"], outputs["record"]["settings"], *outputs.get("previousKeys", [])]
    if "applied" in outputs:
        parts += [outputs["applied"], outputs["applied"]["settings"], outputs["applied"]["accepted"]]
    for part in parts:
        part["later"] = LATER
    inputs = face.check(declared.inputs, declared.inputs)
    assert not face.diff(declared.id, outputs, inputs, old_inputs=declared.inputs).changes

    _, seen = face.read(declared.id, outputs, declared.inputs)
    assert_carried(seen, face)
    # The diff after a read says only what that found.
    face.diff(declared.id, seen, declared.other, old_inputs=declared.inputs)
    other = face.check(declared.inputs, declared.other)
    assert face.diff(declared.id, seen, other, old_inputs=declared.inputs).changes
    if isinstance(face, PluginFace):
        expected = face.preview(declared.id, seen, other)
        assert "later" not in expected or is_marked_secret(face.last_answer, "later")
    after = face.update(declared.id, seen, other)
    assert after != seen
    assert_carried(after, face)
    face.delete(declared.id, after)


def assert_carried(outputs: dict[str, Any], face: Face) -> None:
    """See that everything that this version does not read is there, and kept as a secret where it may be one."""
    assert outputs["later"] == LATER
    assert is_marked_secret(face.last_answer, "later")
    assert outputs["record"]["later"] == LATER
    if "applied" in outputs:
        assert outputs["applied"]["later"] == LATER
        assert outputs["applied"]["settings"]["later"] == LATER
        assert outputs["applied"]["accepted"]["later"] == LATER
    else:
        assert outputs["record"]["settings"]["later"] == LATER
