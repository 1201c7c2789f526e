from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.edges.vault.transport import build_session
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.ground.settings import VaultSettings
from tests.fakes import FakeClock
from tests.vaults import (
    KEY,
    TOKEN,
    Act,
    Exchange,
    answer,
    drip,
    everything_told,
    hang_up,
    healthy,
    opened,
    read,
    stand_in,
)

TENANT = "secret/allomia/tenant#api_key"
SECRET_ID = "canary-secret-id-0001"
APPROLE = {"method": "approle", "roleId": "role", "secretIdEnv": "SECRET_ID"}
JWT = {"method": "jwt", "role": "role", "jwtEnv": "SECRET_ID"}
PREFLIGHT = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}
DEAD = {"errors": ["permission denied"]}


def environ(address: str) -> dict[str, str]:
    return {"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN, "SECRET_ID": SECRET_ID}


def refused(address: str, clock: FakeClock | None = None, reference: object = TENANT, **vault: object) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(reference, environ(address), clock, **vault)
    assert "\n" not in str(caught.value)
    told = everything_told(caught.value)
    assert not [secret for secret in (TOKEN, SECRET_ID, KEY) if secret in told]
    return caught.value


@pytest.mark.catalogue(24)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("auth", [{"method": "token"}, APPROLE])
def test_a_redirect_takes_no_credential_elsewhere(status: int, auth: dict[str, object]) -> None:
    with stand_in() as elsewhere, stand_in(answer(status, Location=f"{elsewhere.address}/v1/x")) as server:
        error = refused(server.address, auth=auth)

    assert isinstance(error, InvalidConfiguration)
    assert f"redirects to another address ({status})" in error.message
    assert "active node" in error.hint
    assert not elsewhere.seen


def test_no_password_from_netrc_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine vault.example login somebody password canary\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    request = requests.Request("GET", "https://vault.example/v1/x")

    with requests.Session() as usual, build_session("https://vault.example", verify=True) as ours:
        assert "Authorization" in usual.prepare_request(request).headers
        assert "Authorization" not in ours.prepare_request(request).headers


def test_a_proxy_never_sees_what_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in() as proxy, stand_in() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

        assert read(TENANT, environ(server.address)) == KEY

    assert not proxy.seen


def test_a_proxy_to_another_machine_gets_a_tunnel_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in(*[answer(502)] * 5) as proxy:
        monkeypatch.setenv("https_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        error = refused("https://vault.example:8200")

    assert isinstance(error, Unreachable)
    assert "through the proxy" in error.message
    assert {(seen.method, seen.path) for seen in proxy.seen} == {("CONNECT", "vault.example:8200")}
    assert TOKEN not in str([seen.headers for seen in proxy.seen])


@pytest.mark.catalogue(18)
@pytest.mark.parametrize(
    "act",
    [
        drip(b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Long:"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["status line", "headers", "body", "chunks"],
)
def test_an_answer_that_drips_is_given_up(act: Act) -> None:
    with stand_in(*[act] * 5) as server:
        error = refused(server.address, timeoutSeconds=0.1)

    assert isinstance(error, Unreachable)
    assert "gave no complete answer in time" in error.message
    assert "(5 attempts)" in error.message


@pytest.mark.catalogue(18)
def test_a_silent_peer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(f"http://127.0.0.1:{silent.getsockname()[1]}", timeoutSeconds=0.1)

    assert isinstance(error, Unreachable)


def endless(exchange: Exchange) -> None:
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        exchange.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
    exchange.close_connection = True


@pytest.mark.catalogue(23)
@pytest.mark.parametrize("act", [answer(200, PREFLIGHT | {"more": " " * 5 * 1024 * 1024}), endless])
def test_an_answer_beyond_4_mib_is_given_up(act: Act) -> None:
    with stand_in(act) as server:
        error = refused(server.address)

    assert isinstance(error, UnexpectedAnswer)
    assert "far larger" in error.message
    assert len(server.seen) == 1


@pytest.mark.catalogue(21)
@pytest.mark.parametrize(
    ("act", "said"),
    [
        (answer(200, b"<html>log in</html>", Content_Type="text/html"), "a web page"),
        (answer(403, b"<html>firewall</html>", Content_Type="text/html"), "a web page"),
        (answer(404, b"<html>nothing</html>", Content_Type="text/html"), "a web page"),
        (answer(401, b"who are you", Content_Type="text/plain"), "a 401 of an unknown shape"),
        (answer(200, b""), "not JSON"),
        (answer(200, b"{"), "not JSON"),
        (answer(200, b"\xff\xfe"), "not JSON"),
        (answer(200, []), "not JSON"),
        (answer(200, b"[" * 100_000), "unreadable"),
        (answer(206, PREFLIGHT), "a 206 of an unknown shape"),
        (answer(200, {"data": None}), "of an unknown shape"),
        (answer(200, {"data": {"type": "kv"}}), "of an unknown shape"),
        (answer(200, {"data": {"path": "other/", "type": "kv", "options": None}}), "of an unknown shape"),
        (answer(200, {"data": {"path": "secret/../", "type": "kv", "options": None}}), "of an unknown shape"),
        (answer(200, {"data": {"path": "secret/", "type": "kv", "options": {"version": "3"}}}), "of an unknown shape"),
    ],
)
def test_what_is_not_vault_is_not_believed(act: Act, said: str) -> None:
    with stand_in(act) as server:
        error = refused(server.address)

    assert isinstance(error, UnexpectedAnswer)
    assert said in error.message
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": []}, {"data": {"data": None}}, {"data": {"data": [KEY]}}, {"auth": {}}]
)
def test_a_secret_of_an_unknown_shape_is_not_believed(body: object) -> None:
    with stand_in(answer(200, PREFLIGHT), answer(200, body)) as server:
        error = refused(server.address)

    assert isinstance(error, UnexpectedAnswer)
    assert f"while reading {TENANT}" in error.message


@pytest.mark.parametrize(
    "body", [{}, {"auth": None}, {"auth": {"client_token": ""}}, {"auth": {"client_token": 1}}, {"auth": [TOKEN]}]
)
def test_a_login_that_gives_no_token_is_not_believed(body: object) -> None:
    with stand_in(answer(200, body)) as server:
        error = refused(server.address, auth=APPROLE)

    assert isinstance(error, UnexpectedAnswer)
    assert "gave no token for the approle login" in error.message


@pytest.mark.catalogue(15)
@pytest.mark.parametrize("act", [*map(answer, (412, 429, 500, 502, 503, 504)), hang_up])
@pytest.mark.parametrize("position", [0, 1])
def test_a_read_is_repeated_while_the_fault_is_temporary(act: Act, position: int) -> None:
    clock = FakeClock()
    with stand_in(*[healthy] * position, act) as server:
        assert read(TENANT, environ(server.address), clock) == KEY

    assert len(server.seen) == 3
    assert len(clock.slept) == 1


@pytest.mark.catalogue(39)
@pytest.mark.parametrize(
    ("act", "kind", "said", "attempts"),
    [
        (answer(412), Unavailable, "has not caught up (412)", 5),
        (answer(429), RateLimited, "limits requests (429)", 5),
        (answer(500), Unavailable, "cannot serve the request (500)", 2),
        (answer(501), Unavailable, "is not initialised", 1),
        (answer(502), Unavailable, "cannot serve the request (502)", 5),
        (answer(503), Unavailable, "cannot serve the request (503)", 5),
        (answer(503, {"errors": ["Vault is sealed"]}), Unavailable, "is sealed", 5),
        (answer(599), Unavailable, "cannot serve the request (599)", 1),
        (answer(400), RequestRefused, "refused the request (400)", 1),
        (answer(404, {"errors": ["no handler for route"]}), NotFound, "found nothing (404)", 1),
        (answer(405), RequestRefused, "refused the request (405)", 1),
        (answer(473), RequestRefused, "refused the request (473)", 1),
        (hang_up, Unreachable, "broke the connection", 5),
    ],
)
def test_each_fault_has_its_error_and_its_number_of_attempts(
    act: Act, kind: type[AllomiaError], said: str, attempts: int
) -> None:
    with stand_in(*[act] * 20) as server:
        error = refused(server.address)

    assert type(error) is kind
    assert f"Vault at {server.address} (environment variable VAULT_ADDR) " in error.message
    assert said in error.message
    assert len(server.seen) == attempts
    assert (f"({attempts} attempts)" in error.message) == (attempts > 1)


@pytest.mark.catalogue(11)
@pytest.mark.parametrize(
    ("address", "said"),
    [("http://127.0.0.1:1", "is not reachable"), ("https://vault.invalid", "has a host name that is not known")],
)
def test_a_vault_that_is_not_there_is_named_with_its_source(
    monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    error = refused(address)

    assert isinstance(error, Unreachable)
    assert f"Vault at {address} (environment variable VAULT_ADDR) {said}" in error.message
    assert "(5 attempts)" in error.message


@pytest.mark.catalogue(12)
@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        (lambda _: "3", 3.0, 3.2),
        (lambda _: "0", 0.2, 0.4),
        (lambda _: "86400", 10.0, 10.2),
        (lambda clock: format_datetime(clock.now()), 0.2, 0.4),
        (lambda _: "soon", 0.2, 5.2),
        (lambda _: "-1", 0.2, 5.2),
        (lambda _: "nan", 0.2, 5.2),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    retry_after: Callable[[FakeClock], str], least: float, most: float
) -> None:
    clock = FakeClock()
    with stand_in(answer(429, Retry_After=retry_after(clock))) as server:
        assert read(TENANT, environ(server.address), clock) == KEY

    (waited,) = clock.slept
    assert least <= waited <= most


@pytest.mark.catalogue(13)
def test_all_attempts_together_stay_within_30_seconds() -> None:
    clock = FakeClock()
    with stand_in(*[answer(429, Retry_After="86400")] * 9) as server:
        error = refused(server.address, clock)

    assert isinstance(error, RateLimited)
    assert len(clock.slept) == 2
    assert clock.monotonic() <= 30


@pytest.mark.parametrize("act", [hang_up, answer(500), answer(502), answer(504)])
def test_an_approle_login_that_may_have_used_up_its_secret_id_is_not_repeated(act: Act) -> None:
    with stand_in(act) as server:
        error = refused(server.address, auth=APPROLE)

    assert isinstance(error, (Unreachable, Unavailable))
    assert "while the approle login" in error.message
    assert server.paths() == ["/v1/auth/approle/login"]


@pytest.mark.parametrize(
    ("auth", "act"),
    [(APPROLE, answer(429)), (APPROLE, answer(503)), (JWT, hang_up), (JWT, answer(500)), (JWT, answer(502))],
)
def test_a_login_that_a_repeat_cannot_harm_is_repeated(auth: dict[str, object], act: Act) -> None:
    with stand_in(act) as server:
        assert read(TENANT, environ(server.address), auth=auth) == KEY

    assert [seen.method for seen in server.seen] == ["POST", "POST", "GET", "GET", "POST"]


@pytest.mark.parametrize("auth", [APPROLE, JWT])
@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_login_is_not_repeated(auth: dict[str, object], status: int) -> None:
    odd = {"role": "two\nlines"} if auth is JWT else {}
    with stand_in(answer(status, {"errors": [f"no {SECRET_ID}"]})) as server:
        error = refused(server.address, auth=auth | odd)

    assert isinstance(error, CredentialRejected)
    assert f"({status})" in error.message
    assert len(server.seen) == 1


def test_vaults_wording_of_a_dead_token_is_known_too() -> None:
    dead = answer(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]})
    with stand_in(dead, dead) as server:
        error = refused(server.address)

    assert isinstance(error, CredentialRejected)
    assert server.paths()[1:] == ["/v1/auth/token/lookup-self"]


def test_a_token_that_cannot_be_looked_up_is_not_called_dead() -> None:
    with stand_in(answer(403, DEAD), answer(500)) as server:
        assert isinstance(refused(server.address), AccessDenied)


@pytest.mark.catalogue(42)
def test_a_login_whose_tokens_are_dead_at_once_is_tried_twice_and_no_more() -> None:
    def act(exchange: Exchange) -> None:
        healthy(exchange) if exchange.path.endswith("/login") else exchange.answer(403, DEAD)

    with stand_in(*[act] * 20) as server:
        error = refused(server.address, auth=APPROLE)

    assert isinstance(error, CredentialRejected)
    assert server.paths().count("/v1/auth/approle/login") == 2


@pytest.mark.parametrize("act", [hang_up, answer(503), answer(403, DEAD), answer(200, b"<html>")])
def test_a_revocation_that_fails_is_no_error(act: Act) -> None:
    with stand_in(*[healthy] * 3, act) as server:
        assert read(TENANT, environ(server.address), auth=APPROLE) == KEY

    assert server.paths()[-1] == "/v1/auth/token/revoke-self"
    assert server.seen[-1].headers["X-Vault-Token"] == TOKEN
    assert len(server.seen) == 4


def test_each_request_carries_the_namespace_and_says_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_TOKEN", "VAULT_NAMESPACE", "BAO_TOKEN"):
        monkeypatch.setenv(name, "of-this-process")
    with stand_in() as server:
        read(TENANT, environ(server.address) | {"VAULT_NAMESPACE": "clinic/berlin"}, auth=APPROLE)

    assert len(server.seen) == 5
    probe, *others = server.seen
    assert probe.headers["X-Vault-Namespace"].startswith("clinic/berlin/")
    for seen in others:
        assert seen.headers["X-Vault-Namespace"] == "clinic/berlin"
    for seen in server.seen:
        assert seen.headers["X-Vault-Request"] == "true"
        assert seen.headers["User-Agent"].startswith("allomia-pulumi/")
    assert not [seen for seen in server.seen[:2] if "X-Vault-Token" in seen.headers]


NO_PROOF = [
    answer(404, {"errors": ["namespace not found"]}),
    answer(404, {"errors": ["no handler for route"]}),
    *[answer(status) for status in (307, 400, 401, 403, 405, 501)],
    answer(404, b"<html>"),
    answer(200, b"<html>", Content_Type="text/html"),
    *[answer(200, body) for body in ({}, {"data": None}, {"data": {"auth": {}}}, {"data": {"auth": [], "secret": []}})],
]


@pytest.mark.parametrize("act", NO_PROOF)
def test_an_answer_that_does_not_prove_that_namespaces_are_ignored_changes_nothing(act: Act) -> None:
    with stand_in(act) as server:
        assert read(TENANT, environ(server.address) | {"VAULT_NAMESPACE": "clinic"}) == KEY

    assert server.paths()[0] == "/v1/sys/internal/ui/mounts"
    assert len(server.seen) == 3


@pytest.mark.catalogue(44)
@pytest.mark.parametrize("act", [hang_up, answer(429), answer(503, {"errors": ["Vault is sealed"]})])
def test_namespaces_are_asked_for_again_after_a_blip(act: Act) -> None:
    mounts = {"data": {"auth": {}, "secret": {}}}
    with (
        stand_in(act, answer(200, mounts)) as server,
        opened(environ(server.address) | {"VAULT_NAMESPACE": "clinic"}) as vault,
        pytest.raises(InvalidConfiguration, match="ignores the namespace clinic"),
    ):
        vault.read_secret(parse_reference(TENANT, ""))

    assert server.paths() == ["/v1/sys/internal/ui/mounts"] * 2


def test_a_vault_that_never_answers_is_not_asked_for_a_login_after_it() -> None:
    with (
        stand_in(*[hang_up] * 99) as server,
        opened(environ(server.address) | {"VAULT_NAMESPACE": "c"}) as vault,
        pytest.raises(Unreachable, match=r"asking whether it has the namespace c \(5 attempts\)"),
    ):
        vault.read_secret(parse_reference(TENANT, ""))

    assert len(server.seen) == 5


@pytest.mark.parametrize("namespace", ["a\r\nX-Injected: 1", "a\nb", "日本"])
def test_a_namespace_that_no_header_can_carry_is_refused(namespace: str) -> None:
    with stand_in() as server:
        settings = VaultSettings(address=server.address, namespace=namespace)
        vault = Vault(settings, environ(server.address), FakeClock())
        with pytest.raises(InvalidConfiguration):
            vault.read_secret(parse_reference(TENANT, ""))
        vault.close()

    assert not server.seen


JOB = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-request-token"}
GITHUB = {"method": "jwt", "role": "role", "jwtSource": "github-actions"}


@pytest.mark.parametrize(
    ("act", "kind", "attempts"),
    [
        (answer(401), CredentialRejected, 1),
        (answer(403, {"message": "no"}), CredentialRejected, 1),
        (answer(302, Location="https://elsewhere.example"), InvalidConfiguration, 1),
        (answer(200, b"<html>", Content_Type="text/html"), UnexpectedAnswer, 1),
        (answer(200, {"value": None}), UnexpectedAnswer, 1),
        (answer(503), Unavailable, 5),
        (hang_up, Unreachable, 5),
    ],
)
def test_a_token_that_github_does_not_give_is_explained(act: Act, kind: type[AllomiaError], attempts: int) -> None:
    with stand_in(*[act] * 9) as github:
        job = JOB | {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.address}/token?x=1"}
        with pytest.raises(AllomiaError) as caught:
            read(TENANT, environ("http://127.0.0.1:1") | job, auth=GITHUB)

    assert type(caught.value) is kind
    assert "GitHub's token service" in caught.value.message
    assert "canary-request-token" not in everything_told(caught.value)
    assert len(github.seen) == attempts


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({}, "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set"),
        (JOB, "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
        (JOB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://elsewhere.example/"}, "is not an https address"),
    ],
)
def test_outside_of_a_github_job_the_missing_permission_is_named(job: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read(TENANT, environ("http://127.0.0.1:1") | job, auth=GITHUB)

    assert said in caught.value.message
    assert "id-token: write" in caught.value.hint


def reflect(status: int) -> Act:
    """Throw everything that came back at the client, in every place that it might print."""

    def act(exchange: Exchange) -> None:
        token = exchange.headers.get("X-Vault-Token", "")
        thrown = f"{token} {SECRET_ID} {KEY}"
        version = {"deletion_time": thrown, "version": thrown, "destroyed": thrown}
        body = {"errors": [thrown], "warnings": [thrown], "data": {"path": thrown, "type": thrown, "metadata": version}}
        exchange.answer(status, body, {"Retry-After": thrown, "Location": f"/{token}"})

    return act


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 412, 429, 500, 501, 502, 503])
def test_no_secret_is_told_whatever_vault_throws_back(
    caplog: pytest.LogCaptureFixture, status: int, position: int
) -> None:
    caplog.set_level(logging.DEBUG)
    with stand_in(*[healthy] * position, *[reflect(status)] * 20) as server:
        refused(server.address, auth=APPROLE)

    assert not [secret for secret in (TOKEN, SECRET_ID, KEY) if secret in caplog.text]


def test_nothing_that_travels_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with stand_in() as server, opened(environ(server.address), SystemClock(), auth=APPROLE) as vault:
        secret = vault.read_secret(parse_reference(TENANT, ""))
        shown: list[Any] = [vault, secret, vars(vault)["_reader"], vars(vars(vault)["_reader"])]

    text = f"{shown!r} {caplog.text}"
    assert not [value for value in (TOKEN, SECRET_ID, KEY) if value in text]
    assert json.loads(server.seen[0].body) == {"role_id": "role", "secret_id": SECRET_ID}
