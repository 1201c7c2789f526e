"""A Vault that breaks the rules of HTTP, or answers with hostile texts: the same promises as for AlloMia."""

from __future__ import annotations

import gzip
import tracemalloc
from contextlib import suppress

import pytest

from allomia_pulumi.errors import AllomiaError, Unavailable, UnexpectedAnswer, Unreachable
from allomia_pulumi.ground.references import parse_reference
from tests.deliveries import Spot, on_its_way
from tests.fakes import FakeClock
from tests.faults.peers import RUDE_BYTES, Act, answers, peer
from tests.faults.wire.rudeness import BROKEN, FLOODS, LATE, STRANGE, TROUBLE
from tests.vaults import KEY, TOKEN, answer, everything_told, opened, read, stand_in

TENANT = "secret/allomia/tenant#api_key"
RED = "\x1b[31mred\x1b[0m\r\n\u202e"
UNREADABLE = {
    "content-length negative",
    "content-length no number",
    "content-length twice",
    "control character in a header",
    "header without a colon",
    "line break in the status",
    "switching protocols",
}


def refused(address: str, seconds: float = 10) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(TENANT, {"VAULT_ADDR": address, "VAULT_TOKEN": TOKEN}, timeoutSeconds=seconds)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    told = everything_told(caught.value)
    assert not [secret for secret in (TOKEN, KEY) if secret in told]
    return caught.value


@pytest.mark.catalogue(19, 23)
@pytest.mark.parametrize("name", sorted(BROKEN.keys() - UNREADABLE))
def test_g5_broken_http_is_a_broken_connection(name: str) -> None:
    # Nothing that is kept limits trailers, only the time.
    seconds = 0.3 if name == "trailers without end" else 10
    with peer(BROKEN[name]) as server:
        assert isinstance(refused(server.address, seconds), Unreachable)
        assert server.count(5) == 5


@pytest.mark.catalogue(21, 23)
@pytest.mark.parametrize("name", [*sorted(UNREADABLE), *STRANGE])
def test_g5_an_answer_that_lies_about_itself_is_not_believed(name: str) -> None:
    with peer({**BROKEN, **STRANGE}[name]) as server:
        error = refused(server.address)
        assert type(error) is UnexpectedAnswer
        assert server.count(1) == 1


@pytest.mark.catalogue(15)
@pytest.mark.parametrize("name", TROUBLE)
def test_an_unknown_trouble_of_the_server_is_unavailable(name: str) -> None:
    with peer(TROUBLE[name]) as server:
        assert isinstance(refused(server.address), Unavailable)


@pytest.mark.catalogue(18)
@pytest.mark.parametrize("name", LATE)
def test_an_answer_that_never_comes_whole_ends_with_its_deadline(name: str) -> None:
    with peer(LATE[name]) as server:
        error = refused(server.address, 0.1)
        assert isinstance(error, Unreachable)
        assert "gave no complete answer in time" in error.message


COMPRESSED = answers(gzip.compress(b" " * RUDE_BYTES), Content_Encoding="gzip")


@pytest.mark.catalogue(23)
@pytest.mark.parametrize("act", [*FLOODS.values(), COMPRESSED], ids=[*FLOODS, "compressed"])
def test_a_hundred_megabytes_are_hung_up_on(act: Act) -> None:
    with peer(act) as server:
        tracemalloc.start()
        try:
            error = refused(server.address)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert isinstance(error, UnexpectedAnswer)
        assert server.sent < RUDE_BYTES / 4
    assert peak < 32 * 1024 * 1024


MOUNT = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("status", [200, 400, 403, 404, 412, 500, 503])
@pytest.mark.parametrize("position", [0, 1])
def test_no_text_of_vault_reaches_a_message_raw(status: int, position: int) -> None:
    version = {"deletion_time": f"2026-01-01T00:00:00{RED}", "version": RED, "destroyed": False}
    body = {
        "errors": [RED, {RED: RED}, [RED]],
        "warnings": [RED],
        "data": {
            "path": f"secret/{RED}",
            "type": RED,
            "metadata": version,
            "data": {RED: RED, "api_key": f"{KEY}{RED}"},
        },
    }
    hostile = answer(status, body, Retry_After="soon", X_Red="[31m")
    with stand_in(*[answer(200, MOUNT)] * position, *[hostile] * 20) as server:
        refused(server.address)


@pytest.mark.catalogue(22)
@pytest.mark.parametrize(
    "data",
    [
        b'{"data":{"current_version":NaN,"versions":{}}}',
        b'{"data":{"current_version":1e999,"versions":{}}}',
        b'{"data":{"current_version":' + b"9" * 5000 + b',"versions":{}}}',
        b'{"data":{"current_version":true,"versions":{}}}',
        b'{"data":{"current_version":"1","versions":{}}}',
        b'{"data":{"current_version":1,"versions":[]}}',
        b'{"data":{"current_version":1,"versions":{"one":{}}}}',
        b'{"data":{"current_version":1,"versions":{"1":{"created_time":"soon","deletion_time":"","destroyed":"no"}}}}',
        b'{"data":{"current_version":1,"versions":{},"custom_metadata":{"mark":7}}}',
        b'{"data":' + b'{"a":' * 100_000,
        b'{"data":null}',
        b"[]",
    ],
)
def test_g4_metadata_of_another_shape_are_no_absence(data: bytes) -> None:
    with (
        stand_in(answer(200, MOUNT), *[answer(200, data)] * 9) as server,
        opened({"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN}) as vault,
        pytest.raises(UnexpectedAnswer) as caught,
    ):
        vault.inspect_secret(Spot("x"))
    assert str(caught.value).isprintable()


@pytest.mark.catalogue(22)
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00"])
def test_g5_a_moment_that_no_calendar_can_count_on_is_a_value_or_an_error_of_ours(moment: str) -> None:
    version = {"created_time": moment, "deletion_time": "", "destroyed": False}
    body = {"data": {"current_version": 1, "versions": {"1": version}, "custom_metadata": None}}
    with (
        stand_in(answer(200, MOUNT), *[answer(200, body)] * 9) as server,
        opened({"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN}) as vault,
        suppress(UnexpectedAnswer),
    ):
        assert vault.read_versions(parse_reference("secret/x#api_key", "the reference")).version == 1


@pytest.mark.catalogue(40, 41)
@pytest.mark.parametrize("name", [*STRANGE, *TROUBLE])
def test_g2_a_delivery_whose_answer_cannot_be_read_is_never_called_done(name: str) -> None:
    with (
        peer({**STRANGE, **TROUBLE}[name]) as server,
        opened({"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN}, FakeClock()) as vault,
        pytest.raises(AllomiaError) as caught,
    ):
        vault.deliver_secret(Spot("x"), on_its_way(secret=KEY))
    assert KEY not in everything_told(caught.value)
    assert all(KEY.encode() not in request for request in server.requests)
