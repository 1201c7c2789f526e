"""Every setting says where it came from, and a secret never becomes one."""

import json
from typing import Any

import pytest

from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.addresses import is_loopback
from allomia_pulumi.ground.config import load_settings
from allomia_pulumi.ground.settings import AppRoleAuth, JwtAuth, KubernetesAuth, TokenAuth

CANARY = "canary-0123456789"


def vault(**values: Any) -> dict[str, str]:
    return {"vault": json.dumps(values)}


def test_nothing_configured_gives_the_defaults() -> None:
    settings = load_settings({}, {})
    assert settings.api_url == "https://allomia.com"
    assert settings.keys_path == "/api/organization/{organizationId}/api-keys"
    assert settings.tenant_key_ref is None
    assert isinstance(settings.vault.auth, TokenAuth)


def test_an_argument_wins_over_the_stack_and_the_stack_over_the_environment() -> None:
    environ = {"ALLOMIA_API_URL": "https://environment.example", "ALLOMIA_OWNER": "environment"}
    stack = {"apiUrl": "https://stack.example", "owner": "stack"}
    settings = load_settings(stack, environ, {"apiUrl": "https://argument.example"})
    assert (settings.api_url, settings.owner) == ("https://argument.example", "stack")
    assert settings.sources == {"apiUrl": "argument apiUrl", "owner": "stack configuration allomia:owner"}
    settings = load_settings({}, environ)
    assert (settings.api_url, settings.sources["apiUrl"]) == (
        "https://environment.example",
        "environment variable ALLOMIA_API_URL",
    )


def test_bao_variables_win_over_vault_variables_and_the_stack_over_both() -> None:
    environ = {
        "BAO_ADDR": "https://bao.example",
        "VAULT_ADDR": "https://vault.example",
        "VAULT_NAMESPACE": "team",
        "VAULT_CACERT": "/ca.pem",
    }
    settings = load_settings({}, environ)
    assert settings.vault.address == "https://bao.example"
    assert (settings.vault.namespace, settings.vault.ca_cert_file) == ("team", "/ca.pem")
    assert settings.sources["vault.address"] == "environment variable BAO_ADDR"
    settings = load_settings(vault(address="https://stack.example"), environ)
    assert settings.vault.address == "https://stack.example"
    assert settings.sources["vault.address"] == "stack configuration allomia:vault.address"


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        ({"method": "token", "tokenFile": "/t"}, TokenAuth),
        ({"tokenEnv": "T"}, TokenAuth),
        ({"method": "approle", "roleId": "r", "secretIdEnv": "S"}, AppRoleAuth),
        ({"method": "jwt", "role": "r", "jwtSource": "github-actions", "audience": "a"}, JwtAuth),
        ({"method": "kubernetes", "role": "r"}, KubernetesAuth),
    ],
)
def test_every_login_method_is_read(auth: dict[str, str], kind: type) -> None:
    assert isinstance(load_settings(vault(auth=auth), {}).vault.auth, kind)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ({"apiUrl": "http://allomia.example"}, "an http address off this machine"),
        ({"apiUrl": "allomia.com"}, "is not a base URL"),
        ({"apiUrl": f"https://user:{CANARY}@allomia.com"}, "is not a base URL"),
        ({"apiUrl": f"https://allomia.com?key={CANARY}"}, "is not a base URL"),
        ({"apiUrl": "https://[::1"}, "is not a base URL"),
        ({"apiUrl": "https://allomia.com:99999"}, "is not a base URL"),
        ({"tenantKeyRef": CANARY}, "is not a Vault reference"),
        ({"owner": "a\nb"}, "unprintable"),
        ({"keysPath": "/api/keys"}, "one {organizationId}"),
        ({"keysPath": "/api/../{organizationId}"}, "one {organizationId}"),
        ({"keysPath": "/api/{organizationId}?x=1"}, "one {organizationId}"),
        ({"vault": "not json"}, "is not an object"),
        ({"vault": "[]"}, "is not an object"),
        (vault(adress="https://v"), "adress is not a setting"),
        (vault(address="http://vault.example"), "an http address off this machine"),
        (vault(timeoutSeconds=-1), "timeoutSeconds"),
        (vault(auth={"method": CANARY}), "none of token, approle, jwt and kubernetes"),
        ({"apiUrl": f"https://:{CANARY}@allomia.com"}, "is not a base URL"),
        (vault(token=CANARY), "allomia:vault.token would put a secret into Pulumi's state"),
        (vault(auth={"method": "approle", "roleId": "r", "secret_id": CANARY}), "auth.secret_id would put a secret"),
        (vault(auth={f"hvs.{CANARY}": "x"}), "it has an unknown setting"),
        (vault(auth={"token": CANARY}), "auth.token would put a secret into Pulumi's state"),
        (vault(auth={"method": "approle", "roleId": "r", "secretId": CANARY}), "auth.secretId would put a secret"),
        (vault(auth={"method": "jwt", "role": "r", "jwt": CANARY}), "auth.jwt would put a secret"),
        (vault(auth={"method": "approle", "roleId": "r"}), "needs one of secretIdEnv and secretIdFile"),
        (vault(auth={"method": "jwt", "role": "r", "jwtEnv": "A", "jwtFile": "B"}), "needs one of"),
        (vault(auth={"method": "kubernetes"}), "role is missing"),
        (vault(auth={"tokenEnv": "A", "tokenFile": "B"}), "not both"),
    ],
)
def test_g3_g5_a_bad_value_names_its_place_and_never_itself(stack: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings(stack, {})
    assert message in str(caught.value)
    assert f"allomia:{next(iter(stack))}" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.catalogue(81)
@pytest.mark.parametrize("name", ["apiUrl", "vault"])
@pytest.mark.parametrize(
    "host",
    [
        "allomia_canary.example",
        "allomi\u0430-canary.example",
        "allomia\u3002canary",
        "canary\\@127.0.0.1",
        "canary%2eexample",
        "-canary.example",
        "canary..example",
        "canary.example:\uff18\uff10",
        "[fe80::1%canary]",
        "[127.0.0.1]",
        "[v1.canary]",
    ],
)
def test_g3_g5_a_host_that_not_everybody_reads_alike_is_refused_unseen(name: str, host: str) -> None:
    address = f"https://{host}"
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings({"apiUrl": address} if name == "apiUrl" else vault(address=address), {})
    assert "canary" not in str(caught.value)
    assert "is not a base URL" in str(caught.value) or "neither a name of ASCII letters" in str(caught.value)


@pytest.mark.parametrize(
    "host", ["vault", "vault.example.", "10.0.0.1:8200", "[::1]:8200", "[2001:db8::1]", "xn--a.b-c"]
)
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert load_settings(vault(address=f"https://{host}/"), {}).vault.address == f"https://{host}"


@pytest.mark.catalogue(82)
def test_plain_http_to_vault_is_let_by_name_alone_and_warned_of() -> None:
    inside = load_settings(vault(address="http://vault.vault.svc:8200", allowPlainHttp=True), {}).vault
    assert inside.address == "http://vault.vault.svc:8200"
    assert "is reached by plain http (allomia:vault.allowPlainHttp)" in inside.warning
    from_variable = load_settings(vault(allowPlainHttp=True), {"VAULT_ADDR": "http://vault:8200"}).vault
    assert from_variable.warning
    with pytest.raises(InvalidConfiguration, match=r"allomia:vault\.allowPlainHttp: true lets it"):
        load_settings(vault(allowPlainHttp=False), {"VAULT_ADDR": "http://vault:8200"})
    with pytest.raises(InvalidConfiguration, match="travel in clear"):
        load_settings({**vault(allowPlainHttp=True), "apiUrl": "http://allomia.example"}, {})


@pytest.mark.parametrize("address", ["http://127.0.0.1:8200", "https://vault.example"])
def test_nothing_is_said_where_nobody_listens(address: str) -> None:
    assert load_settings(vault(address=address, allowPlainHttp=True), {}).vault.warning == ""


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(InvalidConfiguration, match="environment variable ALLOMIA_API_URL"):
        load_settings({}, {"ALLOMIA_API_URL": "http://allomia.example"})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.2", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
        ("http://127.0.0.1.example", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected
