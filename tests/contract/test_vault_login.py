from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from allomia_pulumi.errors import AllomiaError, CredentialRejected, InvalidConfiguration, NotFound
from allomia_pulumi.ground.references import parse_reference
from tests.vaults import KEY, answer, everything_told, mount_kv, need_namespaces, opened, read, stand_in
from tools.engine.openbao import OpenBao

TENANT = "secret/allomia/tenant#api_key"
POLICY = 'path "secret/data/allomia/tenant" { capabilities = ["read"] }'
AUDIENCE = "https://vault.example"
SIGNER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev(audit=True) as server:
        client = server.client()
        client.secrets.kv.v2.create_or_update_secret("allomia/tenant", {"api_key": KEY}, mount_point="secret")
        client.sys.create_or_update_policy("tenant", POLICY)
        for method, path in (("approle", "approle"), ("approle", "teams/approle"), ("jwt", "jwt")):
            client.sys.enable_auth_method(method, path=path)
        public = SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        client.auth.jwt.configure(jwt_validation_pubkeys=[public])
        client.auth.jwt.create_role(
            "pulumi",
            role_type="jwt",
            user_claim="sub",
            allowed_redirect_uris=[],
            bound_audiences=[AUDIENCE],
            bound_claims={"repository": "clinic/infra"},
            token_policies=["tenant"],
        )
        yield server


@pytest.fixture
def environ(bao: OpenBao) -> dict[str, str]:
    return {"VAULT_ADDR": bao.address}


@pytest.fixture
def before(bao: OpenBao) -> int:
    return len(bao.audit_entries())


def approle(bao: OpenBao, name: str, mount: str = "approle", **role: object) -> tuple[str, str]:
    """Make a role and return its role id and a secret id."""
    api = bao.client().auth.approle
    api.create_or_update_approle(name, token_policies=["tenant"], mount_point=mount, **role)
    role_id = api.read_role_id(name, mount_point=mount)["data"]["role_id"]
    return role_id, api.generate_secret_id(name, mount_point=mount)["data"]["secret_id"]


def signed(**claims: object) -> str:
    """Sign a token as GitHub or a cluster would."""
    now = int(time.time())
    defaults = {"sub": "job", "aud": AUDIENCE, "repository": "clinic/infra", "iat": now, "exp": now + 300}
    parts = [{"alg": "RS256", "typ": "JWT"}, defaults | claims]
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(SIGNER.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def paths(bao: OpenBao, before: int) -> Counter[str]:
    return Counter(entry.path for entry in bao.audit_entries()[before:])


def refused(environ: dict[str, str], auth: dict[str, object], *secrets: str) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(TENANT, environ, auth=auth)
    assert "\n" not in str(caught.value)
    assert not [secret for secret in secrets if secret in everything_told(caught.value)]
    return caught.value


def test_a_token_comes_from_bao_token_before_vault_token(bao: OpenBao, environ: dict[str, str]) -> None:
    assert read(TENANT, environ | {"BAO_TOKEN": bao.token, "VAULT_TOKEN": "s.UnknownUnknownUnknown00"}) == KEY


def test_a_token_comes_from_the_variable_or_the_file_that_settings_name(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{bao.token}\n")

    assert read(TENANT, environ, auth={"tokenFile": str(file)}) == KEY
    assert read(TENANT, environ | {"MY_TOKEN": bao.token}, auth={"method": "token", "tokenEnv": "MY_TOKEN"}) == KEY


@pytest.mark.catalogue(96)
def test_the_token_of_a_login_on_the_command_line_is_found_after_the_variables(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path
) -> None:
    file, home = tmp_path / ".vault-token", environ | {"HOME": str(tmp_path)}
    error = refused(home, {"method": "token"}, bao.token)
    assert isinstance(error, InvalidConfiguration)
    assert "no Vault token is configured" in error.message
    assert "~/.vault-token" in error.hint
    file.write_text(f"{bao.token}\n")
    assert read(TENANT, home) == KEY
    file.write_text("s.UnknownUnknownUnknown00")
    assert read(TENANT, home | {"VAULT_TOKEN": bao.token}) == KEY
    error = refused(home, {"method": "token"}, bao.token)
    assert isinstance(error, CredentialRejected)
    assert "does not accept the token from ~/.vault-token" in error.message


@pytest.mark.catalogue(96)
@pytest.mark.parametrize(("content", "why"), [(b"", "it is empty"), (b"\xff\xfe", "it is not text")])
def test_a_token_in_the_home_that_is_none_is_named(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / ".vault-token").write_bytes(content)
    error = refused(environ | {"HOME": str(tmp_path)}, {"method": "token"}, bao.token)
    assert isinstance(error, InvalidConfiguration)
    assert error.message == f"the file ~/.vault-token gives no credential: {why}"


@pytest.mark.catalogue(96)
@pytest.mark.parametrize(
    "auth",
    [
        {"method": "token", "tokenFile": "~/credential"},
        {"method": "approle", "roleId": "r", "secretIdFile": "~/credential"},
        {"method": "jwt", "role": "pulumi", "jwtFile": "~/credential"},
        {"method": "kubernetes", "role": "pulumi", "tokenFile": "~/credential"},
    ],
    ids=lambda auth: auth["method"],
)
def test_a_file_of_the_home_is_found_by_its_tilde(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path, auth: dict[str, str]
) -> None:
    home = environ | {"HOME": str(tmp_path)}
    error = refused(home, auth, bao.token)
    assert isinstance(error, InvalidConfiguration)
    assert "no such file" in error.message
    (tmp_path / "credential").write_text(bao.token)
    if auth["method"] == "token":
        assert read(TENANT, home, auth=auth) == KEY
    else:
        assert isinstance(refused(home, auth, bao.token), CredentialRejected | NotFound)


def test_nothing_is_taken_from_the_process_environment_or_the_home_folder(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".vault-token").write_text(bao.token)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VAULT_TOKEN", bao.token)

    error = refused(environ, {"method": "token"}, bao.token)

    assert isinstance(error, InvalidConfiguration)
    assert all(name in str(error) for name in ("BAO_TOKEN", "VAULT_TOKEN", "allomia:vault auth"))


def test_without_an_address_the_ways_to_give_one_are_named() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read(TENANT, {"VAULT_TOKEN": "s.token"})

    names = ("allomia:vault address", "BAO_ADDR", "VAULT_ADDR", "ALLOMIA_TENANT_KEY")
    assert all(name in str(caught.value) for name in names)


def test_a_token_file_that_was_renewed_is_read_again_when_the_old_token_dies(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path
) -> None:
    first, second = (bao.client().auth.token.create(policies=["tenant"])["auth"]["client_token"] for _ in range(2))
    file = tmp_path / "token"
    file.write_text(first)

    with opened(environ, auth={"tokenFile": str(file)}) as vault:
        vault.read_secret(parse_reference(TENANT, ""))
        bao.client().auth.token.revoke(first)
        file.write_text(second)
        assert vault.read_secret(parse_reference(TENANT, "")).get_secret_value() == KEY
        bao.client().auth.token.revoke(second)
        with pytest.raises(CredentialRejected, match=r"the file that allomia:vault auth\.tokenFile names"):
            vault.read_secret(parse_reference(TENANT, ""))


@pytest.mark.parametrize("mount", ["approle", "teams/approle", "/teams/approle/"])
def test_approle_with_a_secret_id_from_a_file_or_a_variable(
    bao: OpenBao, environ: dict[str, str], tmp_path: Path, mount: str
) -> None:
    role_id, secret_id = approle(bao, "pulumi", mount.strip("/"))
    file = tmp_path / "secret-id"
    file.write_text(f"{secret_id}\n")
    auth = {"method": "approle", "mount": mount, "roleId": role_id}

    assert read(TENANT, environ, auth=auth | {"secretIdFile": str(file)}) == KEY
    assert read(TENANT, environ | {"SECRET_ID": secret_id}, auth=auth | {"secretIdEnv": "SECRET_ID"}) == KEY


def test_one_process_costs_one_login_one_preflight_one_read_and_one_revocation(
    bao: OpenBao, environ: dict[str, str]
) -> None:
    role_id, secret_id = approle(bao, "counted")
    before = len(bao.audit_entries())

    read(
        TENANT,
        environ | {"SECRET_ID": secret_id},
        auth={"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"},
    )

    assert paths(bao, before) == {
        "auth/approle/login": 1,
        "sys/internal/ui/mounts/secret/allomia/tenant": 1,
        "secret/data/allomia/tenant": 1,
        "auth/token/revoke-self": 1,
    }


def test_closing_revokes_the_token_of_the_login(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, secret_id = approle(bao, "revoked")
    tokens = bao.client().auth.token
    alive = set(tokens.list_accessors()["data"]["keys"])
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}

    with opened(environ | {"SECRET_ID": secret_id}, auth=auth) as vault:
        vault.read_secret(parse_reference(TENANT, ""))
        assert len(set(tokens.list_accessors()["data"]["keys"]) - alive) == 1

    assert set(tokens.list_accessors()["data"]["keys"]) == alive


def test_a_closed_vault_can_be_used_again(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, secret_id = approle(bao, "again")
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}

    with opened(environ | {"SECRET_ID": secret_id}, auth=auth) as vault:
        vault.read_secret(parse_reference(TENANT, ""))
        vault.close()
        assert vault.read_secret(parse_reference(TENANT, "")).get_secret_value() == KEY


@pytest.mark.catalogue(55)
def test_64_threads_log_in_once(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, secret_id = approle(bao, "crowd", secret_id_num_uses=1)
    before, start = len(bao.audit_entries()), Barrier(64)
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    with opened(environ | {"SECRET_ID": secret_id}, auth=auth) as vault, ThreadPoolExecutor(64) as pool:

        def one(_: int) -> str:
            start.wait()
            return vault.read_secret(parse_reference(TENANT, "")).get_secret_value()

        assert set(pool.map(one, range(64))) == {KEY}

    counts = paths(bao, before)
    assert counts["auth/approle/login"] == 1
    assert counts["sys/internal/ui/mounts/secret/allomia/tenant"] == 1


def test_a_refused_login_is_never_sent_twice_however_many_ask(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, _ = approle(bao, "lockout")
    before, start = len(bao.audit_entries()), Barrier(16)
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    with opened(environ | {"SECRET_ID": "not-the-secret-id"}, auth=auth) as vault, ThreadPoolExecutor(16) as pool:

        def one(_: int) -> BaseException | None:
            start.wait()
            with pytest.raises(CredentialRejected) as caught:
                vault.read_secret(parse_reference(TENANT, ""))
            return caught.value

        errors = list(pool.map(one, range(16)))
        with pytest.raises(CredentialRejected) as late:
            vault.read_secret(parse_reference(TENANT, ""))

    assert paths(bao, before) == {"auth/approle/login": 1}
    assert len({id(error) for error in [*errors, late.value]}) == 17


def test_a_refused_approle_login_warns_of_the_lockout(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, _ = approle(bao, "warned")
    auth: dict[str, object] = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}

    error = refused(environ | {"SECRET_ID": "not-the-secret-id"}, auth, "not-the-secret-id")

    assert isinstance(error, CredentialRejected)
    assert "the approle login at the auth mount approle in the root namespace" in error.message
    whose = "the role id or the secret id" if bao.product.name == "OpenBao" else "the secret id"
    assert f"{whose} is unknown, expired or used up" in error.message
    assert "15 minutes" in error.hint


@pytest.mark.catalogue(42)
def test_a_token_that_dies_on_the_way_is_replaced_by_one_new_login(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, secret_id = approle(bao, "short", token_num_uses=2)
    before = len(bao.audit_entries())
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}

    with opened(environ | {"SECRET_ID": secret_id}, auth=auth) as vault:
        keys = [vault.read_secret(parse_reference(TENANT, "")).get_secret_value() for _ in range(3)]

    assert keys == [KEY] * 3
    assert paths(bao, before)["auth/approle/login"] == 2


def test_a_token_for_one_use_is_enough(bao: OpenBao, environ: dict[str, str]) -> None:
    role_id, secret_id = approle(bao, "single", token_num_uses=1)
    auth = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}

    assert read(TENANT, environ | {"SECRET_ID": secret_id}, auth=auth) == KEY


def test_jwt_from_a_file_or_a_variable(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(signed())
    auth = {"method": "jwt", "role": "pulumi"}

    assert read(TENANT, environ, auth=auth | {"jwtFile": str(file)}) == KEY
    assert read(TENANT, environ | {"ID_TOKEN": signed()}, auth=auth | {"jwtEnv": "ID_TOKEN"}) == KEY


def test_jwt_from_github_actions(environ: dict[str, str]) -> None:
    jwt = signed()
    with stand_in(answer(200, {"value": jwt})) as github:
        job = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.address}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "github-request-token",
        }
        auth = {"method": "jwt", "role": "pulumi", "jwtSource": "github-actions", "audience": AUDIENCE}

        assert read(TENANT, environ | job, auth=auth) == KEY

    assert github.paths() == ["/token?api-version=2.0&audience=https%3A%2F%2Fvault.example"]
    assert github.seen[0].headers["Authorization"] == "Bearer github-request-token"
    assert "X-Vault-Token" not in github.seen[0].headers


@pytest.mark.parametrize(
    ("claims", "auth", "said"),
    [
        ({"aud": "https://elsewhere.example"}, {}, "audience"),
        ({"exp": 1_000_000_000}, {}, "has expired"),
        ({"repository": "somebody/else"}, {}, "a claim of the token"),
        ({}, {"role": "nobody"}, "does not know the role"),
        ({}, {"mount": "nowhere"}, "(403)"),
    ],
)
def test_a_refused_jwt_login_says_why_and_never_shows_the_token(
    environ: dict[str, str], claims: dict[str, object], auth: dict[str, object], said: str
) -> None:
    jwt = signed(**claims)

    error = refused(environ | {"ID_TOKEN": jwt}, {"method": "jwt", "role": "pulumi", "jwtEnv": "ID_TOKEN"} | auth, jwt)

    assert isinstance(error, CredentialRejected)
    assert f"the jwt login at the auth mount {auth.get('mount', 'jwt')}" in error.message
    assert f"the role {auth.get('role', 'pulumi')}" in error.message
    assert said in error.message


def test_a_login_in_a_namespace(bao: OpenBao, environ: dict[str, str]) -> None:
    need_namespaces(bao)
    http = bao.client().adapter
    http.post("/v1/sys/namespaces/clinic")
    mount_kv(bao.client(), "kv", "2", namespace="clinic/")
    http.post("/v1/clinic/kv/data/tenant", json={"data": {"key": "in-clinic"}})
    http.post("/v1/clinic/sys/policies/acl/tenant", json={"policy": POLICY.replace("secret/data/allomia", "kv/data")})
    http.post("/v1/clinic/sys/auth/approle", json={"type": "approle"})
    role = "/v1/clinic/auth/approle/role/pulumi"
    http.post(role, json={"token_policies": ["tenant"]})
    secret_id = http.post(f"{role}/secret-id")["data"]["secret_id"]
    role_id = http.get(f"{role}/role-id")["data"]["role_id"]
    auth: dict[str, object] = {"method": "approle", "roleId": role_id, "secretIdEnv": "SECRET_ID"}
    environ = environ | {"SECRET_ID": secret_id}

    assert read("kv/tenant#key", environ | {"VAULT_NAMESPACE": "clinic"}, auth=auth) == "in-clinic"
    assert "in the namespace clinics" in refused(environ | {"VAULT_NAMESPACE": "clinics"}, auth, secret_id).message


@pytest.mark.parametrize("mount", ["../sys", "a/../../sys", "", "/", "a//b", "a\nb"])
def test_an_auth_mount_cannot_climb_out_of_auth(environ: dict[str, str], mount: str) -> None:
    error = refused(environ | {"T": "x"}, {"method": "jwt", "mount": mount, "role": "r", "jwtEnv": "T"})

    assert isinstance(error, InvalidConfiguration)
    assert "auth.mount" in error.message


@pytest.mark.parametrize(
    ("auth", "setting"),
    [
        ({"tokenEnv": "NOT_SET"}, "tokenEnv"),
        ({"tokenFile": "/nowhere/file"}, "tokenFile"),
        ({"method": "approle", "roleId": "r", "secretIdEnv": "NOT_SET"}, "secretIdEnv"),
        ({"method": "approle", "roleId": "r", "secretIdFile": "/nowhere/file"}, "secretIdFile"),
        ({"method": "jwt", "role": "r", "jwtEnv": "NOT_SET"}, "jwtEnv"),
        ({"method": "jwt", "role": "r", "jwtFile": "/nowhere/file"}, "jwtFile"),
        ({"method": "kubernetes", "role": "r", "tokenFile": "/nowhere/file"}, "tokenFile"),
    ],
)
def test_a_missing_variable_or_file_is_named_by_its_setting(
    environ: dict[str, str], auth: dict[str, object], setting: str
) -> None:
    error = refused(environ, auth, "/nowhere")

    assert isinstance(error, InvalidConfiguration)
    assert f"allomia:vault auth.{setting}" in error.message
    assert ("NOT_SET" in error.message) == ("NOT_SET" in auth.values())


def test_a_secret_written_where_its_variable_belongs_is_not_repeated(environ: dict[str, str]) -> None:
    refused(environ, {"tokenEnv": "s.CanaryCanaryCanary000001"}, "s.CanaryCanaryCanary000001")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (b" \n", "it is empty"), (b"\xff\xfe\x00", "it is not text"), (b"x" * 70_000, "too large")],
)
def test_a_file_that_holds_no_credential_is_refused_without_its_content(
    environ: dict[str, str], tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)

    error = refused(environ, {"tokenFile": str(file)}, str(tmp_path), "xxxxx")

    assert isinstance(error, InvalidConfiguration)
    assert why in error.message


def test_a_token_with_a_line_break_inside_is_refused_before_it_is_sent(
    bao: OpenBao, environ: dict[str, str], before: int
) -> None:
    error = refused(environ | {"VAULT_TOKEN": "s.Canary\nX-Header: injected"}, {"method": "token"}, "s.Canary")

    assert isinstance(error, InvalidConfiguration)
    assert not paths(bao, before)


def test_hvac_is_not_imported_before_the_first_read() -> None:
    program = (
        "import sys\nfrom allomia_pulumi.edges.vault import Vault\n"
        "from allomia_pulumi.ground.settings import VaultSettings\n"
        "from allomia_pulumi.ground.clock import SystemClock\n"
        "Vault(VaultSettings(), {}, SystemClock()).close()\n"
        "sys.exit(sorted({'hvac', 'requests', 'urllib3'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).stderr == b"[]\n"
