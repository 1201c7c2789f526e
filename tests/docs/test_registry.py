"""What the Pulumi Registry would read passes its rules, and each rule finds what breaks it, with its file and line."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from allomia_pulumi.ground.config import VARIABLES
from allomia_pulumi.ground.settings import (
    CONFIGURATION,
    IMPORT_REFERENCE_VARIABLE,
    IMPORT_SECRET_VARIABLE,
    NAMESPACE,
    TENANT_KEY_VARIABLE,
)
from tools.docs.registry import EXAMPLES, PAGES, check_registry
from tools.docs.registry_rules import PAGE_RULES, Page, lint_page
from tools.docs.schema_rules import SCHEMA_RULES, lint_changelog, lint_schema
from tools.engine.processes import CHECKOUT
from tools.engine.sdks import SCHEMA

INDEX, INSTALLATION = PAGES
SCHEMA_TEXT = (CHECKOUT / SCHEMA).read_text()
FRONT = "---\ntitle: AlloMia\nmeta_desc: What it is.\nlayout: package\n---\n"
CHOOSER = '{{< chooser language "python,go" >}}'
PYTHON = "{{% choosable language python %}}\nlike so\n{{% /choosable %}}"
GO = "{{% choosable language go %}}\nlike so\n{{% /choosable %}}"
END = "{{< /chooser >}}"
WHOLE = (
    f"{FRONT}\nWords and [a link](https://docs.allomia.com).\n\n{CHOOSER}\n{PYTHON}\n{GO}\n{END}\n\n```go\nvar x\n```\n"
)
PROSE = 7

BROKEN = [
    ("front-matter", 1, "words\n"),
    ("front-matter", 1, FRONT.replace("layout: package", "layout: page")),
    ("front-matter", 1, FRONT.replace("What it is.", "''")),
    ("front-matter", 1, FRONT.replace("What it is.", "[it]")),
    ("front-matter", 1, FRONT.replace("title: AlloMia\n", "title: [\n")),
    ("title", 2, FRONT.replace("title: AlloMia", "title: AlloMia Provider")),
    ("relative-image", PROSE, "![a picture](images/one.png)"),
    ("relative-image", PROSE, '<img alt="" src="./one.png">'),
    ("relative-image", PROSE, "<img src='one.png'>"),
    ("raw-relative-link", PROSE, '<a href="./installation-configuration">there</a>'),
    ("raw-relative-link", PROSE, "<a class='x' href='/registry'>there</a>"),
    ("md-suffixed-link", PROSE, "[there](https://vault.example.com/docs/page.md#part)"),
    ("md-suffixed-link", PROSE, "[there]: https://vault.example.com/docs/page.md"),
    ("relative-link", PROSE, "[there](../examples)"),
    ("relative-link", PROSE, "[there]: /registry/packages"),
    ("shortcode-delimiters", PROSE, '{{ < chooser language "go" >}}'),
    ("shortcode-delimiters", PROSE, "{{\u00a0% choosable language go %}}"),
    ("chooser", PROSE, f"{CHOOSER}\n{PYTHON}\n{END}"),
    ("chooser", PROSE + 4, f"{CHOOSER}\n{PYTHON}\n{GO.replace('language go', 'language java')}\n{GO}\n{END}"),
    ("chooser", PROSE + 4, f"{CHOOSER}\n{PYTHON}\n{PYTHON}\n{GO}\n{END}"),
    ("chooser", PROSE + 4, f"{CHOOSER}\n{PYTHON}\n{GO.replace('language', 'os')}\n{END}"),
    ("chooser", PROSE, f"{CHOOSER}\n{PYTHON}\n{GO}"),
    ("chooser", PROSE + 3, f"{CHOOSER}\n{{{{% choosable language go %}}}}\nlike so\n{END}"),
    ("chooser", PROSE, PYTHON),
    ("chooser", PROSE, END),
    ("chooser", PROSE + 2, "{{% notes %}}\nso\n{{< /notes >}}"),
    ("chooser", PROSE, '{{< chooser language "go" %}}\n' + GO + "\n" + END),
    ("chooser", PROSE, f'{{{{< chooser language "cobol" >}}}}\n{GO.replace("language go", "language cobol")}\n{END}'),
    ("chooser", PROSE, f'{{{{< chooser language "go,go" >}}}}\n{GO}\n{END}'),
    ("chooser", PROSE, f"{{{{< chooser language >}}}}\n{END}"),
    ("chooser", PROSE, f'{{{{< chooser flavour "go" >}}}}\n{END}'),
    ("code", PROSE, "```go\nvar x"),
    ("code", PROSE, "````go\nvar x\n```"),
    ("code", PROSE, "```\nvar x\n```"),
    ("code", PROSE, "```cobol\nvar x\n```"),
    ("headings", PROSE, "# AlloMia"),
    ("headings", PROSE + 2, "## One\n\n#### Two"),
]
# What is wrong in two ways at once.
NEIGHBOURS = {"front-matter": {"title"}}
BROKEN_SCHEMAS: list[tuple[str, str, Any]] = [
    ("schema-name", "name", "AlloMia"),
    ("schema-display-name", "displayName", " "),
    ("schema-publisher", "publisher", ""),
    ("schema-description", "description", "Keys of clinics."),
    ("schema-keywords", "keywords", ["kind/native"]),
    ("schema-keywords", "keywords", ["category/utility", "category/cloud", "kind/native"]),
    ("schema-keywords", "keywords", ["category/versioncontrol", "kind/native"]),
    ("schema-keywords", "keywords", ["category/utility", "kind/python"]),
    ("schema-version", "version", "v1.2.3"),
    ("schema-version", "version", "1.2.3-rc.1"),
    ("schema-version", "version", "1.2"),
    ("schema-addresses", "logoUrl", "images/logo.svg"),
    ("schema-addresses", "repository", "github.com/somebody/something"),
    ("schema-addresses", "pluginDownloadURL", "git@vault.example.com:plugins"),
    ("schema-meta", "meta", {"supportpack": True}),
    ("schema-meta", "meta", "supportPack"),
    ("schema-texts", "description", "AlloMia, as [the page](docs/today.md) says."),
    ("schema-texts", "config", {"variables": {"owner": {"description": "```\nwho"}}}),
]
CHANGES = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-11-29\n\n## 1.1.9 - never published\n"
BROKEN_CHANGES = [
    (3, CHANGES.replace("## Unreleased", "## Next")),
    (5, CHANGES.replace("## 1.2.0 - 2026-11-29", "## v1.2.0 - 2026-11-29")),
    (5, CHANGES.replace("## 1.2.0 - 2026-11-29", "## 1.2.0")),
    (7, CHANGES.replace("1.1.9", "1.10.0")),
    (7, f"{CHANGES.partition('## Un')[0]}## 1.2.0 - 2026-11-29\n\n\n\n## Unreleased\n"),
    (1, CHANGES.replace("## Unreleased\n\n", "").replace("1.2.0", "1.1.10")),
]


def lint(text: str, name: str = INDEX.name) -> list[str]:
    return [str(finding) for finding in lint_page(Page(name, text, "AlloMia"))]


def changed(key: str, value: Any) -> str:
    return json.dumps({**json.loads(SCHEMA_TEXT), key: value}, indent=2)


def test_the_pages_the_schema_and_the_changelog_pass() -> None:
    assert list(map(str, check_registry())) == []


def test_a_page_that_breaks_no_rule_has_no_findings() -> None:
    assert lint(WHOLE) == []


@pytest.mark.parametrize(("rule", "line", "text"), BROKEN)
def test_a_page_that_breaks_a_rule_is_told_with_file_line_and_rule(rule: str, line: int, text: str) -> None:
    is_whole = line < PROSE
    found = lint(text if is_whole else f"{FRONT}\n{text}\n")
    assert [each for each in found if each.startswith(f"{INDEX.name}:{line}: {rule}: ")], found
    assert {each.split(": ")[1] for each in found} <= {rule, *NEIGHBOURS.get(rule, ())}


def test_every_rule_has_something_that_breaks_it() -> None:
    assert {rule for rule, *_ in BROKEN} == set(PAGE_RULES)
    assert {rule for rule, *_ in BROKEN_SCHEMAS} == set(SCHEMA_RULES)


def test_each_page_has_a_title_of_its_own() -> None:
    assert lint(FRONT.replace("AlloMia\n", "AlloMia Installation & Configuration\n"), INSTALLATION.name) == []
    (found,) = lint(FRONT, INSTALLATION.name)
    assert found == ("installation-configuration.md:2: title: the title has to be AlloMia Installation & Configuration")


@pytest.mark.parametrize(("rule", "key", "value"), BROKEN_SCHEMAS)
def test_a_schema_that_breaks_a_rule_is_told_with_file_line_and_rule(rule: str, key: str, value: Any) -> None:
    text = changed(key, value)
    (line,) = [number for number, each in enumerate(text.splitlines(), 1) if each.startswith(f'  "{key}":')]
    found = [str(finding) for finding in lint_schema("schema.json", text)]
    assert found
    assert [each for each in found if not each.startswith(f"schema.json:{line}: {rule}: ")] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("logoUrl", "https://vault.example.com/logo.svg"),
        ("pluginDownloadURL", "https://vault.example.com/plugins"),
        ("pluginDownloadURL", "github://api.example.com/somebody/something"),
        ("pluginDownloadURL", "gitlab://gitlab.example.com/4711"),
        ("meta", {}),
    ],
)
def test_what_a_schema_may_have_is_no_finding(key: str, value: Any) -> None:
    assert lint_schema("schema.json", changed(key, value)) == []


def test_a_changelog_says_each_version_once_from_the_newest_down() -> None:
    assert lint_changelog(CHANGES, "1.3.0") == []
    assert lint_changelog(CHANGES.replace("## Unreleased\n\n", ""), "1.2.0") == []


@pytest.mark.parametrize(("line", "text"), BROKEN_CHANGES)
def test_a_changelog_with_a_bad_heading_is_told_with_its_line(line: int, text: str) -> None:
    found = [str(finding) for finding in lint_changelog(text, "1.2.0")]
    assert [each for each in found if each.startswith(f"CHANGELOG.md:{line}: changelog: ")], found


def test_the_overview_shows_each_language_that_has_an_example() -> None:
    sections = re.findall(r"choosable language (\w+) %}}\n\n.*?```\1\n(.*?)```", INDEX.read_text(), re.DOTALL)
    shown = {language: (CHECKOUT / "examples" / example.file).read_text() for language, example in EXAMPLES.items()}
    assert dict(sections) == shown
    for example in EXAMPLES.values():
        test = (CHECKOUT / "tests" / "engine" / example.test).read_text()
        assert f'EXAMPLES / "{example.file.partition("/")[0]}"' in test


def test_the_installation_page_has_every_setting_and_variable() -> None:
    page = INSTALLATION.read_text()
    names = {
        *(f"{NAMESPACE}:{name}" for name in CONFIGURATION),
        *(name for each in VARIABLES.values() for name in each),
    }
    names |= {TENANT_KEY_VARIABLE, IMPORT_REFERENCE_VARIABLE, IMPORT_SECRET_VARIABLE}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_no_page_of_the_registry_names_a_place_that_nothing_is_at() -> None:
    addresses = {each for page in PAGES for each in re.findall(r"https?://[^/\s)`]+", page.read_text())}
    assert addresses <= {
        "https://docs.allomia.com",
        "https://www.pulumi.com",
        "https://vault.example.com",
        "https://allomia.com",
    }
