"""An AlloMia that speaks good HTTP and bad JSON, names and numbers: nothing of it is believed, lost or shown raw."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark, parse_mark
from allomia_pulumi.core.messages import look_command, orphans_command, revoke_command
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.issuance import KeyRequest
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.edges.allomia import HttpClient, TenantClient
from allomia_pulumi.errors import AllomiaError, OrganizationFull, OutcomeUnknown, UnexpectedAnswer
from allomia_pulumi.ground.cancellation import Cancellation
from tests.allomias import KEYS, Credential
from tests.fakes import LINEAGE, FakeAllomia, FakeClock, FakeKey, FakeTenants, Listener

TENANT_KEY = "alm_tenant_canary_0000000000000001"
ORG_KEY = "alm_org_canary_0000000000000001"
RED = "\x1b[31mred\x1b[0m"
IDENTITY = Identity(project="p", stack="s", name="ehr")
HOSTILE_TEXTS = [
    RED,
    "a\r\nb",
    "\x00",
    "\x9b2J",
    "\u202eevil",
    "\u2028",
    "\u200b",
    "a\x07b",
    "\x1b]8;;http://evil\x07x",
]
HOSTILE_IDS = [*HOSTILE_TEXTS, "", " ", "a/b", "../../organization/other", ".", "..", " a", "a ", "-rf", "a" * 201]
ODD_IDS = ["%2e%2e", "%2F", "a?b=c", "a#b", "a;b", "a&b", "a\\b", "http:", "é", "日本", "a b", "$(id)", "`id`"]


class Server:
    """Answers every request alike, or as a function of it; keeps what was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(500)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    def paths(self) -> list[str]:
        return [request.url.raw_path.decode().partition("?")[0] for request in self.requests]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(server: Server, clock: FakeClock) -> Iterator[TenantClient]:
    http = HttpClient(
        "https://allomia.example", clock, Cancellation(), source="default", transport=httpx.MockTransport(server)
    )
    yield TenantClient(http, Credential(TENANT_KEY), KEYS)
    http.close()


def raw(body: bytes, status: int = 200, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, content=body, headers={"Content-Type": "application/json", **headers})


def listing(keys: object, total: object = 1, more: object = False) -> bytes:
    return json.dumps({"apiKeys": keys, "pagination": {"total": total, "hasNextPage": more}}).encode()


def created(**changes: object) -> bytes:
    whole = {"id": "key-1", "name": "ehr", "key": ORG_KEY, "createdAt": "2026-11-25T12:00:00Z"}
    return json.dumps({**whole, **changes}).encode()


def refused(call: Callable[[], object]) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        call()
    text = str(caught.value)
    assert text.isprintable(), text
    assert not [secret for secret in (TENANT_KEY, ORG_KEY) if secret in text + repr(caught.value)]
    return caught.value


WRONG: list[Any] = [None, True, 7, 1.5, "text", [], [1], {}, {"id": "a"}]
WRONG_TEXTS: list[Any] = [None, True, 7, [], {}]
WRONG_KEYS: list[Any] = [None, True, 7, "text", {}, [1], [None], [[]]]
WRONG_MOMENTS: list[Any] = [None, "soon", 1e300, "2026-13-45T99:99:99Z", [], {}]
WRONG_LISTS = {
    "not a number": b'{"apiKeys":[],"pagination":{"total":NaN,"hasNextPage":false}}',
    "beyond numbers": b'{"apiKeys":[],"pagination":{"total":1e999,"hasNextPage":false}}',
    "of a hundred thousand digits": b'{"apiKeys":[],"pagination":{"total":'
    + b"9" * 100_000
    + b',"hasNextPage":false}}',
    "negative": listing([], total=-1),
    "a fraction": listing([], total=0.5),
    "null": listing([], total=None),
    "nested deeply": b'{"apiKeys":' + b"[" * 100_000,
    "nested objects": b'{"apiKeys":' + b'{"a":' * 100_000,
    "no utf-8": b'{"apiKeys":[{"id":"\xff","name":""}],"pagination":{"total":1,"hasNextPage":false}}',
    "same name twice": b'{"apiKeys":[],"apiKeys":[{"id":"a","name":""}],"pagination":{"total":0,"hasNextPage":false}}',
    "same id twice": listing([{"id": "a", "name": "x"}, {"id": "a", "name": "y"}], total=2),
    "fewer than it says": listing([{"id": "a", "name": "x"}], total=2),
    "more than it says": listing([{"id": "a", "name": "x"}], total=0),
    "another organization's": listing([{"id": "a", "name": "x", "organizationId": "other"}]),
    **{f"keys are {wrong!r}": listing(wrong, total=0) for wrong in WRONG_KEYS},
    **{f"an id is {wrong!r}": listing([{"id": wrong, "name": "x"}]) for wrong in WRONG_TEXTS},
    "no name": listing([{"id": "a"}]),
    **{f"all is {wrong!r}": json.dumps(wrong).encode() for wrong in WRONG},
}


@pytest.mark.catalogue(20, 22, 23)
@pytest.mark.parametrize("name", WRONG_LISTS)
def test_g4_a_list_of_another_shape_is_an_error_and_never_empty(
    client: TenantClient, server: Server, name: str
) -> None:
    server.answer = raw(WRONG_LISTS[name])
    assert type(refused(lambda: client.list_keys("org"))) is UnexpectedAnswer


@pytest.mark.catalogue(22, 83)
@pytest.mark.parametrize("wrong", [*WRONG_TEXTS, 1.5, "\ud800", "\udfff--p1"])
def test_g4_a_key_without_a_readable_name_holds_its_slot_and_has_no_mark(
    client: TenantClient, server: Server, wrong: object
) -> None:
    server.answer = raw(listing([{"id": "a", "name": wrong}, {"id": "b", "name": "x"}], total=2))
    odd, plain = client.list_keys("org")
    assert (odd.id, plain.id, plain.name) == ("a", "b", "x")
    assert odd.name.isprintable()
    assert odd.name.endswith("(not readable)" if isinstance(wrong, str) else "(no readable name)")


@pytest.mark.catalogue(22, 83)
def test_g4_half_a_character_hides_a_mark(client: TenantClient, server: Server) -> None:
    marked = make_mark(IDENTITY, "", LINEAGE).name("ehr")
    server.answer = raw(listing([{"id": "a", "name": f"\ud800{marked}"}]))
    assert parse_mark(marked)
    assert parse_mark(client.list_keys("org")[0].name) is None


@pytest.mark.catalogue(22, 83)
@pytest.mark.parametrize("wrong", [*HOSTILE_IDS, "\ud800"])
def test_g4_a_key_that_no_request_can_name_holds_its_slot_and_is_never_touched(
    client: TenantClient, server: Server, wrong: str
) -> None:
    server.answer = raw(listing([{"id": wrong, "name": "x"}, {"id": "b", "name": "y"}], total=2))
    odd, plain = client.list_keys("org")
    assert plain.id == "b"
    assert odd.id.startswith("(unusable id / ")
    assert odd.id.isprintable()
    asked = len(server.requests)
    for act in (client.revoke_key, client.find_key):
        refused(lambda act=act: act("org", odd.id))  # type: ignore[misc]
    assert len(server.requests) == asked


@pytest.mark.catalogue(20, 22, 83)
def test_g4_an_unusable_id_that_is_listed_twice_is_no_list(client: TenantClient, server: Server) -> None:
    server.answer = raw(listing([{"id": "a/b", "name": "x"}, {"id": "a/b", "name": "y"}], total=2))
    assert type(refused(lambda: client.list_keys("org"))) is UnexpectedAnswer


@pytest.mark.catalogue(20, 22)
@pytest.mark.parametrize(("total", "more"), [(False, False), ("0", False), (0, "no"), (0, 0), (0, "false")])
def test_g4_a_list_of_wrong_types_proves_nothing(
    client: TenantClient, server: Server, total: object, more: object
) -> None:
    server.answer = raw(listing([], total=total, more=more))
    assert type(refused(lambda: client.list_keys("org"))) is UnexpectedAnswer


@pytest.mark.catalogue(22)
@pytest.mark.parametrize(
    "body",
    [
        *(created(**{field: wrong}) for field in ("id", "key") for wrong in [*WRONG_TEXTS, ""]),
        *(created(id=wrong) for wrong in HOSTILE_IDS),
        *(
            created(key=f"{ORG_KEY}{wrong}")
            for wrong in (" ", "\n", "\r\nX-Injected: 1", "\x1b", "é", "\u202e", "\x00")
        ),
        *(created(createdAt=wrong) for wrong in WRONG_MOMENTS),
        created(name=None),
        b'{"id":"key-1","name":"ehr"}',
        *(json.dumps(wrong).encode() for wrong in WRONG),
    ],
)
def test_g1_g3_a_mint_whose_answer_cannot_be_read_is_told_and_not_repeated(
    client: TenantClient, server: Server, body: bytes
) -> None:
    server.answer = raw(body, 201)
    assert type(refused(lambda: client.mint_key("org", "ehr"))) is OutcomeUnknown
    assert len(server.requests) == 1


@pytest.mark.catalogue(22)
def test_fields_that_nobody_knows_are_ignored(client: TenantClient, server: Server) -> None:
    server.answer = raw(created(surprise={"a": [1]}, createdBy=7), 201)
    assert client.mint_key("org", "ehr").id == "key-1"


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("identifier", ODD_IDS)
def test_an_odd_id_stays_one_segment_of_its_path(client: TenantClient, server: Server, identifier: str) -> None:
    server.answer = raw(b'{"message":"gone"}')
    assert client.revoke_key("org", identifier) is Revocation.ACCEPTED
    (path,) = server.paths()
    assert path.startswith("/api/organization/org/api-keys/")
    assert not set(path.removeprefix("/api/organization/org/api-keys/")) & set("/?#;&\\ $`")
    assert "%2e" not in path.lower().replace("%252e", "")


@pytest.mark.catalogue(22)
def test_pages_that_never_end_are_left_soon(client: TenantClient, server: Server) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        page = request.url.params["page"]
        return httpx.Response(
            200,
            json={"apiKeys": [{"id": f"key-{page}", "name": "x"}], "pagination": {"total": 5, "hasNextPage": True}},
        )

    server.answer = answer
    assert type(refused(lambda: client.list_keys("org"))) is UnexpectedAnswer
    assert len(server.requests) <= 30


@pytest.mark.catalogue(22)
def test_empty_pages_that_promise_more_are_left_soon(client: TenantClient, server: Server) -> None:
    server.answer = raw(listing([], total=5, more=True))
    assert type(refused(lambda: client.list_keys("org"))) is UnexpectedAnswer
    assert len(server.requests) <= 30


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_name_of_a_key_reaches_a_message_raw(clock: FakeClock, text: str) -> None:
    api = FakeAllomia(clock)
    for _ in range(5):
        api.make("org", f"{text}{'x' * 5000}")
    keys = OrganizationKeys(FakeTenants(api), clock)
    listener = Listener()
    checked = keys.check({}, {"organizationId": "org"}, Call(IDENTITY, listener))
    told = [failure.reason for failure in checked.failures] + listener.warnings
    assert "no free key slot" in " ".join(told)
    assert all(line.isprintable() and len(line) < 1500 for line in told)
    error = refused(
        lambda: Minter(api, clock, listener, Cancellation()).mint(KeyRequest("org", "ehr", IDENTITY, "", LINEAGE))
    )
    assert isinstance(error, OrganizationFull)


@pytest.mark.catalogue(22)
@pytest.mark.parametrize(
    "created_at", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
)
@pytest.mark.parametrize("after", [None, "90d"])
def test_g2_a_moment_that_no_calendar_can_count_on_costs_no_key(
    client: TenantClient, server: Server, clock: FakeClock, created_at: str, after: str | None
) -> None:
    """AlloMia tells a moment of making that overflows when it is moved to UTC or a rotation is added."""
    alive: dict[str, str] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            name = json.loads(request.content)["name"]
            alive["key-1"] = name
            return httpx.Response(201, json={"id": "key-1", "name": name, "key": ORG_KEY, "createdAt": created_at})
        if request.method == "DELETE":
            key_id = request.url.path.rpartition("/")[2]
            alive.pop(key_id)
            return httpx.Response(200, json={"message": "gone", "apiKeyId": key_id})
        if request.url.path == "/api/calls":
            return httpx.Response(200, json={"calls": []})
        keys = [{"id": id_, "name": name} for id_, name in alive.items()]
        return httpx.Response(200, json={"apiKeys": keys, "pagination": {"total": len(keys), "hasNextPage": False}})

    server.answer = answer
    keys = OrganizationKeys(_OneTenant(client), clock)
    news = {"organizationId": "org", "name": "ehr", **({"rotateAfter": after} if after else {})}
    with pytest.raises(UnexpectedAnswer, match="the key was made and revoked again, twice"):
        keys.create(news, Call(IDENTITY, Listener()))
    assert alive == {}


@pytest.mark.catalogue(31)
@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 9999 00:00:00 GMT",
        "Thu, 01 Jan 0001 00:00:00 +2359",
        "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        "x" * 60_000,
        ",,,",
        "-1",
        "NaN",
    ],
)
def test_no_date_of_a_header_breaks_a_read(client: TenantClient, server: Server, clock: FakeClock, date: str) -> None:
    server.answer = raw(listing([], total=0), Date=date)
    assert client.list_keys_dated("org")[0] == ()
    server.answer = raw(b"{}", 429, **{"Retry-After": date})
    refused(lambda: client.list_keys("org"))
    assert clock.monotonic() <= 60


@pytest.mark.parametrize("identifier", ["x;id", "$(id)", "`id`", "a b", "a|b", "-rf", "'", '"', "a&b", "a>b", "*", "~"])
def test_a_command_that_we_suggest_runs_nothing_but_ours(tmp_path: Path, identifier: str) -> None:
    (tmp_path / "allomia").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "allomia").chmod(0o700)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for command, words in (
        (revoke_command("org", identifier), ["revoke", *["--"] * (identifier == "-rf"), "org", identifier]),
        (look_command(identifier), ["keys", "--organization", identifier]),
        (orphans_command(identifier), ["orphans", "--stack", identifier]),
    ):
        pasted = command.removeprefix("`").removesuffix("`")
        ran = subprocess.run(
            ["/bin/sh", "-c", pasted], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert ran.stdout.splitlines() == words


@pytest.mark.catalogue(19)
def test_g1_an_answer_that_belongs_to_another_request_is_told_by_its_mark(clock: FakeClock) -> None:
    """A proxy mixes up two answers: somebody's key would be handed over, and ours is left without a holder."""

    class Mixed(FakeAllomia):
        def mint_key(self, organization_id: str, name: str) -> FakeKey:
            super().mint_key(organization_id, name)
            return self.make(organization_id, "fax, made by hand")

    mixed = Mixed(clock)
    error = refused(
        lambda: Minter(mixed, clock, Listener(), Cancellation()).mint(KeyRequest("org", "ehr", IDENTITY, "", LINEAGE))
    )
    assert type(error) is UnexpectedAnswer
    assert "it is about key key-2, under a name without its mark" in error.message
    assert "key-1, was revoked, and key-2 was not touched" in error.message
    (alive,) = mixed.keys["org"].values()
    assert alive.name == "fax, made by hand"
    assert mixed.calls.count("mint") == 1


class _OneTenant(FakeTenants):
    """The real client for every reference."""

    def __init__(self, client: TenantClient) -> None:
        super().__init__(FakeAllomia(FakeClock()))
        self._client = client

    def open(self, reference: object) -> Any:  # noqa: ARG002 - there is one
        return self._client
