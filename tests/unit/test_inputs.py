"""Bad input is refused at once, each reason by itself, and never with the value."""

from datetime import timedelta
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_delivery import VaultLocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.inputs import parse_inputs, with_name
from allomia_pulumi.core.model import UNKNOWN, Unknown
from allomia_pulumi.ground.references import VaultReference

IDENTITY = Identity(project="p", stack="s", name="ehr-sync")
PLACE = {"mount": "secret", "path": "allomia/ehr", "field": "api_key"}
GOOD = {"organizationId": "org", "name": "ehr"}


def test_good_inputs_are_read() -> None:
    inputs, failures = parse_inputs(
        {**GOOD, "rotationTriggers": {"quarter": "2026-Q4"}, "tenantKeyRef": "secret/allomia/tenant#api_key"}
    )
    assert failures == []
    assert inputs is not None
    assert inputs.rotation_triggers == {"quarter": "2026-Q4"}
    assert inputs.tenant_key_ref == VaultReference(path="secret/allomia/tenant", field="api_key")


@pytest.mark.parametrize(
    ("given", "text"), [(2027.0, "2027"), (2027, "2027"), (0.5, "0.5"), (True, "true"), (False, "false"), ("1", "1")]
)
def test_a_trigger_that_yaml_takes_for_a_number_is_its_text(given: object, text: str) -> None:
    inputs, failures = parse_inputs({**GOOD, "rotationTriggers": {"year": given}})
    assert failures == []
    assert inputs is not None
    assert inputs.rotation_triggers == {"year": text}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"organizationId": None}, "organizationId is missing"),
        ({"organizationId": ""}, "organizationId is not a text or is empty"),
        ({"organizationId": 7.0}, "organizationId is not a text or is empty"),
        ({"organizationId": "a/b"}, "organizationId is not an id"),
        ({"organizationId": "a\x1b[31m"}, "organizationId is not an id"),
        ({"name": ""}, "name is not a text or is empty"),
        ({"name": "   "}, "name is not a text or is empty"),
        ({"name": "x" * 61}, "name has 61 characters"),
        ({"name": "a\u202eb"}, "control or bidi characters"),
        ({"name": "a\tb"}, "control or bidi characters"),
        ({"rotationTriggers": ["a"]}, "rotationTriggers is not a map"),
        ({"rotationTriggers": ["1"]}, "rotationTriggers is not a map, but a list"),
        ({"rotationTriggers": {"n": ["1"]}}, "rotationTriggers.n is not a text, but a list"),
        ({"rotationTriggers": {"n": {"a": "b"}}}, "rotationTriggers.n is not a text, but a map"),
        ({"rotationTriggers": {"n": None}}, "rotationTriggers.n is not a text, but null"),
        ({"rotationTriggers": {"n": {}}}, "rotationTriggers.n is not a text, but null or an empty map"),
        ({"rotationTriggers": {"n": 10**400}}, "a number in rotationTriggers is too large"),
        ({"tenantKeyRef": "key-in-clear"}, "tenantKeyRef is not a Vault reference"),
        ({"rotateAfter": "soon"}, "rotateAfter is not a duration"),
        ({"rotateAfter": "-5s"}, "rotateAfter is not a duration"),
        ({"rotateAfter": "P3M"}, "rotateAfter is not a duration"),
        ({"rotateAfter": "0s"}, "rotateAfter is zero"),
        ({"rotateAfter": 90.0}, "rotateAfter is not a duration"),
        ({"overlap": "1.5h"}, "overlap is not a duration"),
        ({"vaultSecret": "key-in-clear"}, "vaultSecret is not a Vault reference"),
        ({"vaultSecret": 7.0}, "vaultSecret is not a Vault reference"),
        ({"vaultSecret": "secret/../a#b"}, "vaultSecret is not a Vault reference"),
        ({"vaultSecret": "secret/a#key_id"}, "vaultSecret.field key_id is written beside the key"),
        ({"vaultSecret": '{"path": "secret/a", "field": "b", "version": 3}'}, "vaultSecret has a version"),
        ({"vaultSecret": '{"path": "secret/a", "field": "b", "takeOver": true}'}, "it has a field other than"),
        ({"vaultSecret": {"mount": "secret", "path": "a"}}, "vaultSecret has not exactly mount, path and field"),
        ({"vaultSecret": {**PLACE, "extra": "x"}}, "vaultSecret has not exactly mount, path and field"),
        ({"vaultSecret": {**PLACE, "path": "../a"}}, "vaultSecret is not a Vault reference"),
        ({"vaultSecret": {**PLACE, "field": "key_id"}}, "vaultSecret.field key_id is written beside the key"),
        ({"vaultSecret": {**PLACE, "takeOver": "yes"}}, "vaultSecret.takeOver is neither true nor false"),
        ({"secretInState": "no"}, "secretInState is neither true nor false"),
        ({"verify": 0.0}, "verify is neither true nor false"),
        ({"secretInState": False}, "secretInState is false without vaultSecret"),
        ({"rotatAfter": "90d"}, "`rotatAfter` is not supported by this version"),
    ],
)
def test_g5_bad_input_has_one_reason_with_a_next_step(change: dict[str, Any], reason: str) -> None:
    inputs, failures = parse_inputs({**GOOD, **change})
    assert inputs is None
    assert len(failures) == 1
    assert reason in failures[0].reason
    assert failures[0].property in change
    assert "key-in-clear" not in failures[0].reason


def test_a_place_in_short_is_the_same_place_as_its_parts() -> None:
    places = []
    for written in ("secret/allomia/ehr#api_key", PLACE):
        inputs, failures = parse_inputs({**GOOD, "vaultSecret": written, "secretInState": False})
        assert failures == []
        assert inputs is not None
        assert isinstance(inputs.vault_secret, VaultLocation)
        places.append(inputs.vault_secret)
    short, in_parts = places
    assert short.is_same(in_parts)
    assert str(short) == str(in_parts) == "secret/allomia/ehr#api_key"
    assert (short.mount, short.take_over) == (None, False)


def test_all_failures_come_at_once() -> None:
    _, failures = parse_inputs({"organizationId": "", "name": "", "rotationTriggers": 1.0, "overlap": "x"})
    assert {failure.property for failure in failures} == {"organizationId", "name", "rotationTriggers", "overlap"}


def test_an_overlap_is_shorter_than_the_age() -> None:
    for overlap in ("90d", "91d"):
        _, failures = parse_inputs({**GOOD, "rotateAfter": "90d", "overlap": overlap})
        assert [failure.property for failure in failures] == ["overlap"]
    inputs, _ = parse_inputs({**GOOD, "rotateAfter": "90d", "overlap": "89d"})
    assert inputs is not None
    assert inputs.overlap == timedelta(days=89)


def test_absent_and_zero_overlap_are_the_same() -> None:
    for overlap in (None, "0s"):
        inputs, failures = parse_inputs({**GOOD, "overlap": overlap})
        assert failures == []
        assert inputs is not None
        assert not inputs.overlap


def test_unknown_values_pass_as_unknown() -> None:
    inputs, failures = parse_inputs(
        {
            "organizationId": UNKNOWN,
            "name": UNKNOWN,
            "rotationTriggers": {"a": "1", "b": UNKNOWN},
            "rotateAfter": UNKNOWN,
            "overlap": UNKNOWN,
            "vaultSecret": {**PLACE, "path": UNKNOWN},
            "secretInState": UNKNOWN,
            "verify": UNKNOWN,
            "tenantKeyRef": {"mount": "secret", "path": UNKNOWN, "field": "f"},
            "adopt": {"keyId": UNKNOWN, "vaultSecret": "secret/allomia/ehr#api_key"},
        }
    )
    assert failures == []
    assert inputs is not None
    assert all(isinstance(getattr(inputs, name), Unknown) for name in type(inputs).model_fields)


def test_the_label_stays_with_the_key_when_the_resource_is_renamed() -> None:
    assert with_name({}, {}, IDENTITY)["name"] == "ehr-sync"
    assert with_name({}, {"name": "old"}, IDENTITY)["name"] == "old"
    assert with_name({"name": "explicit"}, {"name": "old"}, IDENTITY)["name"] == "explicit"
    assert with_name({"name": None}, {"name": "old"}, IDENTITY)["name"] == "old"
