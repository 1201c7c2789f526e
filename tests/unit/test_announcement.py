"""What a sandbox says when it serves: a line for programs, and for people what to paste into another terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from allomia_pulumi.sandbox.announcement import Serving, for_people, for_programs

SERVING = Serving("http://127.0.0.1:8470", Path("my folder/tenant.key"), "org-1", "Valley Health Clinic", True)


def test_programs_get_a_line_for_each_thing_they_asked_for() -> None:
    assert for_programs(SERVING).splitlines() == [
        "AlloMia sandbox on http://127.0.0.1:8470",
        "The tenant key is in my folder/tenant.key",
    ]
    bare = Serving("http://127.0.0.1:8470", None, "org-1", "Valley Health Clinic", False)
    assert for_programs(bare).splitlines()[1:] == [
        "The assumed key endpoints are off, as in the real AlloMia today",
    ]


def test_people_get_the_same_first_line_and_what_to_paste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = for_people(SERVING).splitlines()
    assert lines[0] == "AlloMia sandbox on http://127.0.0.1:8470"
    assert "not the real service" in lines[1]
    told = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert told["organization"].split()[1] == "org-1"
    assert told["controls"].split()[-1] == "http://127.0.0.1:8470/sandbox"
    pasted = lines[lines.index("In another terminal, to begin with:") + 2 :]
    file = tmp_path / "my folder" / "tenant.key"
    assert [line.strip() for line in pasted] == [
        "export ALLOMIA_API_URL=http://127.0.0.1:8470",
        f'export ALLOMIA_TENANT_KEY="$(cat {shlex.quote(str(file))})"',
        "allomia keys",
    ]
