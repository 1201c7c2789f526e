"""`allomia keys` and `allomia revoke`: list the living keys of organizations, and end one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from allomia_pulumi.cli.clients import Holding, check_id, check_key_id, connections
from allomia_pulumi.cli.exit_codes import exit_code, warn
from allomia_pulumi.cli.imports import ImportFile
from allomia_pulumi.cli.key_imports import write_key_imports
from allomia_pulumi.cli.prose import say_prose
from allomia_pulumi.cli.render import Output, as_document, key_as_json, key_in_a_line, slots_used
from allomia_pulumi.cli.survey import Row, View, take_survey
from allomia_pulumi.cli.tables import Tables
from allomia_pulumi.cli.target import ApiUrl, NoStack, Stacks, TenantKeyRef, find_target
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.messages import look_command
from allomia_pulumi.core.verification import Revoked, revoke_for_good
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.files import check_new
from allomia_pulumi.ground.redaction import printable

__all__ = ["Organizations", "OutputOption", "Yes", "find_row", "list_keys", "revoke_key"]

DOCUMENT_VERSION = 2

Organizations = Annotated[
    list[str] | None,
    typer.Option(
        "--organization",
        metavar="ID",
        help="An organization. Repeatable. Default: all that the tenant key sees.",
        show_default=False,
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="For people or for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def list_keys(
    *,
    stack: Stacks = None,
    no_stack: NoStack = False,
    organization: Organizations = None,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Show every organization, also without keys or of no use to the stack.")
    ] = False,
    output: OutputOption = Output.TABLE,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
    import_file: ImportFile = None,
    foreign: Annotated[
        bool, typer.Option("--foreign", help="Let --import-file take keys with another stack's mark, too.")
    ] = False,
) -> None:
    """Show keys: name, id, age, last use, whose they are, and the slots that they take. Never a secret.

    In a project's folder: of the organizations that its stack uses. Elsewhere, and for an import file: of all
    that the tenant key sees.
    """
    target = find_target(stack, no_stack=no_stack, api_url=api_url, tenant_key_ref=tenant_key_ref)
    for each in organization or ():
        check_id(each, "the organization's id")
    if import_file is not None:
        check_new(import_file)
    elif foreign:
        raise InvalidInput("--foreign is about what --import-file takes", "Give both, or neither.")
    with connections() as opened:
        view = take_survey(opened, target, organization or ())
    now, written = SystemClock().now(), None
    if import_file is not None:
        is_document = output is Output.JSON
        written = write_key_imports(import_file, view, target.arguments, takes_foreign=foreign, on_stderr=is_document)
    if output is Output.JSON:
        say(as_document({**_document(view, now), **({"importFile": written} if written else {})}))
    elif written is None:
        _show(view, now, everything=everything or bool(organization))
    for problem in view.survey.failures:
        warn(problem.message, problem.hint)
    if view.survey.failures:
        raise typer.Exit(exit_code(view.survey.failures[0]))


def revoke_key(
    organization: Annotated[
        str, typer.Argument(metavar="ORGANIZATION", help="Id of the organization.", show_default=False)
    ],
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key.", show_default=False)],
    *,
    yes: Yes = False,
    stack: Stacks = None,
    no_stack: NoStack = False,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Revoke one key of an organization, after asking. Whatever uses it is refused from then on.

    What AlloMia answers is not believed: the command looks whether the key is gone, and says what it saw.
    """
    target = find_target(stack, no_stack=no_stack, api_url=api_url, tenant_key_ref=tenant_key_ref)
    check_id(organization, "the organization's id")
    check_key_id(key_id)
    if not yes and not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask at", "Add --yes to revoke without asking.")
    with connections() as opened:
        clock = SystemClock()
        view = take_survey(opened, target, [organization])
        row = find_row(view, organization, key_id, target.options)
        say(key_in_a_line(row, clock.now()))
        if not yes and not typer.confirm("Revoke this key now?"):
            say("nothing was revoked")
            raise typer.Exit(1)
        seen = revoke_for_good(row.holding.client, clock, organization, key_id, warn, always_proves=True)
    say(f"revoked: {_describe(seen)}")


def find_row(view: View, organization_id: str, key_id: str, options: str) -> Row:
    """Find a key in the list, or by its own answer.

    Raises:
        InvalidInput: Several AlloMias have one of this id, and nothing says which is meant.
        NotFound: It is in neither.
    """
    listed = [row for row in view.rows if row.key.id == key_id]
    found = listed or [
        Row(holding, key)
        for holding in view.survey.holdings
        if (key := holding.client.find_key(organization_id, key_id))
    ]
    if len(found) > 1:
        raise InvalidInput(
            f"{len(found)} AlloMias that the stack has keys at know a key {printable(key_id)} of organization "
            f"{organization_id}; nothing was revoked",
            "Say which one is meant: --api-url URL.",
        )
    if found:
        return found[0]
    raise NotFound(
        f"organization {organization_id} has no key {printable(key_id)}: the list lacks it and it answers 404 itself",
        f"It may be revoked already; look with {look_command(organization_id, options)}.",
    )


def _describe(seen: Revoked) -> str:
    """Say what shows that a key is revoked."""
    answers = {
        Revocation.CONFIRMED: "AlloMia confirmed it",
        Revocation.ACCEPTED: "AlloMia did not confirm it",
        Revocation.ABSENT: "AlloMia had no such key any more",
    }
    lists = {True: "the list still has it", False: "the list lacks it", None: "the list could not be read"}
    return f"{answers[seen.answer]}, the key itself answers 404, and {lists[seen.is_listed]}"


def _show(view: View, now: datetime, *, everything: bool) -> None:
    """Show the organizations that matter; count the others in a line."""
    tables = Tables()
    empty = [each for each in view.survey.holdings if not each.keys]
    # A line that counts one without keys would save nothing.
    everything = everything or (not view.stacks and len(empty) == 1)
    shown: list[Holding] = []
    left_out: list[Holding] = []
    for each in view.survey.holdings:
        (shown if everything or _matters(view, each) else left_out).append(each)
    for index, holding in enumerate(shown):
        if index:
            tables.console.print()
        tables.show(holding, [row for row in view.rows if row.holding is holding], now, slots_used(holding))
    if not view.survey.holdings:
        tables.console.print("the tenant key sees no organizations")
    if left_out:
        tables.console.print()
        say_prose(tables.console, _left_out(left_out, is_more=bool(shown)))
    tables.end()


def _matters(view: View, holding: Holding) -> bool:
    """Tell whether a stack uses an organization; without a stack, whether it has keys."""
    return bool(holding.keys) if not view.stacks else view.is_used(holding)


def _left_out(holdings: Sequence[Holding], *, is_more: bool) -> str:
    """Count organizations that are not shown: 38 more organizations without keys."""
    empty = sum(not each.keys for each in holdings)
    others = len(holdings) - empty
    parts = [f"{others} with keys that are not this stack's"] * bool(others) + [f"{empty} without keys"] * bool(empty)
    more = " more" if is_more else ""
    noun = "organization" if len(holdings) == 1 else "organizations"
    count = f"{len(holdings)}{more} {noun}"
    told = f"{count}: {', '.join(parts)}" if len(parts) > 1 else f"{count} {parts[0].partition(' ')[2]}"
    return f"{told} (--all shows them)"


def _document(view: View, now: datetime) -> dict[str, object]:
    """Lay the keys out for programs; the shape grows, and its version changes when it breaks."""
    return {
        "version": DOCUMENT_VERSION,
        "stacks": [stack.label for stack in view.stacks],
        "organizations": [
            {
                "id": holding.organization_id,
                "name": holding.name or None,
                "isUsed": view.is_used(holding) if view.stacks else None,
                "slots": {"used": len(holding.keys), "limit": KEY_LIMIT},
                "keys": [key_as_json(row, now) for row in view.rows if row.holding is holding],
            }
            for holding in view.survey.holdings
        ],
        "unread": [problem.message for problem in view.survey.failures],
    }
