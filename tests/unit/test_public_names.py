"""What each public module exports is what it defines and shows, and both faces export the same."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import allomia_pulumi
import allomia_pulumi_sdk
from allomia_pulumi import native
from tools.schema import LANGUAGES

PUBLIC = [
    "allomia_pulumi",
    "allomia_pulumi.dynamic_provider",
    "allomia_pulumi.errors",
    "allomia_pulumi.native",
    "allomia_pulumi_sdk",
]
# A program of the plugin's face configures providers in code; the dynamic face has the stack's configuration alone.
ONLY_NATIVE = {"Provider", "VaultArgs", "VaultAuthArgs"}
ONLY_DYNAMIC = {"__version__"}


def tree_of(module: str) -> ast.Module:
    return ast.parse(Path(str(importlib.import_module(module).__file__)).read_text())


def defined_in(module: str) -> set[str]:
    """Return the classes and functions that a module defines for others to use."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in tree_of(module).body if isinstance(each, kinds) and not each.name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC)
def test_exported_names_are_the_visible_ones(name: str) -> None:
    module = importlib.import_module(name)
    exported = module.__all__
    assert len(exported) == len(set(exported))
    assert [each for each in exported if not hasattr(module, each)] == []
    assert defined_in(name) - set(exported) == set()


def test_what_is_loaded_on_demand_is_typed_exported_and_listed() -> None:
    blocks = [each for each in tree_of("allomia_pulumi").body if isinstance(each, ast.If)]
    typed = [
        (alias.name, each.module)
        for block in blocks
        for each in ast.walk(block)
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    ]
    assert dict(typed) == allomia_pulumi._PLACES
    assert {*allomia_pulumi._PLACES, "__version__"} == set(allomia_pulumi.__all__) == set(dir(allomia_pulumi))
    for name, home in typed:
        assert getattr(allomia_pulumi, name) is getattr(importlib.import_module(str(home)), name)


def test_both_faces_export_the_same_names() -> None:
    dynamic, plugin = set(allomia_pulumi.__all__), set(native.__all__)
    assert (dynamic - plugin, plugin - dynamic) == (ONLY_DYNAMIC, ONLY_NATIVE)


def test_the_name_of_pulumis_tools_has_the_plugins_face_and_nothing_else() -> None:
    assert allomia_pulumi_sdk.__name__ == LANGUAGES["python"]["packageName"]
    assert allomia_pulumi_sdk.__all__ == native.__all__
    assert all(getattr(allomia_pulumi_sdk, name) is getattr(native, name) for name in native.__all__)
    assert Path(str(allomia_pulumi_sdk.__file__)).with_name("py.typed").is_file()
