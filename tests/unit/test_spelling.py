"""Inputs in messages have one name in the code, and are spelled for whoever calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import allomia_pulumi
from allomia_pulumi.container import Container
from allomia_pulumi.core.handmade_key import inputs as handmade
from allomia_pulumi.core.minted_key import inputs as minted
from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.config import load_settings, unknown_settings
from allomia_pulumi.ground.likeness import nearest
from allomia_pulumi.ground.references import parse_reference
from allomia_pulumi.ground.spelling import Caller, spell, spell_argument, spelled_for

PACKAGE = Path(allomia_pulumi.__file__).parent
ROOMS = ("core", "edges", "ground", "contracts", "provider/dynamic", "container.py")
NESTED = ("keyId", "takeOver", "kvVersion")
INPUTS = {name for name in (*minted.SUPPORTED, *handmade.SUPPORTED, *NESTED) if name != name.lower()}
# A setting's name, a placeholder of a path and an id's form are the same everywhere.
ELSEWHERE = re.compile(r"allomia:\w+(\.\w+)*|auth\.\w+|\{\{?\w+\}?\}|<\w+>|fields? other than [\w, ]+")


def prose() -> Iterator[tuple[str, str]]:
    """Yield each text of several words in the rooms that word messages, and where it is."""
    for room in ROOMS:
        root = PACKAGE / room
        for file in [root] if root.is_file() else root.rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                    yield f"{file.name}:{node.lineno}", node.value


@pytest.mark.catalogue(95)
def test_no_message_names_an_input_by_itself() -> None:
    words = re.compile(rf"\b({'|'.join(INPUTS)})\b")
    found = [where for where, text in prose() if " " in text.strip() and words.search(ELSEWHERE.sub("", text))]
    assert found == []


@pytest.mark.catalogue(95)
@pytest.mark.parametrize(
    ("caller", "spelled"),
    [
        (Caller.ANY_LANGUAGE, ("adopt.keyId", "tenantKeyRef", "argument tenantKeyRef", "argument owner")),
        (Caller.PYTHON, ("adopt.key_id", "tenant_key_ref", "argument tenant_key_ref", "argument owner")),
        (Caller.COMMAND_LINE, ("adopt.keyId", "--tenant-key-ref", "option --tenant-key-ref", "argument owner")),
    ],
)
def test_each_caller_reads_its_own_spelling(caller: Caller, spelled: tuple[str, ...]) -> None:
    with spelled_for(caller):
        found = (spell("adopt.keyId"), spell("tenantKeyRef"), spell_argument("tenantKeyRef"), spell_argument("owner"))
    assert found == spelled
    assert spell("tenantKeyRef") == "tenantKeyRef"


@pytest.mark.catalogue(95)
def test_a_key_of_its_own_and_an_option_are_named_as_they_were_given() -> None:
    container = Container({}, {}, SystemClock())
    reference = parse_reference("secret/allomia/tenant#api_key", "it")
    with spelled_for(Caller.PYTHON):
        assert container.open(reference).source.endswith("(argument tenant_key_ref)")
    with (
        spelled_for(Caller.COMMAND_LINE),
        pytest.raises(InvalidConfiguration, match="option --tenant-key-ref is not a Vault reference"),
    ):
        load_settings({}, {}, {"tenantKeyRef": "alm"})


@pytest.mark.catalogue(94)
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("apiURL", "apiUrl"),
        ("api_url", "apiUrl"),
        ("tenantkeyref", "tenantKeyRef"),
        ("tenantKeyReference", "tenantKeyRef"),
        ("vaul", "vault"),
        ("colour", None),
    ],
)
def test_the_nearest_setting_is_named(name: str, meant: str | None) -> None:
    (warning,) = unknown_settings([name, "apiUrl", "vault"], "clinic")
    assert warning.startswith(f"stack configuration allomia:{name} is no setting, and is ignored")
    assert (f": allomia:{meant} is meant" in warning) == (meant is not None)


@pytest.mark.catalogue(94)
def test_a_project_of_that_name_keeps_its_own_values_there() -> None:
    assert unknown_settings(["colour"], "allomia") == []
    assert unknown_settings(["apiUrl", "owner"], "clinic") == []


@pytest.mark.catalogue(94)
@pytest.mark.parametrize(
    ("vault", "reason"),
    [
        ('{"adress": "https://v"}', "adress is not a setting, address is"),
        ('{"auth": {"method": "token", "tokenFiel": "t"}}', "auth.tokenFiel is not a setting, tokenFile is"),
        ('{"colour": "blue"}', "colour is not a setting"),
    ],
)
def test_a_part_of_vault_that_is_no_setting_is_an_error_with_the_nearest(vault: str, reason: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings({"vault": vault}, {})
    assert str(caught.value).endswith(reason)


def test_nothing_is_near_to_what_is_far() -> None:
    assert nearest("region", ("apiUrl", "owner")) is None
