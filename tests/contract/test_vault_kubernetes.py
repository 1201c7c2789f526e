from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from allomia_pulumi.errors import CredentialRejected
from tests.vaults import KEY, Exchange, certificate, everything_told, read, server_side, stand_in
from tools.engine.openbao import OpenBao

TENANT = "secret/allomia/tenant#api_key"
POLICY = 'path "secret/data/allomia/tenant" { capabilities = ["read"] }'


def review(exchange: Exchange) -> None:
    """Review a token as a cluster does: each is genuine."""
    user = {"username": "system:serviceaccount:clinic:pulumi", "uid": "1", "groups": []}
    kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    exchange.answer(201, kind | {"status": {"authenticated": True, "user": user}})


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    file = certificate(tmp_path_factory.mktemp("cluster"))
    with stand_in(*[review] * 9, tls=server_side(file)) as cluster, OpenBao.dev() as server:
        client = server.client()
        client.secrets.kv.v2.create_or_update_secret("allomia/tenant", {"api_key": KEY}, mount_point="secret")
        client.sys.create_or_update_policy("tenant", POLICY)
        for path, host in (("kubernetes", cluster.address), ("broken", "https://127.0.0.1:1")):
            client.sys.enable_auth_method("kubernetes", path=path)
            client.adapter.post(
                f"/v1/auth/{path}/config",
                json={
                    "kubernetes_host": host,
                    "kubernetes_ca_cert": file.read_text().partition("-----BEGIN PRIVATE")[0],
                    "disable_local_ca_jwt": True,
                    "token_reviewer_jwt": account("reviewer"),
                },
            )
            client.auth.kubernetes.create_role("pulumi", ["pulumi"], ["clinic"], policies=["tenant"], mount_point=path)
        yield server


def account(name: str) -> str:
    """Return a token of a service account; only the cluster looks at its signature."""
    claims = {
        "iss": "kubernetes/serviceaccount",
        "sub": f"system:serviceaccount:clinic:{name}",
        "kubernetes.io/serviceaccount/namespace": "clinic",
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": "1",
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)] + [b"signature" * 20]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def log_in(bao: OpenBao, folder: Path, account_name: str = "pulumi", **auth: object) -> str:
    file = folder / "token"
    file.write_text(account(account_name))
    settings = {"method": "kubernetes", "role": "pulumi", "tokenFile": str(file)} | auth
    return read(TENANT, {"VAULT_ADDR": bao.address}, auth=settings)


def test_logs_in_with_the_service_accounts_token(bao: OpenBao, tmp_path: Path) -> None:
    assert log_in(bao, tmp_path) == KEY


@pytest.mark.parametrize(
    ("name", "auth", "said"),
    [
        ("somebody", {}, "does not accept this service account"),
        ("pulumi", {"role": "nobody"}, "does not know the role"),
        ("pulumi", {"mount": "nowhere"}, "(403)"),
    ],
)
def test_a_refused_login_says_why_and_never_shows_the_token(
    bao: OpenBao, tmp_path: Path, name: str, auth: dict[str, object], said: str
) -> None:
    with pytest.raises(CredentialRejected) as caught:
        log_in(bao, tmp_path, name, **auth)

    assert said in caught.value.message
    assert f"the role {auth.get('role', 'pulumi')}" in caught.value.message
    assert account(name) not in everything_told(caught.value)


def test_a_cluster_that_vault_cannot_ask_is_a_refusal_whose_hint_mentions_it(bao: OpenBao, tmp_path: Path) -> None:
    with pytest.raises(CredentialRejected) as caught:
        log_in(bao, tmp_path, mount="broken")

    assert "the kubernetes login at the auth mount broken" in caught.value.message
    assert "reaches the cluster" in caught.value.hint
