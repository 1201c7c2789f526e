"""Backend of a stack's state, and the files of one that lies in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from allomia_pulumi.cli.stacks import Stack, ask_pulumi_object
from allomia_pulumi.errors import InvalidConfiguration

__all__ = ["Backend", "find_backend"]

ATTRIBUTES = ".attrs"


@dataclass(frozen=True)
class Backend:
    """A stack's backend.

    Attributes:
        name: How it is called in messages; an address without what may be a password in it.
        folder: The folder `.pulumi` of a file backend; None for every other backend.
    """

    name: str = "unknown"
    folder: Path | None = None

    def locks(self, stack: Stack) -> list[Path]:
        """Return the files that lock the stack."""
        if self.folder is None:
            return []
        places = (
            self.folder / "locks" / "organization" / stack.project / stack.name,
            self.folder / "locks" / stack.name,
        )
        return [file for place in places for file in place.glob("*.json")]

    def files(self, stack: Stack) -> list[Path]:
        """Return the stack's state, backups and history as they lie there, the newest first."""
        if self.folder is None:
            return []
        found: set[Path] = set()
        # Older backends have no folders for projects.
        for project in (stack.project, ""):
            found.update((self.folder / "stacks" / project).glob(f"{stack.name}.json*"))
            for kind in ("backups", "history"):
                found.update((self.folder / kind / project / stack.name).glob("*"))
        return sorted(filter(Path.is_file, found), key=_age, reverse=True)

    def project_files(self, project: str) -> list[Path]:
        """Return every checkpoint that lies there of any stack of a project, also under former names of a stack."""
        if self.folder is None:
            return []
        found: set[Path] = set()
        for place in (project, ""):
            found.update((self.folder / "stacks" / place).glob("*.json*"))
            for kind in ("backups", "history"):
                found.update((self.folder / kind / place).glob("*/*.json*"))
        return sorted(file for file in found if file.is_file() and not file.name.endswith(ATTRIBUTES))


def find_backend(stack: Stack) -> Backend:
    """Ask the Pulumi CLI which backend it is logged in to.

    Raises:
        InvalidConfiguration: It does not say where the state lies, or cannot be asked.
    """
    url = ask_pulumi_object(stack.folder, "whoami", "--json").get("url")
    if not isinstance(url, str):
        raise InvalidConfiguration("the Pulumi CLI does not tell its backend", "Look with `pulumi whoami --verbose`.")
    parts = urlsplit(url)
    if parts.scheme != "file":
        return Backend(f"{parts.scheme}://{parts.hostname or ''}{parts.path}")
    path = Path(unquote(f"{parts.netloc}{parts.path}")).expanduser()
    return Backend(f"file://{path}", path / ".pulumi")


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
