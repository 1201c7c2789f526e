"""The crash sweep of organizations: every write is struck on both sides; none is made twice, none ends unasked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from tests.sweep.clinics import AFTER, Clinics, ClinicStep, DeclaredClinic, StageClinics, staging_clinics
from tests.sweep.play import Face
from tests.sweep.steps import is_write
from tests.sweep.strikes import MOST_RUNS, Strike, run_and_strike
from tests.sweep.table import Row, write_rows
from tools.engine.fixtures import MakeWorkspace
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import MadeOrganization, Sandbox
from tools.engine.tap import Side
from tools.engine.workspace import Result

TYPES = ("dynamic/allomia:Organization", "allomia:index:Organization")
GROUPS = {
    "making": (ClinicStep.CREATE, ClinicStep.UPDATE),
    "closing": (ClinicStep.DEACTIVATE,),
}
# These strike every boundary once, and every ambiguous end of a creation.
REPRESENTATIVES = (
    ("making", Strike.PROVIDER_KILLED, Face.DYNAMIC),
    ("making", Strike.ANSWER_LOST, Face.PLUGIN),
    ("closing", Strike.CLI_KILLED, Face.PLUGIN),
)
SCENES = [(group, strike, face) for group in GROUPS for strike in Strike for face in Face]
CORE = [
    (group, strike, list(Face)[(row + column) % len(Face)])
    for row, group in enumerate(GROUPS)
    for column, strike in enumerate(Strike)
]


@pytest.fixture
def stage(sandbox: Sandbox, openbao: OpenBao, workspace: MakeWorkspace) -> Iterator[StageClinics]:
    with staging_clinics(sandbox, openbao, workspace) as make:
        yield make


@pytest.mark.catalogue(123)
@pytest.mark.parametrize(("group", "strike", "face"), REPRESENTATIVES)
def test_g1_g4_a_strike_at_each_boundary_makes_no_organization_twice_and_ends_none_unasked(
    stage: StageClinics, request: pytest.FixtureRequest, group: str, strike: Strike, face: Face
) -> None:
    strike_all(stage(face, GROUPS[group]), strike, request)


@pytest.mark.catalogue(123)
@pytest.mark.long
@pytest.mark.parametrize(
    ("group", "strike", "face"),
    [pytest.param(*scene, marks=pytest.mark.core if scene in CORE else ()) for scene in SCENES],
)
def test_g1_g4_no_strike_at_any_boundary_makes_an_organization_twice_or_ends_one_unasked(
    stage: StageClinics, request: pytest.FixtureRequest, group: str, strike: Strike, face: Face
) -> None:
    strike_all(stage(face, GROUPS[group]), strike, request)


def strike_all(play: Clinics, strike: Strike, request: pytest.FixtureRequest) -> None:
    """Strike when every organization is at its boundary, recover, and see what each came to."""
    play.prepare()
    foreign = {each.id: each.fields for each in play.everything() if not each.name.startswith("Clinic ")}
    start = play.scene.sandbox.last_event()
    struck = run_and_strike(play, strike)
    broken = [f"struck run: {each}" for each in _wrong_posts(play)]
    seen, at_strike = read_ids(play), {clinic.name: play.organizations(clinic) for clinic in play.clinics}
    runs, text = recover(play) if struck.code else (0, "")
    state = read_ids(play)
    rows = []
    for clinic in play.clinics:
        unknown = [each for each in at_strike[clinic.name] if each.is_active and each.id not in seen.values()]
        wrong = [*_wrong_unknown(unknown, text, seen), *_wrong_end(play, clinic, state)]
        broken += [f"{clinic.name}: {each}" for each in wrong]
        if clinic.side is not None:
            side = _side(play, clinic, start)
            rows.append(_row(play, clinic, side, strike, unknown, state, runs, [struck.text, text], wrong))
    broken += _wrong_events(play, start)
    kept = {each.id: each.fields for each in play.everything() if each.id in foreign}
    broken += [] if kept == foreign else ["an organization that nobody declares was touched"]
    write_rows(rows, request)
    assert broken == [], f"{struck.text}\n--- next ---\n{text}\n--- broken ---\n" + "\n".join(broken)
    if play.command == "up":
        play.workspace.up("--skip-preview", "--expect-no-changes").check()
    else:
        assert state == {}


def recover(play: Clinics) -> tuple[int, str]:
    """Run the command until it succeeds, and adopt what a run says exists already; return the runs, and texts."""
    if play.is_locked():
        play.workspace.cancel()
    texts = []
    for count in range(1, MOST_RUNS + 1):
        play.forget()
        result = play.again()
        texts.append(result.text)
        assert _wrong_posts(play) == [], result.text
        if result.code == 0:
            return count, "\n".join(texts)
        _adopt_named(play, result)
    raise AssertionError(f"{MOST_RUNS} runs did not succeed:\n" + "\n".join(texts))


def _adopt_named(play: Clinics, result: Result) -> None:
    """Do what an error says: take over the organization that it names."""
    known = read_ids(play)
    for clinic in play.clinics:
        for made in play.organizations(clinic):
            if clinic.step is ClinicStep.CREATE and clinic.name not in known and made.id in result.text:
                assert "adopt" in result.text
                play.adopted[clinic.name] = made.id
    play.declare()


def read_ids(play: Clinics) -> dict[str, str]:
    """Return the ids of the organizations in the state, by the names of their resources."""
    exported = play.workspace.run("stack", "export").check()
    resources = json.loads(exported.stdout)["deployment"].get("resources", [])
    ours = [resource for resource in resources if resource["type"].endswith(TYPES)]
    return {resource["urn"].rpartition("::")[2]: resource["id"] for resource in ours if "id" in resource}


def _wrong_posts(play: Clinics) -> list[str]:
    """At most one POST an `up` and declaration."""
    sent = sum(ClinicStep.CREATE.is_sent(each) for each in play.allomia.requests())
    most = sum(clinic.step is ClinicStep.CREATE for clinic in play.clinics)
    return [f"{sent} POSTs for {most} declarations"] if sent > most else []


def _wrong_unknown(unknown: Iterable[MadeOrganization], text: str, seen: Mapping[str, str]) -> Iterator[str]:
    """G1: an organization that a strike left outside the state is named by the next run."""
    for made in unknown:
        if made.id not in text:
            yield f"G1: organization {made.id} is in no state and not named ({dict(seen)})"


def _wrong_end(play: Clinics, clinic: DeclaredClinic, state: Mapping[str, str]) -> Iterator[str]:
    """Tell what is wrong with one declaration after the recovery."""
    made = play.organizations(clinic)
    if len(made) != 1:
        yield f"G1: {len(made)} organizations of one declaration"
        return
    (organization,) = made
    if clinic.step is ClinicStep.DEACTIVATE:
        if clinic.name in state:
            yield "G7: what was destroyed is in the state"
        if organization.is_active:
            yield "the organization was dropped from the state and is active"
        return
    if state.get(clinic.name) != organization.id:
        yield f"G4: the state has {state.get(clinic.name)} for {organization.id}"
    if not organization.is_active:
        yield "it was deactivated"
    expected = {_camel(name): value for name, value in (clinic.arguments(is_late=True) or {}).items()}
    del expected["deactivateOnDestroy"]
    differing = [name for name, value in expected.items() if organization.fields[name] != value]
    if differing:
        yield f"AlloMia has other values than are declared: {differing}"


def _wrong_events(play: Clinics, start: int) -> Iterator[str]:
    """Nobody is deactivated or changed but those whose operation that is."""
    asked = {
        "organization_deactivated": ClinicStep.DEACTIVATE,
        "organization_updated": ClinicStep.UPDATE,
    }
    own = {each.id: clinic for clinic in play.clinics for each in play.organizations(clinic)}
    for event in play.scene.sandbox.events(start):
        step, clinic = asked.get(event.type), own.get(event.organization_id or "")
        is_bystander = clinic is not None and clinic.side is None and clinic.step is ClinicStep.UPDATE
        if step is not None and (clinic is None or clinic.step is not step or is_bystander):
            yield f"{event.type} of {clinic.name if clinic else event.organization_id}, which nobody asked for"


def _side(play: Clinics, clinic: DeclaredClinic, start: int) -> Side:
    """Return where it was struck: of two creations the one that AlloMia carried out first was held after that."""
    if clinic.step is not ClinicStep.CREATE:
        return clinic.side or Side.BEFORE
    created = (event for event in play.scene.sandbox.events(start) if event.type == "organization_created")
    first = next((event.organization_id for event in created), None)
    return Side.AFTER if first in {each.id for each in play.organizations(clinic)} else Side.BEFORE


def _row(
    play: Clinics,
    clinic: DeclaredClinic,
    side: Side,
    strike: Strike,
    unknown: list[MadeOrganization],
    state: Mapping[str, str],
    runs: int,
    texts: list[str],
    wrong: list[str],
) -> Row:
    made = play.organizations(clinic)
    named = [
        name
        for name, text in zip(("the run itself", "the next run"), texts, strict=True)
        for each in unknown
        if each.id in text
    ]
    return Row(
        operation=clinic.step.operation,
        step=clinic.step.number,
        write=clinic.step.method,
        side=side.value,
        strike=strike,
        face=play.face,
        vault=False,
        alive=sum(each.is_active for each in made),
        lost=0,
        named=len(unknown) if named else 0,
        named_by=named[0] if named else "",
        left=sum(each.is_active and each.id not in state.values() for each in made),
        runs=runs,
        wrong=wrong,
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


@pytest.mark.parametrize("face", [Face.DYNAMIC, pytest.param(Face.PLUGIN, marks=pytest.mark.long)])
def test_every_write_of_an_organization_has_a_number(stage: StageClinics, face: Face) -> None:
    making = stage(face, GROUPS["making"])
    making.prepare()
    making.again().check()
    assert _methods(making) == {"POST": 2, "PUT": 2}
    assert all(each.fields["city"] == AFTER for clinic in making.clinics for each in _updated(making, clinic))
    closing = stage(face, GROUPS["closing"])
    closing.prepare()
    closing.again().check()
    assert _methods(closing) == {"DELETE": 3}


def _updated(play: Clinics, clinic: DeclaredClinic) -> list[MadeOrganization]:
    is_changed = clinic.step is ClinicStep.UPDATE and clinic.side is not None
    return play.organizations(clinic) if is_changed else []


def _methods(play: Clinics) -> dict[str, Any]:
    """Count AlloMia's writes by their methods; each is a write with a number."""
    ids = [each.id for each in play.everything()]
    counts: dict[str, Any] = {}
    for each in play.allomia.requests():
        if is_write(each):
            assert any(step.is_sent(each, id_) for step in ClinicStep for id_ in ids), each
            counts[each.method] = counts.get(each.method, 0) + 1
    return counts


def test_the_representatives_strike_every_step() -> None:
    assert {step for group, _, _ in REPRESENTATIVES for step in GROUPS[group]} == set(ClinicStep)
    assert len(CORE) == len(SCENES) / len(Face)
