"""The hint of an import at the command line is given once, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2

from allomia_pulumi.provider.plugin.imports import IMPORT_HINTS, ImportWatch

URN = "urn:pulumi:prod::clinic::allomia:index:OrganizationApiKey::ehr"


def struct(**values: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


READ = struct(organizationId="org", name="EHR sync")


@pytest.mark.catalogue(99)
def test_the_check_that_follows_an_imports_read_is_told_once() -> None:
    watch = ImportWatch()
    watch.note_read(URN)
    watch.note_read(f"{URN}-2")
    told = [watch.take_hint(urn, READ, READ) for urn in (URN, URN, f"{URN}-2")]
    assert told == [IMPORT_HINTS["OrganizationApiKey"], None, None]


def test_each_kind_is_told_of_its_own_class() -> None:
    watch = ImportWatch()
    urns = {kind: f"urn:pulumi:prod::clinic::allomia:index:{kind}::ehr" for kind in ("Organization", "DashboardApiKey")}
    for urn in (URN, *urns.values()):
        watch.note_read(urn)
    told = {kind: watch.take_hint(urn, READ, READ) for kind, urn in urns.items()}
    assert told == {"Organization": IMPORT_HINTS["Organization"], "DashboardApiKey": None}
    assert "allomia_pulumi.Organization," in IMPORT_HINTS["Organization"]
    assert watch.take_hint(URN, READ, READ) == IMPORT_HINTS["OrganizationApiKey"]


def test_a_check_of_a_key_that_is_declared_or_only_looked_up_is_not_told() -> None:
    watch = ImportWatch()
    assert not watch.take_hint(URN, READ, READ), "nothing was read"
    watch.note_read(URN)
    assert not watch.take_hint(f"{URN}-2", READ, READ), "another key was read"
    assert not watch.take_hint(URN, READ, struct(organizationId="org", overlap="1h")), "a program imports it"
