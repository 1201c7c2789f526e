"""What a real Vault is left with when a key ends or is renamed: our part goes, everybody else's stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allomia_pulumi.edges.vault import Vault
from tests.deliveries import MARK, NOTHING, Shelf, Spot, fields, marks, on_its_way
from tools.engine.openbao import OpenBao


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
