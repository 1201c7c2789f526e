"""Whatever property values the engine sends: decoded, encoded again, and answered with a value or an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import is_internal
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.state import KeyState
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import SECRET_OUTPUTS
from allomia_pulumi.provider.plugin.codec import OUTPUT, SECRET, SIGNATURE, UNKNOWN_TEXT, decode, encode, known
from tests.fakes import FakeAllomia, FakeClock, FakeTenants, Listener
from tests.faults.garbage import CANARY, mutated, survives, texts, values

IDENTITY = Identity(project="p", stack="s", name="ehr")
NEWS = {
    "organizationId": "org",
    "name": "ehr",
    "rotationTriggers": {"quarter": "1"},
    "rotateAfter": "90d",
    "overlap": "24h",
}

marks = st.sampled_from([SECRET, OUTPUT, "another", CANARY, ""])
names = st.one_of(st.sampled_from(["value", SIGNATURE, "__provider", "secret", "record"]), texts)
leaves = st.one_of(
    st.builds(struct_pb2.Value, null_value=st.just(struct_pb2.NULL_VALUE)),
    st.builds(struct_pb2.Value, bool_value=st.booleans()),
    st.builds(struct_pb2.Value, number_value=st.floats()),
    st.builds(struct_pb2.Value, string_value=st.one_of(texts, st.just(UNKNOWN_TEXT))),
    st.builds(struct_pb2.Value),
)


def objects(inner: st.SearchStrategy[struct_pb2.Value]) -> st.SearchStrategy[struct_pb2.Value]:
    plain = st.dictionaries(names, inner, max_size=4)
    marked = st.tuples(plain, marks).map(
        lambda made: {**made[0], SIGNATURE: struct_pb2.Value(string_value=made[1])},
    )
    return st.one_of(plain, marked).map(
        lambda fields: struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields)),
    )


def lists(inner: st.SearchStrategy[struct_pb2.Value]) -> st.SearchStrategy[struct_pb2.Value]:
    return st.lists(inner, max_size=4).map(
        lambda items: struct_pb2.Value(list_value=struct_pb2.ListValue(values=items)),
    )


properties = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.one_of(lists(inner), objects(inner)), max_leaves=10), max_size=4
).map(lambda fields: struct_pb2.Struct(fields=fields))


def _marked_left(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get(SIGNATURE) in (SECRET, OUTPUT) or any(map(_marked_left, value.values()))
    return isinstance(value, list) and any(map(_marked_left, value))


@pytest.mark.catalogue(58)
@given(properties)
@settings(max_examples=60)
def test_any_struct_is_decoded_and_what_is_decoded_is_encoded(message: struct_pb2.Struct) -> None:
    decoded = decode(struct_pb2.Struct.FromString(message.SerializeToString()))
    assert not [name for name in decoded if is_internal(name)]
    assert not _marked_left(decoded)
    again = encode(decoded, secret=SECRET_OUTPUTS)
    assert set(again.fields) == set(decoded)
    assert known(decoded, decoded) == {
        name: value for name, value in decoded.items() if value is not None and not isinstance(value, Unknown)
    }
    for name in SECRET_OUTPUTS & set(decoded):
        is_absent = decoded[name] is None
        assert again.fields[name].HasField("null_value") is is_absent
        assert (SIGNATURE in again.fields[name].struct_value.fields) is not is_absent


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused_by_protobuf(data: bytes) -> None:
    message = struct_pb2.Struct()
    try:
        message.ParseFromString(data)
    except Exception as problem:  # noqa: BLE001 - protobuf's own, whatever it is
        assert type(problem).__name__ == "DecodeError"  # noqa: PT017 - the other branch matters as well
    else:
        decode(message)


def _outputs() -> dict[str, Any]:
    api = FakeAllomia(FakeClock())
    _, state = OrganizationKeys(FakeTenants(api), api.clock).create(NEWS, Call(IDENTITY, Listener()))
    return state.to_outputs()


OUTPUTS = _outputs()
STATE_NAMES = (*OUTPUTS, "stateVersion", "identity", "settings", "step", "why")


@pytest.mark.catalogue(58)
@given(mutated(OUTPUTS, *STATE_NAMES))
@settings(max_examples=60)
def test_g4_any_state_is_read_or_refused_and_never_dropped(outputs: Any) -> None:
    if not isinstance(outputs, dict):
        outputs = {"record": outputs}
    api = FakeAllomia(FakeClock())
    key = api.make("org", OUTPUTS["keyName"])
    keys, listener = OrganizationKeys(FakeTenants(api), api.clock), Listener()
    pulumi_id = f"org/{key.id}"
    found = survives(lambda: keys.read(pulumi_id, outputs, listener) or "gone")
    assert found != "gone" or outputs.get("keyId") != key.id
    survives(lambda: keys.diff(outputs, NEWS, Call(IDENTITY, listener, pulumi_id)))
    survives(lambda: keys.preview(outputs, NEWS, Call(IDENTITY, Listener(), pulumi_id)))
    survives(lambda: keys.delete(outputs, listener))
    assert all(line.isprintable() for line in listener.warnings)


@given(st.dictionaries(st.sampled_from(sorted(NEWS)), values("quarter"), max_size=4))
@settings(max_examples=60)
def test_any_checked_inputs_create_a_key_or_say_why_not(changes: dict[str, Any]) -> None:
    api = FakeAllomia(FakeClock())
    keys, listener = OrganizationKeys(FakeTenants(api), api.clock), Listener()
    checked = survives(lambda: keys.check({}, {**NEWS, **changes}, Call(IDENTITY, listener)))
    assert checked is not None
    assert all(failure.reason.isprintable() for failure in checked.failures)
    if checked.failures or any(isinstance(value, Unknown) for value in checked.inputs.values()):
        return
    made = survives(lambda: keys.create(checked.inputs, Call(IDENTITY, listener)))
    assert made is None or isinstance(made[1], KeyState)
    assert len(api.keys["org"]) == (0 if made is None else 1)
