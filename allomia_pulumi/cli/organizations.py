"""`allomia organizations`: list the organizations that the tenant key sees, and write an import file of them."""

from __future__ import annotations

from typing import Annotated

import typer

from allomia_pulumi.cli.clients import check_id, connections
from allomia_pulumi.cli.doctor.steps import shorten
from allomia_pulumi.cli.exit_codes import exit_code, warn
from allomia_pulumi.cli.imports import ImportFile
from allomia_pulumi.cli.keys import Organizations, OutputOption
from allomia_pulumi.cli.organization_imports import write_organization_imports
from allomia_pulumi.cli.organizations_view import document, show_organizations
from allomia_pulumi.cli.render import Output, as_document, whole_id
from allomia_pulumi.cli.roster import Question, Roster, take_roster
from allomia_pulumi.cli.target import ApiUrl, NoStack, Stacks, TenantKeyRef, find_target
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.files import check_new

__all__ = ["list_organizations"]


def list_organizations(
    *,
    stack: Stacks = None,
    no_stack: NoStack = False,
    organization: Organizations = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Those that AlloMia finds by a part of the name.", show_default=False),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Ask of each whether it is active, which the list does not say.")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Count the keys of each.")] = False,
    import_file: ImportFile = None,
    output: OutputOption = Output.TABLE,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Show organizations: name, id, city, time zone, and which stack declares them.

    All that the tenant key sees, or those that are chosen; of chosen ones also whether they are active. Nothing is
    changed, in AlloMia or in a stack.
    """
    target = find_target(stack, no_stack=no_stack, api_url=api_url, tenant_key_ref=tenant_key_ref)
    chosen = tuple(dict.fromkeys(organization or ()))
    for each in chosen:
        check_id(each, "the organization's id")
    if chosen and search:
        raise InvalidInput("--organization and --search both choose", "Give one of them.")
    if import_file is not None:
        check_new(import_file)
    is_each_asked = active or bool(search) or import_file is not None
    question = Question(chosen, search or None, asks_each=is_each_asked, asks_keys=keys)
    with connections() as opened:
        roster = take_roster(opened, target, question)
    is_document, written = output is Output.JSON, None
    if import_file is not None:
        written = write_organization_imports(import_file, roster, chosen, target.arguments, on_stderr=is_document)
    if is_document:
        say(as_document({**document(roster), **({"importFile": written} if written else {})}))
    elif written is None:
        show_organizations(roster, question)
    _warn(roster)
    if roster.failures:
        raise typer.Exit(exit_code(roster.failures[0]))


def _warn(roster: Roster) -> None:
    if roster.missing:
        names = [f"{whole_id(key)} by {each.name}" for key, each in roster.missing.items()]
        warn(
            f"declared, and not in AlloMia's list: {shorten(names)}",
            "It may be deactivated, or of another tenant: `pulumi refresh` tells.",
        )
    for problem in roster.failures:
        warn(problem.message, problem.hint)
