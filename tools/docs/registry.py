"""The generated parts of the pages for the Pulumi Registry, and the check of all that it would read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from allomia_pulumi._version import __version__
from allomia_pulumi.ground.config import VARIABLES
from allomia_pulumi.ground.settings import CONFIGURATION, NAMESPACE
from tools.docs.findings import Finding
from tools.docs.registry_rules import Page, lint_page
from tools.docs.schema_rules import lint_changelog, lint_schema
from tools.docs.tables import table
from tools.engine.processes import CHECKOUT
from tools.schema import SCHEMA_FILE, build_schema, settings

__all__ = ["EXAMPLES", "PAGES", "check_registry", "describe_contents", "describe_settings", "show_examples"]

PAGES: Final = (CHECKOUT / "docs" / "_index.md", CHECKOUT / "docs" / "installation-configuration.md")
CHANGELOG: Final = CHECKOUT / "CHANGELOG.md"
SENTENCE: Final = re.compile(r"\A.*?[.!?](?=\s|\Z)", re.DOTALL)


class Example(NamedTuple):
    """A program that the overview shows: the file, and the test that runs it."""

    file: str
    test: str


EXAMPLES: Final[Mapping[str, Example]] = {
    "typescript": Example("typescript/index.ts", "test_typescript.py"),
    "python": Example("rotation-by-age/__main__.py", "test_overlap.py"),
    "go": Example("go/main.go", "test_go.py"),
    "yaml": Example("yaml/Pulumi.yaml", "test_plugin.py"),
}
"""One for each language that has an example, by the name that a chooser has for it."""


def show_examples() -> str:
    """Return a chooser with the program of each language."""
    blocks = [_block(language, example) for language, example in EXAMPLES.items()]
    return f'\n{{{{< chooser language "{",".join(EXAMPLES)}" >}}}}\n\n{"".join(blocks)}{{{{< /chooser >}}}}\n\n'


def describe_contents() -> str:
    """Return a table of the resources and one of the functions, with the first sentence of what each is."""
    schema = build_schema()
    return _table("resource", schema["resources"]) + _table("function", schema["functions"])


def describe_settings() -> str:
    """Return the table of the stack configuration, with what is a secret."""
    variables = settings.describe_variables()
    return table(
        ["key", "type", "secret", "environment", "default", "meaning"],
        [_row(name, variables[name]) for name in CONFIGURATION],
    )


def check_registry() -> Iterator[Finding]:
    """Yield what the registry's rules find in the pages, the schema and the changelog."""
    display_name = build_schema()["displayName"]
    for path in PAGES:
        yield from lint_page(Page(path.name, path.read_text(), display_name))
    yield from lint_schema(SCHEMA_FILE.name, SCHEMA_FILE.read_text())
    yield from lint_changelog(CHANGELOG.read_text(), __version__)


def _block(language: str, example: Example) -> str:
    code = (CHECKOUT / "examples" / example.file).read_text().rstrip("\n")
    return (
        f"{{{{% choosable language {language} %}}}}\n\n"
        f"<!-- recorded: tests/engine/{example.test} -->\n"
        f"```{language}\n{code}\n```\n\n"
        "{{% /choosable %}}\n\n"
    )


def _table(kind: str, members: Mapping[str, Any]) -> str:
    rows = [[f"`{token.rpartition(':')[2]}`", _first_sentence(each["description"])] for token, each in members.items()]
    return table([kind, "what it is"], rows)


def _first_sentence(text: str) -> str:
    found = SENTENCE.match(text)
    return found[0] if found else text


def _row(name: str, variable: Mapping[str, Any]) -> list[str]:
    environment = " or ".join(f"`{each}`" for each in VARIABLES.get(name, ()))
    default = f"`{variable['default']}`" if "default" in variable else ""
    is_secret = "yes" if variable.get("secret") else "no"
    kind = variable.get("type", "object")
    return [f"`{NAMESPACE}:{name}`", kind, is_secret, environment, default, variable["description"]]
