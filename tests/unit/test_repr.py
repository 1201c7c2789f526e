"""No object of ours shows a secret when it is printed, logged, kept in a list or taken apart in a crash report."""

from __future__ import annotations

import dataclasses
import gc
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, SecretStr

import allomia_pulumi
from allomia_pulumi.container import Container
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.references import parse_reference
from tests.fakes import FakeClock
from tests.leaks import channels
from tests.leaks.search import search
from tests.vaults import KEY, TOKEN, answer, stand_in
from tools.engine.processes import free_port
from tools.engine.trail import Shown

CANARY = "alm_org_canary_0123456789-0123456789-0123456789"
SECRETS = [CANARY, KEY, TOKEN]
SOUNDS_SECRET = re.compile(r"(^|_)(secret|token|password|jwt|key)$")
# A key of AlloMia's list, or of ours with its secret wrapped: the field's own type is searched as well.
NO_SECRETS = {
    "allomia_pulumi.cli.survey.Row.key",
    "allomia_pulumi.core.minted_key.inspect.Existing.key",
    "allomia_pulumi.core.minted_key.issuance.Issuance.key",
    "allomia_pulumi.sandbox.exchange.Done.key",
    # A place in Vault.
    "allomia_pulumi.core.handmade_key.inputs.DashboardInputs.vault_secret",
    "allomia_pulumi.core.handmade_key.state.DashboardSettings.vault_secret",
    "allomia_pulumi.core.handmade_key.state.OldKey.vault_secret",
    "allomia_pulumi.core.minted_key.inputs.Adoption.vault_secret",
    "allomia_pulumi.core.minted_key.inputs.Inputs.vault_secret",
    "allomia_pulumi.core.minted_key.state.Settings.vault_secret",
    # Wraps a SecretStr of its own.
    "allomia_pulumi.edges.vault.client._Session.token",
    # Where a listing goes on: ids, and nothing else.
    "allomia_pulumi.core.listing.Page.token",
    "allomia_pulumi.core.listing.PageRequest.token",
}


def classes() -> Iterator[type]:
    for module in pkgutil.walk_packages(allomia_pulumi.__path__, "allomia_pulumi."):
        if not module.name.endswith("__main__"):
            for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if kind.__module__ == module.name:
                    yield kind


def fields(kind: type) -> dict[str, tuple[str, bool]]:
    """Return a class's fields, each with its type as text and whether its repr shows it."""
    if issubclass(kind, BaseModel):
        return {name: (str(each.annotation), each.repr) for name, each in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        return {each.name: (str(each.type), each.repr) for each in dataclasses.fields(kind)}
    return {}


HOLDERS = [kind for kind in classes() if any("SecretStr" in text for text, _ in fields(kind).values())]


def filled(kind: type) -> object:
    """Return an instance whose secrets are canaries, and whose other fields are empty."""
    values = {name: SecretStr(CANARY) if "SecretStr" in text else None for name, (text, _) in fields(kind).items()}
    if issubclass(kind, BaseModel):
        return kind.model_construct(None, **values)
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def leaks(shown: Iterator[Shown]) -> list[str]:
    return [str(leak) for leak in search(shown, SECRETS)]


def test_the_classes_that_hold_secrets_are_found() -> None:
    names = {kind.__name__ for kind in HOLDERS}
    assert names >= {"CreatedKey", "KeyState", "DashboardState", "Delivery", "AdoptedKey", "Token"}


@pytest.mark.parametrize("kind", HOLDERS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_g3_no_class_that_holds_a_secret_shows_it(kind: type) -> None:
    assert leaks(channels.of_object(filled(kind))) == []


def test_g3_whatever_sounds_like_a_secret_is_wrapped_or_never_printed() -> None:
    open_ones = {
        f"{kind.__module__}.{kind.__name__}.{name}"
        for kind in classes()
        for name, (text, is_shown) in fields(kind).items()
        if SOUNDS_SECRET.search(name) and is_shown and "SecretStr" not in text
    }
    assert open_ones <= NO_SECRETS


def ours() -> list[object]:
    """Return every living object of a class of ours."""
    return [each for each in gc.get_objects() if str(type(each).__module__).startswith("allomia_pulumi.")]


@pytest.mark.parametrize("status", [200, 403, 500])
def test_g3_no_living_object_shows_a_secret_after_calls_that_work_or_fail(status: int) -> None:
    # What other tests left alive has stand-ins in it, which hold secrets in clear.
    others = ours()
    script = [] if status == 200 else [answer(status)] * 20
    with stand_in(*script) as server:
        environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": TOKEN}
        stack = {"apiUrl": f"http://127.0.0.1:{free_port()}", "tenantKeyRef": "secret/allomia/tenant#api_key"}
        session = Container(stack, environ, FakeClock())
        tenant = session.open(parse_reference("secret/other/tenant#api_key", "the reference"))
        with pytest.raises(AllomiaError) as caught:
            tenant.list_organizations()
        known = {id(each) for each in others}
        objects = [each for each in ours() if id(each) not in known]
        assert {type(each).__name__ for each in objects} >= {"Container", "TenantClient", "Vault", "_VaultKey"}
        assert [leak for each in objects for leak in leaks(channels.of_object(each))] == []
        assert leaks(channels.of_exception(caught.value)) == []
        assert leaks(channels.of_pickle(caught.value)) == []
        session.close()
