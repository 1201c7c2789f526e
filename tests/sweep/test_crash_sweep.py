"""The crash sweep: every write of every operation is struck on both sides, and nothing is lost without a name."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.engine.scenes import answer
from tests.sweep.clinics import ClinicStep
from tests.sweep.oracle import State, is_named, look, read_state, wrongs
from tests.sweep.play import Face, Play, Stage, staging
from tests.sweep.steps import STEPS, Operation, Step, is_write, name_write, steps_of
from tests.sweep.strikes import Strike, recover, run_and_strike
from tests.sweep.table import Row, write_rows
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox

ALLOMIA = Path(sys.executable).parent / "allomia"
MOST_QUESTIONS = 200
# Operations that one run can do at once: old keys end after every new one is made, and so in a scene of their own.
GROUPS = {
    "making": (Operation.CREATE, Operation.MEND, Operation.REPLACE, Operation.ROTATE, Operation.DELIVER),
    "closing": (Operation.CLOSE,),
    "retiring": (Operation.RETIRE,),
    "destroying": (Operation.DESTROY,),
}
# A scene strikes every boundary of its group at once; these few together strike every boundary once.
REPRESENTATIVES = (
    ("making", Strike.PROVIDER_KILLED, Face.DYNAMIC),
    ("closing", Strike.ANSWER_LOST, Face.PLUGIN),
    ("retiring", Strike.CTRL_C, Face.DYNAMIC),
    ("destroying", Strike.CLI_KILLED, Face.PLUGIN),
)
SCENES = [(group, strike, face) for group in GROUPS for strike in Strike for face in Face]
# What CI plays of them: each group under each strike, in one face; neighbours alternate.
CORE = [
    (group, strike, list(Face)[(row + column) % len(Face)])
    for row, group in enumerate(GROUPS)
    for column, strike in enumerate(Strike)
]


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Iterator[Stage]:
    with staging(sandbox, openbao, workspace) as make:
        yield make


@pytest.mark.catalogue(1, 2, 3, 4, 5, 67)
@pytest.mark.parametrize(("group", "strike", "face"), REPRESENTATIVES)
def test_g1_g2_g4_a_strike_at_each_boundary_loses_no_key(
    stage: Stage, request: pytest.FixtureRequest, group: str, strike: Strike, face: Face
) -> None:
    strike_all(stage(face, GROUPS[group], only_vault=True), strike, request)


@pytest.mark.catalogue(1, 2, 3, 4, 5, 67)
@pytest.mark.long
@pytest.mark.parametrize(
    ("group", "strike", "face"),
    [pytest.param(*scene, marks=pytest.mark.core if scene in CORE else ()) for scene in SCENES],
)
def test_g1_g2_g4_no_strike_at_any_boundary_loses_a_key(
    stage: Stage, request: pytest.FixtureRequest, group: str, strike: Strike, face: Face
) -> None:
    strike_all(stage(face, GROUPS[group]), strike, request)


def strike_all(play: Play, strike: Strike, request: pytest.FixtureRequest) -> None:
    """Strike when every key is at its boundary, recover, clean up, and see what each came to."""
    play.prepare()
    before = read_state(play)
    struck = run_and_strike(play, strike)
    seen = read_state(play)
    runs, text = recover(play) if struck.code else (0, "")
    assert strike is not Strike.BACKEND_REFUSES or runs == 1, text
    named = {"the run itself": struck.text, "the next run": text}
    state = read_state(play)
    standings = look(play, state)
    unknown = {key_id: name for each in standings for key_id, name in each.unknown.items()}
    if state.pending or not all(is_named(*key, [struck.text, text]) for key in unknown.items()):
        named["refresh"] = play.workspace.refresh("--skip-preview", "--clear-pending-creates").check().text
    named["allomia orphans"] = clean_up(play)

    after = read_state(play)
    broken = []
    rows = []
    for standing in standings:
        wrong = wrongs(standing, before, seen, named.values())
        alive, known = set(play.alive(standing.key)), set(after.of(standing.key).ids)
        if alive != known:
            wrong.append(f"after `allomia orphans --revoke` {alive - known} are left, and {known - alive} are gone")
        broken += [f"{standing.key.name}: {each}" for each in wrong]
        boundary = standing.key.boundary
        assert boundary is not None
        rows.append(
            Row(
                operation=standing.key.operation,
                step=boundary.step.number,
                write=boundary.step.write.label,
                side=boundary.side.value,
                strike=strike,
                face=play.face,
                vault=standing.key.with_vault,
                alive=len(standing.alive),
                lost=len(standing.lost),
                named=sum(is_named(*key, named.values()) for key in standing.unknown.items()),
                named_by=namer(standing.unknown, named),
                left=len(alive - known),
                runs=runs,
                wrong=wrong,
            )
        )
    write_rows(rows, request)
    assert broken == [], f"{struck.text}\n--- next ---\n{text}\n--- broken ---\n" + "\n".join(broken)
    if play.command == "up":
        play.workspace.up("--skip-preview", "--expect-no-changes").check()
    else:
        assert after == State({}, 0)


@pytest.mark.parametrize("face", [Face.DYNAMIC, pytest.param(Face.PLUGIN, marks=pytest.mark.long)])
def test_every_write_of_every_operation_has_a_number(stage: Stage, face: Face) -> None:
    play = stage(face, list(Operation), is_clean=True)
    play.prepare()
    done = {operation: steps_of(operation) for operation in Operation}
    # The answer that is lost is that of a creation's first step, and an old key ends in the run that replaces it.
    done[Operation.MEND] = [STEPS[0], *steps_of(Operation.MEND)]
    done[Operation.REPLACE] = done[Operation.CLOSE] = [*steps_of(Operation.REPLACE), *steps_of(Operation.CLOSE)]
    done[Operation.DESTROY] = []
    play.again("up").check()
    assert_writes(play, done)

    play.forget()
    play.again("destroy").check()
    assert_writes(play, {Operation.DESTROY: steps_of(Operation.DESTROY)})


def test_numbers_are_unique_and_the_representatives_strike_them_all() -> None:
    assert [step.number for step in (*STEPS, *ClinicStep)] == list(range(1, 26))
    struck = {operation for group, _, _ in REPRESENTATIVES for operation in GROUPS[group]}
    assert struck == {step.operation for step in STEPS}


def test_the_core_plays_each_group_under_each_strike_and_both_in_either_face() -> None:
    assert len(CORE) == len(SCENES) / len(Face)
    assert {(group, strike) for group, strike, _ in CORE} == {(group, strike) for group in GROUPS for strike in Strike}
    assert {(group, face) for group, _, face in CORE} == {(group, face) for group in GROUPS for face in Face}
    assert {(strike, face) for _, strike, face in CORE} == {(strike, face) for strike in Strike for face in Face}


def assert_writes(play: Play, expected: dict[Operation, list[Step]]) -> None:
    """Compare the writes that came for the keys of some operations, in order, with those of the table."""
    writes = [each for tap in (play.allomia, play.vault) for each in tap.requests() if is_write(each)]
    for key in play.keys:
        named = [(each, name_write(each, key.organization, key.name)) for each in writes]
        writes = [each for each, write in named if write is None]
        if key.operation in expected:
            steps = [step.write for step in expected[key.operation] if key.with_vault or not step.write.is_in_vault]
            # Each tap has an order of its own.
            in_order = sorted(steps, key=lambda write: write.is_in_vault)
            assert [write for _, write in named if write is not None] == in_order, key.name
    assert writes == [], "a write without a number"


def namer(unknown: Collection[str], named: dict[str, str]) -> str:
    """Return what named the first of these keys."""
    return next((by for key_id in unknown for by, text in named.items() if key_id in text), "")


def clean_up(play: Play) -> str:
    """Revoke what no state knows by the command that is made for it, and answer each of its questions with yes."""
    command = [ALLOMIA, "orphans", "--stack", play.workspace.folder, "--revoke"]
    return answer(play.workspace, "y\n" * MOST_QUESTIONS, *command).check().text
