"""One version everywhere: each place that says it, in a tree of sources and in what was built of it."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.engine.processes import ToolError
from tools.release.changelog import UNRELEASED, newest_heading
from tools.release.names import GO_SDK, NPM_PACKAGE, PLUGIN_ARCHIVES, SDIST, WHEEL

__all__ = ["SOURCE", "Place", "places_of_artefacts", "places_of_sources", "require_agreement", "tagged"]

SOURCE: Final = "allomia_pulumi/_version.py"
ASSIGNED: Final = re.compile(r'__version__ = "(?P<version>[^"]+)"')
NODE_KEYS: Final = (("version",), ("pulumi", "version"))
GO_PLUGIN: Final = "sdk/go/allomia/pulumi-plugin.json"
GO_CODE: Final = "sdk/go/allomia/internal/pulumiUtilities.go"
GO_VERSION: Final = re.compile(r'version := semver\.MustParse\("(?P<version>[^"]+)"\)')
METADATA: Final = re.compile(r"(?m)^Version: (?P<version>\S+)$")
SCHEMA: Final = "allomia_pulumi/provider/plugin/schema.json"
FOLDER_OF_NPM: Final = "package"


@dataclass(frozen=True)
class Place:
    """A place that says the version, as messages name it."""

    name: str
    version: str


def places_of_sources(tree: Path) -> list[Place]:
    """Return what a checkout, or what was exported of one, says; the first place is the one that people edit."""

    def read(name: str) -> str:
        try:
            return (tree / name).read_text(encoding="utf-8")
        except OSError:
            raise ToolError(f"{name} is missing.", "Write schema and SDKs with `make schema` and `make sdk`.") from None

    changelog, _ = newest_heading(tree / "CHANGELOG.md")
    source = _found(ASSIGNED, SOURCE, read(SOURCE))
    return [
        *source,
        *([] if changelog == UNRELEASED else [Place("CHANGELOG.md", changelog)]),
        *_of_json(SCHEMA, json.loads(read(SCHEMA)), ("version",)),
        *_of_json("schema.json", json.loads(read("schema.json")), ("version",)),
        *_of_json("sdk/nodejs/package.json", json.loads(read("sdk/nodejs/package.json")), *NODE_KEYS),
        *_of_json(GO_PLUGIN, json.loads(read(GO_PLUGIN)), ("version",)),
        *_found(GO_VERSION, GO_CODE, read(GO_CODE)),
    ]


def places_of_artefacts(folder: Path) -> list[Place]:
    """Return what the files of a release say inside; their names have the version already."""
    return [place for name, look in _LOOKS.items() for place in look(folder / name)]


def tagged(tag: str) -> Place:
    """Return what a tag says.

    Raises:
        ToolError: It does not begin with a v.
    """
    if not tag.startswith("v"):
        raise ToolError(f"The tag {tag} is no version.", "A release is tagged vMAJOR.MINOR.PATCH.")
    return Place(f"the tag {tag}", tag.removeprefix("v"))


def require_agreement(places: list[Place]) -> str:
    """Return the version that all places say.

    Raises:
        ToolError: Two of them differ; the message names both.
    """
    first = places[0]
    for other in places:
        if other.version != first.version:
            raise ToolError(
                f"{other.name} says {other.version}, and {first.name} says {first.version}.",
                f"The version is written in {SOURCE} only; `make schema` and `make sdk` carry it on.",
            )
    return first.version


def _found(pattern: re.Pattern[str], name: str, text: str) -> list[Place]:
    found = [Place(name, match["version"]) for match in pattern.finditer(text)]
    if not found:
        raise ToolError(f"{name} says no version.")
    return found


def _of_json(name: str, content: object, *keys: tuple[str, ...]) -> Iterator[Place]:
    for path in keys:
        value: object = content
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        yield Place(f"{name} ({'.'.join(path)})", str(value or "nothing"))


def _in_wheel(path: Path) -> Iterator[Place]:
    with zipfile.ZipFile(path) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        yield from _found(METADATA, f"{path.name} (METADATA)", archive.read(metadata).decode())
        yield from _found(ASSIGNED, f"{path.name} ({SOURCE})", archive.read(SOURCE).decode())
        yield from _of_json(f"{path.name} (schema)", json.loads(archive.read(SCHEMA)), ("version",))


def _in_tar(*looks: tuple[str, Callable[[str, str], Iterator[Place]]]) -> Callable[[Path], Iterator[Place]]:
    def look(path: Path) -> Iterator[Place]:
        with tarfile.open(path) as archive:
            for name, read in looks:
                member = archive.extractfile(name)
                yield from read(f"{path.name} ({name})", member.read().decode() if member else "")

    return look


def _text(pattern: re.Pattern[str]) -> Callable[[str, str], Iterator[Place]]:
    return lambda name, text: iter(_found(pattern, name, text))


def _json(*keys: tuple[str, ...]) -> Callable[[str, str], Iterator[Place]]:
    return lambda name, text: _of_json(name, json.loads(text), *keys)


_ROOT: Final = SDIST.removesuffix(".tar.gz")
_LOOKS: Final[dict[str, Callable[[Path], Iterator[Place]]]] = {
    WHEEL: _in_wheel,
    SDIST: _in_tar((f"{_ROOT}/PKG-INFO", _text(METADATA)), (f"{_ROOT}/schema.json", _json(("version",)))),
    **dict.fromkeys(PLUGIN_ARCHIVES.values(), _in_tar((SOURCE, _text(ASSIGNED)), ("schema.json", _json(("version",))))),
    NPM_PACKAGE: _in_tar((f"{FOLDER_OF_NPM}/package.json", _json(*NODE_KEYS))),
    GO_SDK: _in_tar(
        (GO_PLUGIN.removeprefix("sdk/go/"), _json(("version",))),
        (GO_CODE.removeprefix("sdk/go/"), _text(GO_VERSION)),
    ),
}
