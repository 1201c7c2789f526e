"""Whatever somebody writes where a reference, a duration, a name or a setting belongs: a value, or an error of ours."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import clean_label, label_of, make_mark, parse_mark
from allomia_pulumi.core.minted_key.inputs import SUPPORTED, parse_inputs
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.edges.allomia.paths import segment
from allomia_pulumi.ground.config import load_settings
from allomia_pulumi.ground.durations import format_duration, parse_duration
from allomia_pulumi.ground.identifiers import BASE32, is_identifier
from allomia_pulumi.ground.redaction import guard, printable, scrub
from allomia_pulumi.ground.references import VaultReference, parse_reference
from allomia_pulumi.ground.settings import CONFIGURATION, Settings
from tests.fakes import LINEAGE
from tests.faults.garbage import CANARY, leaves, mutated, survives, texts, values

PARTS = ("mount", "path", "field", "version", "kvVersion")
VARIABLES = (
    "ALLOMIA_API_URL",
    "ALLOMIA_TENANT_KEY_REF",
    "ALLOMIA_OWNER",
    "ALLOMIA_KEYS_PATH",
    "BAO_ADDR",
    "VAULT_ADDR",
    "BAO_NAMESPACE",
    "VAULT_CACERT",
)
VAULT = {
    "address": "https://vault.example:8200",
    "namespace": "clinic/berlin",
    "caCertFile": "/etc/ca.pem",
    "timeoutSeconds": 10,
    "auth": {"method": "approle", "mount": "approle", "roleId": "role", "secretIdEnv": "SECRET_ID"},
}
VAULT_NAMES = ("token", "secretId", "jwt", "method", "role", "jwtFile", "jwtEnv", "tokenEnv", "audience", *VAULT)
INPUTS = {
    "organizationId": "org",
    "name": "ehr",
    "rotationTriggers": {"quarter": "1"},
    "rotateAfter": "90d",
    "overlap": "24h",
    "vaultSecret": {"mount": "secret", "path": "allomia/ehr", "field": "api_key", "takeOver": True},
    "secretInState": True,
    "verify": False,
    "tenantKeyRef": "secret/allomia/tenant#api_key",
    "adopt": {"keyId": "key-1", "vaultSecret": "secret/allomia/ehr#api_key"},
}


@given(
    st.one_of(values(*PARTS), mutated({"mount": "a", "path": "b", "field": "c", "version": 1, "kvVersion": 2}, *PARTS))
)
def test_g3_any_value_is_a_reference_or_refused_unseen(value: Any) -> None:
    found = survives(lambda: parse_reference(value, "the reference"))
    if isinstance(found, VaultReference):
        assert str(found).isprintable()
        assert ".." not in found.location.split("/")
        assert parse_reference(found.to_wire(), "the reference") == found


@given(st.text(alphabet='ab/#.%{}"\\ \n\x1b\u202e', max_size=20))
def test_g3_any_text_of_the_characters_of_references_is_one_or_refused(text: str) -> None:
    found = survives(lambda: parse_reference(text, "the reference"))
    if isinstance(found, VaultReference):
        assert all(segment.strip() not in {"", ".", ".."} for segment in found.location.split("/"))


@given(st.one_of(values(), st.from_regex(r"P?[0-9]{0,12}[wdhmsWDHMST]?[0-9]{0,3}[wdhmsWDHMST]?", fullmatch=True)))
def test_g3_any_value_is_a_duration_or_refused_unseen(value: Any) -> None:
    found = survives(lambda: parse_duration(value, "rotateAfter"))
    if found is not None:
        assert parse_duration(format_duration(found), "rotateAfter") == found


@given(texts, texts, texts, texts, texts, texts)
def test_every_mark_is_read_back_behind_any_label(
    project: str, stack: str, parents: str, name: str, owner: str, label: str
) -> None:
    mark = make_mark(Identity(project=project, stack=stack, parents=parents, name=name), owner, LINEAGE)
    assert parse_mark(mark.name(label)) == mark
    assert label_of(mark.name(label)) == label
    again = make_mark(Identity(project=project, stack=stack, parents=parents, name=name), owner, LINEAGE)
    assert mark.declared == again.declared


@given(st.text(alphabet=BASE32, min_size=26, max_size=26), texts)
def test_of_names_in_the_form_of_ours_one_check_character_of_32_fits(body: str, label: str) -> None:
    fitting = [last for last in BASE32 if parse_mark(f"{label}--p1{body}{last}")]
    assert len(fitting) == 1


@given(st.text(max_size=40).filter(lambda name: "--p1" not in name))
def test_a_name_without_the_form_of_ours_is_made_by_hand(name: str) -> None:
    assert parse_mark(name) is None
    assert label_of(name) == name


@given(texts)
def test_any_logical_name_makes_a_label_that_fits(name: str) -> None:
    label = clean_label(name)
    assert label.isprintable()
    assert 1 <= len(label) <= 60
    assert label == label.strip()


@given(texts)
def test_any_text_is_an_id_of_one_segment_or_none(text: str) -> None:
    path = survives(lambda: segment(text))
    assert (path is None) is (not is_identifier(text))
    if path is not None:
        assert path.isascii()
        assert not set(path) & set("/?#;&\\ \"'`$<>|")
        assert path not in {".", "..", ""}


@given(texts, texts)
def test_g3_no_guarded_secret_and_no_control_character_survives(before: str, after: str) -> None:
    guard(CANARY)
    assert CANARY not in scrub(f"{before}{CANARY}{after}")
    assert printable(f"{before}{after}").isprintable()


@given(
    st.dictionaries(st.sampled_from(CONFIGURATION), texts, max_size=5),
    st.dictionaries(st.sampled_from(VARIABLES), texts, max_size=5),
    st.dictionaries(st.sampled_from(CONFIGURATION), texts, max_size=2),
)
def test_g3_any_configuration_is_settings_or_refused_unseen(
    stack: dict[str, str], environ: dict[str, str], arguments: dict[str, str]
) -> None:
    found = survives(lambda: load_settings(stack, environ, arguments))
    if isinstance(found, Settings):
        assert found.api_url.startswith(("http://", "https://"))
        assert found.keys_path.count("{organizationId}") == 1
        assert all(source.isprintable() for source in found.sources.values())


@given(st.one_of(mutated(VAULT, *VAULT_NAMES), values(*VAULT_NAMES)))
def test_g3_any_object_for_vault_is_settings_or_refused_unseen(vault: Any) -> None:
    for text in (json.dumps(vault), str(vault)):
        survives(lambda text=text: load_settings({"vault": text}, {}))  # type: ignore[misc]


@given(
    st.sampled_from(["https://", "https://allomia.example", "http://127.0.0.1:8080", "http://[::1]", ""]),
    st.text(alphabet="htps:/@.?#[]0123456789ax \n\t\x1b\u202e%", max_size=12),
)
def test_g5_any_address_is_one_that_can_be_shown_or_refused(beginning: str, rest: str) -> None:
    for stack in ({"apiUrl": beginning + rest}, {"vault": json.dumps({"address": beginning + rest})}):
        found = survives(lambda stack=stack: load_settings(stack, {}))  # type: ignore[misc]
        if isinstance(found, Settings):
            assert found.api_url.isprintable()
            assert (found.vault.address or "").isprintable()


@pytest.mark.catalogue(58)
@given(st.one_of(mutated(INPUTS, *SUPPORTED), st.dictionaries(st.sampled_from(SUPPORTED), values(*PARTS)), values()))
def test_g3_any_inputs_are_read_or_refused_unseen(news: Any) -> None:
    if not isinstance(news, dict):
        news = {"organizationId": news}
    inputs, failures = parse_inputs(news)
    assert (inputs is None) is bool(failures)
    for failure in failures:
        assert failure.reason.isprintable()
        assert failure.property.isprintable()
        assert CANARY not in failure.reason or CANARY in str([*news, *(news.get("rotationTriggers") or ())])


@given(st.sampled_from(SUPPORTED), leaves)
def test_unknown_inputs_mix_with_any_others(name: str, value: Any) -> None:
    inputs, failures = parse_inputs({**dict.fromkeys(SUPPORTED, UNKNOWN), name: value})
    assert (inputs is None) is bool(failures)
