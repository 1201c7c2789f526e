"""`allomia doctor`: run every check, and show what was found and the fix."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer
from rich.console import Console

from allomia_pulumi.cli.doctor.allomia import AllomiaChecks
from allomia_pulumi.cli.doctor.backend import find_backend
from allomia_pulumi.cli.doctor.configuration import configuration_steps
from allomia_pulumi.cli.doctor.environment import environment_steps
from allomia_pulumi.cli.doctor.old_keys import OLD_KEY_SECONDS, check_old_keys
from allomia_pulumi.cli.doctor.project import Project, read_project
from allomia_pulumi.cli.doctor.provider import check_dynamic, check_plugin
from allomia_pulumi.cli.doctor.report import needs_care, show_document, show_table
from allomia_pulumi.cli.doctor.secrets import SEARCH_SECONDS, search_secrets
from allomia_pulumi.cli.doctor.state import check_lock, check_owed, check_passphrase, check_pending, check_records
from allomia_pulumi.cli.doctor.steps import Check, Finding, Step, failed, ok, run_steps, skipped
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.doctor.vault import VaultChecks
from allomia_pulumi.cli.exit_codes import ExitCode
from allomia_pulumi.cli.keys import OutputOption
from allomia_pulumi.cli.render import Output
from allomia_pulumi.cli.stacks import Stack, open_stack
from allomia_pulumi.cli.state import is_of_plugin
from allomia_pulumi.cli.target import LEAVE_OUT, NoStack, Stacks, Target, find_target
from allomia_pulumi.cli.terminal import say
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.redaction import printable

__all__ = ["run_doctor"]

PROVIDER_SECONDS = 70.0
CLOSE_SECONDS = 3.0
NO_STACK = "no stack was named, and this folder is in no project"
NO_STACK_FIX = "Run it in a project's folder, or name one: --stack DIR, or --stack DIR@STACK."
LEFT_OUT = "left out, as asked for"
REST = "what it configures"


def run_doctor(
    *,
    stack: Stacks = None,
    no_stack: NoStack = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check what has to be right: versions, configuration, Vault, AlloMia and a stack's state, with a fix for the rest.

    Nothing is changed, and no secret is shown. Exit code 8 when something needs care.
    """
    target = find_target(stack, no_stack=no_stack)
    with ThreadPoolExecutor(1 + max(1, len(target.stacks))) as pool:
        here = pool.submit(run_steps, environment_steps(os.environ))
        others = [pool.submit(_examine, text, target) for text in target.stacks]
        others = others or [pool.submit(_examine_environment, target)]
    checks = [*here.result(), *(check for one in others for check in one.result())]
    if output is Output.JSON:
        say(show_document(checks))
    else:
        show_table(checks, Console(highlight=False, soft_wrap=not sys.stdout.isatty()))
    raise typer.Exit(ExitCode.NEEDS_CARE if needs_care(checks) else ExitCode.DONE)


def _examine_environment(target: Target) -> list[Check]:
    """Check what the environment alone configures."""
    subject = Subject(None)
    finding = skipped(LEFT_OUT) if target.is_alone else skipped(NO_STACK, NO_STACK_FIX)
    nothing = Step("stack", "stack", lambda: finding)
    return _run(subject, [*_configured(subject), nothing])


def _examine(text: str, target: Target) -> list[Check]:
    """Check a stack, and what it configures."""
    try:
        stack = open_stack(text)
        project = read_project(stack.folder)
    except AllomiaError as problem:
        hint = f"{problem.hint} {LEAVE_OUT}" if target.is_found else problem.hint
        finding = failed(problem.message, hint)
        steps = [
            Step("stack", "stack", lambda: finding),
            Step("configuration", REST, lambda: finding, needs=("stack",)),
        ]
        return run_steps(steps, printable(text))
    target.tell(stack)
    subject, values = Subject(stack), project.stack_configuration(stack.name)
    configuration = project.stack_file(stack.name)
    return _run(
        subject,
        [*_provided(subject, stack, project), *_configured(subject, values), *_kept(subject, stack, configuration)],
    )


def _run(subject: Subject, steps: Sequence[Step]) -> list[Check]:
    try:
        return run_steps(steps, subject.stack.label if subject.stack else "")
    finally:
        # It ends a login of ours at Vault, which may not answer any more.
        closing = threading.Thread(target=subject.container.close, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _configured(subject: Subject, values: Mapping[str, object] | None = None) -> list[Step]:
    return [*configuration_steps(subject, values or {}), *VaultChecks(subject).steps(), *AllomiaChecks(subject).steps()]


def _provided(subject: Subject, stack: Stack, project: Project) -> list[Step]:
    resources = stack.deployment.get("resources") or ()
    is_used = any(isinstance(one, dict) and is_of_plugin(one) for one in resources)
    organizations = f", organizations: {len(subject.organizations)}" if subject.organizations else ""
    found = ok(f"{printable(str(project.file))}, keys in its state: {len(subject.keys)}{organizations}")
    return [
        Step("stack", "stack", lambda: found),
        Step(
            "provider.dynamic",
            "dynamic provider",
            lambda: check_dynamic(project, subject.environ),
            seconds=PROVIDER_SECONDS,
        ),
        Step(
            "provider.plugin",
            "plugin",
            lambda: check_plugin(project, subject.environ, is_used=is_used),
            seconds=PROVIDER_SECONDS,
        ),
    ]


def _kept(subject: Subject, stack: Stack, configuration: Path) -> list[Step]:
    def ask_backend() -> Finding:
        subject.backend = find_backend(stack)
        return ok(subject.backend.name)

    return [
        Step(
            "stack.passphrase",
            "passphrase",
            lambda: check_passphrase(stack, configuration, subject.environ),
        ),
        Step("stack.pending", "pending operations", lambda: check_pending(stack)),
        Step("stack.records", "records", lambda: check_records(stack)),
        Step("stack.owed", "owed", lambda: check_owed(subject)),
        Step(
            "stack.oldKeys",
            "old keys made by hand",
            lambda: check_old_keys(subject),
            needs=("vault.login",),
            seconds=OLD_KEY_SECONDS,
        ),
        Step("stack.backend", "backend", ask_backend, seconds=PROVIDER_SECONDS),
        Step("stack.lock", "lock", lambda: check_lock(stack, subject.backend), needs=("stack.backend",)),
        Step(
            "stack.secrets",
            "secrets in clear",
            lambda: search_secrets(subject, stack, configuration),
            after=("stack.backend", "vault.login", "tenantKey.present"),
            seconds=SEARCH_SECONDS,
        ),
    ]
