"""What a real Vault tells of the versions of a secret that a person writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from allomia_pulumi.contracts.vault_versions import SecretVersions
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import AccessDenied, AllomiaError, InvalidConfiguration, NotFound
from allomia_pulumi.ground.references import VaultReference, parse_reference
from tests.deliveries import Shelf, refused
from tests.fakes import FakeClock
from tests.vaults import KEY, mount_kv, opened
from tools.engine.openbao import OpenBao

_numbers = count()


@pytest.fixture(scope="module")
def bao(openbao: OpenBao) -> OpenBao:
    client = openbao.client()
    mount_kv(client, "legacy", "1")
    mount_kv(client, "team/kv2", "2")
    return openbao


@pytest.fixture(scope="module")
def kv(bao: OpenBao) -> Any:
    return bao.client().secrets.kv.v2


@pytest.fixture
def path(shelf: Shelf) -> str:
    """Return a path at which two versions stand."""
    path = f"allomia/hand-{next(_numbers)}"
    write(shelf, path, 2)
    return path


def write(shelf: Shelf, path: str, versions: int) -> None:
    for _ in range(versions):
        shelf.put(path, api_key=KEY)


def at(path: str, version: int | None = None) -> VaultReference:
    return parse_reference({"mount": "secret", "path": path, "field": "api_key"}, "").model_copy(
        update={"version": version}
    )


def why_not(vault: Vault, path: str, version: int) -> AllomiaError:
    with refused(NotFound, KEY) as caught:
        vault.read_secret(at(path, version))
    return caught[0]


def test_each_version_is_known_by_the_moment_at_which_vault_made_it(shelf: Shelf, vault: Vault, path: str) -> None:
    found = vault.read_versions(at(path))

    assert (found.kv_version, found.version, found.is_live) == (2, 2, True)
    assert list(found.written) == [1, 2]
    versions = shelf.metadata(path)["versions"]
    for number, moment in found.written.items():
        assert moment.tzinfo is UTC
        # Vault tells nanoseconds, and a datetime keeps microseconds.
        assert moment.strftime("%Y-%m-%dT%H:%M:%S.%f") == _microseconds(versions[str(number)]["created_time"])


def _microseconds(moment: str) -> str:
    seconds, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction[:6]:0<6}"


@pytest.mark.parametrize(
    "spelt", ["secret/{}#api_key", {"mount": "secret", "path": "{}", "field": "api_key"}, {"path": "secret/{}"}]
)
def test_every_form_of_a_reference_finds_the_same_versions(vault: Vault, path: str, spelt: object) -> None:
    if isinstance(spelt, dict):
        reference: object = {"field": "api_key"} | {name: text.format(path) for name, text in spelt.items()}
    else:
        reference = str(spelt).format(path)

    assert vault.read_versions(parse_reference(reference, "")) == vault.read_versions(at(path))


@pytest.mark.parametrize("pinned", [1, 2, 9])
def test_a_pinned_version_makes_no_difference(vault: Vault, path: str, pinned: int) -> None:
    assert vault.read_versions(at(path, pinned)) == vault.read_versions(at(path))


def test_a_new_version_is_noticed_by_the_next_look(shelf: Shelf, vault: Vault, path: str) -> None:
    before = vault.read_versions(at(path))
    write(shelf, path, 1)

    after = vault.read_versions(at(path))

    assert (before.version, after.version) == (2, 3)
    assert dict(after.written).items() > dict(before.written).items()


def test_a_deleted_earlier_version_is_gone_and_the_current_one_lives(kv: Any, vault: Vault, path: str) -> None:
    kv.delete_secret_versions(path, [1], mount_point="secret")

    found = vault.read_versions(at(path))

    assert (found.version, list(found.written), found.is_live) == (2, [2], True)
    assert "version 1 of the secret" in why_not(vault, path, 1).message
    assert "was deleted at 20" in why_not(vault, path, 1).message


def test_a_deleted_current_version_stays_current_and_is_not_live(kv: Any, vault: Vault, path: str) -> None:
    kv.delete_latest_version_of_secret(path, mount_point="secret")

    found = vault.read_versions(at(path))

    assert (found.version, list(found.written), found.is_live) == (2, [1], False)
    assert f"kv undelete -mount=secret -versions=2 {path}" in why_not(vault, path, 2).hint


def test_an_undeleted_version_is_back_with_its_first_moment(kv: Any, vault: Vault, path: str) -> None:
    before = vault.read_versions(at(path))
    kv.delete_secret_versions(path, [2], mount_point="secret")
    assert not vault.read_versions(at(path)).is_live

    kv.undelete_secret_versions(path, [2], mount_point="secret")

    assert vault.read_versions(at(path)) == before


@pytest.mark.parametrize(("number", "is_live"), [(1, True), (2, False)])
def test_a_destroyed_version_is_gone(kv: Any, vault: Vault, path: str, number: int, is_live: bool) -> None:
    kv.destroy_secret_versions(path, [number], mount_point="secret")

    found = vault.read_versions(at(path))

    assert (found.version, list(found.written), found.is_live) == (2, [3 - number], is_live)
    assert f"version {number} of the secret" in why_not(vault, path, number).message
    assert "was destroyed" in why_not(vault, path, number).message


def test_a_pruned_version_is_gone(shelf: Shelf, vault: Vault, path: str) -> None:
    shelf.set(path, max_versions=2)
    write(shelf, path, 2)

    found = vault.read_versions(at(path))

    assert (found.version, list(found.written), found.is_live) == (4, [3, 4], True)
    assert "was pruned; the latest is 4" in why_not(vault, path, 1).message


def test_a_version_that_nobody_wrote_yet_is_told_from_a_pruned_one(vault: Vault, path: str) -> None:
    assert "no such version yet; the latest is 2" in why_not(vault, path, 3).message


def test_a_version_that_expires_later_lives_until_then(shelf: Shelf, environ: dict[str, str], path: str) -> None:
    shelf.set(path, delete_version_after="1h")
    write(shelf, path, 1)
    clock = FakeClock()
    with opened(environ, clock) as vault:
        clock.moment = datetime.now(UTC)
        assert vault.read_versions(at(path)).is_live

        clock.moment += timedelta(hours=2)
        found = vault.read_versions(at(path))

    assert (found.version, list(found.written), found.is_live) == (3, [1, 2], False)


@pytest.mark.parametrize("reference", ["secret/nothing#api_key", "team/kv2/nothing/here#api_key"])
def test_a_missing_secret_is_not_found_in_the_words_of_reading(vault: Vault, reference: str) -> None:
    with refused(NotFound) as looking:
        vault.read_versions(parse_reference(reference, ""))
    with refused(NotFound) as reading:
        vault.read_secret(parse_reference(reference, ""))

    assert str(looking[0]) == str(reading[0])
    assert f"has no secret for {reference}" in looking[0].message


def test_the_api_path_pasted_as_a_reference_is_explained(vault: Vault) -> None:
    with refused(NotFound) as caught:
        vault.read_versions(parse_reference("secret/metadata/allomia/ehr#api_key", ""))

    assert "Leave metadata/ out" in caught[0].hint


def test_custom_metadata_alone_are_no_secret(shelf: Shelf, vault: Vault) -> None:
    shelf.set("marked", custom_metadata={"team": "voice"})
    with refused(NotFound) as caught:
        vault.read_versions(at("marked"))

    assert "has no secret for secret/marked#api_key" in caught[0].message
    assert "has no secret for secret/marked#api_key version 1" in why_not(vault, "marked", 1).message


def test_custom_metadata_beside_versions_change_nothing(shelf: Shelf, vault: Vault, path: str) -> None:
    before = vault.read_versions(at(path))
    shelf.set(path, custom_metadata={"team": "voice"})

    assert vault.read_versions(at(path)) == before


def test_a_nested_mount_is_found(shelf: Shelf, vault: Vault) -> None:
    shelf.put("a/b", mount="team/kv2", api_key=KEY)

    assert vault.read_versions(parse_reference("team/kv2/a/b#api_key", "")).version == 1
    assert (
        vault.read_versions(parse_reference({"mount": "team/kv2", "path": "a/b", "field": "api_key"}, "")).version == 1
    )


@pytest.mark.parametrize("path", ["with space/x", "question?mark=1", "per%2fcent", "ümläut/日本", "a..b"])
def test_any_character_in_a_path_finds_the_secret_of_that_name(shelf: Shelf, vault: Vault, path: str) -> None:
    write(shelf, path, 1)

    assert vault.read_versions(at(path)).version == 1


def test_kv_v1_has_no_versions_and_only_its_mount_is_looked_at(bao: OpenBao, shelf: Shelf, vault: Vault) -> None:
    bao.client().secrets.kv.v1.create_or_update_secret("allomia/ehr", {"api_key": KEY}, mount_point="legacy")
    before = len(bao.audit_entries())

    found = vault.read_versions(parse_reference("legacy/allomia/ehr#api_key", ""))

    assert found == SecretVersions(kv_version=1, version=None, written={})
    assert found.is_live
    assert shelf.asked(before) == {("read", "sys/internal/ui/mounts/legacy/allomia/ehr"): 1}


def test_a_wrong_mount_is_refused(vault: Vault) -> None:
    with refused(InvalidConfiguration) as caught:
        vault.read_versions(parse_reference({"mount": "secret/allomia", "path": "ehr", "field": "api_key"}, ""))

    assert "says that the mount is secret/allomia, and Vault says secret" in caught[0].message


def test_a_denial_names_the_line_that_is_enough(shelf: Shelf, environ: dict[str, str], path: str) -> None:
    may_read = shelf.token(f'path "secret/data/{path}" {{ capabilities = ["read"] }}')
    with opened(environ | {"VAULT_TOKEN": may_read}) as vault, refused(AccessDenied, may_read) as caught:
        vault.read_versions(at(path))
    line = f'path "secret/metadata/{path}" {{ capabilities = ["read"] }}'
    assert f"does not let the token read the metadata of secret/{path} (403)" in caught[0].message
    assert caught[0].hint == f"Add to its policy: {line}"

    with opened(environ | {"VAULT_TOKEN": shelf.token(line)}) as vault:
        assert vault.read_versions(at(path)).version == 2


def test_a_mount_out_of_reach_gets_the_lines_for_looking_and_reading(
    shelf: Shelf, environ: dict[str, str], path: str
) -> None:
    nothing = shelf.token('path "legacy/x" { capabilities = ["read"] }')
    with opened(environ | {"VAULT_TOKEN": nothing}) as vault, refused(AccessDenied, nothing) as caught:
        vault.read_versions(at(path))
    lines = caught[0].hint[caught[0].hint.index('path "') :]

    with opened(environ | {"VAULT_TOKEN": shelf.token(lines)}) as vault:
        assert vault.read_versions(at(path)).version == 2
        assert vault.read_secret(at(path, 1)).get_secret_value() == KEY


def test_a_look_is_one_request_once_the_mount_is_known(
    bao: OpenBao, shelf: Shelf, environ: dict[str, str], path: str
) -> None:
    with opened(environ) as vault:
        before = len(bao.audit_entries())
        vault.read_versions(at(path))
        assert shelf.asked(before) == {
            ("read", f"sys/internal/ui/mounts/secret/{path}"): 1,
            ("read", f"secret/metadata/{path}"): 1,
        }

        before = len(bao.audit_entries())
        vault.read_versions(at(path))
        vault.read_versions(at(path))
        assert shelf.asked(before) == {("read", f"secret/metadata/{path}"): 2}


def test_the_value_never_travels(bao: OpenBao, environ: dict[str, str], path: str) -> None:
    client = bao.client()
    hashed = client.sys.calculate_hash("log", KEY)["data"]["hash"]
    with opened(environ) as vault:
        before = len(bao.audit_entries())
        vault.read_versions(at(path))
        looked = json.dumps([dict(entry.raw) for entry in bao.audit_entries()[before:]])
        vault.read_secret(at(path))
        read = json.dumps([dict(entry.raw) for entry in bao.audit_entries()[before:]])

    assert hashed in read
    assert hashed not in looked
    assert KEY not in looked
