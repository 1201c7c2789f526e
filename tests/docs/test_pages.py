"""What the pages say is true: links lead somewhere, each block has what holds it, and what is generated is so."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tests.docs.pages import Block, anchors, blocks, links, pages, programs_in
from tools.docs import PARTS, find_pages, rebuild
from tools.engine.processes import CHECKOUT

README_LINES = 150
MYPY = ("--strict", "--config-file=", f"--cache-dir={os.devnull}")
BLOCKS = blocks()
# The runs that a test makes of a page's blocks, by the page.
RUNS = {
    "README.md": {"quickstart-install", "quickstart-sandbox", "quickstart"},
    "docs/tutorial.md": {"tutorial-sandbox", "tutorial-vault", "tutorial"},
    "docs/how-to/install.md": {"examples-install", "package-add", "plugin-install"},
    "docs/reference/vault-policies.md": {"policy-tenant", "policy-delivery", "policy-dashboard", "policy-reader"},
}
# The languages of whole programs; tests/engine/test_pages.py compiles the last one. The one in Go is an example's.
PROGRAMS = {"python", "yaml", "typescript"}
OUTSIDE = re.compile(r"https?://|mailto:")


def test_the_readme_is_a_landing_page() -> None:
    assert len((CHECKOUT / "README.md").read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if OUTSIDE.match(link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / unquote(target)).resolve() if target else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = CHECKOUT / "docs" / "index.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert [page.name for page in (CHECKOUT / "docs").rglob("*.md") if page not in {index, *listed}] == []
    assert {path.parent for path in (CHECKOUT / "examples").glob("*/README.md")} <= listed


def test_every_block_says_what_holds_it_true() -> None:
    assert [str(block) for block in BLOCKS if not block.kind] == []
    assert [str(block) for block in BLOCKS if not block.text and block.kind != "program"] == []
    assert {block.language for block in BLOCKS if block.kind == "program"} == PROGRAMS


def test_every_run_and_every_recording_names_a_test_that_is_there() -> None:
    runs = {(str(block.page.relative_to(CHECKOUT)), block.text) for block in BLOCKS if block.kind == "runs"}
    assert runs == {(page, name) for page, names in RUNS.items() for name in names}
    recorded = {path for block in BLOCKS if block.kind == "recorded" for path in block.text.split(", ")}
    assert [path for path in sorted(recorded) if not (CHECKOUT / path).is_file()] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_python_parses(block: Block) -> None:
    ast.parse(block.code)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=str)
def test_yaml_parses(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.code))
    assert all(documents)


def test_every_line_of_a_policy_stands_on_the_page_of_policies() -> None:
    lines: dict[bool, set[str]] = {True: set(), False: set()}
    for block in BLOCKS:
        if block.language == "hcl" and "capabilities" in block.code:
            found = (line.partition("#")[0].split() for line in block.code.splitlines())
            lines[block.kind == "runs"] |= {" ".join(words) for words in found if words}
    assert lines[False]
    assert lines[False] - lines[True] == set()


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "bash"], ids=str)
def test_a_block_for_a_shell_is_one(block: Block) -> None:
    done = subprocess.run(["/bin/bash", "-n"], input=block.code, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_program_in_python_passes_a_type_checker(tmp_path: Path) -> None:
    programs = programs_in("python")
    assert len(programs) > len(RUNS)
    for number, block in enumerate(programs):
        (tmp_path / f"program_{number}.py").write_text(f"# {block}\n{block.code}")
    mypy = Path(sys.executable).with_name("mypy")
    command = [mypy, *MYPY, *(path.name for path in tmp_path.iterdir())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{[str(block) for block in programs]}"


def test_what_is_generated_is_what_the_code_says() -> None:
    found = list(find_pages())
    assert {part for page in found for part in re.findall(r"<!-- generated: ([\w-]+) -->", page.read_text())} == set(
        PARTS
    )
    stale = [str(page.relative_to(CHECKOUT)) for page in found if rebuild(page.read_text()) != page.read_text()]
    assert stale == [], f"run `make docs`{os.linesep}"


def test_nothing_asks_an_index_for_a_package_of_ours() -> None:
    asking = re.compile(r"pip install (?:-\S+ )*'?allomia[-_]pulumi")
    texts = [*pages(), *(CHECKOUT / "examples").glob("*/requirements.txt")]
    assert [str(path.relative_to(CHECKOUT)) for path in texts if asking.search(path.read_text())] == []
    requirements = {line for path in texts if path.suffix == ".txt" for line in path.read_text().splitlines()}
    assert [line for line in requirements if line.startswith("allomia")] == []
