"""What is inside the artefacts: the agreed files, the index's rules, and nothing of a machine or a person."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.leaks.search import search
from tools.engine.processes import CHECKOUT, ToolError
from tools.engine.trail import Shown
from tools.release.agreement import places_of_artefacts, places_of_sources, require_agreement
from tools.release.names import NPM_PACKAGE, PLUGIN_ARCHIVES, RUN, SDIST, WHEEL
from tools.release.plugin_archives import CONTENT

__all__ = [
    "check_addresses",
    "check_npm_package",
    "check_plugin_archives",
    "check_python_dists",
    "check_versions",
    "machine_paths",
    "search_artefacts",
]

# Folders of people and of build machines; the ones that documents use as examples are not of anybody.
FOLDERS: Final = re.compile(
    rb"(?<![\w.~/:}-])/(?:root|home/(?!user\b|me\b)[a-z][\w-]*|Users/(?!me\b)\w+|tmp/[\w.-]+|work|private/var)/[\w.-]+"
)
OF_NPM: Final = {"LICENSE", "README.md", "index.d.ts", "index.js", "package.json"}
LIFE_CYCLE: Final = {"preinstall", "install", "postinstall", "prepare"}


def check_versions(folder: Path, tree: Path = CHECKOUT) -> str:
    """Hold every place that says the version to the one in the sources."""
    places = [*places_of_sources(tree), *places_of_artefacts(folder)]
    return f"{len(places)} places say {require_agreement(places)}"


def check_python_dists(folder: Path) -> str:
    """Hold wheel and sdist to what the index accepts."""
    command = [
        sys.executable,
        "-m",
        "twine",
        "--no-color",
        "check",
        "--strict",
        *(str(folder / name) for name in (WHEEL, SDIST)),
    ]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        raise ToolError("twine refuses wheel or sdist.", (answer.stdout + answer.stderr).strip())
    return f"twine passed {answer.stdout.count('PASSED')} of 2"


def check_plugin_archives(folder: Path) -> str:
    """Look for the agreed content, and nothing else, in the archive of each platform; all are equal, as one is run."""
    for name in PLUGIN_ARCHIVES.values():
        with tarfile.open(folder / name) as archive:
            found = {member.name.partition("/")[0] for member in archive}
            strange = [member.name for member in archive if not member.isfile()]
        if found != set(CONTENT) or strange:
            raise ToolError(f"{name} does not hold what was agreed: {sorted(found ^ set(CONTENT)) + strange}.")
        if (folder / name).read_bytes() != (folder / PLUGIN_ARCHIVES[RUN]).read_bytes():
            raise ToolError(f"{name} has not the content of {PLUGIN_ARCHIVES[RUN]}, which is the one that is run.")
    return f"{len(PLUGIN_ARCHIVES)} archives hold {', '.join(CONTENT)}"


def check_npm_package(folder: Path) -> str:
    """Look for compiled code with its types, and for nothing that runs where the package is installed."""
    with tarfile.open(folder / NPM_PACKAGE) as archive:
        names = {member.name.partition("/")[2] for member in archive}
        manifest = archive.extractfile("package/package.json")
        scripts = json.load(manifest).get("scripts", {}) if manifest else {}
    missing = OF_NPM - names
    sources = [name for name in names if name.endswith(".ts") and not name.endswith(".d.ts")]
    if missing or sources or LIFE_CYCLE & scripts.keys():
        raise ToolError(f"The npm package lacks {sorted(missing)}, or has {sources} or {sorted(scripts)}.")
    return f"{len(names)} files, nothing runs at an installation"


def check_addresses(folder: Path, address: str) -> str:
    """Look for the plugin's address in every schema and SDK, or in none."""
    held = {name for name, content in _files(folder) if _has_address(name, content, address)}
    asked = {name for name, _ in _files(folder) if name.endswith(("schema.json", "package.json", "pulumi-plugin.json"))}
    asked -= {name for name in asked if "/examples/" in name}
    if address and asked - held:
        raise ToolError(f"These do not have the plugin's address: {sorted(asked - held)}.")
    if not address and held:
        raise ToolError(f"These have an address of the plugin that nobody gave: {sorted(held)}.")
    return f"{len(held)} schemas and SDKs name {address}" if address else "none was given, and no file has one"


def search_artefacts(folder: Path) -> str:
    """Search every file of every artefact for secrets and for folders of a machine."""
    files = list(_files(folder))
    leaks = [str(leak) for leak in search(Shown(name, content) for name, content in files)]
    found = [f"{name}: {path}" for name, content in files for path in machine_paths(content)]
    if leaks or found:
        raise ToolError(f"{len(leaks)} secrets and {len(found)} paths of a machine.", "\n".join([*leaks, *found]))
    return f"{len(files)} files hold no secret and no path of a machine"


def machine_paths(content: bytes) -> list[str]:
    """Return the folders of people and of build machines that a text names."""
    return sorted({found.decode() for found in FOLDERS.findall(content)})


def _has_address(name: str, content: bytes, address: str) -> bool:
    if not name.endswith(("schema.json", "package.json", "pulumi-plugin.json")):
        return False
    told = json.loads(content)
    found = told.get("pluginDownloadURL") or told.get("server") or told.get("pulumi", {}).get("server")
    return bool(found) and found == (address or found)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file, and every file inside of an archive."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                yield from ((f"{path.name}/{name}", wheel.read(name)) for name in wheel.namelist())
        elif path.suffix in {".gz", ".tgz"}:
            with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    yield f"{path.name}/{member.name}", content.read() if content else b""
        else:
            yield path.name, path.read_bytes()
