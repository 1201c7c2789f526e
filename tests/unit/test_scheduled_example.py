"""The scheduled example is checked by the tools of its platforms, offline, and its script is run."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tools.actionlint import ensure_actionlint

SCHEDULED = Path(__file__).parents[2] / "examples" / "scheduled"
KUBERNETES = "1.31"


def test_the_workflow_is_one() -> None:
    result = subprocess.run(
        [ensure_actionlint(), "-no-color", "-shellcheck=", SCHEDULED / "github-actions.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_the_workflow_check_finds_a_mistake(tmp_path: Path) -> None:
    broken = (SCHEDULED / "github-actions.yaml").read_text().replace("runs-on:", "run-on:")
    (tmp_path / "workflow.yaml").write_text(broken)
    result = subprocess.run([ensure_actionlint(), tmp_path / "workflow.yaml"], capture_output=True, check=False)
    assert result.returncode == 1


def test_the_manifests_are_valid() -> None:
    manifests = list(yaml.safe_load_all((SCHEDULED / "cronjob.yaml").read_text()))
    assert [manifest["kind"] for manifest in manifests] == ["ServiceAccount", "CronJob"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    manifests[1]["spec"]["shedule"] = manifests[1]["spec"].pop("schedule")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifests[1], KUBERNETES, strict=True)


LOOK = ["stack output --json"]
EXPECT = ["preview --non-interactive --expect-no-changes"]
PREVIEW = ["preview --non-interactive"]
UP = ["up --non-interactive --yes --skip-preview"]
ORPHANS = ["orphans --revoke --yes --stack ."]
ALL = LOOK + EXPECT + PREVIEW + UP + ORPHANS


@pytest.mark.parametrize(
    ("hours", "changes", "broken", "code", "calls"),
    [
        (None, 0, 0, 0, LOOK),
        (1, 0, 0, 0, LOOK),
        (-1, 0, 0, 0, LOOK + EXPECT),
        (-1, 1, 0, 0, ALL),
        (-1, 1, 1, 1, LOOK + EXPECT + PREVIEW),
        ("no access", 0, 0, 255, LOOK),
    ],
)
def test_the_script_runs_up_only_when_something_is_due_and_fails_when_it_cannot_tell(
    tmp_path: Path, hours: float | str | None, changes: int, broken: int, code: int, calls: list[str]
) -> None:
    result = rotate(tmp_path, hours, changes=changes, broken=broken)
    assert (result.returncode, (tmp_path / "calls").read_text().splitlines()) == (code, calls)


@pytest.mark.parametrize("left", [0, 1, 2, 4, 6, 7, 8])
def test_what_needs_care_after_the_run_is_told_and_every_other_failure_fails_it(tmp_path: Path, left: int) -> None:
    result = rotate(tmp_path, -1, changes=1, left=left)
    assert (tmp_path / "calls").read_text().splitlines() == ALL
    assert result.returncode == (0 if left == 8 else left)
    assert ("needs care" in result.stdout) == (left == 8)


def test_after_a_run_that_failed_no_key_is_ended(tmp_path: Path) -> None:
    result = rotate(tmp_path, -1, changes=1, failed=255)
    assert (result.returncode, (tmp_path / "calls").read_text().splitlines()) == (255, ALL[:-1])


def rotate(
    tmp_path: Path, hours: float | str | None, *, changes: int = 0, broken: int = 0, failed: int = 0, left: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the script between programs that note how they are called, and end with these codes."""
    outputs = "{}"
    if isinstance(hours, int):
        outputs = json.dumps({"nextActionAt": f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"})
    access = 255 if isinstance(hours, str) else 0
    stand_in = tmp_path / "pulumi"
    stand_in.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        f"case $* in stack*) echo '{outputs}'; exit {access};; *--expect-no-changes) exit {changes};; "
        f"preview*) exit {broken};; up*) exit {failed};; orphans*) exit {left};; esac\n"
    )
    stand_in.chmod(0o755)
    (tmp_path / "allomia").symlink_to(stand_in)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([SCHEDULED / "rotate.sh"], env=environment, check=False, capture_output=True, text=True)
