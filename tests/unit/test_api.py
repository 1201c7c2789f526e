"""What AlloMia answers, and what it means: one table, no body in any message, no blind repetition."""

import ssl
from collections.abc import Iterator
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.edges.allomia import HttpClient, TenantClient
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.cancellation import Cancellation
from tests.allomias import BODY_CANARY, CREATED, KEY_CANARY, KEYS, Answer, Credential, Server, html, page, status
from tests.fakes import FakeClock


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def credential() -> Credential:
    return Credential()


@pytest.fixture
def client(server: Server, clock: FakeClock, credential: Credential) -> Iterator[TenantClient]:
    http = HttpClient(
        "https://allomia.example", clock, Cancellation(), source="default", transport=httpx.MockTransport(server)
    )
    yield TenantClient(http, credential, KEYS)
    http.close()


def test_all_pages_are_read(client: TenantClient, server: Server) -> None:
    server.answers = [page("a", total=3, more=True), page("b", total=3, more=True), page("c", total=3)]
    assert [key.name for key in client.list_keys("org")] == ["a", "b", "c"]
    assert [request.url.params["page"] for request in server.requests] == ["1", "2", "3"]
    assert server.requests[0].url.params["limit"] == "100"


def test_requests_say_who_they_are(client: TenantClient, server: Server) -> None:
    server.answers = [page()]
    client.list_keys("org ?x")
    assert server.requests[0].headers["User-Agent"].startswith("allomia-pulumi/")
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY_CANARY}"
    assert server.requests[0].url.raw_path.startswith(b"/api/organization/org%20%3Fx/api-keys?")


@pytest.mark.parametrize("identifier", ["..", ".", "", "a/b", "a\nb", " a"])
def test_an_id_never_climbs_out_of_its_path(client: TenantClient, server: Server, identifier: str) -> None:
    for call in (
        lambda: client.list_keys(identifier),
        lambda: client.revoke_key("org", identifier),
        lambda: client.revoke_key(identifier, "key"),
        lambda: client.has_organization(identifier),
    ):
        with pytest.raises(InvalidInput):
            call()
    server.answers = [httpx.Response(201, json={**CREATED, "id": identifier})]
    with pytest.raises(OutcomeUnknown):
        client.mint_key("org", "ehr")
    assert len(server.requests) == 1


def test_a_vault_that_lacks_the_tenant_key_is_no_404_of_allomia(server: Server, clock: FakeClock) -> None:
    class Missing(Credential):
        def current(self) -> SecretStr:
            raise NotFound("Vault has no secret", "Undelete it.")

    http = HttpClient("https://allomia.example", clock, Cancellation(), transport=httpx.MockTransport(server))
    client = TenantClient(http, Missing(), KEYS)
    for call in (
        lambda: client.list_keys("org"),
        lambda: client.has_key("org", "key"),
        lambda: client.has_organization("org"),
        lambda: client.revoke_key("org", "key"),
        lambda: client.mint_key("org", "ehr"),
    ):
        with pytest.raises(NotFound, match="Vault has no secret"):
            call()
    assert server.requests == []
    http.close()


def test_what_one_key_was_answered_is_not_sent_with_another(client: TenantClient, server: Server) -> None:
    cookie = page()
    cookie.headers["Set-Cookie"] = "session=tenant; Path=/"
    server.answers = [cookie, httpx.Response(200, json={"calls": []})]
    client.list_keys("org")
    client.prove_key("org", SecretStr("alm_org_1"), "the answer that showed the new key")
    assert "Cookie" not in server.requests[1].headers


@pytest.mark.catalogue(31)
def test_a_moment_without_a_zone_is_utc(client: TenantClient, server: Server) -> None:
    keys = [{"id": "a", "name": "a", "createdAt": "2026-11-25T12:00:00"}]
    server.answers = [
        httpx.Response(200, json={"apiKeys": keys, "pagination": {"total": 1, "hasNextPage": False}}),
    ]
    made = client.list_keys("org")[0].created_at
    assert made is not None
    assert made.isoformat() == "2026-11-25T12:00:00+00:00"


def test_an_untrusted_certificate_says_so(client: TenantClient, server: Server) -> None:
    problem = httpx.ConnectError("certificate verify failed")
    problem.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    server.answers = [problem]
    with pytest.raises(InvalidConfiguration, match="is not trusted") as caught:
        client.list_keys("org")
    assert "SSL_CERT_FILE" in caught.value.hint
    assert len(server.requests) == 1


def test_a_403_to_the_new_key_does_not_ask_for_a_tenant_key(client: TenantClient, server: Server) -> None:
    server.answers = [status(403)]
    with pytest.raises(AccessDenied) as caught:
        client.prove_key("org", SecretStr("alm_org_1"), "the answer that showed the new key")
    assert "tenant key" not in str(caught.value)


@pytest.mark.catalogue(20, 29)
def test_g4_a_list_whose_total_disagrees_is_read_again_and_never_believed(client: TenantClient, server: Server) -> None:
    server.answers = [page(total=1), page("a")]
    assert len(client.list_keys("org")) == 1
    server.answers = [page(total=1)]
    with pytest.raises(UnexpectedAnswer, match="do not agree"):
        client.list_keys("org")


def test_g4_a_duplicate_in_a_list_is_never_believed(client: TenantClient, server: Server) -> None:
    server.answers = [page("a", "a")]
    with pytest.raises(UnexpectedAnswer, match="do not agree"):
        client.list_keys("org")


@pytest.mark.catalogue(21)
@pytest.mark.parametrize(
    "answer",
    [
        html(),
        httpx.Response(200, text=BODY_CANARY),
        httpx.Response(200, json=[BODY_CANARY]),
        httpx.Response(200, json={"apiKeys": BODY_CANARY, "pagination": {}}),
        httpx.Response(200, json={"apiKeys": [{"id": 7}], "pagination": {"total": 1, "hasNextPage": False}}),
        httpx.Response(200, json={"apiKeys": []}),
        httpx.Response(200, content=b'{"apiKeys": [', headers={"Content-Type": "application/json"}),
        httpx.Response(200, content=b"\xef\xbb\xbf{}", headers={"Content-Type": "application/json"}),
        httpx.Response(200, content=b"x" * (4 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"}),
        httpx.Response(204),
        httpx.Response(302, headers={"Location": "https://evil.example/"}),
    ],
)
def test_g4_an_answer_of_another_shape_is_an_error(
    client: TenantClient, server: Server, answer: httpx.Response
) -> None:
    server.answers = [answer]
    with pytest.raises(UnexpectedAnswer) as caught:
        client.list_keys("org")
    assert "https://allomia.example (default)" in caught.value.message
    assert BODY_CANARY not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (status(401), CredentialRejected, "Vault secret/allomia/tenant#api_key"),
        (status(403), AccessDenied, "Is it an organization key?"),
        (status(400), RequestRefused, "400"),
        (status(409), RequestRefused, "409"),
        (status(429), RateLimited, "429"),
        (status(408), Unavailable, "408"),
        (status(500), Unavailable, "500"),
        (status(503), Unavailable, "503"),
        (httpx.ConnectError("refused"), Unreachable, "is not reachable"),
        (httpx.ConnectTimeout("late"), Unreachable, "is not reachable"),
        (httpx.ReadTimeout("late"), Unreachable, "no complete answer in time"),
        (httpx.RemoteProtocolError("gone"), Unreachable, "broke the connection"),
        (httpx.ReadError("reset"), Unreachable, "broke the connection"),
    ],
)
def test_g5_each_failure_is_one_line_with_the_next_step(
    client: TenantClient, server: Server, answer: Answer, kind: type[AllomiaError], text: str
) -> None:
    server.answers = [answer]
    with pytest.raises(kind) as caught:
        client.list_keys("org")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert BODY_CANARY not in str(caught.value)
    assert KEY_CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.catalogue(15)
@pytest.mark.parametrize("answer", [status(500), status(503), status(429), httpx.ReadError("reset")])
def test_reads_and_revocations_are_repeated_and_end(
    client: TenantClient, server: Server, clock: FakeClock, answer: Answer
) -> None:
    server.answers = [answer, answer, page()]
    client.list_keys("org")
    server.answers = [answer, httpx.Response(200, json={"message": "gone", "apiKeyId": "id-1"})]
    assert client.revoke_key("org", "id-1") is Revocation.CONFIRMED
    server.requests.clear()
    server.answers = [answer]
    with pytest.raises(AllomiaError):
        client.list_keys("org")
    assert len(server.requests) == 5
    assert sum(clock.slept) <= 60


@pytest.mark.catalogue(12)
def test_retry_after_is_waited_for_and_bounded(client: TenantClient, server: Server, clock: FakeClock) -> None:
    server.answers = [status(429, **{"Retry-After": "7"}), page()]
    client.list_keys("org")
    assert clock.slept == [7]
    date = format_datetime(clock.now().replace(second=30), usegmt=True)
    server.answers = [status(429, **{"Retry-After": date}), page()]
    client.list_keys("org")
    assert clock.slept[-1] <= 60
    clock.slept.clear()
    server.answers = [status(429, **{"Retry-After": "1000000000"})]
    with pytest.raises(RateLimited):
        client.list_keys("org")
    assert clock.slept == []


@pytest.mark.catalogue(13)
@pytest.mark.parametrize("value", ["-5", "soon", "", "Thu, 99 Foo 2026", "1e9", "Wed, 01 Jan 2020 00:00:00 GMT"])
def test_nonsense_in_retry_after_is_a_short_wait(
    client: TenantClient, server: Server, clock: FakeClock, value: str
) -> None:
    server.answers = [status(429, **{"Retry-After": value}), page()]
    client.list_keys("org")
    assert 0.2 <= sum(clock.slept) <= 5.2


@pytest.mark.catalogue(16)
@pytest.mark.parametrize(
    "answer",
    [
        status(500),
        status(503),
        status(408),
        html(),
        httpx.Response(201, json={"id": "id-1", "name": "ehr", "key": None, "createdAt": "2026-11-25T12:00:00Z"}),
        httpx.Response(201, json={**CREATED, "key": ""}),
        httpx.Response(201, json={**CREATED, "key": "a b"}),
        httpx.Response(201, json={**CREATED, "key": "a\nb"}),
        httpx.Response(201, json={**CREATED, "id": ""}),
        httpx.Response(201, json={**CREATED, "id": "a/b"}),
        httpx.Response(302, headers={"Location": "/"}),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("gone"),
        httpx.WriteError("gone"),
    ],
)
def test_g1_a_post_is_sent_once_and_its_lost_answer_says_so(
    client: TenantClient, server: Server, answer: Answer
) -> None:
    server.answers = [answer]
    with pytest.raises(OutcomeUnknown):
        client.mint_key("org", "ehr")
    assert len(server.requests) == 1


@pytest.mark.catalogue(11)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ConnectError("refused"), Unreachable),
        (status(400), RequestRefused),
        (status(401), CredentialRejected),
        (status(403), AccessDenied),
        (status(429), RateLimited),
    ],
)
def test_a_post_that_did_nothing_says_so(
    client: TenantClient, server: Server, answer: Answer, kind: type[AllomiaError]
) -> None:
    server.answers = [answer]
    with pytest.raises(kind):
        client.mint_key("org", "ehr")
    assert len(server.requests) == 1


def test_a_refused_tenant_key_is_read_again_once(server: Server, clock: FakeClock) -> None:
    http = HttpClient("https://allomia.example", clock, Cancellation(), transport=httpx.MockTransport(server))
    client = TenantClient(http, Credential("old", "new"), KEYS)
    server.answers = [status(401), httpx.Response(201, json=CREATED)]
    assert client.mint_key("org", "ehr").id == "id-1"
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]
    server.answers = [status(401)]
    server.requests.clear()
    with pytest.raises(CredentialRejected):
        client.list_keys("org")
    assert len(server.requests) == 1
    http.close()


def test_an_unknown_organization_is_told_from_missing_endpoints(client: TenantClient, server: Server) -> None:
    server.answers = [status(404), status(404)]
    with pytest.raises(NotFound, match="organization org does not exist, or the tenant key"):
        client.list_keys("org")
    organization = httpx.Response(200, json={"currentOrg": {"id": "org", "name": "Clinic"}, "userOrgs": []})
    server.answers = [status(404), organization]
    with pytest.raises(NotFound) as caught:
        client.mint_key("org", "ehr")
    assert "assumed" in caught.value.message
    assert "allomia:keysPath" in caught.value.hint


STRANGE_404S = [
    html(404),
    httpx.Response(404, json={"detail": "Not Found"}),
    httpx.Response(404, json=["Not Found"]),
    httpx.Response(404, headers={"Content-Type": "application/json"}),
]


@pytest.mark.catalogue(91)
@pytest.mark.parametrize("answer", STRANGE_404S)
def test_a_404_of_another_shape_blames_the_address_and_no_organization(
    client: TenantClient, server: Server, answer: httpx.Response
) -> None:
    server.answers = [answer]
    for call in (client.list_keys, client.has_organization):
        with pytest.raises(UnexpectedAnswer) as caught:
            call("org")
        assert "what answers at https://allomia.example (default) does not look like AlloMia: 404" in str(caught.value)
        assert "Check allomia:apiUrl" in caught.value.hint
        assert "does not exist" not in str(caught.value)


@pytest.mark.catalogue(91)
@pytest.mark.parametrize("answer", [status(404), *STRANGE_404S])
def test_key_endpoints_are_missing_for_certain_where_the_organization_is_there(
    client: TenantClient, server: Server, answer: httpx.Response
) -> None:
    server.answers = [answer, httpx.Response(200, json={"currentOrg": {"id": "org", "name": "Clinic"}, "userOrgs": []})]
    with pytest.raises(NotFound, match="AlloMia serves no key endpoints at") as caught:
        client.list_keys("org")
    assert (caught.value.is_proved, caught.value.said_by) == (True, "AlloMia")


@pytest.mark.catalogue(91)
def test_one_cause_is_the_same_whatever_was_asked(client: TenantClient, server: Server) -> None:
    server.answers = [status(503)]
    causes = set()
    for organization in ("org", "other"):
        with pytest.raises(Unavailable) as caught:
            client.list_keys(organization)
        assert organization in caught.value.message
        causes.add(caught.value.cause)
    assert len(causes) == 1


def test_only_a_404_of_the_key_itself_says_that_it_is_gone(client: TenantClient, server: Server) -> None:
    server.answers = [status(404)]
    assert client.has_key("org", "id-1") is False
    assert client.revoke_key("org", "id-1") is Revocation.ABSENT
    server.answers = [html(404)]
    with pytest.raises(UnexpectedAnswer):
        client.has_key("org", "id-1")
    server.answers = [httpx.Response(200, json={"id": "id-2", "name": "other"})]
    with pytest.raises(UnexpectedAnswer, match="another key"):
        client.has_key("org", "id-1")


def test_a_foreign_organizations_key_in_a_list_is_an_error(client: TenantClient, server: Server) -> None:
    keys = [{"id": "a", "name": "a", "organizationId": "other"}]
    answer: dict[str, Any] = {"apiKeys": keys, "pagination": {"total": 1, "hasNextPage": False}}
    server.answers = [httpx.Response(200, json=answer)]
    with pytest.raises(UnexpectedAnswer, match="foreign organization"):
        client.list_keys("org")


DELETIONS: list[tuple[httpx.Response, Revocation]] = [
    (httpx.Response(200, json={"message": "gone", "apiKeyId": "id-1"}), Revocation.CONFIRMED),
    (httpx.Response(200, json={"message": "gone", "apiKeyId": "id-1", "error": None}), Revocation.CONFIRMED),
    (httpx.Response(200, json={"apiKeyId": "id-1", "error": "not now"}), Revocation.ACCEPTED),
    (httpx.Response(202, json={"message": "queued", "apiKeyId": "id-1"}), Revocation.ACCEPTED),
    (httpx.Response(200, json={}), Revocation.ACCEPTED),
    (httpx.Response(200, json={"error": BODY_CANARY}), Revocation.ACCEPTED),
    (httpx.Response(200, json={"apiKeyId": None}), Revocation.ACCEPTED),
    (httpx.Response(200, json={"apiKeyId": 1}), Revocation.ACCEPTED),
    (httpx.Response(200, json=[]), Revocation.ACCEPTED),
    (httpx.Response(200, text=""), Revocation.ACCEPTED),
    (httpx.Response(204), Revocation.ACCEPTED),
    (html(), Revocation.ACCEPTED),
    (status(404), Revocation.ABSENT),
]


@pytest.mark.catalogue(66)
@pytest.mark.parametrize(("answer", "meaning"), DELETIONS)
def test_g4_an_answer_to_a_deletion_says_no_more_than_it_says(
    client: TenantClient, server: Server, answer: httpx.Response, meaning: Revocation
) -> None:
    server.answers = [answer]
    assert client.revoke_key("org", "id-1") is meaning
    assert len(server.requests) == 1


@pytest.mark.catalogue(66)
def test_g5_a_deletion_of_another_key_names_both(client: TenantClient, server: Server) -> None:
    server.answers = [httpx.Response(200, json={"apiKeyId": "id-2\x1b[31m"})]
    with pytest.raises(UnexpectedAnswer, match="id-2") as caught:
        client.revoke_key("org", "id-1")
    assert "id-1" in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Wed, 25 Nov 2026 12:00:01 GMT", "2026-11-25T12:00:01+00:00"),
        ("", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 9999 00:00:00 GMT", None),
    ],
)
def test_the_moment_of_allomias_clock_comes_with_the_key_if_it_can_be_believed(
    client: TenantClient, server: Server, date: str, moment: str | None
) -> None:
    server.answers = [httpx.Response(201, json=CREATED, headers={"Date": date})]
    answered = client.mint_key("org", "ehr").answered_at
    assert (answered.isoformat() if answered else None) == moment


ORGANIZATION_PAGE = {"organizations": [], "pagination": {"total": 0, "hasNextPage": False}}


@pytest.mark.parametrize(
    ("answer", "is_tenant"),
    [(httpx.Response(200, json=ORGANIZATION_PAGE), True), *((status(code), False) for code in (401, 403, 404))],
)
def test_g3_a_tenant_key_is_told_by_what_only_it_may_do(
    client: TenantClient, server: Server, answer: httpx.Response, is_tenant: bool
) -> None:
    server.answers = [answer]
    assert client.acts_as_tenant(SecretStr("alm_org_1"), "Vault secret/ehr#key") is is_tenant
    (request,) = server.requests
    assert (request.method, request.url.path) == ("GET", "/api/organization")
    assert request.url.params["limit"] == "1"
    assert request.headers["Authorization"] == "Bearer alm_org_1"


@pytest.mark.parametrize(
    "answer",
    [
        status(400),
        status(409),
        status(429),
        status(500),
        html(),
        html(404),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"organizations": []}),
        httpx.Response(302, headers={"Location": "/"}),
        httpx.ConnectError("refused"),
    ],
)
def test_g4_an_answer_that_does_not_tell_a_tenant_key_is_an_error(
    client: TenantClient, server: Server, answer: Answer
) -> None:
    server.answers = [answer]
    with pytest.raises(AllomiaError) as caught:
        client.acts_as_tenant(SecretStr("alm_org_1"), "Vault secret/ehr#key")
    assert "asking whether it is a tenant key" in caught.value.message
    assert "alm_org_1" not in str(caught.value)


def test_the_call_that_proves_keys_is_made_with_the_tenant_key(client: TenantClient, server: Server) -> None:
    server.answers = [httpx.Response(200, json={"calls": []})]
    assert client.reads_calls("org")
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY_CANARY}"
    assert server.requests[0].url.params["to"] == "1970-01-01T00:00:01Z"
    server.answers = [status(404)]
    assert not client.reads_calls("org")
    server.answers = [status(403)]
    with pytest.raises(AccessDenied):
        client.reads_calls("org")


def test_a_key_that_answers_for_another_organization_is_an_error(client: TenantClient, server: Server) -> None:
    server.answers = [httpx.Response(200, json={"id": "id-1", "name": "ehr", "organizationId": "other"})]
    with pytest.raises(UnexpectedAnswer, match="another key"):
        client.find_key("org", "id-1")


def test_a_key_is_proved_by_an_empty_window_with_the_key_itself(client: TenantClient, server: Server) -> None:
    server.answers = [httpx.Response(200, json={"calls": [], "pagination": {}})]
    client.prove_key("org", SecretStr("alm_org_1"), "the answer that showed the new key")
    request = server.requests[0]
    assert request.headers["Authorization"] == "Bearer alm_org_1"
    assert request.url.params["organizationId"] == "org"
    assert request.url.params["to"] == "1970-01-01T00:00:01Z"
    server.answers = [status(401)]
    with pytest.raises(CredentialRejected):
        client.prove_key("org", SecretStr("alm_org_1"), "the answer that showed the new key")


def test_organizations_are_searched_and_paged(client: TenantClient, server: Server) -> None:
    organizations = {
        "organizations": [{"id": "org", "name": "Clinic"}],
        "pagination": {"total": 1, "hasNextPage": False},
    }
    server.answers = [httpx.Response(200, json=organizations)]
    assert [organization.id for organization in client.list_organizations("clin")] == ["org"]
    assert server.requests[0].url.params["search"] == "clin"
