"""Client of the Pulumi CLI: stacks, their configuration and their state; nothing is changed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.redaction import guard, printable, scrub
from allomia_pulumi.ground.settings import CONFIGURATION, NAMESPACE

__all__ = ["Stack", "ask_pulumi_object", "export_stack", "find_project_file", "list_stacks", "open_stack", "read_again"]

PULUMI = "pulumi"
SECONDS = 120.0
LONGEST_REASON = 300
STACK_SEPARATOR = "@"
PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
CLI_HINT = "Look at it with that command; upgrade the CLI."
FOLDERS_HINT = (
    "Give the folder of Pulumi.yaml, with the selected stack: --stack DIR, or with another: --stack DIR@STACK."
)


@dataclass(frozen=True)
class Stack:
    """A stack as the Pulumi CLI shows it, with the secrets of its state encrypted.

    Attributes:
        folder: The project's folder.
        full_name: What `pulumi --stack` takes from anywhere in the project, such as `organization/clinic/prod`.
        name: The stack's own name, as it stands in URNs.
        settings: The stack configuration `allomia:` by name without the namespace, objects as JSON text.
        secrets: The names in it that are marked as secret: their values are for no eyes.
        deployment: The state: `resources`, `pending_operations` and what else `pulumi stack export` gives.
        argument: What `--stack` takes for it, in the folder where the command was run.
    """

    folder: Path
    project: str
    full_name: str
    name: str
    settings: Mapping[str, str] = field(repr=False)
    secrets: frozenset[str]
    deployment: Mapping[str, Any] = field(repr=False)
    argument: str = "."

    @property
    def label(self) -> str:
        """Return the name for people."""
        return printable(f"{self.project}/{self.name}")


def open_stack(text: str) -> Stack:
    """Return the stack that `DIR` (the selected one) or `DIR@STACK` names.

    Raises:
        InvalidInput: There is no such folder or stack.
        InvalidConfiguration: There is no `pulumi` on PATH, or it does not show the stack.
    """
    folder, name = _split(text)
    selection = ("--stack", name) if name else ()
    full_name = _pulumi(folder, "stack", "--show-name", "--fully-qualify-stack-names", *selection).strip()
    with ThreadPoolExecutor(2) as pool:
        exported = pool.submit(export_stack, folder, full_name)
        settings, secrets = _settings(folder, full_name)
    deployment = exported.result()
    parts = full_name.split("/")
    # Only the old layout of a self-managed backend has names without a project.
    project = parts[-2] if len(parts) > 1 else _project_of(deployment)
    return Stack(folder, project, full_name, parts[-1], settings, secrets, deployment, text)


def find_project_file(folder: Path) -> Path | None:
    """Return the project file that holds for a folder, as the Pulumi CLI finds it: here, or further up."""
    try:
        start = folder.resolve()
        places = (one / name for one in (start, *start.parents) for name in PROJECT_FILES)
        return next((place for place in places if place.is_file()), None)
    except OSError:
        # Somebody has removed the folder that the command runs in, or this user may not look into one above it.
        return None


def read_again(stack: Stack) -> Stack:
    """Return the stack with its state as it is now.

    Raises:
        InvalidConfiguration: The Pulumi CLI does not show it any more.
    """
    return replace(stack, deployment=export_stack(stack.folder, stack.full_name))


def list_stacks(folder: Path) -> list[str]:
    """Return the full names of all stacks that the backend shows.

    Raises:
        InvalidConfiguration: The Pulumi CLI does not list them.
    """
    command = ("stack", "ls", "--all", "--json", "--fully-qualify-stack-names")
    shown = _ask_pulumi(folder, *command)
    names = [each.get("name") if isinstance(each, dict) else None for each in shown] if isinstance(shown, list) else []
    if not isinstance(shown, list) or not all(isinstance(name, str) for name in names):
        raise InvalidConfiguration(f"{_shown(folder, command)} did not answer with a list of stacks", CLI_HINT)
    return [str(name) for name in names]


def _split(text: str) -> tuple[Path, str]:
    name = ""
    folder = Path(text)
    if not folder.is_dir() and STACK_SEPARATOR in text:
        before, _, name = text.rpartition(STACK_SEPARATOR)
        folder = Path(before or ".")
    if not folder.is_dir():
        raise InvalidInput(f"{printable(text)} is no folder", FOLDERS_HINT)
    return folder, name


def export_stack(folder: Path, full_name: str) -> Mapping[str, Any]:
    """Return a stack's state, with its secrets encrypted.

    Raises:
        InvalidConfiguration: The Pulumi CLI does not show it.
    """
    exported = ask_pulumi_object(folder, "stack", "export", "--stack", full_name)
    deployment = exported.get("deployment")
    return deployment if isinstance(deployment, dict) else {}


def _settings(folder: Path, full_name: str) -> tuple[dict[str, str], frozenset[str]]:
    """Read our part of the configuration; of what is marked as secret only our part is decrypted."""
    shown = ask_pulumi_object(folder, "config", "--json", "--stack", full_name)
    settings, secrets = {}, set()
    for name in CONFIGURATION:
        entry = shown.get(f"{NAMESPACE}:{name}")
        if not isinstance(entry, dict):
            continue
        if entry.get("secret"):
            settings[name] = _decrypted(folder, full_name, name)
            secrets.add(name)
        elif isinstance(entry.get("value"), str):
            settings[name] = entry["value"]
    return settings, frozenset(secrets)


def _decrypted(folder: Path, full_name: str, name: str) -> str:
    """Let the Pulumi CLI decrypt one value, which no message shows from then on."""
    try:
        value = _pulumi(folder, "config", "get", f"{NAMESPACE}:{name}", "--stack", full_name).removesuffix("\n")
    except InvalidConfiguration as problem:
        raise InvalidConfiguration(
            f"{NAMESPACE}:{name} is marked as secret and cannot be decrypted: {problem.message}",
            "Give what decrypts it, such as PULUMI_CONFIG_PASSPHRASE; it holds references and no secrets, so "
            f"`pulumi config set --plaintext {NAMESPACE}:{name} …` is enough for it.",
        ) from None
    guard(value)
    return value


def _project_of(deployment: Mapping[str, Any]) -> str:
    urns = (entry.get("urn", "") for entry in deployment.get("resources") or ())
    return next((parts[1] for urn in urns if len(parts := urn.split("::")) > 1), "")


def ask_pulumi_object(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command of the Pulumi CLI in a folder, and return the JSON object that it answers with.

    Raises:
        InvalidConfiguration: It cannot be asked, or answers with something else.
    """
    value = _ask_pulumi(folder, *arguments)
    if not isinstance(value, dict):
        raise InvalidConfiguration(f"{_shown(folder, arguments)} did not answer with a JSON object", CLI_HINT)
    return value


def _ask_pulumi(folder: Path, *arguments: str) -> object:
    try:
        return json.loads(_pulumi(folder, *arguments))
    except ValueError:
        return None


def _pulumi(folder: Path, *arguments: str) -> str:
    """Run the CLI on PATH without a question, and return its stdout.

    Raises:
        InvalidConfiguration: It is not there, does not end, or fails; the message has its reason.
    """
    shown = _shown(folder, arguments)
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, and no shell reads them
            [PULUMI, *arguments, "--non-interactive", "--color", "never"],
            cwd=folder,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except OSError as problem:
        raise InvalidConfiguration(
            f"the Pulumi CLI cannot be started ({type(problem).__name__})", "Install it, and put `pulumi` on PATH."
        ) from None
    except subprocess.TimeoutExpired:
        raise InvalidConfiguration(
            f"{shown} did not end within {SECONDS:.0f} seconds", "Run it yourself: is the backend reachable?"
        ) from None
    if done.returncode != 0:
        raise InvalidConfiguration(f"{shown} failed: {_reason(done.stderr)}", FOLDERS_HINT)
    return done.stdout


def _shown(folder: Path, arguments: Sequence[str]) -> str:
    return f"`pulumi {' '.join(arguments[:2])}` in {printable(str(folder))}"


def _reason(stderr: str) -> str:
    """Return the line that says why, of a text that is not ours."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    reason = next(iter((*errors, *lines)), "it says nothing").removeprefix("error:").strip()
    return printable(scrub(reason), LONGEST_REASON)
