"""The CSV file of the onboarding example: whatever is wrong with it is said in a line each, before anything is done."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "onboarding"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("onboarding_clinics", FOLDER / "clinics.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLINICS = load()
HEADER = ",".join(CLINICS.COLUMNS)
SLUGS = "small letters, digits and hyphens, beginning with a letter"
ROW = "valley,Valley,ops@valley.example,Main Street,San Francisco,CA,94105,USA,+14155551234,America/Los_Angeles,"


def problems(folder: Path, content: str | bytes) -> list[str]:
    file = folder / "clinics.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CLINICS.BadClinics) as caught:
        CLINICS.read_clinics(file)
    return str(caught.value).splitlines()


def test_the_file_of_the_example_is_well() -> None:
    clinics = CLINICS.read_clinics(FOLDER / "clinics.csv")
    assert list(clinics) == ["valley", "lakeside"]
    assert clinics["lakeside"]["address"] == "8, rue du Lac"
    assert clinics["valley"]["external_id"] == "emr-4711"
    assert set(clinics["valley"]) == {*CLINICS.REQUIRED, *CLINICS.OPTIONAL}


def test_what_spreadsheets_write_is_read_and_an_empty_optional_cell_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "clinics.csv"
    file.write_bytes(f"\ufeff{HEADER}\r\n{ROW}\r\n,,,,,,,,,,\r\n\r\n".encode())
    assert list(CLINICS.read_clinics(file)) == ["valley"]
    assert "external_id" not in CLINICS.read_clinics(file)["valley"]
    file.write_text(f"{HEADER.removesuffix(',external_id')}\n{ROW.removesuffix(',')}\n")
    assert list(CLINICS.read_clinics(file)) == ["valley"]


BAD = {
    "empty cell": (f"{HEADER}\n{ROW.replace('San Francisco', ' ')}\n", ["clinics.csv, line 2: city is empty"]),
    "same slug": (f"{HEADER}\n{ROW}\n{ROW}\n", ["clinics.csv, line 3: its slug 'valley' is that of an earlier row"]),
    "a comma": (
        f"{HEADER}\n{ROW.replace('Main Street', '8, Main Street')}\n",
        ["clinics.csv, line 2: it has 12 cells, and the header 11; a comma inside a cell needs quotes around it"],
    ),
    "no slug": (
        f"{HEADER}\n{ROW.replace('valley,', 'Valley 1,', 1)}\n",
        [f"clinics.csv, line 2: its slug 'Valley 1' is not one: {SLUGS}"],
    ),
    "no rows": (f"{HEADER}\n", ["clinics.csv: it has no clinics; to end with all of them, `pulumi destroy`"]),
    "twice": (f"{HEADER},name\n{ROW},x\n", ["clinics.csv: it has a column twice"]),
    "unknown": (f"{HEADER},fax\n{ROW},x\n", ["clinics.csv: it has columns that nobody knows: 'fax'"]),
    "quotes": (f'{HEADER}\n"{ROW}\n', ["clinics.csv cannot be read: unexpected end of data"]),
}


@pytest.mark.parametrize(("content", "lines"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_a_line_with_its_place(tmp_path: Path, content: str, lines: list[str]) -> None:
    assert problems(tmp_path, content) == lines


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    bad = ROW.replace("San Francisco", "").replace("USA", "")
    assert problems(tmp_path, f"{HEADER}\n{bad}\n\n{ROW}\n") == [
        "clinics.csv, line 2: city is empty",
        "clinics.csv, line 2: country is empty",
        "clinics.csv, line 4: its slug 'valley' is that of an earlier row",
    ]


def test_another_separator_another_encoding_and_no_file_are_said(tmp_path: Path) -> None:
    assert problems(tmp_path, HEADER.replace(",", ";"))[0].startswith("clinics.csv: it lacks slug, name, email")
    latin = ROW.replace("Main", "Straße").encode("latin-1")
    assert problems(tmp_path, HEADER.encode() + b"\n" + latin)[0] == "clinics.csv cannot be read: it is not in UTF-8"
    with pytest.raises(CLINICS.BadClinics, match=r"nowhere\.csv cannot be read: No such file or directory"):
        CLINICS.read_clinics(tmp_path / "nowhere.csv")
