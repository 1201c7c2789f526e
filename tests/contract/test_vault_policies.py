"""What a delivery to a real Vault is refused, and which lines of a policy it takes."""

from __future__ import annotations

import pytest

from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import (
    AccessDenied,
    InvalidConfiguration,
    InvalidInput,
)
from tests.deliveries import DATA, METADATA, NOTHING, POLICY, Shelf, Spot, fields, marks, on_its_way, refused
from tests.vaults import opened
from tools.engine.openbao import OpenBao


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
