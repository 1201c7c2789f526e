"""The hint of an import at the command line is given once, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2

from allomia_pulumi.provider.plugin.imports import ImportWatch

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
    due = [watch.is_hint_due(urn, READ, READ) for urn in (URN, URN, f"{URN}-2")]
    assert due == [True, False, False]


def test_a_check_of_a_key_that_is_declared_or_only_looked_up_is_not_told() -> None:
    watch = ImportWatch()
    assert not watch.is_hint_due(URN, READ, READ), "nothing was read"
    watch.note_read(URN)
    assert not watch.is_hint_due(f"{URN}-2", READ, READ), "another key was read"
    assert not watch.is_hint_due(URN, READ, struct(organizationId="org", overlap="1h")), "a program imports it"
