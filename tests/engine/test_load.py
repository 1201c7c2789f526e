"""Many keys while requests fail at random: nothing is lost, no orphan is unnamed, and memory stays small."""

from __future__ import annotations

import pytest

from tools.engine.fixtures import MakeWorkspace
from tools.engine.sandbox import Sandbox
from tools.load.drive import drive
from tools.load.scene import FACES, Load, project, set_scene


@pytest.mark.long
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("keys", "organizations", "chance"), [(20, 10, 0.2), (100, 50, 0.05)])
def test_g1_g2_random_faults_lose_no_key_and_leave_no_unnamed_orphan(
    sandbox: Sandbox, workspace: MakeWorkspace, face: str, keys: int, organizations: int, chance: float
) -> None:
    load = Load(face, keys, organizations, chance, seed=7)
    report = drive(set_scene(load, sandbox, workspace(project(load))))
    assert report.problems == []
    assert [phase.declared for phase in report.phases] == [keys, keys, keys, 0]
    assert sum(count for phase in report.phases for count in phase.faults.values()) > 0
