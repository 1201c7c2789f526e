"""The rules of the Pulumi Registry for a package's schema, and the form of the changelog.

Files named here are those of the repository pulumi/registry; *the guide* is "Publishing to the Pulumi Registry" of
Pulumi's documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from tools.docs.findings import Finding
from tools.docs.registry_rules import lint_text

__all__ = ["SCHEMA_RULES", "lint_changelog", "lint_schema"]

Schema: TypeAlias = Mapping[str, Any]
# The key that a finding is about, and what is wrong with it.
Fault: TypeAlias = tuple[str, str]
Rule: TypeAlias = Callable[[Schema], Iterator[Fault]]

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RELEASE: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
# The guide says `versioncontrol`, which the registry's own code refuses: there it is `vcs`.
CATEGORIES: Final = {"cloud", "database", "infrastructure", "monitoring", "network", "utility", "vcs"}
KINDS: Final = {"component", "native"}
META: Final = {"moduleFormat", "supportPack"}
ADDRESS: Final = re.compile(r"https://[^\s/]+(/\S*)?")
DOWNLOAD: Final = re.compile(r"https://[^\s/]+(/\S*)?|github://[^\s/]+/[^\s/]+(/[^\s/]+)?|gitlab://[^\s/]+/[^\s/]+")
ADDRESSES: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("logoUrl", "homepage", "repository"), ADDRESS),
    "pluginDownloadURL": DOWNLOAD,
}
CHANGELOG: Final = "CHANGELOG.md"
UNRELEASED: Final = "Unreleased"
RELEASE_HEADING: Final = re.compile(
    rf"## (?:{UNRELEASED}|(?P<version>{RELEASE.pattern}) - (?:\d{{4}}-\d\d-\d\d|never published))"
)


def has_name(schema: Schema) -> Iterator[Fault]:
    """Want a name of small letters, digits and hyphens: tools/resourcedocsgen/cmd/metadata.go, and the CLI's."""
    if not NAME.fullmatch(str(schema.get("name", ""))):
        yield "name", "the name is missing, or not of small letters, digits and hyphens"


def has_display_name(schema: Schema) -> Iterator[Fault]:
    """Want a display name, which the title of the pages repeats: the guide."""
    return _wants_text(schema, "displayName")


def has_publisher(schema: Schema) -> Iterator[Fault]:
    """Want a publisher: metadata.go, "Publisher is a required field on the schema"."""
    return _wants_text(schema, "publisher")


def has_description(schema: Schema) -> Iterator[Fault]:
    """Want a description that has the package's name in it: the guide."""
    yield from _wants_text(schema, "description")
    names = {str(schema.get(key, "")).lower() for key in ("name", "displayName")} - {""}
    if not any(name in str(schema.get("description", "")).lower() for name in names):
        yield "description", "the description does not say the package's name"


def has_category_and_kind(schema: Schema) -> Iterator[Fault]:
    """Want one known category and one known kind among the keywords: metadata.go, and the guide."""
    for prefix, known in (("category/", CATEGORIES), ("kind/", KINDS)):
        found = [word.removeprefix(prefix) for word in schema.get("keywords", ()) if word.startswith(prefix)]
        if len(found) != 1 or found[0] not in known:
            yield "keywords", f"there has to be one keyword {prefix} with one of {', '.join(sorted(known))}"


def has_version_of_a_release(schema: Schema) -> Iterator[Fault]:
    """Want a version that a tag `vX.Y.Z` can equal: scripts/ci/validate_schema_version.py and verify_entry.py."""
    if not RELEASE.fullmatch(str(schema.get("version", ""))):
        yield "version", "the version is not X.Y.Z, without a v, a prerelease or a build"


def has_absolute_addresses(schema: Schema) -> Iterator[Fault]:
    """Want addresses that lead somewhere from anywhere, where the schema has them: the guide, on logo and download."""
    for key, form in {
        "logoUrl": ADDRESS,
        "homepage": ADDRESS,
        "repository": ADDRESS,
        "pluginDownloadURL": DOWNLOAD,
    }.items():
        if key in schema and not form.fullmatch(str(schema[key])):
            yield key, f"{key} is no absolute address that the CLI or the site can follow"


def has_known_meta(schema: Schema) -> Iterator[Fault]:
    """Want in `meta` what Pulumi's metaschema has there, and nothing else: pkg/codegen/schema of pulumi/pulumi."""
    meta = schema.get("meta", {})
    if not isinstance(meta, dict) or set(meta) - META:
        yield "meta", f"meta may have {', '.join(sorted(META))} only"


def has_descriptions_for_the_site(schema: Schema) -> Iterator[Fault]:
    """Hold every description to the rules for pages, since the API pages of the registry are made of them."""
    for path, text in _descriptions(schema, ()):
        for told in lint_text(text):
            yield path[0], f"the description of {'.'.join(path)}: {told}"


SCHEMA_RULES: Final[Mapping[str, Rule]] = {
    "schema-name": has_name,
    "schema-display-name": has_display_name,
    "schema-publisher": has_publisher,
    "schema-description": has_description,
    "schema-keywords": has_category_and_kind,
    "schema-version": has_version_of_a_release,
    "schema-addresses": has_absolute_addresses,
    "schema-meta": has_known_meta,
    "schema-texts": has_descriptions_for_the_site,
}
"""The rules, by the names that findings have."""


def lint_schema(name: str, text: str) -> list[Finding]:
    """Return what breaks a rule in the text of a schema, in the order of the rules."""
    schema, lines = json.loads(text), text.splitlines()

    def line_of(key: str) -> int:
        return next((number for number, line in enumerate(lines, 1) if line.startswith(f'  "{key}":')), 1)

    return [
        Finding(name, line_of(key), rule, told) for rule, find in SCHEMA_RULES.items() for key, told in find(schema)
    ]


def lint_changelog(text: str, version: str) -> list[Finding]:
    """Return what is wrong with the headings of releases: form, order, and where the version of the tree stands.

    What it holds is the format that the changelog itself names; the registry shows the section of a release.
    """
    faults: list[tuple[int, str]] = []
    versions: list[tuple[int, ...]] = []
    has_unreleased = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("## "):
            continue
        found = RELEASE_HEADING.fullmatch(line)
        if found is None:
            faults.append((number, f"the heading is neither {UNRELEASED} nor a version with its day"))
        elif found["version"] is None:
            has_unreleased = True
            if versions:
                faults.append((number, f"{UNRELEASED} has to be the first section"))
        else:
            this = tuple(map(int, found["version"].split(".")))
            if versions and this >= versions[-1]:
                faults.append((number, "a version has to be lower than the one above it"))
            versions.append(this)
    if not has_unreleased and tuple(map(int, version.split("."))) not in versions:
        faults.append((1, f"neither {UNRELEASED} nor a section of {version} is there"))
    return [Finding(CHANGELOG, number, "changelog", told) for number, told in faults]


def _wants_text(schema: Schema, key: str) -> Iterator[Fault]:
    if not str(schema.get(key, "")).strip():
        yield key, f"{key} is missing or empty"


def _descriptions(part: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in {"description", "deprecationMessage"} and isinstance(value, str):
                yield (*path, key), value
            else:
                yield from _descriptions(value, (*path, str(key)))
    elif isinstance(part, list):
        for value in part:
            yield from _descriptions(value, path)
