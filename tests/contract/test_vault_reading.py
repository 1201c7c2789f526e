"""Secrets are read from a real Vault: every KV version, mount, namespace and refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    RateLimited,
    Unavailable,
)
from allomia_pulumi.ground.references import VaultReference, parse_reference
from tests.fakes import FakeClock
from tests.vaults import KEY, everything_told, mount_kv, need_namespaces, opened, read
from tools.engine.openbao import OpenBao

TENANT = "secret/allomia/tenant#api_key"


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev(audit=True) as server:
        client = server.client()
        for path, version in (("legacy", "1"), ("team/kv2", "2"), ("team/kv1", "1")):
            mount_kv(client, path, version)
        put(server, "allomia/tenant", api_key=KEY)
        yield server


def put(bao: OpenBao, path: str, mount: str = "secret", **fields: object) -> None:
    bao.client().secrets.kv.v2.create_or_update_secret(path, fields, mount_point=mount)


def put_v1(bao: OpenBao, path: str, mount: str = "legacy", **fields: object) -> None:
    bao.client().secrets.kv.v1.create_or_update_secret(path, fields, mount_point=mount)


def token_for(bao: OpenBao, policy: str) -> str:
    client = bao.client()
    client.sys.create_or_update_policy("least", policy)
    return str(client.auth.token.create(policies=["least"], ttl="60s")["auth"]["client_token"])


def refused(reference: object, environ: dict[str, str]) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(reference, environ)
    assert "\n" not in str(caught.value)
    assert environ.get("VAULT_TOKEN", "no token") not in everything_told(caught.value)
    return caught.value


def test_reads_kv_v2(environ: dict[str, str]) -> None:
    assert read(TENANT, environ) == KEY


def test_reads_kv_v1(bao: OpenBao, environ: dict[str, str]) -> None:
    put_v1(bao, "allomia/tenant", api_key=KEY)

    assert read("legacy/allomia/tenant#api_key", environ) == KEY


@pytest.mark.parametrize("reference", ["team/kv2/a/b#key", {"mount": "team/kv2", "path": "a/b", "field": "key"}])
def test_vault_tells_where_a_nested_mount_ends(bao: OpenBao, environ: dict[str, str], reference: object) -> None:
    put(bao, "a/b", mount="team/kv2", key="from-two")
    put_v1(bao, "a/b", mount="team/kv1", key="from-one")

    assert read(reference, environ) == "from-two"
    assert read("team/kv1/a/b#key", environ) == "from-one"


@pytest.mark.parametrize(
    "path", ["with space/x", "question?mark=1", "per%cent", "per%2fcent", "ümläut/日本", "semi;colon", "a+b&c", "a..b"]
)
def test_any_character_in_a_path_finds_the_secret_of_that_name(
    bao: OpenBao, environ: dict[str, str], path: str
) -> None:
    put(bao, path, key="from-two")
    assert read({"path": f"secret/{path}", "field": "key"}, environ) == "from-two"

    if ".." in path and bao.product.name == "Vault":
        return  # its KV v1 takes two dots for a way up, and refuses to write there
    put_v1(bao, path, key="from-one")
    assert read({"mount": "legacy", "path": path, "field": "key"}, environ) == "from-one"


@pytest.mark.catalogue(44)
@pytest.mark.parametrize("path", ["../../sys/mounts", "secret/../sys/mounts", "secret/./x", "secret//x"])
def test_a_path_cannot_climb_out_of_its_mount(path: str) -> None:
    with pytest.raises(InvalidInput):
        parse_reference(f"{path}#key", "the reference")


def test_a_pinned_version_is_read(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "pinned", key="first")
    put(bao, "pinned", key="second")

    assert read({"path": "secret/pinned", "field": "key", "version": 1}, environ) == "first"
    assert read("secret/pinned#key", environ) == "second"


def test_a_pinned_version_of_kv_v1_is_refused(environ: dict[str, str]) -> None:
    error = refused({"path": "legacy/allomia/tenant", "field": "key", "version": 1}, environ)

    assert isinstance(error, InvalidConfiguration)
    assert "KV v1" in str(error)


def test_a_version_that_is_not_there_is_told_from_a_pruned_one(bao: OpenBao, environ: dict[str, str]) -> None:
    for number in range(3):
        put(bao, "short", key=f"key-{number}")
    bao.client().adapter.post("/v1/secret/metadata/short", json={"max_versions": 1})
    put(bao, "short", key="key-3")

    pruned = refused({"path": "secret/short", "field": "key", "version": 1}, environ)
    future = refused({"path": "secret/short", "field": "key", "version": 9}, environ)
    neither = refused({"path": "secret/nothing", "field": "key", "version": 9}, environ)

    assert all(isinstance(error, NotFound) for error in (pruned, future, neither))
    assert "was pruned; the latest is 4" in str(pruned)
    assert "no such version yet; the latest is 4" in str(future)
    assert "no such secret, or no such version" in str(neither)


def test_a_deleted_version_tells_when_and_how_to_bring_it_back(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "deleted", key="value")
    bao.client().secrets.kv.v2.delete_latest_version_of_secret("deleted", mount_point="secret")

    error = refused("secret/deleted#key", environ)

    assert isinstance(error, NotFound)
    assert "was deleted at 20" in error.message
    assert "kv undelete -mount=secret -versions=1 deleted" in error.hint


def test_a_destroyed_version_is_told_from_a_deleted_one(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "destroyed", key="value")
    bao.client().secrets.kv.v2.destroy_secret_versions("destroyed", [1], mount_point="secret")

    error = refused("secret/destroyed#key", environ)

    assert isinstance(error, NotFound)
    assert "version 1" in error.message
    assert "was destroyed" in error.message
    assert "undelete" not in error.hint


@pytest.mark.parametrize("reference", ["secret/nothing#key", "legacy/nothing#key"])
def test_a_missing_secret_is_not_found(environ: dict[str, str], reference: str) -> None:
    error = refused(reference, environ)

    assert isinstance(error, NotFound)
    assert f"has no secret for {reference}" in str(error)


def test_the_api_path_pasted_as_a_reference_is_explained(environ: dict[str, str]) -> None:
    assert "Leave data/ out" in refused("secret/data/allomia/tenant#api_key", environ).hint


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12, "holds a number, not a string"),
        (True, "holds a boolean, not a string"),
        (None, "holds null, not a string"),
        ([KEY], "holds a list, not a string"),
        ({"key": KEY}, "holds an object, not a string"),
        ("", "is empty"),
        ("\n", "is empty"),
        (f"{KEY}\n{KEY}", "cannot be a key"),
        (f"{KEY}\n\n", "cannot be a key"),
        (f"{KEY} ", "cannot be a key"),
        (f"\t{KEY}", "cannot be a key"),
        (f"{KEY}\x00", "cannot be a key"),
        (f"{KEY}ä", "cannot be a key"),
    ],
)
def test_a_field_that_holds_no_key_is_refused_without_its_value(
    bao: OpenBao, environ: dict[str, str], value: object, said: str
) -> None:
    put(bao, "field", key=value)

    error = refused("secret/field#key", environ)

    assert isinstance(error, InvalidConfiguration)
    assert said in error.message
    assert KEY not in everything_told(error)


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_one_closing_line_break_is_forgiven(bao: OpenBao, environ: dict[str, str], line_break: str) -> None:
    put(bao, "line", key=f"{KEY}{line_break}")

    assert read("secret/line#key", environ) == KEY


def test_a_missing_field_is_named_and_the_others_are_not(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "fields", other_field="other-value")

    error = refused("secret/fields#key", environ)

    assert isinstance(error, NotFound)
    assert "has no field key" in error.message
    assert "other" not in everything_told(error)


def test_a_wrong_kv_version_is_refused_with_the_right_one(environ: dict[str, str]) -> None:
    error = refused({"path": "secret/allomia/tenant", "field": "api_key", "kvVersion": 1}, environ)

    assert isinstance(error, InvalidConfiguration)
    assert "says KV version 1, and Vault says that the mount secret has KV version 2" in error.message


@pytest.mark.parametrize("kv_version", [1, 2])
def test_a_right_kv_version_is_accepted(bao: OpenBao, environ: dict[str, str], kv_version: int) -> None:
    put_v1(bao, "asserted", api_key=KEY)
    path = {1: "legacy/asserted", 2: "secret/allomia/tenant"}[kv_version]

    assert read({"path": path, "field": "api_key", "kvVersion": kv_version}, environ) == KEY


def test_a_mount_that_vault_sees_elsewhere_is_refused(environ: dict[str, str]) -> None:
    error = refused({"mount": "secret/allomia", "path": "tenant", "field": "api_key"}, environ)

    assert isinstance(error, InvalidConfiguration)
    assert "says that the mount is secret/allomia, and Vault says secret" in error.message


@pytest.mark.parametrize(
    ("reference", "said"),
    [("cubbyhole/x#key", "no KV store"), ("team/kv2#key", "names a mount, and no secret in it")],
)
def test_a_place_outside_kv_is_refused(environ: dict[str, str], reference: str, said: str) -> None:
    error = refused(reference, environ)

    assert isinstance(error, InvalidConfiguration)
    assert said in error.message


def test_a_mount_that_does_not_exist_is_access_denied_with_the_line_to_add(environ: dict[str, str]) -> None:
    error = refused("nowhere/a/b#key", environ)

    assert isinstance(error, AccessDenied)
    assert "does not exist, or no policy" in error.message
    assert 'path "nowhere/data/a/b" { capabilities = ["read"] }' in error.hint


@pytest.mark.parametrize(
    ("reference", "policy", "line"),
    [
        ("secret/denied/x#key", 'path "secret/metadata/denied/*" { capabilities = ["read"] }', "secret/data/denied/x"),
        ("legacy/denied/x#key", 'path "legacy/other" { capabilities = ["read"] }', "legacy/denied/x"),
    ],
)
def test_a_policy_that_denies_the_read_gets_the_line_to_add(
    bao: OpenBao, environ: dict[str, str], reference: str, policy: str, line: str
) -> None:
    error = refused(reference, environ | {"VAULT_TOKEN": token_for(bao, policy)})

    assert isinstance(error, AccessDenied)
    assert "does not let the token read" in error.message
    assert f'path "{line}" {{ capabilities = ["read"] }}' in error.hint


def test_the_line_from_the_hint_is_enough(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "granted", key="value")
    nothing = token_for(bao, 'path "secret/data/other" { capabilities = ["read"] }')
    hint = refused("secret/granted#key", environ | {"VAULT_TOKEN": nothing}).hint

    token = token_for(bao, hint[hint.index('path "') :])

    assert read("secret/granted#key", environ | {"VAULT_TOKEN": token}) == "value"


def test_a_token_without_the_default_policy_is_denied_not_dead(bao: OpenBao, environ: dict[str, str]) -> None:
    bao.client().sys.create_or_update_policy("bare", 'path "secret/metadata/x" { capabilities = ["read"] }')
    granted = bao.client().auth.token.create(policies=["bare"], no_default_policy=True)

    error = refused("secret/x#key", environ | {"VAULT_TOKEN": granted["auth"]["client_token"]})

    assert isinstance(error, AccessDenied)


def test_an_unknown_token_is_rejected_by_its_source(environ: dict[str, str]) -> None:
    error = refused(TENANT, environ | {"VAULT_TOKEN": "s.UnknownUnknownUnknown00"})

    assert isinstance(error, CredentialRejected)
    assert "the token from environment variable VAULT_TOKEN" in error.message


def test_reads_in_a_namespace(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    client = bao.client()
    client.adapter.post("/v1/sys/namespaces/team-a")
    mount_kv(client, "kv", "2", namespace="team-a/")
    client.adapter.post("/v1/team-a/kv/data/tenant", json={"data": {"key": "in-team-a"}})

    assert read("kv/tenant#key", environ | {"VAULT_NAMESPACE": "team-a"}) == "in-team-a"
    assert read("kv/tenant#key", environ, namespace="team-a") == "in-team-a"
    assert isinstance(refused("kv/tenant#key", environ), AccessDenied)


@pytest.mark.catalogue(44)
def test_an_unknown_namespace_is_named_with_its_source(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    error = refused(TENANT, environ | {"BAO_NAMESPACE": "nobody"})

    assert isinstance(error, NotFound)
    assert "does not know the namespace nobody (environment variable BAO_NAMESPACE)" in error.message


def test_a_locked_namespace_is_unavailable(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    client = bao.client()
    client.adapter.post("/v1/sys/namespaces/locked")
    client.adapter.post("/v1/sys/namespaces/api-lock/lock/locked")

    error = refused("kv/tenant#key", environ | {"VAULT_NAMESPACE": "locked"})

    assert isinstance(error, Unavailable)
    assert "has locked the namespace" in error.message


def test_a_quota_is_waited_for_then_reported(bao: OpenBao, environ: dict[str, str]) -> None:
    client = bao.client()
    mount_kv(client, "busy", "1")
    put_v1(bao, "x", mount="busy", key="value")
    client.adapter.post("/v1/sys/quotas/rate-limit/busy", json={"rate": 1, "interval": "60s", "path": "busy/"})
    clock = FakeClock()

    assert read("busy/x#key", environ, clock) == "value"
    with pytest.raises(RateLimited, match="5 attempts"):
        read("busy/x#key", environ, clock)
    assert len(clock.slept) == 4


def test_64_threads_cost_one_preflight_and_one_read_each(bao: OpenBao, environ: dict[str, str]) -> None:
    start = Barrier(64)
    before = len(bao.audit_entries())
    with opened(environ) as vault, ThreadPoolExecutor(64) as pool:

        def one(_: int) -> str:
            start.wait()
            return vault.read_secret(parse_reference(TENANT, "")).get_secret_value()

        assert set(pool.map(one, range(64))) == {KEY}

    assert paths(bao, before) == {
        ("read", "sys/internal/ui/mounts/secret/allomia/tenant"): 1,
        ("read", "secret/data/allomia/tenant"): 64,
    }


def test_one_mount_is_looked_up_once_for_all_of_its_secrets(bao: OpenBao, environ: dict[str, str]) -> None:
    put(bao, "another", key="value")
    before = len(bao.audit_entries())

    with opened(environ) as vault:
        vault.read_secret(VaultReference(path="secret/allomia/tenant", field="api_key"))
        vault.read_secret(VaultReference(mount="secret", path="another", field="key"))

    assert paths(bao, before) == {
        ("read", "sys/internal/ui/mounts/secret/allomia/tenant"): 1,
        ("read", "secret/data/allomia/tenant"): 1,
        ("read", "secret/data/another"): 1,
    }


def test_a_token_of_the_user_is_never_revoked(environ: dict[str, str]) -> None:
    read(TENANT, environ)

    assert read(TENANT, environ) == KEY


def paths(bao: OpenBao, before: int) -> Counter[tuple[str, str]]:
    return Counter((entry.operation, entry.path) for entry in bao.audit_entries()[before:])
