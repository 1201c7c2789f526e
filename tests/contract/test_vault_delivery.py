"""Keys are delivered to a real Vault: what is written, what is never touched, and who wins a race."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from allomia_pulumi.contracts.vault_delivery import StoredSecret
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    InvalidInput,
    NotFound,
    SecretConflict,
)
from tests.deliveries import (
    MARK,
    NOTHING,
    POLICY,
    SECRET,
    Shelf,
    Spot,
    fields,
    marks,
    on_its_way,
    refused,
    relayed,
)
from tests.fakes import FakeClock
from tests.vaults import mount_kv, need_namespaces, opened
from tools.engine.openbao import OpenBao


def test_a_key_is_delivered_with_its_ids_beside_it_and_our_marks(vault: Vault, shelf: Shelf) -> None:
    assert vault.deliver_secret(Spot("first"), on_its_way()) == 1

    assert shelf.data("first") == fields()
    assert shelf.custom("first") == marks(1)
    assert vault.inspect_secret(Spot("first")) == StoredSecret(1, MARK, "key-1", 1, is_ours=True, is_live=True)


def test_the_next_key_is_the_next_version(vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("next"), on_its_way())

    assert vault.deliver_secret(Spot("next"), on_its_way(1, "key-2", "another")) == 2

    assert shelf.data("next", version=1) == fields()
    assert shelf.data("next") == fields("key-2", "another")
    assert vault.inspect_secret(Spot("next")) == StoredSecret(2, MARK, "key-2", 2, is_ours=True, is_live=True)


def test_a_preflight_writes_nothing_and_says_what_stands_there(vault: Vault, shelf: Shelf) -> None:
    assert vault.preflight_delivery(Spot("nothing")) == NOTHING

    with pytest.raises(Exception, match="None"):
        shelf.metadata("nothing")


@pytest.mark.catalogue(36)
def test_a_writer_that_comes_too_late_leaves_the_winners_marks(bao: OpenBao, shelf: Shelf, vault: Vault) -> None:
    spot = Spot("raced")
    vault.preflight_delivery(spot)
    with relayed(bao) as (winner, _):
        winner.deliver_secret(spot, on_its_way())
    with pytest.raises(SecretConflict):
        vault.deliver_secret(spot, on_its_way())
    assert shelf.custom("raced") == marks(1)


def test_a_preflight_costs_three_requests_an_inspection_one_and_a_delivery_three(
    bao: OpenBao, shelf: Shelf, vault: Vault
) -> None:
    spot = Spot("counted")
    before = len(bao.audit_entries())
    vault.preflight_delivery(spot)
    preflight = shelf.asked(before)
    vault.deliver_secret(spot, on_its_way())
    delivery = shelf.asked(before) - preflight
    vault.inspect_secret(spot)
    inspection = shelf.asked(before) - preflight - delivery
    vault.preflight_delivery(spot)
    again = shelf.asked(before) - preflight - delivery - inspection

    ask = {("update", "sys/capabilities-self"): 1, ("read", "secret/metadata/counted"): 1}
    assert preflight == {("read", "sys/internal/ui/mounts/secret/counted"): 1, **ask}
    assert delivery == {
        ("read", "secret/metadata/counted"): 1,
        ("create", "secret/metadata/counted"): 1,
        ("update", "secret/data/counted"): 1,
    }
    assert inspection == {("read", "secret/metadata/counted"): 1}
    assert again == ask


def test_a_delivery_without_a_look_before_looks_itself(bao: OpenBao, shelf: Shelf, vault: Vault) -> None:
    shelf.set("unseen", custom_metadata={"team": "voice"})
    before = len(bao.audit_entries())
    vault.deliver_secret(Spot("unseen"), on_its_way())

    assert shelf.asked(before)["read", "secret/metadata/unseen"] == 1
    assert shelf.custom("unseen") == {"team": "voice", **marks(1)}


def test_a_newer_version_than_was_seen_may_be_expected(vault: Vault, shelf: Shelf) -> None:
    vault.preflight_delivery(Spot("moved-on"))
    shelf.put("moved-on", somebody="else")

    assert vault.deliver_secret(Spot("moved-on"), on_its_way(1)) == 2


def test_the_other_settings_of_a_secret_stay(vault: Vault, shelf: Shelf) -> None:
    settings: dict[str, object] = {"delete_version_after": "1h0m0s", "max_versions": 3, "cas_required": True}
    shelf.set("settled", **settings, custom_metadata={"team": "voice", "mark": "theirs"})

    vault.deliver_secret(Spot("settled"), on_its_way())

    found = shelf.metadata("settled")
    assert {name: found[name] for name in settings} == settings
    assert found["custom_metadata"] == {"team": "voice", **marks(1)}


def test_somebody_elses_secret_is_told_from_ours(vault: Vault, shelf: Shelf) -> None:
    shelf.put("foreign", password="theirs")
    shelf.set("foreign", custom_metadata={"managed-by": "terraform", "key_id": "1", "mark": "2", "version": "3"})

    expected = StoredSecret(version=1, mark=None, key_id=None, written=None, is_ours=False, is_live=True)
    assert vault.inspect_secret(Spot("foreign")) == expected
    assert vault.preflight_delivery(Spot("foreign")) == expected


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_another_version_than_expected_is_not_touched(vault: Vault, shelf: Shelf, expected: int) -> None:
    path = f"foreign-{expected}"
    for value in ("one", "two"):
        shelf.put(path, password=value)
    before = shelf.metadata(path)

    with refused(SecretConflict) as caught:
        vault.deliver_secret(Spot(path), on_its_way(expected))

    assert f"somebody else has written to secret/{path}" in caught[0].message
    assert "takeOver" in caught[0].hint
    assert shelf.data(path) == {"password": "two"}
    assert shelf.metadata(path) == before


@pytest.mark.catalogue(41)
def test_a_version_written_after_the_preflight_is_not_touched(vault: Vault, shelf: Shelf) -> None:
    shelf.set("race", custom_metadata={"team": "voice"})
    seen = vault.preflight_delivery(Spot("race"))
    shelf.put("race", password="theirs")

    with refused(SecretConflict):
        vault.deliver_secret(Spot("race"), on_its_way(seen.version))

    assert shelf.data("race") == {"password": "theirs"}
    assert shelf.version("race") == 1
    assert shelf.custom("race") == {"team": "voice"}


def test_marks_of_before_come_back_after_a_conflict(vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("marked"), on_its_way())
    vault.preflight_delivery(Spot("marked"))
    shelf.put("marked", password="theirs")

    with refused(SecretConflict):
        vault.deliver_secret(Spot("marked"), on_its_way(1, "key-2"))

    assert shelf.custom("marked") == marks(1)
    assert vault.inspect_secret(Spot("marked")) == StoredSecret(2, MARK, "key-1", 1, is_ours=True, is_live=True)


@pytest.mark.catalogue(36)
def test_of_16_racing_writers_one_wins(environ: dict[str, str], shelf: Shelf) -> None:
    start = Barrier(16)

    def write(number: int) -> int | AllomiaError:
        with opened(environ) as vault:
            vault.preflight_delivery(Spot("contested"))
            start.wait()
            try:
                return vault.deliver_secret(Spot("contested"), on_its_way(0, f"key-{number}", f"secret-{number}"))
            except AllomiaError as error:
                return error

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(write, range(16)))

    winners = [number for number, outcome in enumerate(outcomes) if outcome == 1]
    assert len(winners) == 1
    assert Counter(map(type, outcomes)) == {SecretConflict: 15, int: 1}
    assert shelf.version("contested") == 1
    assert shelf.data("contested") == fields(f"key-{winners[0]}", f"secret-{winners[0]}")


@pytest.mark.catalogue(43)
def test_a_deleted_version_is_not_live_and_a_key_goes_on_top(vault: Vault, bao: OpenBao, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("deleted"), on_its_way())
    bao.client().secrets.kv.v2.delete_latest_version_of_secret("deleted", mount_point="secret")

    found = vault.preflight_delivery(Spot("deleted"))

    assert found == StoredSecret(1, MARK, "key-1", 1, is_ours=True, is_live=False)
    assert vault.deliver_secret(Spot("deleted"), on_its_way(found.version)) == 2
    assert shelf.data("deleted") == fields()


@pytest.mark.catalogue(43)
def test_a_destroyed_version_is_not_live_and_a_key_goes_on_top(vault: Vault, bao: OpenBao) -> None:
    vault.deliver_secret(Spot("destroyed"), on_its_way())
    bao.client().secrets.kv.v2.destroy_secret_versions("destroyed", [1], mount_point="secret")

    found = vault.inspect_secret(Spot("destroyed"))

    assert found == StoredSecret(1, MARK, "key-1", 1, is_ours=True, is_live=False)
    assert vault.deliver_secret(Spot("destroyed"), on_its_way(found.version)) == 2


def test_a_key_goes_on_top_of_pruned_versions(vault: Vault, shelf: Shelf) -> None:
    shelf.set("pruned", max_versions=1)
    for version in range(3):
        assert vault.deliver_secret(Spot("pruned"), on_its_way(version)) == version + 1

    assert list(shelf.metadata("pruned")["versions"]) == ["3"]
    assert vault.inspect_secret(Spot("pruned")) == StoredSecret(3, MARK, "key-1", 3, is_ours=True, is_live=True)


def test_a_version_that_expires_is_live_until_then(environ: dict[str, str], shelf: Shelf) -> None:
    clock = FakeClock()
    clock.moment = datetime.now(UTC)
    shelf.set("expiring", delete_version_after="1h")
    with opened(environ, clock) as vault:
        vault.deliver_secret(Spot("expiring"), on_its_way())
        assert vault.inspect_secret(Spot("expiring")).is_live
        clock.moment += timedelta(hours=2)
        assert not vault.inspect_secret(Spot("expiring")).is_live


@pytest.mark.catalogue(2)
def test_metadata_without_a_version_are_what_an_interrupted_first_delivery_leaves(vault: Vault, shelf: Shelf) -> None:
    shelf.set("interrupted", custom_metadata=marks(1))

    found = vault.inspect_secret(Spot("interrupted"))

    assert found == StoredSecret(0, MARK, "key-1", 1, is_ours=True, is_live=False, is_free=True)
    assert vault.deliver_secret(Spot("interrupted"), on_its_way(found.version, "key-2")) == 1


def test_a_mount_that_requires_check_and_set_works(vault: Vault, shelf: Shelf) -> None:
    assert vault.deliver_secret(Spot("x", mount="strict"), on_its_way()) == 1
    assert vault.deliver_secret(Spot("x", mount="strict"), on_its_way(1)) == 2
    assert shelf.data("x", mount="strict") == fields()


@pytest.mark.parametrize(
    "path", ["with space/x", "question?mark=1", "per%2fcent", "ümläut/日本", "semi;colon", "a..b."]
)
def test_any_character_in_a_path_reaches_the_secret_of_that_name(vault: Vault, shelf: Shelf, path: str) -> None:
    spot = Spot(path, mount="team/kv2")
    vault.preflight_delivery(spot)
    vault.deliver_secret(spot, on_its_way())

    assert shelf.data(path, mount="team/kv2") == fields()
    assert shelf.metadata(path, mount="team/kv2")["custom_metadata"] == marks(1)
    assert vault.fetch_secret(spot, 1).get_secret_value() == SECRET
    vault.withdraw_secret(spot, [1], key_id="key-1", has_made_place=True)
    assert vault.inspect_secret(spot) == NOTHING


def test_a_place_in_short_leaves_it_to_vault_where_the_mount_ends(vault: Vault, shelf: Shelf) -> None:
    in_short, in_parts = Spot("team/kv2/in/short", mount=None), Spot("in/short", mount="team/kv2")
    assert vault.preflight_delivery(in_short) == NOTHING
    assert vault.deliver_secret(in_short, on_its_way()) == 1
    assert vault.inspect_secret(in_parts) == vault.inspect_secret(in_short) != NOTHING
    assert shelf.data("in/short", mount="team/kv2") == fields()
    vault.withdraw_secret(in_short, [1], key_id="key-1", has_made_place=True)
    assert vault.inspect_secret(in_parts) == NOTHING


def test_a_place_in_short_without_a_mount_gets_the_policy_of_the_likely_one(vault: Vault) -> None:
    with refused(AccessDenied) as caught:
        vault.preflight_delivery(Spot("nowhere/in/short", mount=None))
    assert 'path "nowhere/data/in/short"' in str(caught[0])


def test_delivers_in_a_namespace(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    client = bao.client()
    client.adapter.post("/v1/sys/namespaces/team-a")
    mount_kv(client, "kv", "2", namespace="team-a/")

    with opened(environ | {"VAULT_NAMESPACE": "team-a"}) as vault:
        vault.preflight_delivery(Spot("x", mount="kv"))
        vault.deliver_secret(Spot("x", mount="kv"), on_its_way())

    assert client.adapter.get("/v1/team-a/kv/data/x")["data"]["data"] == fields()


def test_one_version_is_fetched(vault: Vault) -> None:
    vault.deliver_secret(Spot("fetched"), on_its_way())
    vault.deliver_secret(Spot("fetched"), on_its_way(1, "key-2", "the-second"))

    assert vault.fetch_secret(Spot("fetched"), 1).get_secret_value() == SECRET
    assert vault.fetch_secret(Spot("fetched"), 2).get_secret_value() == "the-second"
    with refused(NotFound):
        vault.fetch_secret(Spot("fetched"), 3)
    with refused(InvalidInput):
        vault.fetch_secret(Spot("fetched"), 0)


def test_one_login_serves_reading_and_writing(bao: OpenBao, environ: dict[str, str], shelf: Shelf) -> None:
    client = bao.client()
    client.sys.enable_auth_method("approle")
    client.sys.create_or_update_policy("least", POLICY)
    client.auth.approle.create_or_update_approle("writer", token_policies=["least"])
    role_id = client.auth.approle.read_role_id("writer")["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("writer")["data"]["secret_id"]
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    before = len(bao.audit_entries())

    with opened(environ | {"SECRET_ID": secret_id}, auth=auth) as vault:
        vault.preflight_delivery(Spot("least/login"))
        vault.deliver_secret(Spot("least/login"), on_its_way())
        with refused(AccessDenied, secret_id):
            vault.fetch_secret(Spot("least/login"), 1)

    asked = shelf.asked(before)
    assert asked["update", "auth/approle/login"] == 1
    assert asked["update", "auth/token/revoke-self"] == 1
    assert asked["read", "sys/internal/ui/mounts/secret/least/login"] == 1


def test_a_key_on_its_way_shows_no_secret() -> None:
    assert SECRET not in repr(on_its_way())
    assert "secret=" not in repr(on_its_way())
