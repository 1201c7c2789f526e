"""Bulk-import files: names that Pulumi and every language take, each its own, and the providers that see what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.cli.access import Access, accesses
from allomia_pulumi.cli.clients import Holding, Survey
from allomia_pulumi.cli.import_file import Importable, import_document, pulumi_names
from allomia_pulumi.cli.imports import DECLARED, LeftOut, Selection, way_of
from allomia_pulumi.cli.key_imports import write_key_imports
from allomia_pulumi.cli.stacks import Stack
from allomia_pulumi.cli.survey import Row, View
from allomia_pulumi.core.orphans import Verdict, Whose
from allomia_pulumi.errors import NotFound
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.references import parse_reference

NORTH = "urn:pulumi:prod::clinic::pulumi:providers:allomia::north"
VALID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
IDS = ("0b09c4f1-4287-483c-a8cc-efb08a07dfbf", "d31ddcc5-223f-4f0c-8fa5-ef900a5a3b90")


def organization(title: str, identifier: str = IDS[0], provider: str = "") -> Importable:
    return Importable("Organization", identifier, title, provider)


def stack_of(*resources: dict[str, Any], argument: str = ".", **settings: str) -> Stack:
    deployment = {"resources": list(resources)}
    return Stack(
        Path("made up"), "clinic", "organization/clinic/prod", "prod", settings, frozenset(), deployment, argument
    )


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Valley Health Clinic", "valley-health-clinic"),
        ("Clinique Médicale de l'Île (Montréal)", "clinique-medicale-de-l-ile-montreal"),
        ("  Straße & Söhne.  ", "strasse-sohne"),
        ("24h Clinic", "organization-24h-clinic"),
        ("診療所", "organization-0b09c4f1"),
        ("", "organization-0b09c4f1"),
        ("AlloMia", "allomia-0b09c4f1"),
        ("import", "import-0b09c4f1"),
        ("a" * 300, "a" * 100),
    ],
)
def test_a_name_is_made_of_what_allomia_calls_it(title: str, name: str) -> None:
    assert pulumi_names([organization(title)]) == [name]


@pytest.mark.catalogue(127)
def test_clinics_of_one_name_are_told_apart_by_their_ids_whatever_their_order() -> None:
    twins = [organization("Valley Health", each) for each in IDS]
    names = ["valley-health-0b09c4f1", "valley-health-d31ddcc5"]
    assert pulumi_names(twins) == names
    assert pulumi_names(twins[::-1]) == names[::-1]
    assert pulumi_names([twins[0]], {"valley-health"}) == names[:1]
    whole = "valley-health-0b09c4f1-4287-483c-a8cc-efb08a07dfbf"
    assert pulumi_names([twins[0]], {"valley-health", names[0]}) == [whole]
    assert pulumi_names([twins[0]], {"valley-health", names[0], whole}) == [f"{whole}-2"]


def test_a_known_secret_in_a_title_is_in_no_name() -> None:
    guard("alm_tenant_ABCDEF123")
    (name,) = pulumi_names([organization("Clinic alm_tenant_ABCDEF123")])
    assert name == "clinic-secret"


@pytest.mark.catalogue(127)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "a-b", "A B", "é", "1", "", "院"]) | st.text(max_size=9), st.text(max_size=9))
    ),
    st.sets(st.sampled_from(["a", "a-b", "e", "organization-1"])),
)
def test_fuzz_every_name_is_valid_and_its_own(titles: list[tuple[str, str]], taken: set[str]) -> None:
    resources = [organization(title, identifier) for title, identifier in titles]
    names = pulumi_names(resources, taken)
    assert len(names) == len(set(names)) == len(resources)
    assert not taken & set(names)
    assert [name for name in names if not VALID.fullmatch(name)] == []


def test_names_of_the_stack_are_avoided_and_an_explicit_provider_is_named() -> None:
    known = {"urn": "urn:pulumi:prod::clinic::allomia:index:Organization::valley", "type": "allomia:index:Organization"}
    provider = {"urn": NORTH, "type": "pulumi:providers:allomia"}
    wanted = [organization("Valley"), organization("North", IDS[1], NORTH)]
    assert import_document(wanted, stack_of(known, provider)) == {
        "nameTable": {"north": NORTH},
        "resources": [
            {"type": "allomia:index:Organization", "name": "valley-0b09c4f1", "id": IDS[0]},
            {"type": "allomia:index:Organization", "name": "north-d31ddcc5", "id": IDS[1], "provider": "north"},
        ],
    }
    assert "nameTable" not in import_document(wanted[:1], None)


def test_two_providers_of_one_name_have_two_names_in_the_file() -> None:
    nested = "urn:pulumi:prod::clinic::a:b:C$pulumi:providers:allomia::north"
    wanted = [organization("a", IDS[0], NORTH), organization("b", IDS[1], nested)]
    document = import_document(wanted, None)
    assert document["nameTable"] == {"north": NORTH, "north-2": nested}
    assert [each["provider"] for each in document["resources"]] == ["north", "north-2"]


@pytest.mark.catalogue(128)
def test_only_a_provider_of_the_stack_itself_can_import() -> None:
    north = {"urn": NORTH, "type": "pulumi:providers:allomia", "inputs": {"apiUrl": "https://north.example"}}
    reference = {"record": {"settings": {"tenantKeyRef": "secret/allomia/south#api_key"}}}
    own = {"urn": "urn:pulumi:prod::clinic::allomia:index:Organization::south", "outputs": reference}
    stack = stack_of(north, own | {"type": "allomia:index:Organization", "id": "south"}, apiUrl="https://a.example")
    configured, explicit, with_reference = accesses(stack, {})
    assert with_reference.reference == parse_reference("secret/allomia/south#api_key", "it")
    assert way_of(configured, stack, {}) == ""
    assert way_of(explicit, stack, {}) == NORTH
    assert way_of(with_reference, stack, {}) is None
    assert way_of(Access({"apiUrl": "https://other.example"}, {}), stack, {}) is None
    assert way_of(Access({}, {}), None, {}) == ""


def test_an_empty_file_is_an_error_that_says_why_and_nothing_is_written(tmp_path: Path) -> None:
    left_out = tuple(LeftOut(str(number), "Clinic", DECLARED) for number in range(5))
    selection = Selection("organization", "`allomia organizations`", (), left_out)
    with pytest.raises(NotFound, match="it would import nothing: 5 organizations left out") as caught:
        selection.write(tmp_path / "file", None, on_stderr=False)
    assert "(0 Clinic, 1 Clinic, 2 Clinic and 2 more): declared already" in caught.value.message
    assert caught.value.hint == "Look with `allomia organizations`."
    assert list(tmp_path.iterdir()) == []


def test_the_next_step_names_the_stack_whose_state_was_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    selection = Selection("key", "", (Importable("OrganizationApiKey", "o/k", "ehr"),), ())
    selection.write(Path("here.json"), stack_of(), on_stderr=False)
    assert "Next: `pulumi import --file here.json`." in capsys.readouterr().out
    written = selection.write(Path("a b.json"), stack_of(argument="../x@prod"), on_stderr=True)
    command = f"pulumi import --cwd 'made up' --stack organization/clinic/prod --file '{tmp_path}/a b.json'"
    assert f"Next: `{command}`." in capsys.readouterr().err
    assert written == {"file": "a b.json", "resources": 1, "leftOut": []}
    assert json.loads(Path("a b.json").read_text())["resources"][0]["id"] == "o/k"


@pytest.mark.catalogue(165)
@pytest.mark.parametrize("version", [1, 2])
def test_g1_no_key_is_imported_that_a_record_of_a_newer_version_may_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    kept = {"urn": "urn:pulumi:prod::clinic::allomia:index:Organization::valley", "type": "allomia:index:Organization"}
    stack = stack_of({**kept, "outputs": {"record": {"stateVersion": version}}})
    key = SimpleNamespace(id="k", name="made by hand")
    holding = Holding(IDS[0], "Valley", (key,), None, access=accesses(stack, {})[0])  # type: ignore[arg-type]
    view = View((stack,), Survey((holding,), ()), (Row(holding, key, Verdict(Whose.BY_HAND)),))  # type: ignore[arg-type]
    file = tmp_path / "keys.json"

    def write() -> None:
        write_key_imports(file, view, {}, takes_foreign=True, on_stderr=False)

    if version == 1:
        write()
        assert file.is_file()
    else:
        with pytest.raises(NotFound, match="perhaps what a record has that a newer allomia-pulumi wrote"):
            write()
        assert not file.exists()
    assert "Traceback" not in capsys.readouterr().out
