"""`allomia keys` and `allomia revoke`: list the living keys of organizations, and end one."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from allomia_pulumi.cli.access import Access
from allomia_pulumi.cli.clients import (
    ApiUrl,
    Holding,
    TenantKeyRef,
    check_id,
    check_key_id,
    connections,
    given_arguments,
)
from allomia_pulumi.cli.exit_codes import exit_code, warn
from allomia_pulumi.cli.render import (
    Output,
    as_document,
    key_as_json,
    key_in_a_line,
    show_organization,
    slots_used,
    stdout,
)
from allomia_pulumi.cli.survey import Row, View, take_survey
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.messages import look_command
from allomia_pulumi.core.verification import Revoked, revoke_for_good
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.redaction import printable

__all__ = ["Organizations", "Output", "Stacks", "list_keys", "revoke_key"]

DOCUMENT_VERSION = 2

Organizations = Annotated[
    list[str] | None,
    typer.Option(
        "--organization",
        "-o",
        help="Id of an organization; may be repeated. Without it: all that the tenant key sees.",
        show_default=False,
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Option(
        "--stack",
        "-s",
        metavar="DIR[@STACK]",
        help="Folder of a Pulumi project, for its selected stack or another; may be repeated. Its configuration and "
        "state are read by the `pulumi` on PATH.",
        show_default=False,
    ),
]


def list_keys(
    organization: Organizations = None,
    stack: Stacks = None,
    output: Annotated[Output, typer.Option(help="How to show them.")] = Output.TABLE,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Show the keys of the tenant's organizations: name, id, age, last use, whose, and slots used. Never a secret."""
    for each in organization or ():
        check_id(each, "the organization's id")
    with connections() as opened:
        view = take_survey(opened, stack or (), organization or (), given_arguments(api_url, tenant_key_ref))
    now = SystemClock().now()
    if output is Output.JSON:
        say(as_document(_document(view, now)))
    else:
        _show(view, now)
    for problem in view.survey.failures:
        warn(problem.message, problem.hint)
    if view.survey.failures:
        raise typer.Exit(exit_code(view.survey.failures[0]))


def revoke_key(
    organization: Annotated[str, typer.Argument(help="Id of the organization.", show_default=False)],
    key_id: Annotated[str, typer.Argument(help="Id of the key.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Revoke one key of an organization, after asking. Whatever uses it is refused from then on.

    What AlloMia answers is not believed: the command looks whether the key is gone, and says what it saw.
    """
    check_id(organization, "the organization's id")
    check_key_id(key_id)
    if not yes and not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask at", "Add --yes to revoke without asking.")
    with connections() as opened:
        client = opened.open(Access({}, given_arguments(api_url, tenant_key_ref)))
        clock = SystemClock()
        listed = next((key for key in client.list_keys(organization) if key.id == key_id), None)
        found = listed or client.find_key(organization, key_id)
        if found is None:
            raise NotFound(
                f"organization {organization} has no key {printable(key_id)}: the list lacks it and it answers 404 "
                "itself",
                f"It may be revoked already; look with {look_command(organization)}.",
            )
        say(key_in_a_line(Row(Holding(organization, "", (), client), found), clock.now()))
        if not yes and not typer.confirm("Revoke this key now?"):
            say("nothing was revoked")
            raise typer.Exit(1)
        seen = revoke_for_good(client, clock, organization, key_id, warn, always_proves=True)
    say(f"revoked: {_describe(seen)}")


def _describe(seen: Revoked) -> str:
    """Say what shows that a key is revoked."""
    answers = {
        Revocation.CONFIRMED: "AlloMia confirmed it",
        Revocation.ACCEPTED: "AlloMia did not confirm it",
        Revocation.ABSENT: "AlloMia had no such key any more",
    }
    lists = {True: "the list still has it", False: "the list lacks it", None: "the list could not be read"}
    return f"{answers[seen.answer]}, the key itself answers 404, and {lists[seen.is_listed]}"


def _show(view: View, now: datetime) -> None:
    console = stdout()
    for index, holding in enumerate(view.survey.holdings):
        rows = [row for row in view.rows if row.holding is holding]
        if index:
            console.print()
        show_organization(console, holding, rows, now, slots_used(holding))
    if not view.survey.holdings:
        console.print("the tenant key sees no organizations")


def _document(view: View, now: datetime) -> dict[str, object]:
    """Lay the keys out for programs; the shape grows, and its version changes when it breaks."""
    return {
        "version": DOCUMENT_VERSION,
        "stacks": [stack.label for stack in view.stacks],
        "organizations": [
            {
                "id": holding.organization_id,
                "name": holding.name or None,
                "slots": {"used": len(holding.keys), "limit": KEY_LIMIT},
                "keys": [key_as_json(row, now) for row in view.rows if row.holding is holding],
            }
            for holding in view.survey.holdings
        ],
        "unread": [problem.message for problem in view.survey.failures],
    }
