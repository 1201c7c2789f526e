"""One read of the tenant key per process, one more when AlloMia refuses it, and no work before it is needed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from allomia_pulumi.container import Container, Registry, _VaultKey
from allomia_pulumi.errors import InvalidConfiguration, Unavailable
from allomia_pulumi.ground.references import VaultReference, parse_reference
from tests.fakes import FakeClock

REFERENCE = parse_reference("secret/allomia/tenant#api_key", "x")


class FakeVault:
    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.reads = 0
        self.faults: list[Exception] = []

    def read_secret(self, reference: VaultReference) -> SecretStr:
        assert reference == REFERENCE
        self.reads += 1
        if self.faults:
            raise self.faults.pop(0)
        return SecretStr(self.keys.pop(0) if len(self.keys) > 1 else self.keys[0])


def key(vault: FakeVault) -> _VaultKey:
    return _VaultKey(lambda: vault, REFERENCE, "stack configuration allomia:tenantKeyRef")  # type: ignore[arg-type]


def test_what_a_delivery_would_write_over_is_known_and_a_pinned_version_is_safe() -> None:
    container = Container({"tenantKeyRef": "secret/allomia/tenant#api_key"}, {}, FakeClock())
    own = parse_reference({"mount": "secret", "path": "own", "field": "api_key"}, "x")
    assert container.keeps_tenant_key("secret/allomia/tenant", None)
    assert container.keeps_tenant_key("secret/own", own)
    assert not container.keeps_tenant_key("secret/own", own.model_copy(update={"version": 1}))
    assert not container.keeps_tenant_key("secret/own", None)


def test_sixty_four_threads_share_one_read() -> None:
    vault = FakeVault("one")
    credential = key(vault)
    barrier = threading.Barrier(64)

    def read(_: int) -> str:
        barrier.wait()
        return credential.current().get_secret_value()

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(read, range(64))) == {"one"}
    assert vault.reads == 1


@pytest.mark.catalogue(26)
def test_a_refused_key_is_read_again_once_however_many_meet_the_refusal() -> None:
    vault = FakeVault("old", "new")
    credential = key(vault)
    old = credential.current()
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: credential.renew(old), range(16))) == {True}
    assert credential.current().get_secret_value() == "new"
    assert vault.reads == 2


def test_a_key_that_stays_refused_is_not_read_for_ever() -> None:
    vault = FakeVault("old")
    credential = key(vault)
    old = credential.current()
    assert [credential.renew(old) for _ in range(5)] == [False] * 5
    assert vault.reads == 2


def test_a_failed_read_is_tried_again_by_the_next_caller() -> None:
    vault = FakeVault("one")
    vault.faults = [Unavailable("sealed")]
    credential = key(vault)
    with pytest.raises(Unavailable):
        credential.current()
    assert credential.current().get_secret_value() == "one"


def test_the_source_names_the_place_and_who_configured_it() -> None:
    credential = key(FakeVault("one"))
    assert credential.source == "Vault secret/allomia/tenant#api_key (stack configuration allomia:tenantKeyRef)"


def test_clients_are_shared_by_reference() -> None:
    container = Container({"tenantKeyRef": "secret/a#k"}, {}, FakeClock())
    assert container.open(None) is container.open(None)
    assert container.open(REFERENCE) is container.open(parse_reference("secret/allomia/tenant#api_key", "y"))
    assert container.open(None) is not container.open(REFERENCE)
    container.close()


@pytest.mark.parametrize("value", ["a b", "a\tb", "schlüssel", "a\x7fb"])
def test_g3_an_environment_key_that_cannot_be_one_is_refused_unseen(value: str) -> None:
    container = Container({}, {"ALLOMIA_TENANT_KEY": value}, FakeClock())
    with pytest.raises(InvalidConfiguration, match="environment variable ALLOMIA_TENANT_KEY is not a key") as caught:
        container.open(None)
    assert value not in str(caught.value)


@pytest.mark.parametrize("value", ["a b", "a\tb", "schlüssel", "a\x7fb"])
def test_g3_a_key_to_import_that_cannot_be_one_is_refused_unseen(value: str) -> None:
    container = Container({}, {"ALLOMIA_IMPORT_SECRET": value}, FakeClock())
    with pytest.raises(InvalidConfiguration, match="environment variable ALLOMIA_IMPORT_SECRET is not a key") as caught:
        container.imported_secret("org", "key")
    assert value not in str(caught.value)


@pytest.mark.catalogue(25)
def test_g5_without_any_tenant_key_the_error_has_the_next_step() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Container({}, {}, FakeClock()).open(None)
    assert "pulumi config set allomia:tenantKeyRef" in caught.value.hint
    assert "ALLOMIA_TENANT_KEY" in caught.value.hint


def test_a_service_is_made_once_for_each_key_and_tried_again_after_a_failure() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        if len(made) == 1:
            raise Unavailable("not yet")
        return name.upper()

    get = Registry().register(make)
    with pytest.raises(Unavailable):
        get("a")
    assert [get("a"), get("b"), get("a")] == ["A", "B", "A"]
    assert made == ["a", "a", "b"]


def test_what_was_made_is_closed_the_latest_first_whatever_fails() -> None:
    closed: list[str] = []

    def close(name: str) -> None:
        closed.append(name)
        if name == "b":
            raise Unavailable("gone")

    registry = Registry()
    get = registry.register(str.lower, close)
    get("a"), get("b")
    with pytest.raises(Unavailable):
        registry.close()
    assert closed == ["b", "a"]
