"""Archives that depend on the contents of their files alone: sorted, of one time, of nobody, with two modes."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["files_below", "write_tar_gz"]

EXECUTABLE, PLAIN = 0o755, 0o644
BEST = 9


def write_tar_gz(target: Path, files: Mapping[str, Path], seconds: int) -> None:
    """Write an archive of files under the given names, all of the same time."""
    # Without a name in gzip's header: it would be the target's.
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=BEST, fileobj=raw, mtime=seconds) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(files):
            _add(archive, name, files[name], seconds)


def files_below(folder: Path, *names: str) -> dict[str, Path]:
    """Return files, and every file of folders, by their slash-separated names below a folder."""
    chosen = [folder / name for name in names]
    found = [path for each in chosen for path in ([each] if each.is_file() else each.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path for path in found}


def _add(archive: tarfile.TarFile, name: str, path: Path, seconds: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = path.stat().st_size, seconds
    entry.mode = EXECUTABLE if path.stat().st_mode & 0o100 else PLAIN
    with path.open("rb") as content:
        archive.addfile(entry, content)
