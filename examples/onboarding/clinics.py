"""The clinics of a CSV file: every row is checked, and all that is wrong with the file is said at once."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

SLUG = "slug"
REQUIRED = (
    "name",
    "email",
    "address",
    "city",
    "state_province",
    "postal_code",
    "country",
    "phone_number",
    "timezone",
)
OPTIONAL = ("external_id",)
COLUMNS = (SLUG, *REQUIRED, *OPTIONAL)


class BadClinics(ValueError):
    """A file that is not to be applied, with a line for everything that is wrong."""


def read_clinics(file: Path) -> dict[str, dict[str, str]]:
    """Return the arguments of each organization by its slug.

    Raises:
        BadClinics: The file cannot be read, or a row is not complete.
    """
    try:
        # Spreadsheets put a mark before the first column, which is no part of its name.
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, strict=True)
            header = next(rows, [])
            numbered = [(rows.line_num, row) for row in rows if any(row)]
    except UnicodeDecodeError:
        raise BadClinics(f"{file.name} cannot be read: it is not in UTF-8") from None
    except (OSError, csv.Error) as problem:
        raise BadClinics(f"{file.name} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    problems = [f"{file.name}: {each}" for each in check_header(header)]
    if not numbered:
        # A file that was cut off would take every key away.
        problems.append(f"{file.name}: it has no clinics; to end with all of them, `pulumi destroy`")
    clinics: dict[str, dict[str, str]] = {}
    for number, row in numbered if not problems else ():
        clinic = dict(zip(header, row, strict=False))
        problems += [f"{file.name}, line {number}: {each}" for each in check_row(header, row, clinic, clinics)]
        slug = clinic.pop(SLUG, "")
        clinics[slug] = {name: value for name, value in clinic.items() if value or name in REQUIRED}
    if problems:
        raise BadClinics("\n".join(problems))
    return clinics


def check_header(header: list[str]) -> Iterator[str]:
    """Say what is wrong with the columns."""
    if missing := [name for name in (SLUG, *REQUIRED) if name not in header]:
        yield f"it lacks {', '.join(missing)}; the columns are {','.join(COLUMNS)}, with commas between them"
    if unknown := [name for name in header if name not in COLUMNS]:
        yield f"it has columns that nobody knows: {', '.join(map(repr, unknown))}"
    if len(set(header)) < len(header):
        yield "it has a column twice"


def check_row(
    header: list[str], row: list[str], clinic: dict[str, str], earlier: dict[str, dict[str, str]]
) -> Iterator[str]:
    """Say what is wrong with a row; what a value has to be, the provider says."""
    if len(row) != len(header):
        yield f"it has {len(row)} cells, and the header {len(header)}; a comma inside a cell needs quotes around it"
        return
    slug = clinic[SLUG]
    if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
        yield f"its slug {slug!r} is not one: small letters, digits and hyphens, beginning with a letter"
    elif slug in earlier:
        yield f"its slug {slug!r} is that of an earlier row"
    for name in REQUIRED:
        if not clinic[name].strip():
            yield f"{name} is empty"
