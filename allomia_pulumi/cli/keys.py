"""`allomia keys` and `allomia revoke`: what is alive in an organization, and ending it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from allomia_pulumi.api import TenantClient, is_identifier
from allomia_pulumi.cli.render import keys_document, keys_table, one_key
from allomia_pulumi.clock import SystemClock
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.keys.proof import revoke_for_good
from allomia_pulumi.keys.wording import look_command
from allomia_pulumi.redaction import printable
from allomia_pulumi.session import Session

__all__ = ["list_keys", "revoke_key"]


PIPE_WIDTH = 250


class Output(StrEnum):
    """How a result is shown."""

    TABLE = "table"
    JSON = "json"


Organization = Annotated[str, typer.Option("--organization", "-o", help="Id of the organization.", show_default=False)]
ApiUrl = Annotated[str | None, typer.Option(help="AlloMia's address instead of ALLOMIA_API_URL.", show_default=False)]
TenantKeyRef = Annotated[
    str | None,
    typer.Option(
        help="Where the tenant key lies in Vault, mount/path#field, instead of ALLOMIA_TENANT_KEY_REF.",
        show_default=False,
    ),
]


def list_keys(
    organization: Organization,
    output: Annotated[Output, typer.Option(help="How to show them.")] = Output.TABLE,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Show the keys of an organization: name, id, age, whose mark they carry, and the slots used. Never a secret."""
    _check_id(organization, "the organization's id")
    with _client(api_url, tenant_key_ref) as client:
        keys = client.list_keys(organization)
    now = SystemClock().now()
    if output is Output.JSON:
        typer.echo(keys_document(organization, keys, now))
    else:
        # A pipe has no width: nothing is folded there.
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
        console.print(f"organization {organization}", soft_wrap=True)
        console.print(keys_table(keys, now))


def revoke_key(
    organization: Annotated[str, typer.Argument(help="Id of the organization.", show_default=False)],
    key_id: Annotated[str, typer.Argument(help="Id of the key.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Revoke one key of an organization, after asking. Whatever uses it is refused from then on."""
    _check_id(organization, "the organization's id")
    _check_id(key_id, "the key's id")
    if not yes and not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask at", "Add --yes to revoke without asking.")
    with _client(api_url, tenant_key_ref) as client:
        found = next((key for key in client.list_keys(organization) if key.id == key_id), None)
        if found is None:
            raise NotFound(
                f"organization {organization} has no key {printable(key_id)}",
                f"It may be revoked already; look with {look_command(organization)}.",
            )
        typer.echo(one_key(found, SystemClock().now()))
        if not yes and not typer.confirm("Revoke this key now?"):
            typer.echo("nothing was revoked")
            raise typer.Exit(1)
        revoke_for_good(client, organization, key_id)
    typer.echo("revoked")


def _check_id(value: str, what: str) -> None:
    if not is_identifier(value):
        raise InvalidInput(f"{what} is empty or has characters that no id has", "Copy it from AlloMia.")


@contextmanager
def _client(api_url: str | None, tenant_key_ref: str | None) -> Iterator[TenantClient]:
    """Open AlloMia as the environment and the options say, and close it again."""
    given = {"apiUrl": api_url, "tenantKeyRef": tenant_key_ref}
    arguments = {name: value for name, value in given.items() if value}
    session = Session({}, os.environ, SystemClock(), arguments)
    try:
        yield session.open(None)
    finally:
        session.close()
