"""Each resource is a row of the registry: its tokens, its handler, and what a face may ask of it."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

import allomia_pulumi
from allomia_pulumi import native
from allomia_pulumi.contracts.tokens import KINDS, dynamic_token, kind_of, plugin_token
from allomia_pulumi.core.handler import Abandons, Imports, Lists, Previews
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.provider.plugin.servicer import Provider
from allomia_pulumi.provider.registry import RESOURCES
from tests.logs import QuietLog
from tests.unit.contexts import Aborted, Context


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider(QuietLog(), {}, SystemClock(), Cancellation())  # type: ignore[arg-type]
    yield provider
    provider.close()


@pytest.mark.parametrize(
    ("kind", "capabilities"),
    [
        ("OrganizationApiKey", {Abandons, Imports, Lists, Previews}),
        ("DashboardApiKey", {Previews}),
        ("Organization", {Abandons, Imports, Lists, Previews}),
    ],
)
def test_a_handler_has_the_capabilities_that_it_needs(kind: str, capabilities: set[type]) -> None:
    handler = RESOURCES[kind].load()
    assert {each for each in (Abandons, Imports, Lists, Previews) if issubclass(handler, each)} == capabilities  # type: ignore[arg-type]


def test_every_kind_has_a_row_and_a_class_of_each_face() -> None:
    assert set(RESOURCES) == set(KINDS)
    for kind in KINDS:
        assert getattr(allomia_pulumi, kind).pulumi_type == dynamic_token(kind)
        assert getattr(native, kind).kind == kind


def test_a_token_names_its_kind_and_anything_else_none() -> None:
    for kind in KINDS:
        assert kind_of(plugin_token(kind)) == kind_of(dynamic_token(kind)) == kind
    for other in ("allomia:index:Else", "other:index:OrganizationApiKey", "OrganizationApiKey", "", None, {}, []):
        assert kind_of(other) is None


def test_what_cannot_be_imported_says_what_to_do_instead(provider: Provider) -> None:
    context = Context()
    urn = f"urn:pulumi:prod::clinic::{plugin_token('DashboardApiKey')}::ehr"
    with pytest.raises(Aborted):
        provider.Read(provider_pb2.ReadRequest(id="org/0123456789ab", urn=urn), context)  # type: ignore[arg-type]
    assert context.code == grpc.StatusCode.INVALID_ARGUMENT
    assert context.text == (
        "allomia: a DashboardApiKey is not imported: it makes nothing in AlloMia. Declare it with organizationId and "
        "vaultSecret, and run `pulumi up`."
    )
