from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.errors import AllomiaError, NotFound, Unavailable, UnexpectedAnswer
from allomia_pulumi.ground.references import parse_reference
from tests.deliveries import refused
from tests.vaults import KEY, TOKEN, Act, answer, everything_told, hang_up, healthy, opened, stand_in

EHR = parse_reference("secret/allomia/ehr#api_key", "")
VERSION = {"created_time": "2026-01-02T03:04:05.123456789Z", "deletion_time": "", "destroyed": False}
ONE = {"current_version": 1, "versions": {"1": VERSION}}
WEB_PAGE = b"<html>log in</html>"


def read_versions(*script: Act) -> SecretVersions:
    """Look through a stand-in that knows the mount and then acts as scripted."""
    with stand_in(healthy, *script) as server, opened({"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN}) as vault:
        return vault.read_versions(EHR)


@pytest.mark.catalogue(31)
@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2026-01-02T05:04:05.123456789+02:00", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
    ],
)
def test_every_spelling_of_a_moment_is_read_as_utc(told: str, moment: datetime) -> None:
    found = read_versions(answer(200, {"data": ONE | {"versions": {"1": VERSION | {"created_time": told}}}}))

    assert found == SecretVersions(kv_version=2, version=1, written={1: moment})
    assert found.written[1].tzinfo is UTC


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"data": {"api_key": KEY}, "metadata": VERSION},
        {"versions": {}},
        {"current_version": 1},
        {"current_version": "1", "versions": {"1": VERSION}},
        {"current_version": True, "versions": {"1": VERSION}},
        {"current_version": 1.0, "versions": {"1": VERSION}},
        {"current_version": -1, "versions": {}},
        {"current_version": 1, "versions": None},
        {"current_version": 1, "versions": [VERSION]},
        {"current_version": 1, "versions": {"one": VERSION}},
        {"current_version": 1, "versions": {"1": KEY}},
        *(
            {"current_version": 1, "versions": {"1": VERSION | wrong}}
            for wrong in (
                {"created_time": ""},
                {"created_time": None},
                {"created_time": "yesterday"},
                {"created_time": "2026-01-02T03:04:05"},
                {"created_time": KEY},
                {"deletion_time": "tomorrow"},
                {"deletion_time": None},
                {"destroyed": "false"},
                {"destroyed": 0},
                {"destroyed": None},
            )
        ),
    ],
)
def test_metadata_of_an_unknown_shape_are_not_believed(data: Any) -> None:
    with refused(UnexpectedAnswer, KEY, TOKEN) as caught:
        read_versions(answer(200, {"data": data}))

    assert "of an unknown shape while reading the metadata of secret/allomia/ehr" in caught[0].message


@pytest.mark.catalogue(21)
@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_web_page_is_neither_a_secret_nor_its_absence_nor_a_denial(status: int) -> None:
    with refused(UnexpectedAnswer, TOKEN) as caught:
        read_versions(answer(status, WEB_PAGE, Content_Type="text/html"))

    assert "sent a web page" in caught[0].message


def test_a_mount_that_is_gone_is_not_taken_for_a_missing_secret() -> None:
    with refused(NotFound) as caught:
        read_versions(answer(404, {"errors": ["no handler for route"]}))

    assert "has no secret" not in caught[0].message


@pytest.mark.parametrize("act", [answer(500), answer(503), hang_up])
def test_a_look_is_repeated_while_the_fault_is_temporary(act: Act) -> None:
    assert read_versions(act, answer(200, {"data": ONE})).version == 1


def test_a_sealed_vault_is_unavailable() -> None:
    with refused(Unavailable) as caught:
        read_versions(*[answer(503, {"errors": ["Vault is sealed"]})] * 5)

    assert "is sealed" in caught[0].message


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_no_secret_is_told_whatever_vault_throws_back(caplog: pytest.LogCaptureFixture, status: int) -> None:
    caplog.set_level("DEBUG")
    thrown = f"{TOKEN} {KEY}"
    custom = {"current_version": 0, "versions": {}, "custom_metadata": {"team": thrown}}
    body = {"errors": [thrown], "warnings": [thrown], "data": custom}
    with pytest.raises(AllomiaError) as caught:
        read_versions(*[answer(status, body)] * 5)

    told = f"{everything_told(caught.value)} {caplog.text}"
    assert not [secret for secret in (TOKEN, KEY) if secret in told]
