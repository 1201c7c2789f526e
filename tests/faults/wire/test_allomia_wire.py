"""An AlloMia that breaks the rules of HTTP and TLS: a typed error of one line, soon, in little memory, one POST."""

from __future__ import annotations

import gzip
import re
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.edges.allomia import HttpClient, TenantClient, http_client
from allomia_pulumi.errors import (
    AllomiaError,
    InvalidConfiguration,
    OutcomeUnknown,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.cancellation import Cancellation
from tests.allomias import BODY_CANARY, KEYS, Credential
from tests.fakes import FakeClock
from tests.faults.peers import RUDE_BYTES, Act, answers, peer, says
from tests.faults.wire.rudeness import BROKEN, FLOODS, LATE, STRANGE, TROUBLE
from tests.vaults import certificate, everything_told, server_side

TENANT_KEY = "alm_tenant_canary_0000000000000001"
Operation = Callable[[TenantClient], object]
OPERATIONS: dict[str, Operation] = {
    "list": lambda client: client.list_keys("org"),
    "read": lambda client: client.has_key("org", "key-1"),
    "revoke": lambda client: client.revoke_key("org", "key-1"),
    "organization": lambda client: client.has_organization("org"),
    "prove": lambda client: client.prove_key("org", SecretStr(TENANT_KEY), "the answer that showed the new key"),
}


@contextmanager
def client_of(address: str) -> Iterator[TenantClient]:
    connection = HttpClient(address, FakeClock(), Cancellation(), source="default")
    try:
        yield TenantClient(connection, Credential(TENANT_KEY), KEYS)
    finally:
        connection.close()


def refused(address: str, operation: Operation) -> AllomiaError:
    with client_of(address) as client, pytest.raises(AllomiaError) as caught:
        operation(client)
    text = str(caught.value)
    assert text.isprintable(), text
    assert len(text) < 600
    chain = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [secret for secret in (TENANT_KEY, BODY_CANARY) if secret in chain]
    return caught.value


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a request a fifth of a second; only for peers that let it wait for ever, since machines are slow too."""
    monkeypatch.setattr(http_client, "ATTEMPT_SECONDS", 0.2)


@pytest.mark.catalogue(19, 23)
@pytest.mark.parametrize("name", BROKEN)
def test_g1_g5_broken_http_is_a_broken_connection(name: str) -> None:
    with peer(BROKEN[name]) as server:
        error = refused(server.address, OPERATIONS["list"])
        assert isinstance(error, Unreachable)
        assert "broke the connection" in error.message
        assert server.count(5) == 5
    minted_once(BROKEN[name])


@pytest.mark.catalogue(21, 23)
@pytest.mark.parametrize("name", STRANGE)
def test_g1_g4_an_answer_that_lies_about_itself_is_not_believed(name: str) -> None:
    with peer(STRANGE[name]) as server:
        assert type(refused(server.address, OPERATIONS["list"])) is UnexpectedAnswer
        assert len(server.requests) == 1
    minted_once(STRANGE[name])


@pytest.mark.catalogue(21)
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "revoke"])
def test_g4_a_login_page_answers_no_question(operation: str) -> None:
    with peer(STRANGE["page called json"]) as server:
        assert type(refused(server.address, OPERATIONS[operation])) is UnexpectedAnswer
        assert len(server.requests) == 1


@pytest.mark.catalogue(21, 62)
@pytest.mark.parametrize("name", [name for name in STRANGE if "that is none" not in name])
def test_g4_a_deletion_answered_by_no_answer_is_not_confirmed(name: str) -> None:
    with peer(STRANGE[name]) as server, client_of(server.address) as client:
        assert client.revoke_key("org", "key-1") is Revocation.ACCEPTED
        assert len(server.requests) == 1


@pytest.mark.catalogue(15, 16)
@pytest.mark.parametrize("name", TROUBLE)
def test_g1_an_unknown_trouble_of_the_server_is_unavailable(name: str) -> None:
    with peer(TROUBLE[name]) as server:
        assert isinstance(refused(server.address, OPERATIONS["list"]), Unavailable)
        assert server.count(5) == 5
    minted_once(TROUBLE[name])


@pytest.mark.catalogue(10, 18)
@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("name", LATE)
def test_g1_an_answer_that_never_comes_whole_ends_with_its_deadline(name: str) -> None:
    with peer(LATE[name]) as server:
        error = refused(server.address, OPERATIONS["list"])
        assert isinstance(error, Unreachable)
        assert "gave no complete answer in time" in error.message
        assert server.count(5) == 5
    minted_once(LATE[name])


@pytest.mark.catalogue(23)
@pytest.mark.parametrize("name", FLOODS)
def test_a_hundred_megabytes_are_hung_up_on(name: str) -> None:
    with peer(FLOODS[name]) as server:
        assert isinstance(refused(server.address, OPERATIONS["list"]), UnexpectedAnswer)
        assert len(server.requests) == 1
        assert server.sent < RUDE_BYTES / 4
    minted_once(FLOODS[name])


@pytest.mark.catalogue(23)
def test_a_compressed_flood_is_not_unpacked() -> None:
    with peer(answers(gzip.compress(b" " * RUDE_BYTES), Content_Encoding="gzip")) as server:
        tracemalloc.start()
        try:
            error = refused(server.address, OPERATIONS["list"])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert isinstance(error, UnexpectedAnswer)
    assert peak < 16 * 1024 * 1024


@pytest.mark.catalogue(24)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("place", ["elsewhere", "same host", "itself", "other scheme"])
def test_g3_no_redirect_is_followed(status: str, place: str) -> None:
    with peer(answers(b"{}")) as elsewhere:
        places = {
            "elsewhere": f"{elsewhere.address}/api/organization",
            "same host": "/api/organization/other",
            "itself": "",
            "other scheme": elsewhere.address.replace("http:", "https:"),
        }
        act = answers(b"", status=status, Location=places[place])
        with peer(act) as server:
            error = refused(server.address, OPERATIONS["list"])
            assert isinstance(error, UnexpectedAnswer)
            assert f"does not look like AlloMia: {status[:3]}" in error.message
            assert len(server.requests) == 1
        minted_once(act)
        assert elsewhere.requests == []


@pytest.mark.catalogue(11)
@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "https://allomia.invalid"])
def test_g1_an_allomia_that_cannot_be_connected_to_made_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for operation in (OPERATIONS["list"], mint):
        error = refused(address, operation)
        assert isinstance(error, Unreachable)
        assert not error.was_sent
        assert f"AlloMia at {address} (default) is not reachable" in error.message


@pytest.mark.catalogue(11)
@pytest.mark.parametrize(
    ("host", "address", "days", "is_known"),
    [
        ("localhost", "127.0.0.1", 1, False),
        ("elsewhere.example", "127.0.0.2", 1, True),
        ("localhost", "127.0.0.1", -1, True),
    ],
    ids=["unknown authority", "another name", "expired"],
)
def test_g3_a_certificate_that_does_not_hold_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, address: str, days: int, is_known: bool
) -> None:
    file = certificate(tmp_path, host, address, days)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    for operation in (OPERATIONS["list"], mint):
        with peer(answers(b"{}"), server_side(file)) as server:
            error = refused(server.address, operation)
            assert type(error) is InvalidConfiguration
            assert "is not trusted, so nothing was sent" in error.message
            assert server.requests == []


@pytest.mark.catalogue(11)
@pytest.mark.usefixtures("soon")
def test_https_to_a_port_of_plain_http_sends_nothing() -> None:
    with peer(says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as server:
        error = refused(server.address.replace("http:", "https:"), mint)
        assert isinstance(error, Unreachable)
        assert not error.was_sent
        assert not [request for request in server.requests if TENANT_KEY.encode() in request]


def test_g3_http_to_a_port_of_https_is_refused_before_it_goes_off_this_machine(tmp_path: Path) -> None:
    with peer(answers(b"{}"), server_side(certificate(tmp_path))) as server:
        error = refused(server.address.replace("https:", "http:"), mint)
        assert isinstance(error, OutcomeUnknown)
        assert server.requests == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("name", ["says nothing", "no bytes at all", "page called json"])
def test_g3_no_frame_of_ours_shows_the_key_of_a_request_that_failed(name: str) -> None:
    with (
        peer({**BROKEN, **STRANGE, **LATE}[name]) as server,
        client_of(server.address) as client,
        pytest.raises(AllomiaError) as caught,
    ):
        client.list_keys("org")
    told = everything_told(caught.value)
    assert not [secret for secret in (TENANT_KEY, BODY_CANARY) if secret in told]


def mint(client: TenantClient) -> object:
    return client.mint_key("org", "ehr")


def minted_once(act: Act) -> None:
    """Nobody knows what became of the request, so it is told, and it is not sent again."""
    with peer(act) as server:
        assert type(refused(server.address, mint)) is OutcomeUnknown
        assert server.count(1) == 1
        assert server.methods() == ["POST"]
        assert re.search(rb'\{"name": ?"ehr"\}', server.requests[0])
