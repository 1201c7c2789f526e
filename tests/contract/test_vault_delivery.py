"""Keys are delivered to a real Vault: what is written, what is never touched, and which policy it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from allomia_pulumi.edges.vault import Stored, Vault
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    SecretConflict,
)
from tests.deliveries import MARK, SECRET, Shelf, Spot, fields, marks, on_its_way, refused, relayed
from tests.fakes import FakeClock
from tests.vaults import mount_kv, need_namespaces, opened
from tools.engine.openbao import OpenBao

NOTHING = Stored(
    version=0, mark=None, key_id=None, written=None, is_ours=False, is_live=False, exists=False, is_free=True
)
DATA = 'path "secret/data/least/*" { capabilities = ["create", "update"] }'
METADATA = 'path "secret/metadata/least/*" { capabilities = ["create", "update", "read"] }'
POLICY = f"{DATA} {METADATA}"


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev(audit=True) as server:
        client = server.client()
        mount_kv(client, "legacy", "1")
        mount_kv(client, "team/kv2", "2")
        mount_kv(client, "strict", "2")
        client.adapter.post("/v1/strict/config", json={"cas_required": True})
        yield server


def test_a_key_is_delivered_with_its_ids_beside_it_and_our_marks(vault: Vault, shelf: Shelf) -> None:
    assert vault.deliver_secret(Spot("first"), on_its_way()) == 1

    assert shelf.data("first") == fields()
    assert shelf.custom("first") == marks(1)
    assert vault.inspect_secret(Spot("first")) == Stored(1, MARK, "key-1", 1, is_ours=True, is_live=True)


def test_the_next_key_is_the_next_version(vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("next"), on_its_way())

    assert vault.deliver_secret(Spot("next"), on_its_way(1, "key-2", "another")) == 2

    assert shelf.data("next", version=1) == fields()
    assert shelf.data("next") == fields("key-2", "another")
    assert vault.inspect_secret(Spot("next")) == Stored(2, MARK, "key-2", 2, is_ours=True, is_live=True)


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

    expected = Stored(version=1, mark=None, key_id=None, written=None, is_ours=False, is_live=True)
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
    assert vault.inspect_secret(Spot("marked")) == Stored(2, MARK, "key-1", 1, is_ours=True, is_live=True)


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

    assert found == Stored(1, MARK, "key-1", 1, is_ours=True, is_live=False)
    assert vault.deliver_secret(Spot("deleted"), on_its_way(found.version)) == 2
    assert shelf.data("deleted") == fields()


@pytest.mark.catalogue(43)
def test_a_destroyed_version_is_not_live_and_a_key_goes_on_top(vault: Vault, bao: OpenBao) -> None:
    vault.deliver_secret(Spot("destroyed"), on_its_way())
    bao.client().secrets.kv.v2.destroy_secret_versions("destroyed", [1], mount_point="secret")

    found = vault.inspect_secret(Spot("destroyed"))

    assert found == Stored(1, MARK, "key-1", 1, is_ours=True, is_live=False)
    assert vault.deliver_secret(Spot("destroyed"), on_its_way(found.version)) == 2


def test_a_key_goes_on_top_of_pruned_versions(vault: Vault, shelf: Shelf) -> None:
    shelf.set("pruned", max_versions=1)
    for version in range(3):
        assert vault.deliver_secret(Spot("pruned"), on_its_way(version)) == version + 1

    assert list(shelf.metadata("pruned")["versions"]) == ["3"]
    assert vault.inspect_secret(Spot("pruned")) == Stored(3, MARK, "key-1", 3, is_ours=True, is_live=True)


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

    assert found == Stored(0, MARK, "key-1", 1, is_ours=True, is_live=False, is_free=True)
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


def test_delivers_in_a_namespace(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    client = bao.client()
    client.adapter.post("/v1/sys/namespaces/team-a")
    mount_kv(client, "kv", "2", namespace="team-a/")

    with opened(environ | {"VAULT_NAMESPACE": "team-a"}) as vault:
        vault.preflight_delivery(Spot("x", mount="kv"))
        vault.deliver_secret(Spot("x", mount="kv"), on_its_way())

    assert client.adapter.get("/v1/team-a/kv/data/x")["data"]["data"] == fields()


@pytest.mark.catalogue(44)
def test_a_kv_v1_mount_is_refused_and_never_written_to(bao: OpenBao, shelf: Shelf, vault: Vault) -> None:
    spot = Spot("x", mount="legacy")
    before = len(bao.audit_entries())
    with refused(InvalidConfiguration) as caught:
        vault.preflight_delivery(spot)
    with refused(InvalidConfiguration):
        vault.deliver_secret(spot, on_its_way())
    with refused(InvalidConfiguration):
        vault.withdraw_secret(spot, [1], key_id="key-1")

    assert "the mount legacy of vaultSecret is KV v1" in caught[0].message
    assert shelf.asked(before) == {("read", "sys/internal/ui/mounts/legacy/x"): 1}


@pytest.mark.catalogue(44)
def test_a_mount_that_vault_sees_elsewhere_is_refused(vault: Vault) -> None:
    with refused(InvalidConfiguration) as caught:
        vault.preflight_delivery(Spot("kv2/x", mount="team"))

    assert "says that the mount of team/kv2/x is team, and Vault says team/kv2" in caught[0].message


def test_a_mount_that_does_not_exist_is_access_denied_with_the_lines_to_add(vault: Vault) -> None:
    with refused(AccessDenied) as caught:
        vault.preflight_delivery(Spot("x", mount="nowhere"))

    assert 'path "nowhere/data/x" { capabilities = ["create", "update"] }' in caught[0].hint
    assert 'path "nowhere/metadata/x" { capabilities = ["create", "update", "read"] }' in caught[0].hint


@pytest.mark.parametrize("name", ["key_id", "organization_id"])
def test_a_field_that_we_fill_ourselves_is_refused(vault: Vault, name: str) -> None:
    for act in (vault.preflight_delivery, lambda spot: vault.deliver_secret(spot, on_its_way())):
        with refused(InvalidConfiguration) as caught:
            act(Spot("x", field=name))
        assert f"the field of vaultSecret is {name}" in caught[0].message


@pytest.mark.catalogue(44)
@pytest.mark.parametrize("path", ["../../sys/policies/acl/x", "a/../b", "a//b", "./a", ""])
def test_a_path_cannot_climb_out_of_its_mount(bao: OpenBao, vault: Vault, path: str) -> None:
    before = len(bao.audit_entries())
    with refused(InvalidInput):
        vault.deliver_secret(Spot(path), on_its_way())

    assert len(bao.audit_entries()) == before


def test_the_documented_policy_is_enough(environ: dict[str, str], shelf: Shelf) -> None:
    with opened(environ | {"VAULT_TOKEN": shelf.token(POLICY)}) as vault:
        for expected in range(2):
            assert vault.preflight_delivery(Spot("least/enough")).version == expected
            vault.deliver_secret(Spot("least/enough"), on_its_way(expected))

    assert shelf.data("least/enough") == fields()


@pytest.mark.catalogue(39)
@pytest.mark.parametrize(
    ("policy", "lacking"),
    [
        (METADATA, "create and update on secret/data/least/x"),
        (DATA, "create and update and read on secret/metadata/least/x"),
        (POLICY.replace('["create", "update"]', '["create"]'), "it lacks update on secret/data/least/x"),
        (POLICY.replace('["create", "update"]', '["update"]'), "it lacks create on secret/data/least/x"),
        (POLICY.replace(', "read"', ""), "it lacks read on secret/metadata/least/x"),
        (POLICY.replace('"create", "update", "read"', '"create", "read"'), "lacks update on secret/metadata/least/x"),
        (POLICY.replace('"create", "update", "read"', '"update", "read"'), "lacks create on secret/metadata/least/x"),
        (POLICY.replace('"create", "update", "read"', '"deny"'), "create and update and read on secret/metadata"),
    ],
)
def test_each_missing_capability_is_named_and_the_hint_grants_it(
    environ: dict[str, str], shelf: Shelf, policy: str, lacking: str
) -> None:
    with opened(environ | {"VAULT_TOKEN": shelf.token(policy)}) as vault, refused(AccessDenied) as caught:
        vault.preflight_delivery(Spot("least/x"))

    assert lacking in caught[0].message
    hint = caught[0].hint
    granted = f"{policy.replace('deny', 'list')} {hint[hint.index('path ') :]}"
    with opened(environ | {"VAULT_TOKEN": shelf.token(granted)}) as vault:
        assert vault.preflight_delivery(Spot("least/x")) == NOTHING


def test_a_token_that_may_not_ask_what_it_may_is_told_the_line(environ: dict[str, str], shelf: Shelf) -> None:
    token = shelf.token(POLICY, is_bare=True)
    with opened(environ | {"VAULT_TOKEN": token}) as vault, refused(AccessDenied, token) as caught:
        vault.preflight_delivery(Spot("least/x"))

    assert 'path "sys/capabilities-self" { capabilities = ["update"] }' in caught[0].hint


def test_metadata_that_may_not_be_read_are_told_with_the_line(environ: dict[str, str], shelf: Shelf) -> None:
    with opened(environ | {"VAULT_TOKEN": shelf.token(DATA)}) as vault, refused(AccessDenied) as caught:
        vault.inspect_secret(Spot("least/x"))

    assert 'path "secret/metadata/least/x" { capabilities = ["create", "update", "read"] }' in caught[0].hint


@pytest.mark.catalogue(39)
@pytest.mark.parametrize("custom", [None, {"team": "voice"}])
def test_a_denied_write_leaves_the_metadata_as_they_were(
    environ: dict[str, str], shelf: Shelf, custom: dict[str, str] | None
) -> None:
    path = f"least/denied-{bool(custom)}"
    shelf.set(path, custom_metadata=custom or {})
    with opened(environ | {"VAULT_TOKEN": shelf.token(METADATA)}) as vault, refused(AccessDenied) as caught:
        vault.deliver_secret(Spot(path), on_its_way())

    assert f'path "secret/data/{path}" {{ capabilities = ["create", "update"] }}' in caught[0].hint
    assert shelf.custom(path) == custom
    assert shelf.version(path) == 0


def test_one_version_is_fetched(vault: Vault) -> None:
    vault.deliver_secret(Spot("fetched"), on_its_way())
    vault.deliver_secret(Spot("fetched"), on_its_way(1, "key-2", "the-second"))

    assert vault.fetch_secret(Spot("fetched"), 1).get_secret_value() == SECRET
    assert vault.fetch_secret(Spot("fetched"), 2).get_secret_value() == "the-second"
    with refused(NotFound):
        vault.fetch_secret(Spot("fetched"), 3)
    with refused(InvalidInput):
        vault.fetch_secret(Spot("fetched"), 0)


def test_a_secret_that_we_made_goes_whole_when_nothing_else_is_in_it(vault: Vault) -> None:
    vault.deliver_secret(Spot("own"), on_its_way())
    vault.deliver_secret(Spot("own"), on_its_way(1))

    for _ in range(2):
        vault.withdraw_secret(Spot("own"), [1, 2], key_id="key-1", has_made_place=True)

    assert vault.inspect_secret(Spot("own")) == NOTHING


SETTINGS: dict[str, object] = {"max_versions": 4, "cas_required": True, "delete_version_after": "1h0m0s"}


@pytest.mark.parametrize("custom", [{}, {"team": "voice"}], ids=["settings", "settings and custom"])
def test_of_a_secret_that_others_prepared_only_our_part_goes(
    vault: Vault, shelf: Shelf, custom: dict[str, str]
) -> None:
    path = f"prepared-{len(custom)}"
    shelf.set(path, **SETTINGS, custom_metadata=custom)
    assert vault.preflight_delivery(Spot(path)) == replace(NOTHING, exists=True)
    vault.deliver_secret(Spot(path), on_its_way())

    for _ in range(2):
        vault.withdraw_secret(Spot(path), [1], key_id="key-1")

    found = shelf.metadata(path)
    assert {name: found[name] for name in SETTINGS} == SETTINGS
    assert found["custom_metadata"] == (custom or None)
    assert found["versions"]["1"]["destroyed"]


@pytest.mark.parametrize(
    "settings",
    [{"custom_metadata": {**marks(1), "team": "voice"}}, *({name: value} for name, value in SETTINGS.items())],
    ids=["custom", *SETTINGS],
)
def test_a_secret_that_we_made_and_others_set_up_since_stays_without_our_part(
    vault: Vault, shelf: Shelf, settings: dict[str, object]
) -> None:
    path = f"set-up-{'-'.join(settings)}"
    vault.deliver_secret(Spot(path), on_its_way())
    shelf.set(path, **settings)

    vault.withdraw_secret(Spot(path), [1], key_id="key-1", has_made_place=True)

    found = shelf.metadata(path)
    assert found["versions"]["1"]["destroyed"]
    assert found["custom_metadata"] == ({"team": "voice"} if "custom_metadata" in settings else None)
    kept = {name: value for name, value in settings.items() if name in SETTINGS}
    assert {name: found[name] for name in kept} == kept


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_secret_that_we_made_and_others_wrote_to_since_stays_without_our_part(
    bao: OpenBao, vault: Vault, shelf: Shelf, *, is_deleted: bool
) -> None:
    path = f"written-to-{is_deleted}"
    vault.deliver_secret(Spot(path), on_its_way())
    shelf.put(path, password="theirs")
    kv = bao.client().secrets.kv.v2
    if is_deleted:
        kv.delete_latest_version_of_secret(path, mount_point="secret")

    vault.withdraw_secret(Spot(path), [1], key_id="key-1", has_made_place=True)

    kv.undelete_secret_versions(path, [2], mount_point="secret")
    assert shelf.data(path) == {"password": "theirs"}
    assert shelf.custom(path) is None


def test_versions_with_others_in_between_are_withdrawn_at_once(bao: OpenBao, vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("mingled"), on_its_way())
    shelf.put("mingled", password="theirs")
    vault.deliver_secret(Spot("mingled"), on_its_way(2))
    before = len(bao.audit_entries())

    vault.withdraw_secret(Spot("mingled"), [1, 3], key_id="key-1", has_made_place=True)

    assert shelf.asked(before) == {
        ("read", "secret/metadata/mingled"): 1,
        ("update", "secret/destroy/mingled"): 1,
        ("update", "secret/metadata/mingled"): 1,
    }
    assert shelf.data("mingled", version=2) == {"password": "theirs"}
    assert shelf.custom("mingled") is None


def test_what_a_withdrawal_leaves_is_free_for_the_next_key(vault: Vault, shelf: Shelf) -> None:
    shelf.set("again", custom_metadata={"team": "voice"})
    for version in (0, 1):
        seen = vault.preflight_delivery(Spot("again"))
        assert (seen.version, seen.is_free, seen.is_live) == (version, True, False)
        vault.deliver_secret(Spot("again"), on_its_way(seen.version))
        assert not vault.inspect_secret(Spot("again")).is_free
        vault.withdraw_secret(Spot("again"), [version + 1], key_id="key-1")

    assert shelf.custom("again") == {"team": "voice"}


@pytest.mark.parametrize("name", ["managed-by", "mark", "key_id", "version"])
def test_a_place_that_somebody_marked_is_not_free(bao: OpenBao, vault: Vault, shelf: Shelf, name: str) -> None:
    path = f"claimed-{name}"
    shelf.set(path, custom_metadata={name: "theirs"})
    assert not vault.inspect_secret(Spot(path)).is_free
    shelf.put(path, password="theirs")
    bao.client().secrets.kv.v2.destroy_secret_versions(path, [1], mount_point="secret")
    assert not vault.inspect_secret(Spot(path)).is_free


def test_what_can_be_read_or_undeleted_is_not_free(bao: OpenBao, vault: Vault, shelf: Shelf) -> None:
    kv = bao.client().secrets.kv.v2
    for value in ("one", "two"):
        shelf.put("readable", password=value)
    for end in (kv.destroy_secret_versions, kv.delete_secret_versions):
        end("readable", [2 if end == kv.destroy_secret_versions else 1], mount_point="secret")
        assert not vault.inspect_secret(Spot("readable")).is_free
    kv.destroy_secret_versions("readable", [1], mount_point="secret")
    assert vault.inspect_secret(Spot("readable")).is_free


def test_a_secret_gets_another_mark_and_keeps_everything_else(bao: OpenBao, vault: Vault, shelf: Shelf) -> None:
    shelf.set("renamed", **SETTINGS, custom_metadata={"team": "voice"})
    vault.deliver_secret(Spot("renamed"), on_its_way())
    versions = shelf.metadata("renamed")["versions"]
    before = len(bao.audit_entries())

    assert vault.remark_secret(Spot("renamed"), "key-1", "p1another") is True

    metadata = "secret/metadata/renamed"
    assert shelf.asked(before) == {("read", metadata): 1, ("update", metadata): 1}
    found = shelf.metadata("renamed")
    assert found["custom_metadata"] == {"team": "voice", **marks(1), "mark": "p1another"}
    assert {name: found[name] for name in SETTINGS} == SETTINGS
    assert found["versions"] == versions
    assert vault.inspect_secret(Spot("renamed")).mark == "p1another"


def test_a_mark_that_a_secret_has_already_is_not_written_again(bao: OpenBao, vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("remarked"), on_its_way())
    before = len(bao.audit_entries())

    assert vault.remark_secret(Spot("remarked"), "key-1", MARK) is True

    assert shelf.asked(before) == {("read", "secret/metadata/remarked"): 1}


@pytest.mark.catalogue(41)
@pytest.mark.parametrize(
    "custom",
    [None, {"key_id": "key-1"}, {**marks(1), "managed-by": "terraform"}, marks(1, "key-2")],
    ids=["nothing", "no manager", "another manager", "another key"],
)
def test_a_secret_that_is_not_ours_or_another_keys_gets_no_mark(
    vault: Vault, shelf: Shelf, custom: dict[str, str] | None
) -> None:
    path = f"not-ours-{len(str(custom))}"
    if custom:
        shelf.set(path, custom_metadata=custom)

    assert vault.remark_secret(Spot(path), "key-1", "p1another") is False

    if custom:
        assert shelf.custom(path) == custom
    else:
        assert vault.inspect_secret(Spot(path)) == NOTHING


def test_a_mark_may_be_written_with_the_documented_policy_and_not_without(
    environ: dict[str, str], shelf: Shelf
) -> None:
    path = "least/remarked"
    shelf.set(path, custom_metadata=marks(1))
    reading = METADATA.replace('"create", "update", "read"', '"read"')
    with opened(environ | {"VAULT_TOKEN": shelf.token(reading)}) as vault, refused(AccessDenied) as caught:
        vault.remark_secret(Spot(path), "key-1", "p1another")
    assert f"does not let the token mark secret/{path}" in caught[0].message
    assert shelf.custom(path) == marks(1)
    with opened(environ | {"VAULT_TOKEN": shelf.token(METADATA)}) as vault:
        assert vault.remark_secret(Spot(path), "key-1", "p1another")
    assert shelf.custom(path) == {**marks(1), "mark": "p1another"}


def test_other_peoples_versions_and_metadata_survive_a_withdrawal(vault: Vault, shelf: Shelf) -> None:
    shelf.put("shared", password="before")
    shelf.set("shared", custom_metadata={"team": "voice"}, delete_version_after="2h")
    vault.deliver_secret(Spot("shared"), on_its_way(1))
    vault.deliver_secret(Spot("shared"), on_its_way(2))
    shelf.put("shared", password="after")

    for _ in range(2):
        vault.withdraw_secret(Spot("shared"), [2, 3], key_id="key-1")

    assert shelf.data("shared", version=1) == {"password": "before"}
    assert shelf.data("shared", version=4) == {"password": "after"}
    found = shelf.metadata("shared")
    assert {number for number, one in found["versions"].items() if one["destroyed"]} == {"2", "3"}
    assert found["custom_metadata"] == {"team": "voice"}
    assert found["delete_version_after"] == "2h0m0s"


@pytest.mark.parametrize(("first", "last"), [(2, 2), (1, 1)])
def test_a_range_that_is_not_all_leaves_the_secret(vault: Vault, shelf: Shelf, first: int, last: int) -> None:
    path = f"part-{first}-{last}"
    for expected in range(2):
        vault.deliver_secret(Spot(path), on_its_way(expected))

    vault.withdraw_secret(Spot(path), range(first, last + 1), key_id="key-1")

    assert shelf.data(path, version=3 - first) == fields()
    assert shelf.custom(path) is None


def test_a_key_that_was_replaced_takes_only_its_own_version_along(vault: Vault, shelf: Shelf) -> None:
    vault.deliver_secret(Spot("replaced"), on_its_way())
    vault.deliver_secret(Spot("replaced"), on_its_way(1, "key-2"))

    vault.withdraw_secret(Spot("replaced"), [1], key_id="key-1")

    assert shelf.data("replaced") == fields("key-2")
    assert shelf.custom("replaced") == marks(2, "key-2")
    assert shelf.metadata("replaced")["versions"]["1"]["destroyed"]


def test_a_secret_that_is_not_ours_keeps_its_metadata_even_with_that_key_id(vault: Vault, shelf: Shelf) -> None:
    shelf.put("impostor", password="theirs")
    shelf.put("impostor", password="theirs too")
    shelf.set("impostor", custom_metadata={"key_id": "key-1"})

    vault.withdraw_secret(Spot("impostor"), [1], key_id="key-1")

    assert shelf.data("impostor") == {"password": "theirs too"}
    assert shelf.custom("impostor") == {"key_id": "key-1"}


def test_a_soft_deleted_version_is_destroyed_and_a_destroyed_one_left(bao: OpenBao, shelf: Shelf, vault: Vault) -> None:
    kv = bao.client().secrets.kv.v2
    for expected in range(3):
        vault.deliver_secret(Spot("mixed"), on_its_way(expected, "key-2"))
    kv.delete_secret_versions("mixed", [1], mount_point="secret")
    kv.destroy_secret_versions("mixed", [2], mount_point="secret")

    vault.withdraw_secret(Spot("mixed"), [1, 2], key_id="key-1")
    before = len(bao.audit_entries())
    vault.withdraw_secret(Spot("mixed"), [1, 2], key_id="key-1")

    assert shelf.asked(before) == {("read", "secret/metadata/mixed"): 1}
    assert shelf.metadata("mixed")["versions"]["1"]["destroyed"]


@pytest.mark.parametrize("has_made_place", [False, True])
def test_the_marks_of_a_delivery_that_never_wrote_can_be_withdrawn(
    vault: Vault, shelf: Shelf, *, has_made_place: bool
) -> None:
    path = f"unwritten-{has_made_place}"
    shelf.set(path, custom_metadata=marks(1))

    vault.withdraw_secret(Spot(path), [], key_id="key-1", has_made_place=has_made_place)

    assert vault.inspect_secret(Spot(path)) == replace(NOTHING, exists=not has_made_place)


def test_a_secret_that_is_not_there_is_withdrawn_already(vault: Vault) -> None:
    vault.withdraw_secret(Spot("never"), range(1, 10), key_id="key-1")

    assert vault.inspect_secret(Spot("never")) == NOTHING


def test_a_policy_that_denies_a_withdrawal_gets_the_lines_to_add(
    environ: dict[str, str], shelf: Shelf, vault: Vault
) -> None:
    policy = POLICY
    vault.deliver_secret(Spot("least/kept"), on_its_way())
    for what in ("destroy versions of", "delete"):
        with opened(environ | {"VAULT_TOKEN": shelf.token(policy)}) as least, refused(AccessDenied) as caught:
            least.withdraw_secret(Spot("least/kept"), [1], key_id="key-1", has_made_place=True)
        assert f"does not let the token {what} secret/least/kept" in caught[0].message
        hint = caught[0].hint
        policy += f" {hint[hint.index('path ') :]}"

    with opened(environ | {"VAULT_TOKEN": shelf.token(policy)}) as enough:
        enough.withdraw_secret(Spot("least/kept"), [1], key_id="key-1", has_made_place=True)

    assert vault.inspect_secret(Spot("least/kept")) == NOTHING


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
