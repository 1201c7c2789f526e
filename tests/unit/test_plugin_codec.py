"""Property values between the wire and the core: nothing is lost, secrets are marked, unknowns stay unknown."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.model import UNKNOWN, Unknown
from allomia_pulumi.provider.plugin import codec
from allomia_pulumi.provider.plugin.codec import OUTPUT, SECRET, SIGNATURE, UNKNOWN_TEXT, decode, encode, known
from allomia_pulumi.provider.urn import identity_of, kind_in

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text().filter(lambda text: text not in codec.UNKNOWN_TEXTS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda name: name != SIGNATURE), inner),
    max_leaves=12,
)
NAMES = st.text(min_size=1).filter(lambda name: not name.startswith("__"))


def struct(**properties: Any) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(properties)
    return message


@given(st.dictionaries(NAMES, VALUES))
def test_what_is_encoded_is_decoded_to_the_same(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties


@given(st.dictionaries(NAMES, VALUES))
def test_a_secret_is_decoded_to_its_value(properties: dict[str, Any]) -> None:
    assert decode(encode(properties, secret=properties)) == properties


def test_a_secret_is_marked_as_the_sdk_marks_it() -> None:
    marked = MessageToDict(encode({"secret": "canary", "keyId": "k"}, secret=("secret", "absent")))
    assert marked == {"secret": rpc.wrap_rpc_secret("canary"), "keyId": "k"}


def test_what_there_is_not_is_no_secret() -> None:
    assert MessageToDict(encode({"previousSecret": None}, secret=("previousSecret",))) == {"previousSecret": None}


def test_an_unknown_secret_stays_both() -> None:
    marked = MessageToDict(encode({"secret": UNKNOWN}, secret=("secret",)))
    assert marked == {"secret": rpc.wrap_rpc_secret(UNKNOWN_TEXT)}


def test_unknowns_of_every_type_are_unknown_at_every_depth() -> None:
    for text in codec.UNKNOWN_TEXTS:
        found = decode(struct(a=text, b=[text], c={"d": text}))
        assert all(isinstance(value, Unknown) for value in (found["a"], found["b"][0], found["c"]["d"]))


def test_the_sdk_still_writes_unknowns_as_we_read_them() -> None:
    assert rpc.UNKNOWN == UNKNOWN_TEXT
    assert (rpc._special_sig_key, rpc._special_secret_sig, rpc._special_output_value_sig) == (SIGNATURE, SECRET, OUTPUT)


def test_secrets_and_outputs_are_unwrapped_at_every_depth() -> None:
    secret = {SIGNATURE: SECRET, "value": {"quarter": {SIGNATURE: SECRET, "value": "1"}}}
    output = {SIGNATURE: OUTPUT, "value": "org", "secret": True, "dependencies": ["urn"]}
    found = decode(struct(rotationTriggers=secret, organizationId=output, name={SIGNATURE: OUTPUT}))
    assert found == {"rotationTriggers": {"quarter": "1"}, "organizationId": "org", "name": UNKNOWN}


def test_pulumis_own_properties_are_left_out() -> None:
    assert decode(struct(__provider="x", __identity={"a": 1}, __defaults=[], name="ehr")) == {"name": "ehr"}
    assert decode(struct(__lineage="7q2w9x")) == {"__lineage": "7q2w9x"}


def test_whole_numbers_are_whole() -> None:
    version = decode(struct(version=3.0))["version"]
    assert (version, type(version)) == (3, int)


def test_settings_that_are_absent_or_unknown_are_no_settings() -> None:
    assert known({"a": "x", "b": None, "c": UNKNOWN, "d": 1}, ("a", "b", "c", "e")) == {"a": "x"}


@pytest.mark.parametrize(
    ("urn", "identity", "kind"),
    [
        (
            "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr",
            Identity(project="clinic", stack="prod", name="ehr"),
            "OrganizationApiKey",
        ),
        (
            "urn:pulumi:prod::clinic::clinic:a:Site$clinic:b:Room$allomia:index:DashboardApiKey::a::b",
            Identity(project="clinic", stack="prod", parents="clinic:a:Site$clinic:b:Room", name="a::b"),
            "DashboardApiKey",
        ),
        (
            "urn:pulumi:prod::clinic::clinic:a:Site$pulumi-python:dynamic/allomia:OrganizationApiKey::ehr",
            Identity(project="clinic", stack="prod", parents="clinic:a:Site", name="ehr"),
            "OrganizationApiKey",
        ),
    ],
)
def test_a_urn_tells_the_kind_and_the_identity(urn: str, identity: Identity, kind: str) -> None:
    assert (identity_of(urn), kind_in(urn)) == (identity, kind)


def test_the_message_limit_is_the_sdks_own() -> None:
    from pulumi.runtime import _grpc_settings  # noqa: PLC0415

    from allomia_pulumi.provider.plugin.process import LARGEST_MESSAGE  # noqa: PLC0415

    assert dict(_grpc_settings._GRPC_CHANNEL_OPTIONS)["grpc.max_receive_message_length"] == LARGEST_MESSAGE


@pytest.mark.catalogue(57)
def test_no_module_of_the_plugin_prints() -> None:
    folder = Path(inspect.getfile(codec)).parent
    printing = [path.name for path in folder.glob("*.py") if re.search(r"\bprint\(", path.read_text())]
    assert printing == ["process.py"]
