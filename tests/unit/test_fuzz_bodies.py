"""Whatever AlloMia or Vault answers: a value, or an error of ours; nothing is concluded from garbage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from allomia_pulumi.edges.allomia import HttpClient, TenantClient
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.edges.vault.answers import request_json
from allomia_pulumi.edges.vault.faults import Fault, to_error
from allomia_pulumi.edges.vault.metadata import Metadata
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.identifiers import is_identifier
from allomia_pulumi.ground.redaction import fingerprint
from allomia_pulumi.ground.references import parse_reference
from tests.allomias import KEYS, Credential
from tests.deliveries import Spot, on_its_way
from tests.fakes import FakeClock
from tests.faults.garbage import CANARY, encoded, mutated, survives, texts, values
from tests.vaults import KEY, TOKEN, opened, stand_in
from tests.vaults import Exchange as Request

LISTED = {
    "apiKeys": [
        {
            "id": "key-1",
            "name": "ehr",
            "organizationId": "org",
            "createdAt": "2026-11-25T12:00:00Z",
            "lastUsedAt": None,
        },
        {
            "id": "key-2",
            "name": "fax",
            "organizationId": "org",
            "createdAt": "2026-11-25T12:00:00Z",
            "lastUsedAt": None,
        },
    ],
    "pagination": {"page": 1, "limit": 100, "total": 2, "hasNextPage": False},
}
CREATED = {"id": "key-1", "name": "ehr", "key": CANARY, "organizationId": "org", "createdAt": "2026-11-25T12:00:00Z"}
ORGANIZATION = {"currentOrg": {"id": "org", "name": "Clinic", "createdAt": "2026-11-25T12:00:00Z", "city": "Berlin"}}
ORGANIZATIONS = {"organizations": [{"id": "org", "name": "Clinic"}], "pagination": {"total": 1, "hasNextPage": False}}
CALLS = {"calls": [{"id": "call-1"}], "pagination": {"total": 1}}
DELETED = {"message": "gone", "apiKeyId": "key-1"}
ERROR = {"error": CANARY}
ANSWERS = (LISTED, CREATED, ORGANIZATION, ORGANIZATIONS, CALLS, DELETED, ERROR)
NAMES = ("id", "name", "key", "apiKeys", "pagination", "total", "hasNextPage", "createdAt", "error")
METADATA = {
    "current_version": 1,
    "custom_metadata": {"managed-by": "allomia-pulumi", "mark": "p1x", "key_id": "key-1", "version": "1"},
    "versions": {"1": {"created_time": "2026-11-25T12:00:00Z", "deletion_time": "", "destroyed": False}},
}
VAULT_NAMES = ("data", "errors", "auth", "metadata", "versions", "current_version", "options", "path", "type", "key_id")
MOUNT = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}
SECRET = {"data": {"data": {"api_key": KEY}, "metadata": {"version": 1}}}
PERMITTED = {"data": {"secret/data/x": ["root"], "secret/metadata/x": ["root"]}}
bodies = st.one_of(
    *(mutated(answer, *NAMES) for answer in ANSWERS),
    values(*NAMES),
).map(encoded)
raw_bodies = st.one_of(bodies, st.binary(max_size=60), bodies.map(lambda body: body[: len(body) // 2]))
statuses = st.one_of(
    st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 408, 409, 429, 500, 503]), st.integers(200, 599)
)
kinds = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "application/problem+json", "text/html", ""]
)
dates = st.one_of(st.just("Wed, 25 Nov 2026 12:00:00 GMT"), st.text(alphabet="MonWedNv 0123456789:,+-GT", max_size=40))


class Garbled:
    """An AlloMia that answers everything with what it was given."""

    def __init__(self) -> None:
        self.response = httpx.Response(500)
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - it does not matter
        self.asked += 1
        return httpx.Response(self.response.status_code, content=self.response.content, headers=self.response.headers)


@pytest.fixture(scope="module")
def garbled() -> Garbled:
    return Garbled()


@pytest.fixture(scope="module")
def client(garbled: Garbled) -> Iterator[TenantClient]:
    http = HttpClient("https://allomia.example", _Timeless(), Cancellation(), transport=httpx.MockTransport(garbled))
    yield TenantClient(http, Credential(CANARY), KEYS)
    http.close()


class _Timeless(FakeClock):
    """No wait is remembered, and no time passes beyond the end of the calendar."""

    def sleep(self, seconds: float) -> None:
        self._elapsed += seconds


@pytest.mark.catalogue(22)
@given(raw_bodies, statuses, kinds, dates)
@settings(max_examples=60)
def test_g3_g4_any_answer_of_allomia_is_a_value_or_an_error_of_ours(
    client: TenantClient, garbled: Garbled, body: bytes, status: int, kind: str, date: str
) -> None:
    headers = {"Content-Type": kind, "Date": date, "Retry-After": date, "Location": "https://evil.example"}
    garbled.response = httpx.Response(status, content=body, headers=headers)
    keys = survives(lambda: client.list_keys("org"))
    assert keys is None or len({key.id for key in keys}) == len(keys)
    survives(lambda: client.list_keys_dated("org"))
    survives(lambda: client.has_key("org", "key-1"))
    survives(lambda: client.revoke_key("org", "key-1"))
    survives(lambda: client.organization("org"))
    survives(lambda: client.list_organizations("Clinic"))
    survives(lambda: client.prove_key("org", SecretStr(CANARY), "the answer that showed the new key"))
    garbled.asked = 0
    minted = survives(lambda: client.mint_key("org", "ehr"))
    if minted is not None:
        assert 200 <= status < 300
        assert minted.key.get_secret_value().isprintable()
        assert CANARY not in repr(minted)
        assert minted.created_at.utcoffset() is not None
    assert garbled.asked <= 3


@pytest.mark.catalogue(22)
@given(mutated(LISTED, *NAMES).map(encoded))
@settings(max_examples=60)
def test_g4_a_list_with_one_odd_part_is_the_list_or_an_error(
    client: TenantClient, garbled: Garbled, body: bytes
) -> None:
    garbled.response = httpx.Response(200, content=body, headers={"Content-Type": "application/json"})
    keys = survives(lambda: client.list_keys("org"))
    if keys is not None:
        whole = json.loads(body)
        assert len(keys) == len(whole["apiKeys"]) == whole["pagination"]["total"]
        for key, listed in zip(keys, whole["apiKeys"], strict=True):
            # A key that no request can name holds its slot under a stand-in, which no request can name either.
            assert key.id == listed["id"] or not (is_identifier(key.id) or is_identifier(listed["id"]))
        assert all(key.organization_id in {None, "org"} for key in keys)


@given(statuses, raw_bodies, st.dictionaries(st.sampled_from(["Content-Type", "Retry-After", "Location"]), texts))
def test_g3_any_answer_of_vault_is_an_object_or_a_fault(status: int, body: bytes, headers: dict[str, str]) -> None:
    response = requests.Response()
    response.status_code, response._content, response.encoding = status, body, "utf-8"
    response.headers.update(headers)
    try:
        answer = request_json(lambda: response)
    except Fault as fault:
        problem = to_error(fault, "Vault at https://vault.example", "reading secret/x#api_key")
        survives(lambda: _raise(problem))
    else:
        assert isinstance(answer, dict)


@given(st.one_of(mutated(METADATA, *VAULT_NAMES), values(*VAULT_NAMES)))
def test_any_metadata_are_read_or_refused(whole: Any) -> None:
    try:
        metadata = Metadata.model_validate(whole)
    except ValidationError:
        return
    now = FakeClock().now()
    stored = metadata.to_stored(now)
    assert stored.version >= 0
    assert stored.is_ours or stored.key_id is None
    assert metadata.to_versions(now).version == metadata.current_version
    assert metadata.intact <= set(metadata.versions)


class Scripted:
    """A Vault that gives any answer to one kind of request, and right ones to the others."""

    def __init__(self) -> None:
        self.which, self.status, self.body = "", 200, b""

    def __call__(self, request: Request) -> None:
        part = next((part for part in ("mounts/", "capabilities", "/metadata/", "/data/") if part in request.path), "")
        if part == self.which:
            return request.answer(self.status, self.body)
        right = {"mounts/": MOUNT, "capabilities": PERMITTED, "/metadata/": {"data": METADATA}, "/data/": SECRET}
        return request.answer(200, right.get(part, {}))


@pytest.mark.catalogue(22)
@given(
    st.sampled_from(["mounts/", "capabilities", "/metadata/", "/data/"]),
    st.one_of(
        *(mutated(whole, *VAULT_NAMES) for whole in (MOUNT, PERMITTED, SECRET, {"data": METADATA})),
        values(*VAULT_NAMES),
    ).map(encoded),
    st.sampled_from([200, 200, 200, 400, 403, 404]),
)
@settings(max_examples=40)
def test_g3_a_vault_with_one_odd_answer_gives_a_value_or_an_error_of_ours(
    scripted: tuple[Scripted, str], which: str, body: bytes, status: int
) -> None:
    vault_side, address = scripted
    vault_side.which, vault_side.body, vault_side.status = which, body, status
    with opened({"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN}, _Timeless()) as vault:
        _use(vault)


@pytest.fixture(scope="module")
def scripted() -> Iterator[tuple[Scripted, str]]:
    act = Scripted()
    with stand_in(*[act] * 100_000) as server:
        yield act, server.address


def _use(vault: Vault) -> None:
    reference = parse_reference("secret/x#api_key", "the reference")
    secret = survives(lambda: vault.read_secret(reference))
    assert secret is None or fingerprint(secret)
    survives(lambda: vault.read_versions(reference))
    survives(lambda: vault.inspect_secret(Spot("x")))
    survives(lambda: vault.preflight_delivery(Spot("x")))
    survives(lambda: vault.deliver_secret(Spot("x"), on_its_way(1, secret=CANARY)))
    survives(lambda: vault.withdraw_secret(Spot("x"), [1], key_id="key-1"))


def _raise(problem: AllomiaError) -> None:
    raise problem
