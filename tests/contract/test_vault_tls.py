from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from allomia_pulumi.errors import AllomiaError, InvalidConfiguration, Unavailable
from tests.fakes import FakeClock
from tests.vaults import KEY, certificate, everything_told, read, server_side, stand_in
from tools.engine.openbao import OpenBao

TENANT = "secret/allomia/tenant#api_key"


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev(tls=True) as server:
        server.client().secrets.kv.v2.create_or_update_secret("allomia/tenant", {"api_key": KEY}, mount_point="secret")
        yield server


@pytest.fixture
def environ(bao: OpenBao) -> dict[str, str]:
    return {"BAO_ADDR": bao.address, "BAO_TOKEN": bao.token, "BAO_CACERT": str(bao.ca_file)}


def refused(environ: dict[str, str], clock: FakeClock | None = None) -> AllomiaError:
    with pytest.raises(AllomiaError) as caught:
        read(TENANT, environ, clock)
    assert "\n" not in str(caught.value)
    assert environ["BAO_TOKEN"] not in everything_told(caught.value)
    return caught.value


def test_an_own_authority_is_trusted(environ: dict[str, str]) -> None:
    assert read(TENANT, environ) == KEY


def test_the_variable_of_requests_does_not_beat_the_configured_authority(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate(tmp_path)))

    assert read(TENANT, environ) == KEY


@pytest.mark.catalogue(96)
def test_an_authority_in_the_home_is_found_by_its_tilde(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Path(environ["BAO_CACERT"]).read_bytes())
    home = {**environ, "HOME": str(tmp_path), "BAO_CACERT": "~/ca.pem"}
    assert read(TENANT, home) == KEY


def test_without_the_authority_nothing_is_sent(environ: dict[str, str]) -> None:
    clock = FakeClock()

    error = refused({**environ, "BAO_CACERT": ""}, clock)

    assert isinstance(error, InvalidConfiguration)
    assert "unknown authority" in error.message
    assert "caCertFile, BAO_CACERT or VAULT_CACERT" in error.hint
    assert not clock.slept


def test_a_wrong_authority_is_told_from_none(environ: dict[str, str], tmp_path: Path) -> None:
    error = refused({**environ, "BAO_CACERT": str(certificate(tmp_path))})

    assert isinstance(error, InvalidConfiguration)
    assert "unknown authority" in error.message


@pytest.mark.parametrize(("content", "what"), [(None, "is not there"), ("", "no PEM"), ("no certificate", "no PEM")])
def test_a_file_that_holds_no_authority_is_named_by_its_source(
    environ: dict[str, str], tmp_path: Path, content: str | None, what: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    error = refused({**environ, "BAO_CACERT": str(file)})

    assert isinstance(error, InvalidConfiguration)
    assert "environment variable BAO_CACERT names" in error.message
    assert what in error.message
    assert str(tmp_path) not in str(error)


@pytest.mark.parametrize("length", [20, 500])
def test_http_to_an_https_port_is_explained_also_when_vault_resets(environ: dict[str, str], length: int) -> None:
    address = environ["BAO_ADDR"].replace("https:", "http:")

    error = refused({**environ, "BAO_ADDR": address, "BAO_TOKEN": "s" * length})

    assert isinstance(error, InvalidConfiguration)
    assert "speaks https, and the address says http" in error.message


def test_https_to_an_http_port_is_explained(environ: dict[str, str]) -> None:
    with stand_in() as server:
        error = refused({**environ, "BAO_ADDR": server.address.replace("http:", "https:")})

    assert isinstance(error, InvalidConfiguration)
    assert "does not speak https" in error.message


@pytest.mark.parametrize(
    ("address", "days", "said"),
    [("127.0.0.2", 1, "for another server name"), ("127.0.0.1", -1, "an expired certificate")],
)
def test_a_certificate_that_does_not_hold_is_explained(
    environ: dict[str, str], tmp_path: Path, address: str, days: int, said: str
) -> None:
    file = certificate(tmp_path, "elsewhere.example", address, days)
    with stand_in(tls=server_side(file)) as server:
        error = refused({**environ, "BAO_ADDR": server.address, "BAO_CACERT": str(file)})

    assert isinstance(error, InvalidConfiguration)
    assert said in error.message
    assert not server.seen


@pytest.mark.catalogue(37)
def test_a_sealed_vault_is_unavailable_after_some_patience() -> None:
    with OpenBao.sealable() as server:
        kv = server.client().secrets.kv.v2
        kv.create_or_update_secret("allomia/tenant", {"api_key": KEY}, mount_point="secret")
        environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": server.token}
        clock = FakeClock()
        assert read(TENANT, environ, clock) == KEY

        server.seal()
        with pytest.raises(Unavailable, match="is sealed") as caught:
            read(TENANT, environ, clock)

    assert "environment variable VAULT_ADDR" in caught.value.message
    assert len(clock.slept) == 4
