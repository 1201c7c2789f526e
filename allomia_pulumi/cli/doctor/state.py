"""Checks of a stack's state: operations without an end, what is owed, and the lock."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from allomia_pulumi._version import __version__
from allomia_pulumi.cli.doctor.backend import Backend
from allomia_pulumi.cli.doctor.steps import Finding, care, failed, ok, shorten, skipped
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import newer_records, resource_name
from allomia_pulumi.core.messages import orphans_command
from allomia_pulumi.core.record import STATE_VERSION
from allomia_pulumi.ground.redaction import printable

__all__ = ["check_lock", "check_owed", "check_passphrase", "check_pending", "check_records"]

PASSPHRASE = "passphrase"  # noqa: S105 - a kind of provider
VARIABLE = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE_FILE"


def check_pending(stack: Stack) -> Finding:
    """Look for operations that a killed run left, which may have made keys that nobody recorded."""
    operations = stack.deployment.get("pending_operations") or ()
    names = [_operation(one) for one in operations if isinstance(one, dict)]
    if not names:
        return ok("none")
    return care(
        shorten(names),
        "If no run is under way: `pulumi cancel`, then `pulumi refresh --clear-pending-creates`, and look with "
        f"{orphans_command(stack.argument)} for a key that was made.",
    )


def check_passphrase(stack: Stack, configuration: Path, environ: Mapping[str, str]) -> Finding:
    """Look whether the passphrase is at hand that encrypts the stack's secrets, if one does; it is not tried out."""
    providers = stack.deployment.get("secrets_providers")
    kind = providers.get("type") if isinstance(providers, dict) else None
    if kind != PASSPHRASE and not (kind is None and _has_salt(configuration)):
        return skipped("the stack's secrets are encrypted by no passphrase")
    if VARIABLE in environ:
        return ok(f"from environment variable {VARIABLE}")
    file = environ.get(FILE_VARIABLE)
    if file and Path(file).is_file():
        return ok(f"from the file that environment variable {FILE_VARIABLE} names")
    what = f"{FILE_VARIABLE} names no file" if file else f"neither {VARIABLE} nor {FILE_VARIABLE} is set"
    fix = f"Set one of them; an empty passphrase is set by {VARIABLE}= (with nothing behind it)."
    return care(f"{what}, and the stack's secrets are encrypted with a passphrase", fix)


def _has_salt(configuration: Path) -> bool:
    """Tell whether a stack's configuration file says that a passphrase encrypts its secrets."""
    try:
        return any(
            line.startswith("encryptionsalt:") for line in configuration.read_text(errors="replace").splitlines()
        )
    except OSError:
        return False


def check_records(stack: Stack) -> Finding:
    """Look for records that only a newer version of this package reads."""
    if names := newer_records(stack):
        found = f"a newer allomia-pulumi wrote {printable(shorten(names))}, and {__version__} refuses to touch them"
        return failed(found, "Upgrade allomia-pulumi, and the plugin where it is used.")
    return ok(f"of state version {STATE_VERSION}, or none")


def check_owed(subject: Subject) -> Finding:
    """Look for what a run left to the next one."""
    owed = [f"{each.name} owes to {printable(step)}" for each in subject.declared for step in each.owed]
    owed += [f"{key.name} waits for its deletion" for key in subject.keys if key.is_replaced]
    if not owed:
        return ok(f"nothing; keys declared: {len(subject.keys)}")
    return care(shorten([printable(one) for one in owed]), "Run `pulumi up`, which does it.")


def check_lock(stack: Stack, backend: Backend) -> Finding:
    """Look for a lock, which a killed CLI leaves."""
    if backend.folder is None:
        return skipped("this backend does not show its locks; `pulumi up` says so when there is one")
    locks = backend.locks(stack)
    if not locks:
        return ok("none")
    holders = [_holder(file) for file in locks]
    if any(is_alive for _, is_alive in holders):
        return care(shorten([text for text, _ in holders]), "Wait for that run to end.")
    look = orphans_command(stack.argument)
    fix = f"If no run is under way there: `pulumi cancel`, and then look with {look} for keys that it left."
    return care(shorten([text for text, _ in holders]), fix)


def _operation(entry: Mapping[str, Any]) -> str:
    resource = entry.get("resource")
    return printable(f"{entry.get('type', 'changing')} {resource_name(resource if isinstance(resource, dict) else {})}")


def _holder(file: Path) -> tuple[str, bool]:
    """Say whose a lock is, and whether that process of this machine still lives."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        content = None
    lock = content if isinstance(content, dict) else {}
    pid, host = lock.get("pid"), lock.get("hostname")
    text = f"held by process {pid} of {lock.get('username')}@{host} since {lock.get('timestamp')}"
    is_here = isinstance(pid, int) and pid > 0 and host == socket.gethostname()
    is_alive = is_here and _is_running(pid if isinstance(pid, int) else 0)
    ending = (", which is running" if is_alive else ", which is gone") if is_here else ""
    return printable(f"{text}{ending}"), is_alive


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
