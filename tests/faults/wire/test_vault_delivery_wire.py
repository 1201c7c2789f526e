"""A delivery to a real Vault over a bad wire: one version, known by its metadata, or an error that says so."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from itertools import count

import pytest

from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import (
    AllomiaError,
    InvalidConfiguration,
    OutcomeUnknown,
    RequestRefused,
    SecretConflict,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.deliveries import (
    SECRET,
    Pass,
    Relay,
    Shelf,
    Spot,
    Trouble,
    done_but,
    fields,
    instead,
    lost_after,
    lost_before,
    marks,
    meanwhile,
    on_its_way,
    refused,
    relayed,
)
from tests.fakes import FakeClock
from tests.vaults import TOKEN, Act, Exchange, answer, everything_told, hang_up, opened, stand_in
from tools.engine.openbao import OpenBao

WRITE_ONLY = (
    'path "secret/data/*" { capabilities = ["create", "update"] }'
    ' path "secret/metadata/*" { capabilities = ["create", "update", "read"] }'
)
UPGRADING = answer(400, {"errors": ["Upgrading from non-versioned to versioned data. Please wait."]})
MISMATCH = answer(400, {"errors": ["check-and-set parameter did not match the current version"]})
PREFLIGHT = answer(200, {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}})
PERMITTED = answer(200, {"data": {"secret/data/x": ["root"], "secret/metadata/x": ["root"]}})
ABSENT = answer(404)
WEB_PAGE = answer(200, b"<html>log in</html>", Content_Type="text/html")
STATUSES = (500, 502, 503, 504)
AFTER = [lost_after, *(done_but(answer(status)) for status in STATUSES)]
BEFORE = [lost_before, *(instead(answer(status)) for status in STATUSES)]
NAMES = ["lost", *map(str, STATUSES)]
UNREADABLE = ["599", "web page"]
_numbers = count()


@pytest.fixture
def spot() -> Spot:
    return Spot(f"place-{next(_numbers)}")


def delivering(address: str) -> AbstractContextManager[Vault]:
    return opened({"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN})


def data_writes(relay: Relay) -> int:
    return sum(1 for method, path in relay.passed if method == "POST" and "/data/" in path)


@pytest.mark.catalogue(40)
@pytest.mark.parametrize("trouble", [*AFTER, done_but(answer(599)), done_but(WEB_PAGE)], ids=NAMES + UNREADABLE)
@pytest.mark.parametrize("may_read", [True, False])
def test_a_write_whose_answer_is_lost_makes_one_version(
    bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble, may_read: bool
) -> None:
    token = bao.token if may_read else shelf.token(WRITE_ONLY)
    with relayed(bao, ("POST", "/data/", trouble), token=token) as (vault, _):
        assert vault.deliver_secret(spot, on_its_way()) == 1

    assert shelf.version(spot.path) == 1
    assert shelf.data(spot.path) == fields()
    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.parametrize("trouble", [*BEFORE, instead(answer(599)), instead(WEB_PAGE)], ids=NAMES + UNREADABLE)
def test_a_write_that_never_arrived_is_made_once_more(bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble) -> None:
    with relayed(bao, ("POST", "/data/", trouble)) as (vault, relay):
        assert vault.deliver_secret(spot, on_its_way()) == 1

    assert data_writes(relay) == 1
    assert shelf.data(spot.path) == fields()


@pytest.mark.catalogue(40)
@pytest.mark.parametrize("second", [lost_after, done_but(answer(503))], ids=["lost", "503"])
@pytest.mark.parametrize("first", [lost_before, lost_after, instead(answer(429))], ids=["before", "after", "429"])
def test_two_troubles_in_a_row_make_one_version(
    bao: OpenBao, shelf: Shelf, spot: Spot, first: Trouble, second: Trouble
) -> None:
    with relayed(bao, ("POST", "/data/", first), ("POST", "/data/", second)) as (vault, _):
        assert vault.deliver_secret(spot, on_its_way()) == 1

    assert shelf.version(spot.path) == 1


@pytest.mark.catalogue(39)
@pytest.mark.parametrize("act", [UPGRADING, answer(429), answer(412)], ids=["upgrading", "429", "412"])
@pytest.mark.parametrize("piece", ["/metadata/", "/data/"])
def test_a_write_that_was_sent_away_is_repeated_without_a_look(
    bao: OpenBao, shelf: Shelf, spot: Spot, act: Act, piece: str
) -> None:
    troubles = [("POST", piece, instead(act))] * 3
    with relayed(bao, *troubles) as (vault, relay):
        vault.deliver_secret(spot, on_its_way())

    assert [method for method, _ in relay.passed] == ["GET", "GET", "POST", "POST"]
    assert shelf.data(spot.path) == fields()


@pytest.mark.parametrize("act", [UPGRADING, answer(429)])
def test_a_mount_that_never_gets_ready_is_given_up_within_the_deadline(bao: OpenBao, spot: Spot, act: Act) -> None:
    clock = FakeClock()
    with relayed(bao, *[("POST", "/data/", instead(act))] * 9, clock=clock) as (vault, relay):
        with pytest.raises(AllomiaError, match="5 attempts"):
            vault.deliver_secret(spot, on_its_way())
        assert data_writes(relay) == 0

    assert clock.monotonic() <= 30


@pytest.mark.parametrize("trouble", AFTER + BEFORE)
def test_marks_whose_answer_is_lost_are_written_again(bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble) -> None:
    shelf.set(spot.path, custom_metadata={"team": "voice"})
    with relayed(bao, ("POST", "/metadata/", trouble)) as (vault, relay):
        vault.deliver_secret(spot, on_its_way())

    assert data_writes(relay) == 1
    assert shelf.custom(spot.path) == {"team": "voice", **marks(1)}


@pytest.mark.parametrize("trouble", [done_but(answer(599)), instead(answer(599))])
def test_without_marks_no_data_are_written(bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble) -> None:
    shelf.set(spot.path, custom_metadata={"team": "voice"})
    with relayed(bao, ("POST", "/metadata/", trouble)) as (vault, relay), refused(Unavailable):
        vault.deliver_secret(spot, on_its_way())

    assert data_writes(relay) == 0
    assert shelf.custom(spot.path) == {"team": "voice"}


@pytest.mark.catalogue(41)
@pytest.mark.parametrize("trouble", [lost_before, lost_after])
def test_what_somebody_else_wrote_after_a_lost_write_is_not_taken_for_ours(
    bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble
) -> None:
    def lose_and_let_others_write(exchange: Exchange, pass_on: Pass) -> None:
        trouble(exchange, pass_on)
        shelf.put(spot.path, password="theirs")

    with relayed(bao, ("POST", "/data/", lose_and_let_others_write)) as (vault, _), refused(SecretConflict):
        vault.deliver_secret(spot, on_its_way())

    assert shelf.data(spot.path) == {"password": "theirs"}
    assert shelf.custom(spot.path) is None


def test_an_unreadable_version_under_other_marks_is_not_taken_for_ours(bao: OpenBao, shelf: Shelf, spot: Spot) -> None:
    def lose_and_let_others_mark(exchange: Exchange, pass_on: Pass) -> None:
        lost_after(exchange, pass_on)
        shelf.set(spot.path, custom_metadata=marks(1, "key-2"))

    token = shelf.token(WRITE_ONLY)
    trouble = ("POST", "/data/", lose_and_let_others_mark)
    with relayed(bao, trouble, token=token) as (vault, _), refused(SecretConflict, token):
        vault.deliver_secret(spot, on_its_way())

    assert shelf.custom(spot.path) == marks(1, "key-2")


def test_what_was_seen_before_a_delivery_that_failed_is_looked_at_again(bao: OpenBao, shelf: Shelf, spot: Spot) -> None:
    with relayed(bao, ("POST", "/data/", instead(answer(405)))) as (vault, _):
        vault.preflight_delivery(spot)
        with refused(RequestRefused):
            vault.deliver_secret(spot, on_its_way())
        shelf.set(spot.path, custom_metadata={"team": "voice"})
        vault.deliver_secret(spot, on_its_way())

    assert shelf.custom(spot.path) == {"team": "voice", **marks(1)}


def test_a_version_that_was_deleted_before_it_could_be_compared_is_a_conflict(
    bao: OpenBao, shelf: Shelf, spot: Spot
) -> None:
    def lose_and_delete(exchange: Exchange, pass_on: Pass) -> None:
        lost_after(exchange, pass_on)
        bao.client().secrets.kv.v2.delete_latest_version_of_secret(spot.path, mount_point="secret")

    with relayed(bao, ("POST", "/data/", lose_and_delete)) as (vault, _), refused(SecretConflict):
        vault.deliver_secret(spot, on_its_way())

    assert shelf.version(spot.path) == 1


@pytest.mark.catalogue(40)
@pytest.mark.parametrize("piece", ["/metadata/", "/data/"])
def test_a_lost_write_that_nobody_can_look_up_is_reported_and_keeps_its_marks(
    bao: OpenBao, shelf: Shelf, spot: Spot, piece: str
) -> None:
    troubles: list[tuple[str, str, Trouble]] = [("POST", "/data/", lost_after)]
    with relayed(bao, *troubles) as (vault, relay):
        relay.troubles.append(("GET", "/metadata/", meanwhile(lambda: None)))
        relay.troubles += [("GET", piece, instead(answer(500)))] * 2
        with refused(OutcomeUnknown) as caught:
            vault.deliver_secret(spot, on_its_way())

    assert f"broke the connection while writing secret/{spot.path}" in caught[0].message
    assert "does not tell whether version 1 now holds key key-1" in caught[0].message
    assert "Run again" in caught[0].hint
    assert shelf.data(spot.path) == fields()
    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.catalogue(42)
@pytest.mark.parametrize(("method", "lost"), [("POST", lost_before), ("GET", lost_after)])
def test_a_token_that_dies_after_a_lost_write_leaves_the_outcome_open(
    bao: OpenBao, shelf: Shelf, spot: Spot, method: str, lost: Trouble
) -> None:
    dead = instead(answer(403, {"errors": ["permission denied"]}))
    troubles = [("POST", "/data/", lost), (method, "/data/", dead), ("GET", "/lookup-self", dead)]
    with relayed(bao, *troubles) as (vault, relay), refused(OutcomeUnknown):
        vault.deliver_secret(spot, on_its_way())

    assert not relay.troubles
    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.parametrize("second", [lost_before, instead(answer(500)), instead(answer(405))])
def test_a_write_that_is_lost_may_still_arrive(bao: OpenBao, shelf: Shelf, spot: Spot, second: Trouble) -> None:
    troubles = [("POST", "/data/", trouble) for trouble in (lost_before, second, lost_before)]
    with relayed(bao, *troubles) as (vault, relay), refused(OutcomeUnknown):
        vault.deliver_secret(spot, on_its_way())

    assert len(relay.troubles) == 1
    assert shelf.version(spot.path) == 0
    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (answer(500), Unavailable, "cannot serve the request (500)"),
        (WEB_PAGE, UnexpectedAnswer, "sent a web page"),
        (answer(204), UnexpectedAnswer, "did not name the version"),
        (answer(200, {"data": {"version": 7}}), UnexpectedAnswer, "did not name the version"),
        (answer(200, {"data": None}), UnexpectedAnswer, "did not name the version"),
        (answer(405), RequestRefused, "refused the request (405)"),
        (answer(307, Location="http://127.0.0.1:1/"), InvalidConfiguration, "redirects to another address (307)"),
    ],
)
def test_a_write_that_was_not_done_leaves_the_metadata_as_they_were(
    bao: OpenBao, shelf: Shelf, spot: Spot, act: Act, kind: type[AllomiaError], said: str
) -> None:
    shelf.set(spot.path, custom_metadata={"team": "voice", "key_id": "theirs"})
    with relayed(bao, *[("POST", "/data/", instead(act))] * 9) as (vault, _), refused(kind) as caught:
        vault.deliver_secret(spot, on_its_way())

    assert said in caught[0].message
    assert shelf.custom(spot.path) == {"team": "voice", "key_id": "theirs"}


def test_a_failure_stays_the_error_when_the_metadata_cannot_be_put_back(bao: OpenBao, shelf: Shelf, spot: Spot) -> None:
    with relayed(bao, ("POST", "/data/", instead(answer(405)))) as (vault, relay):
        relay.troubles.append(("GET", "/metadata/", meanwhile(lambda: None)))
        relay.troubles.append(("GET", "/metadata/", lost_before))
        with refused(RequestRefused):
            vault.deliver_secret(spot, on_its_way())

    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.parametrize("act", [hang_up, answer(500)])
def test_metadata_that_contradict_a_refused_repeat_leave_the_outcome_open(act: Act) -> None:
    nothing = answer(200, {"data": {"current_version": 0, "custom_metadata": None, "versions": {}}})
    script = [PREFLIGHT, nothing, answer(204), act, nothing, MISMATCH, nothing]
    with stand_in(*script) as server, delivering(server.address) as vault, refused(OutcomeUnknown, TOKEN):
        vault.deliver_secret(Spot("x"), on_its_way())

    assert [seen.method for seen in server.seen] == ["GET", "GET", "POST", "POST", "GET", "POST", "GET"]


def test_marks_that_another_writer_replaced_in_between_are_written_again(
    bao: OpenBao, shelf: Shelf, spot: Spot
) -> None:
    def mark_as_another() -> None:
        shelf.set(spot.path, custom_metadata={"team": "voice", **marks(1, "key-2")})

    with relayed(bao, ("POST", "/data/", meanwhile(mark_as_another))) as (vault, _):
        vault.deliver_secret(spot, on_its_way())

    assert shelf.custom(spot.path) == {"team": "voice", **marks(1)}


def test_marks_of_the_writer_who_won_stay(bao: OpenBao, shelf: Shelf, spot: Spot) -> None:
    def win() -> None:
        shelf.put(spot.path, **fields("key-2"))
        shelf.set(spot.path, custom_metadata=marks(1, "key-2"))

    with relayed(bao, ("POST", "/data/", meanwhile(win))) as (vault, relay), refused(SecretConflict):
        vault.deliver_secret(spot, on_its_way())

    assert data_writes(relay) == 1
    assert shelf.data(spot.path) == fields("key-2")
    assert shelf.custom(spot.path) == marks(1, "key-2")


def test_a_vault_that_does_not_echo_custom_metadata_is_written_to_twice_only() -> None:
    nothing = answer(200, {"data": {"current_version": 0, "versions": {}}})
    script = [PREFLIGHT, nothing, answer(204), answer(200, {"data": {"version": 1}})]
    with stand_in(*script) as server, delivering(server.address) as vault:
        assert vault.deliver_secret(Spot("x"), on_its_way()) == 1

    assert [seen.method for seen in server.seen] == ["GET", "GET", "POST", "POST"]


def test_a_current_version_that_its_metadata_do_not_list_is_not_live() -> None:
    pruned = answer(200, {"data": {"current_version": 3, "versions": {}}})
    with stand_in(PREFLIGHT, pruned) as server, delivering(server.address) as vault:
        found = vault.inspect_secret(Spot("x"))

    assert (found.version, found.is_live) == (3, False)


@pytest.mark.parametrize("written", ["", "one", "-1", "²", "1.5"])
def test_a_version_mark_that_is_no_number_counts_as_absent(written: str) -> None:
    custom = {**marks(1), "version": written}
    strange = answer(200, {"data": {"current_version": 0, "versions": {}, "custom_metadata": custom}})
    with stand_in(PREFLIGHT, strange) as server, delivering(server.address) as vault:
        assert vault.inspect_secret(Spot("x")).written is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"current_version": "one"},
        {"current_version": -1},
        {"current_version": None},
        {"current_version": 1, "versions": [1]},
        {"current_version": 1, "versions": {"1": {"destroyed": False, "deletion_time": "yesterday"}}},
        {"current_version": 1, "versions": {"1": {"deletion_time": ""}}},
        {"current_version": 1, "custom_metadata": {"a": 1}},
    ],
)
def test_metadata_of_an_unknown_shape_are_not_believed(data: object) -> None:
    with (
        stand_in(PREFLIGHT, answer(200, {"data": data})) as server,
        delivering(server.address) as vault,
        refused(UnexpectedAnswer, TOKEN) as caught,
    ):
        vault.inspect_secret(Spot("x"))

    assert "an unknown shape while reading the metadata of secret/x" in caught[0].message


@pytest.mark.parametrize("act", [answer(200, {"data": None}), answer(204)])
def test_permissions_of_an_unknown_shape_are_not_believed(act: Act) -> None:
    with (
        stand_in(PREFLIGHT, act) as server,
        delivering(server.address) as vault,
        refused(UnexpectedAnswer, TOKEN),
    ):
        vault.preflight_delivery(Spot("x"))


@pytest.mark.catalogue(48)
@pytest.mark.parametrize("trouble", AFTER + BEFORE)
@pytest.mark.parametrize(("method", "piece"), [("POST", "/destroy/"), ("DELETE", "/metadata/")])
def test_a_withdrawal_whose_answer_is_lost_is_made_again(
    bao: OpenBao, spot: Spot, trouble: Trouble, method: str, piece: str
) -> None:
    with relayed(bao, (method, piece, trouble)) as (vault, relay):
        vault.deliver_secret(spot, on_its_way())
        vault.withdraw_secret(spot, [1], key_id="key-1", has_made_place=True)
        assert not vault.inspect_secret(spot).exists

    assert not relay.troubles


@pytest.mark.parametrize("trouble", AFTER + BEFORE)
def test_marks_whose_removal_or_change_is_lost_are_written_again(
    bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble
) -> None:
    shelf.set(spot.path, custom_metadata={"team": "voice"})
    with relayed(bao) as (vault, relay):
        vault.deliver_secret(spot, on_its_way())
        relay.troubles.append(("POST", "/metadata/", trouble))
        assert vault.remark_secret(spot, "key-1", "p1another")
        assert shelf.custom(spot.path) == {"team": "voice", **marks(1), "mark": "p1another"}
        relay.troubles.append(("POST", "/metadata/", trouble))
        vault.withdraw_secret(spot, [1], key_id="key-1")

    assert not relay.troubles
    assert shelf.custom(spot.path) == {"team": "voice"}


@pytest.mark.catalogue(48)
def test_g7_a_withdrawal_that_stops_before_the_marks_are_gone_is_repeated_to_its_end(
    bao: OpenBao, shelf: Shelf, spot: Spot
) -> None:
    shelf.set(spot.path, custom_metadata={"team": "voice"})
    with relayed(bao) as (vault, relay):
        vault.deliver_secret(spot, on_its_way())
        relay.troubles.append(("POST", "/metadata/", instead(answer(405))))
        with refused(RequestRefused):
            vault.withdraw_secret(spot, [1], key_id="key-1")
        assert shelf.custom(spot.path) == {"team": "voice", **marks(1)}
        vault.withdraw_secret(spot, [1], key_id="key-1")

    assert shelf.custom(spot.path) == {"team": "voice"}


@pytest.mark.catalogue(41)
@pytest.mark.parametrize(
    "data",
    [
        {"current_version": 3, "versions": {}},
        {
            "current_version": 2,
            "versions": {"1": {"created_time": "2026-11-25T12:00:00Z", "deletion_time": "", "destroyed": True}},
        },
    ],
)
def test_metadata_that_do_not_list_the_current_version_prove_nothing(data: dict[str, object]) -> None:
    listed = {**data, "custom_metadata": marks(1)}
    with (
        stand_in(PREFLIGHT, answer(200, {"data": data}), answer(200, {"data": listed}), answer(204)) as server,
        delivering(server.address) as vault,
    ):
        assert not vault.inspect_secret(Spot("x")).is_free
        vault.withdraw_secret(Spot("x"), [1], key_id="key-1", has_made_place=True)

    assert [seen.method for seen in server.seen] == ["GET", "GET", "GET", "POST"]


def thrown_back(status: int) -> Act:
    """Throw everything that came back at the client, in every place that it might print."""

    def act(exchange: Exchange) -> None:
        seen = exchange.server.seen[-1]
        thrown = f"{seen.headers.get('X-Vault-Token')} {seen.body.decode()}"
        version = {"deletion_time": thrown, "version": thrown, "destroyed": thrown}
        data = {"path": thrown, "current_version": thrown, "custom_metadata": thrown, "metadata": version}
        exchange.answer(status, {"errors": [thrown], "warnings": [thrown], "data": data}, {"Location": "/elsewhere"})

    return act


@pytest.mark.parametrize("position", range(7))
@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 429, 500, 503])
def test_no_secret_is_told_whatever_vault_throws_back(
    caplog: pytest.LogCaptureFixture, status: int, position: int
) -> None:
    caplog.set_level(logging.DEBUG)
    landed = answer(200, {"data": {"current_version": 1, "versions": {}, "custom_metadata": marks(1, "key-2")}})
    healthy = [PREFLIGHT, PERMITTED, ABSENT, answer(204), hang_up, landed, answer(403)]
    with stand_in(*healthy[:position], *[thrown_back(status)] * 40) as server, delivering(server.address) as vault:
        failed = failure_of(vault)

    assert isinstance(failed, AllomiaError)
    told = f"{everything_told(failed)} {caplog.text}"
    assert not [secret for secret in (TOKEN, SECRET) if secret in told]


def failure_of(vault: Vault) -> AllomiaError | None:
    try:
        vault.preflight_delivery(Spot("x"))
        vault.deliver_secret(Spot("x"), on_its_way())
    except AllomiaError as error:
        return error
    return None


@pytest.mark.catalogue(24)
def test_a_redirect_takes_no_key_elsewhere(bao: OpenBao, spot: Spot) -> None:
    with stand_in() as elsewhere:
        redirect = instead(answer(307, Location=f"{elsewhere.address}/v1/x"))
        with relayed(bao, ("POST", "/data/", redirect)) as (vault, _), refused(InvalidConfiguration):
            vault.deliver_secret(spot, on_its_way())

    assert not elsewhere.seen


def test_a_vault_that_is_not_there_is_unreachable() -> None:
    with (
        delivering("http://127.0.0.1:1") as vault,
        refused(Unreachable, TOKEN),
    ):
        vault.deliver_secret(Spot("x"), on_its_way())
