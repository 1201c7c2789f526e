"""Bulk-import files of `pulumi import --file`, with a name of its own for every resource."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.state import resource_name, resources_of
from allomia_pulumi.contracts.tokens import plugin_token
from allomia_pulumi.ground.files import write_new
from allomia_pulumi.ground.redaction import scrub

__all__ = ["Importable", "import_document", "pulumi_names", "write_import_file"]

LONGEST_NAME: Final = 100
ID_CHARACTERS: Final = 8
RESERVED: Final = frozenset({*map(str.lower, keyword.kwlist), "allomia", "pulumi"})
"""Names that the program which Pulumi prints could not give to a variable."""

_OTHERS = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"[A-Z][a-z]*")


@dataclass(frozen=True)
class Importable:
    """A resource of AlloMia's that `pulumi import` can take over.

    Attributes:
        kind: The kind of resource that declares it.
        id: What Pulumi calls it: the id to import.
        title: What AlloMia calls it, from which its name is made.
        provider: The URN of the explicit provider that sees it; empty for the one that is configured.
    """

    kind: str
    id: str
    title: str
    provider: str = ""


def pulumi_names(resources: Sequence[Importable], taken: Collection[str] = ()) -> list[str]:
    """Return a name for each resource, made of its title and, where that is taken or shared, of its id.

    Which resources are imported under other titles makes no difference to a name.

    Args:
        resources: The resources, each with an id of its own.
        taken: Names that are in use already.
    """
    wanted = [_name_of(each) for each in resources]
    counts = Counter(wanted)
    used = {*taken, *RESERVED}
    names = [name if name and counts[name] == 1 and name not in used else "" for name in wanted]
    used.update(names)
    for index, (name, each) in enumerate(zip(wanted, resources, strict=True)):
        if not names[index]:
            names[index] = next(one for one in _longer(name or _kind_of(each), each.id) if one not in used)
            used.add(names[index])
    return names


def import_document(resources: Sequence[Importable], stack: Stack | None) -> dict[str, Any]:
    """Lay resources out as Pulumi reads them; names that the stack uses are avoided."""
    known = resources_of(stack.deployment) if stack else []
    keys = _provider_names({each.provider: None for each in resources if each.provider})
    table = {key: urn for urn, key in keys.items()}
    names = pulumi_names(resources, {*map(resource_name, known), *table})
    entries = [
        {"type": plugin_token(each.kind), "name": name, "id": each.id}
        | ({"provider": keys[each.provider]} if each.provider else {})
        for name, each in zip(names, resources, strict=True)
    ]
    return ({"nameTable": table} if table else {}) | {"resources": entries}


def write_import_file(path: Path, document: Mapping[str, Any]) -> None:
    """Write the file, which must not be there yet.

    Raises:
        InvalidInput: It is there, or cannot be written.
    """
    write_new(path, json.dumps(document, indent=2, ensure_ascii=True) + "\n")


def _name_of(resource: Importable) -> str:
    """Make a name that every language takes: small letters without accents, digits and single hyphens.

    It is empty where the title has no such character at all.
    """
    # A known secret goes first: in small letters it would not be known any more.
    text = unicodedata.normalize("NFKD", scrub(resource.title)).casefold()
    plain = "".join(each for each in text if not unicodedata.combining(each))
    name = _OTHERS.sub("-", plain).strip("-")[:LONGEST_NAME].strip("-")
    return f"{_kind_of(resource)}-{name}" if name[:1].isdigit() else name


def _kind_of(resource: Importable) -> str:
    """Return the kind of a resource as the beginning of a name."""
    return "-".join(_WORD.findall(resource.kind)).lower()


def _longer(name: str, resource_id: str) -> Iterable[str]:
    """Return names that tell resources of one title apart: by the beginning of the id, by all of it, by a number."""
    whole = _OTHERS.sub("-", resource_id.rpartition("/")[2].casefold()).strip("-")
    short = whole[:ID_CHARACTERS].strip("-")
    yield from (f"{name}-{part}" for part in (short, whole) if part)
    for number in count(2):
        yield f"{name}-{whole}-{number}" if whole else f"{name}-{number}"


def _provider_names(urns: Iterable[str]) -> dict[str, str]:
    """Return what the file calls each provider: its logical name, with a number where one had it before."""
    names: dict[str, str] = {}
    for urn in urns:
        name = resource_name({"urn": urn})
        numbered = (f"{name}-{number}" for number in count(2))
        names[urn] = next(one for one in chain([name], numbered) if one not in names.values())
    return names
