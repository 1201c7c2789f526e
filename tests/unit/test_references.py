"""A reference names a place in Vault; whatever else stands there is refused without being repeated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.references import VaultReference, parse_reference

CANARY = "alm_tenant_canary0123456789"


def test_the_short_form_leaves_the_mount_to_vault() -> None:
    reference = parse_reference("secret/allomia/tenant#api_key", "x")
    assert reference == VaultReference(path="secret/allomia/tenant", field="api_key")
    assert (reference.mount, reference.location) == (None, "secret/allomia/tenant")


def test_an_object_and_its_json_are_the_same() -> None:
    wire = {"mount": "team/kv", "path": "allomia/tenant", "field": "api_key", "version": 3, "kvVersion": 2}
    reference = parse_reference(wire, "x")
    assert reference == parse_reference(json.dumps(wire), "x")
    assert reference.location == "team/kv/allomia/tenant"
    assert reference.to_wire() == wire


def test_numbers_of_the_engine_arrive_as_floats() -> None:
    assert parse_reference({"mount": "s", "path": "p", "field": "f", "version": 3.0}, "x").version == 3


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        f"{CANARY}#",
        f"#{CANARY}",
        f"secret#{CANARY}",
        f"secret/{CANARY}##x",
        f"secret/{CANARY}#x#y",
        f"secret//{CANARY}#x",
        f"/secret/{CANARY}#x",
        f"secret/{CANARY}/#x",
        f"secret/../{CANARY}#x",
        f"secret/./{CANARY}#x",
        f"secret/ {CANARY}#x",
        f"secret/{CANARY}\n#x",
        f"secret/tenant#{CANARY} x",
        f"secret/tenant#{CANARY}/x",
        {"mount": "s", "path": "p", "field": f"{CANARY} x"},
        {"mount": "s", "path": f"../{CANARY}", "field": "f"},
        {"mount": "s", "path": "p", "field": "f", CANARY: 1},
        {"mount": "s", "path": "p", "field": "f", "version": 0},
        {"mount": "s", "path": "p", "field": "f", "kvVersion": 3},
        {"path": CANARY},
        '{"mount": ' + CANARY,
        None,
        7.0,
        [CANARY],
    ],
)
def test_g3_anything_else_is_refused_without_echoing_it(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_reference(value, "allomia:tenantKeyRef")
    assert caught.value.message.startswith("allomia:tenantKeyRef is not a Vault reference")
    assert "put it into Vault" in caught.value.hint
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        reference = parse_reference(text, "x")
    except InvalidInput:
        return
    assert not {"", ".", ".."} & set(reference.location.split("/"))
    assert parse_reference(reference.to_wire(), "x") == reference
