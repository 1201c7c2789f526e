"""What a machine says of proxies holds on both edges alike, and what is wrong with it is told as its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import httpcore
import pytest
import requests

from allomia_pulumi.container import Container
from allomia_pulumi.edges.allomia.transport import build_transport
from allomia_pulumi.edges.vault.transport import build_session
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration
from allomia_pulumi.ground.references import parse_reference
from tests.fakes import FakeClock
from tests.vaults import TOKEN, answer, certificate, everything_told, opened, read, server_side, stand_in

REFERENCE = "secret/allomia/tenant#api_key"
FAR = "https://elsewhere.example"
PASSWORD = "canary-password"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what this machine itself says."""
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR", *BUNDLES}:
            monkeypatch.delenv(name)


def to_allomia(url: str) -> bool:
    """Tell whether AlloMia's edge takes a proxy to an address."""
    return isinstance(build_transport(url)._pool, httpcore.HTTPProxy)


def to_vault(url: str) -> bool:
    """Tell whether Vault's edge takes a proxy to an address."""
    with build_session(url, verify=True) as session:
        settings = session.merge_environment_settings(url, {}, None, None, None)
        return requests.utils.select_proxy(url, settings["proxies"]) is not None


def ask_allomia(url: str = FAR) -> AllomiaError:
    session = Container({"apiUrl": url}, {"ALLOMIA_TENANT_KEY": "alm_tenant_x"}, FakeClock())
    with pytest.raises(AllomiaError) as caught:
        session.open(None).list_organizations()
    return caught.value


def ask_vault(url: str = FAR) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(REFERENCE, {"VAULT_ADDR": url, "VAULT_TOKEN": TOKEN})
    return caught.value


@pytest.mark.catalogue(79)
@pytest.mark.parametrize("edge", [to_allomia, to_vault])
@pytest.mark.parametrize(
    ("excepted", "url", "is_proxied"),
    [
        ("10.0.0.0/8", "https://10.1.2.3", False),
        ("10.0.0.0/8", "https://11.1.2.3", True),
        ("fd00::/8", "https://[fd00::1]", False),
        ("10.1.2.3", "https://10.1.2.3:8200", False),
        ("vault.example:8200", "https://vault.example:8200", False),
        ("vault.example:8200", "https://vault.example", True),
        ("vault.example:443", "https://vault.example", False),
        ("[fd00::1]:8200", "https://[fd00::1]:8200", False),
        (".example", "https://vault.example", False),
        ("*.example", "https://vault.example", False),
        ("a, example ,b", "https://VAULT.example", False),
        ("ault.example", "https://vault.example", True),
        ("*", "https://vault.example", False),
        ("a,*", "https://vault.example", False),
        ("10.0.0.0/99,/,:,", "https://vault.example", True),
        ("", "https://127.0.0.1:8200", False),
    ],
)
def test_no_proxy_excepts_the_same_on_both_edges(
    edge: Callable[[str], bool], excepted: str, url: str, is_proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", excepted)
    assert edge(url) is is_proxied


@pytest.mark.catalogue(79)
@pytest.mark.parametrize("ask", [ask_allomia, ask_vault])
@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"])
def test_g3_every_proxy_variable_gives_a_tunnel_and_no_credential(
    ask: Callable[[], AllomiaError], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in(*[answer(502)] * 9) as proxy:
        # Without a scheme, as many write it.
        monkeypatch.setenv(variable, proxy.address.removeprefix("http://"))
        ask()
    assert {(seen.method, seen.path) for seen in proxy.seen} == {("CONNECT", "elsewhere.example:443")}
    assert not [seen for seen in proxy.seen if TOKEN in str(seen.headers) or "alm_tenant_x" in str(seen.headers)]


@pytest.mark.catalogue(78)
@pytest.mark.parametrize("ask", [ask_allomia, ask_vault])
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:9", "names a SOCKS proxy, and the Python package"),
        ("https_proxy", "socks5h://127.0.0.1:9", "names a SOCKS proxy, and the Python package"),
        ("HTTPS_PROXY", f"ftp://me:{PASSWORD}@127.0.0.1:9", "is not the URL of a proxy"),
        ("HTTPS_PROXY", "http://", "is not the URL of a proxy"),
        ("HTTPS_PROXY", "http://proxy.example:port", "is not the URL of a proxy"),
        ("ALL_PROXY", "socks9://127.0.0.1:9", "names a kind of SOCKS proxy that is not served"),
    ],
)
def test_g3_g5_a_proxy_that_cannot_be_used_is_this_machines_fault(
    ask: Callable[[], AllomiaError], variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    error = ask()
    assert type(error) is InvalidConfiguration
    assert re.search(f"^environment variable {variable} {said}", error.message)
    assert error.hint
    assert PASSWORD not in everything_told(error)


@pytest.mark.catalogue(78)
@pytest.mark.parametrize(
    ("ask", "variable"), [(ask_allomia, "SSL_CERT_FILE"), *((ask_vault, variable) for variable in BUNDLES)]
)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "a file that is not there"),
        (b"", "no PEM file"),
        (b"nonsense", "no PEM file"),
        (b"\x00\xff", "no PEM file"),
    ],
)
def test_g5_certificates_that_cannot_be_read_are_this_machines_fault(
    ask: Callable[[], AllomiaError],
    variable: str,
    content: bytes | None,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "bundle.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(variable, str(file))
    error = ask()
    assert type(error) is InvalidConfiguration
    assert error.message.startswith(f"environment variable {variable} names {said}")


@pytest.mark.catalogue(78)
def test_g5_certificates_that_vanish_during_a_run_are_this_machines_fault(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    with stand_in(tls=server_side(file)) as server:
        environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN, "VAULT_CACERT": str(file)}
        with opened(environ) as vault:
            vault.diagnostics()
            file.unlink()
            with pytest.raises(InvalidConfiguration, match="this machine's certificates are gone"):
                vault.read_secret(parse_reference(REFERENCE, "x"))
