"""`allomia orphans`: find keys that a stack made and does not know, and end them."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from allomia_pulumi.cli.clients import check_id, connections
from allomia_pulumi.cli.exit_codes import ExitCode, exit_code, print_error, warn
from allomia_pulumi.cli.keys import Organizations, OutputOption
from allomia_pulumi.cli.orphans_view import (
    NEEDS_STACK,
    WHY_STACK,
    Outcome,
    document,
    rows_of,
    show_candidates,
    show_findings,
)
from allomia_pulumi.cli.render import Output, as_document, key_in_a_line
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import has_secret_owner
from allomia_pulumi.cli.survey import Row, View, knowledge_now, search, take_survey
from allomia_pulumi.cli.tables import Tables
from allomia_pulumi.cli.target import ApiUrl, NoStack, Stacks, Target, TenantKeyRef, find_target
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.core.messages import revoke_command
from allomia_pulumi.core.orphans import Knowledge, Whose
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import AllomiaError, InvalidInput
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.redaction import printable

__all__ = ["find_orphans"]

FRESH_SECONDS = 5.0
"""For so long a state counts as what it is now."""

OWNER_HINT = (
    "Set one with `pulumi config set allomia:owner NAME`. It marks keys that are made from then on: look at older ones "
    "and revoke them at a terminal, without --yes, or one by one with `allomia revoke ORGANIZATION KEY_ID --yes`."
)


def find_orphans(
    *,
    stack: Stacks = None,
    no_stack: NoStack = False,
    organization: Organizations = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke each orphan, after asking.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, and keep what is doubtful; refused without allomia:owner.")
    ] = False,
    output: OutputOption = Output.TABLE,
    api_url: ApiUrl = None,
    tenant_key_ref: TenantKeyRef = None,
) -> None:
    """Show keys that carry the mark of a stack and that no state knows; revoke them with --revoke.

    Other stacks' keys and those made by hand are never touched, and --yes revokes only what nobody can need: of every
    other key its doubt is shown, and it is asked for at a terminal. Exit code 8: something needs care.
    """
    target = find_target(stack, no_stack=no_stack, api_url=api_url, tenant_key_ref=tenant_key_ref)
    _check_usage(target, organization or (), revoke=revoke, yes=yes)
    clock = SystemClock()
    with connections() as opened:
        view = take_survey(opened, target, organization or ())
        looked_at = clock.monotonic()
        if yes:
            _check_owners(view.stacks)
        view = search(opened, view, target.arguments)
        if output is Output.TABLE:
            (show_findings if view.stacks else show_candidates)(Tables(), view, clock.now())
        _warn(view)
        sweep = _Sweep(view, target.options, clock, looked_at, is_asking=not yes, on_stderr=output is Output.JSON)
        if revoke:
            sweep.revoke_all()
    if output is Output.JSON:
        say(as_document(document(view, clock.now(), sweep.outcomes)))
    raise typer.Exit(_code(view, sweep))


def _check_usage(target: Target, organizations: Sequence[str], *, revoke: bool, yes: bool) -> None:
    for each in organizations:
        check_id(each, "the organization's id")
    if yes and not revoke:
        raise InvalidInput("--yes answers the questions of --revoke", "Give both, or neither.")
    if revoke and not target.stacks:
        raise InvalidInput(f"nothing is revoked without a stack: {WHY_STACK}", NEEDS_STACK)
    if revoke and not yes and not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask at", "Add --yes to revoke without asking.")


def _check_owners(stacks: Sequence[Stack]) -> None:
    """Refuse to revoke unasked what another person's stack may have made."""
    for stack in stacks:
        if not (stack.settings.get("owner") or os.environ.get("ALLOMIA_OWNER")):
            raise InvalidInput(
                f"--yes is refused while {stack.label} has no allomia:owner: another person's stack of the same "
                "project and name gives its keys the same mark, and nothing would tell them apart",
                OWNER_HINT,
            )


def _warn(view: View) -> None:
    for stack in view.stacks:
        if has_secret_owner(stack):
            warn(
                f"a provider of {stack.label} has an owner that is encrypted in the state: its keys count as those of "
                "another stack",
                "An owner is no secret: give it in clear, and run `pulumi up`.",
            )
    for problem in view.survey.failures:
        warn(problem.message, problem.hint)


def _code(view: View, sweep: _Sweep) -> int:
    problems = [*view.survey.failures, *sweep.failures]
    if problems:
        return exit_code(problems[0])
    is_left = any(sweep.outcomes.get(row.key.id) in {None, Outcome.KEPT} for row in rows_of(view.rows, Whose.ORPHAN))
    needs_care = is_left or bool(rows_of(view.rows, Whose.UNSETTLED))
    return ExitCode.NEEDS_CARE if needs_care else ExitCode.DONE


@dataclass
class _Sweep:
    """Revoking the orphans that one look found, one after the other."""

    view: View
    options: str
    clock: SystemClock
    looked_at: float
    is_asking: bool
    on_stderr: bool
    knowledge: Knowledge | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failures: list[AllomiaError] = field(default_factory=list)

    def revoke_all(self) -> None:
        """Go through all orphans, and say of each what was done; a failure does not stop the rest."""
        orphans = rows_of(self.view.rows, Whose.ORPHAN)
        for row in orphans:
            self._say(f"\n{key_in_a_line(row, self.clock.now())}")
            try:
                outcome = self._settle(row)
            except AllomiaError as problem:
                print_error(problem, before=f"key {printable(row.key.id)} may be alive: ")
                self.failures.append(problem)
                outcome = Outcome.FAILED
            self.outcomes[row.key.id] = outcome
        counts = Counter(self.outcomes.values())
        if orphans:
            self._say("\n" + ", ".join(f"{counts[each]} {each}" for each in Outcome if counts[each]))

    def _settle(self, row: Row) -> Outcome:
        doubt = row.verdict.doubt if row.verdict else ""
        organization_id = row.holding.organization_id
        if doubt and not self.is_asking:
            command = revoke_command(organization_id, row.key.id, self.options)
            self._say(f"kept: {doubt}. Look at it, and revoke it at a terminal, without --yes, or with {command}")
            return Outcome.KEPT
        if doubt:
            self._say(f"careful: {doubt}")
        if self.is_asking and not typer.confirm("Revoke this key now?", err=self.on_stderr):
            self._say("kept")
            return Outcome.KEPT
        if not self._is_still_one(row):
            self._say("not touched: a stack's state has changed, and may know it by now")
            return Outcome.KNOWN
        revoke_for_good(row.holding.client, self.clock, organization_id, row.key.id, warn)
        self._say("revoked")
        return Outcome.REVOKED

    def _is_still_one(self, row: Row) -> bool:
        """Tell whether no stack knows the key by now: people think about questions for long, and runs go on."""
        if self.clock.monotonic() - self.looked_at > FRESH_SECONDS:
            self.knowledge, self.looked_at = knowledge_now(self.view.stacks), self.clock.monotonic()
        if self.knowledge is None:
            return True
        verdict = self.knowledge.judge(row.key, row.holding.listing)
        return verdict.whose is Whose.ORPHAN if self.is_asking else verdict.is_to_be_searched

    def _say(self, text: str) -> None:
        say(text, err=self.on_stderr)
