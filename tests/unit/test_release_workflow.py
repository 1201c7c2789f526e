"""The workflow that releases: pinned, of least permissions, without lasting secrets, in an order that breaks nobody."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.actionlint import ensure_actionlint
from tools.engine.golang import GO_VERSION
from tools.engine.processes import CHECKOUT
from tools.release.checksums import write_digests
from tools.release.names import SDIST, WHEEL

WORKFLOW = CHECKOUT / ".github" / "workflows" / "release.yml"
TEXT = WORKFLOW.read_text()
PINNED = re.compile(r"^\s+(?:- )?uses: (?P<action>[\w.-]+/[\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
PUBLISHING = {
    "attest": {"attestations": "write", "id-token": "write"},
    "github": {"contents": "write"},
    "npm": {"id-token": "write"},
    "pypi": {"id-token": "write"},
}


@pytest.fixture
def workflow() -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(TEXT)
    return parsed


def unpinned(text: str) -> list[str]:
    return [line for line in text.splitlines() if "uses:" in line and not PINNED.match(line)]


def lasting_secrets(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.search(r"\bsecrets\b", re.sub(r"#.*", "", line))]


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    def lint(file: Path) -> tuple[int, str]:
        command = [ensure_actionlint(), "-no-color", "-shellcheck=", file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert lint(WORKFLOW) == (0, "")
    broken = tmp_path / "release.yml"
    broken.write_text(TEXT.replace("needs: [build, github]", "needs: [built]"))
    assert lint(broken)[0] == 1


def test_every_action_is_pinned_by_a_commit_with_its_version_beside_it() -> None:
    assert unpinned(TEXT) == []
    assert TEXT.count("uses:") > 10
    assert unpinned("      - uses: actions/checkout@v7 # v7.0.1") != []
    assert unpinned("      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1") != []


def test_no_secret_of_the_repository_is_used_and_nobody_elses_code_runs() -> None:
    assert lasting_secrets(TEXT) == []
    assert lasting_secrets("TOKEN: ${{ secrets.PYPI_TOKEN }}") != []
    triggers = yaml.safe_load(TEXT)[True]
    assert triggers == {"push": {"tags": ["v*"]}}


def test_a_job_has_the_permissions_that_it_needs_and_no_others(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == PUBLISHING.get(name, {"contents": "read"}), name
        assert ("environment" in job) == (name in PUBLISHING), name
        assert job["timeout-minutes"] <= 120


def test_what_publishes_runs_no_code_of_the_repository_and_takes_what_was_built(workflow: dict[Any, Any]) -> None:
    for name in PUBLISHING:
        steps = workflow["jobs"][name]["steps"]
        assert [step for step in steps if "checkout@" in step.get("uses", "")] == []
        assert "download-artifact@" in steps[0]["uses"]
        assert 'echo "$DIGEST  dist/SHA256SUMS" | sha256sum --check --strict' in steps[1]["run"]
        assert "sha256sum --check --strict SHA256SUMS" in steps[1]["run"]
        assert steps[1]["env"] == {"DIGEST": "${{ needs.build.outputs.digest }}"}
    checkouts = [step for job in workflow["jobs"].values() for step in job["steps"] if "checkout@" in str(step)]
    assert len(checkouts) == 2
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.catalogue(160)
@pytest.mark.parametrize("name", PUBLISHING)
def test_a_file_that_another_job_adds_or_changes_is_not_published(
    workflow: dict[Any, Any], tmp_path: Path, name: str
) -> None:
    script = workflow["jobs"][name]["steps"][1]["run"]

    def take(number: int, strange: dict[str, str]) -> int:
        folder = tmp_path / str(number)
        built = folder / "dist"
        built.mkdir(parents=True)
        for each in (WHEEL, SDIST):
            (built / each).write_text(each)
        write_digests(built)
        digest = hashlib.sha256((built / "SHA256SUMS").read_bytes()).hexdigest()
        for each, text in strange.items():
            (built / each).write_text(text)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        environment = {**os.environ, "DIGEST": digest}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode

    assert take(0, {}) == 0
    strange = [{"allomia_pulumi-9.9-py3-none-any.whl": "of nobody"}, {".hidden": ""}, {WHEEL: "other"}]
    assert 0 not in [take(number, each) for number, each in enumerate([*strange, {"SHA256SUMS": ""}], 1)]


def test_the_plugin_is_there_before_an_sdk_asks_for_it_and_nothing_before_the_checks(workflow: dict[Any, Any]) -> None:
    needs = {name: set(job.get("needs", ())) for name, job in workflow["jobs"].items()}
    assert {"check", "build"} <= needs["attest"]
    assert "attest" in needs["github"]
    assert all("github" in needs[name] for name in ("npm", "pypi"))


def test_expressions_stand_in_variables_and_never_in_a_script(workflow: dict[Any, Any]) -> None:
    scripts = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert [script for script in scripts if "${{" in script] == []
    assert 'make release TAG="$GITHUB_REF_NAME"' in scripts


def test_no_run_uses_what_another_one_cached_and_go_is_the_pinned_one(workflow: dict[Any, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    given = {
        kind: [s["with"] for s in steps if f"/{kind}@" in s.get("uses", "")] for kind in ("setup-go", "setup-node")
    }
    assert all(options == {"go-version": GO_VERSION, "cache": False} for options in given["setup-go"])
    assert all(options["package-manager-cache"] is False for options in given["setup-node"])
    assert len(given["setup-go"]) + len(given["setup-node"]) == 5
