"""A Vault that ignores the namespace that is configured, before OpenBao: nothing is read or written in its root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allomia_pulumi.errors import AllomiaError, InvalidConfiguration
from allomia_pulumi.ground.references import parse_reference
from tests.deliveries import Relay, Spot, on_its_way
from tests.vaults import KEY, everything_told, mount_kv, need_namespaces, opened, read, stand_in
from tools.engine.openbao import OpenBao

TENANT = "secret/allomia/tenant#api_key"
PROBE = ("GET", "/v1/sys/internal/ui/mounts")


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev() as server:
        server.client().secrets.kv.v2.create_or_update_secret("allomia/tenant", {"api_key": KEY}, mount_point="secret")
        yield server


def deaf_to_namespaces(bao: OpenBao) -> Relay:
    """Return what makes a server that does not look at the header which names a namespace, as Vault's community."""
    return Relay(bao.address, [], hidden=frozenset({"X-Vault-Namespace"}))


@pytest.mark.catalogue(44)
@pytest.mark.parametrize("auth", [{"method": "token"}, {"method": "approle", "roleId": "r", "secretIdEnv": "SECRET"}])
def test_a_vault_that_ignores_namespaces_is_refused_before_a_credential_leaves(
    bao: OpenBao, auth: dict[str, object]
) -> None:
    with stand_in(*[deaf_to_namespaces(bao)] * 9) as deaf:
        environ = {"VAULT_ADDR": deaf.address, "VAULT_TOKEN": bao.token, "SECRET": "canary-secret-id"}
        with opened(environ | {"VAULT_NAMESPACE": "clinic"}, auth=auth) as vault:
            for _ in range(2):
                with pytest.raises(InvalidConfiguration) as caught:
                    vault.read_secret(parse_reference(TENANT, "the reference"))

    assert "ignores the namespace clinic (environment variable VAULT_NAMESPACE)" in caught.value.message
    assert "nothing was read or written" in caught.value.message
    assert caught.value.hint.startswith("Unset the namespace")
    assert caught.value.said_by == "Vault"
    assert bao.token not in everything_told(caught.value)
    assert [(seen.method, seen.path) for seen in deaf.seen] == [PROBE]
    assert "X-Vault-Token" not in deaf.seen[0].headers


@pytest.mark.catalogue(44)
def test_no_key_is_delivered_to_the_root_of_a_vault_that_ignores_namespaces(bao: OpenBao) -> None:
    with stand_in(*[deaf_to_namespaces(bao)] * 9) as deaf:
        environ = {"VAULT_ADDR": deaf.address, "VAULT_TOKEN": bao.token, "VAULT_NAMESPACE": "clinic"}
        with opened(environ) as vault:
            for act in (
                lambda: vault.inspect_secret(Spot("x")),
                lambda: vault.preflight_delivery(Spot("x")),
                lambda: vault.deliver_secret(Spot("x"), on_its_way()),
                lambda: vault.withdraw_secret(Spot("x"), [1], key_id="key-1"),
            ):
                with pytest.raises(AllomiaError, match="ignores the namespace clinic"):
                    act()

    assert [(seen.method, seen.path) for seen in deaf.seen] == [PROBE]


@pytest.mark.parametrize("namespace", ["root", "/", "root/"])
def test_the_root_namespace_is_one_that_every_vault_has(bao: OpenBao, namespace: str) -> None:
    with stand_in(*[deaf_to_namespaces(bao)] * 9) as deaf:
        environ = {"VAULT_ADDR": deaf.address, "VAULT_TOKEN": bao.token, "VAULT_NAMESPACE": namespace}
        assert read(TENANT, environ) == KEY

    assert PROBE[1] not in deaf.paths()


def test_a_vault_with_namespaces_is_asked_once_in_a_run(bao: OpenBao) -> None:
    need_namespaces(bao)
    client = bao.client()
    client.adapter.post("/v1/sys/namespaces/clinic")
    mount_kv(client, "kv", "2", namespace="clinic/")
    client.adapter.post("/v1/clinic/kv/data/tenant", json={"data": {"key": "in-clinic"}})

    with stand_in(*[Relay(bao.address, [])] * 9) as server:
        environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": bao.token, "VAULT_NAMESPACE": "clinic"}
        with opened(environ) as vault:
            for _ in range(3):
                reference = parse_reference("kv/tenant#key", "the reference")
                assert vault.read_secret(reference).get_secret_value() == "in-clinic"

    assert server.paths() == [PROBE[1], "/v1/sys/internal/ui/mounts/kv/tenant", *["/v1/kv/data/tenant"] * 3]
