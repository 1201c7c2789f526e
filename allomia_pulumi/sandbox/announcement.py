"""Announcement of a sandbox that has begun to serve: for programs, and for a person who has to go on from there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Serving", "for_people", "for_programs"]

KEYS_OFF = "The assumed key endpoints are off, as in the real AlloMia today"
PEOPLE = """\
AlloMia sandbox on {address}
It stands in for AlloMia and is not the real service: it knows no real clinic
or key, and forgets everything when it ends (Ctrl-C).

  tenant key    {file}
                (yours alone, and removed at the end)
  organization  {organization_id}  {organization}
  controls      {address}/sandbox

In another terminal, to begin with:

  export ALLOMIA_API_URL={address}
  export ALLOMIA_TENANT_KEY="$(cat {quoted})"
  allomia {command}"""


@dataclass(frozen=True)
class Serving:
    """A sandbox that serves.

    Attributes:
        address: Where it listens, as ALLOMIA_API_URL takes it.
        tenant_key_file: Where the key of its tenant is, if it was written.
        organization_id: The organization that it begins with.
        organization: Its name.
        key_endpoints: Whether it serves the assumed key endpoints.
    """

    address: str
    tenant_key_file: Path | None
    organization_id: str
    organization: str
    key_endpoints: bool


def for_programs(serving: Serving) -> str:
    """Say in a line where it listens, and in further ones what was asked for; nothing else."""
    lines = [f"AlloMia sandbox on {serving.address}"]
    if serving.tenant_key_file is not None:
        lines.append(f"The tenant key is in {serving.tenant_key_file}")
    if not serving.key_endpoints:
        lines.append(KEYS_OFF)
    return "\n".join(lines)


def for_people(serving: Serving) -> str:
    """Say the same first line, and what to paste into another terminal; the key itself is never shown."""
    # The other terminal may be in another folder.
    file = str((serving.tenant_key_file or Path()).absolute())
    told = PEOPLE.format(
        address=serving.address,
        file=file,
        quoted=shlex.quote(file),
        organization_id=serving.organization_id,
        organization=serving.organization,
        command="keys" if serving.key_endpoints else "doctor",
    )
    return told if serving.key_endpoints else f"{told}\n\n{KEYS_OFF}."
