"""A real AlloMia sandbox and a real OpenBao behind a wire that cuts, resets, stalls and slices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Literal

import pytest

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.issuance import KeyRequest
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.edges.allomia import HttpClient, TenantClient, http_client
from allomia_pulumi.errors import AllomiaError, OutcomeUnknown, SecretConflict, Unreachable
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.ground.references import parse_reference
from tests.allomias import KEYS, Credential
from tests.deliveries import SECRET, Shelf, Spot, fields, marks, on_its_way
from tests.fakes import LINEAGE, FakeClock, Listener
from tests.faults.wire.wires import Trouble, Wire, wire
from tests.vaults import KEY, mount_kv, opened
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Sandbox, Tenant

IDENTITY = Identity(project="p", stack="s", name="ehr")
POST, GET, DELETE = b"POST ", b"GET ", b"DELETE "
HEAD_BYTES = 60
"""Less than the head of any answer here: what comes after it is cut in the middle."""
MOST_BYTES = 250
"""More than the head of an answer and less than all of it."""
_numbers = count()


@pytest.fixture(scope="module")
def tenant(sandbox: Sandbox) -> Tenant:
    return sandbox.add_tenant("clinics")


@pytest.fixture
def organization(sandbox: Sandbox, tenant: Tenant) -> str:
    return sandbox.add_organization(tenant.id, "Valley Health")


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao.dev() as server:
        mount_kv(server.client(), "legacy", "1")
        yield server


@pytest.fixture
def spot() -> Spot:
    return Spot(f"wired-{next(_numbers)}")


@pytest.fixture(autouse=True)
def soon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time of a request where the wire would let it wait for ever; elsewhere a slow machine needs it."""
    if "stall" in request.node.name or "slice toward" in request.node.name:
        monkeypatch.setattr(http_client, "ATTEMPT_SECONDS", WAITING_SECONDS)


@contextmanager
def over(upstream: str, tenant: Tenant, *troubles: Trouble) -> Iterator[tuple[TenantClient, Wire]]:
    with wire(upstream, *troubles) as between:
        connection = HttpClient(between.address, FakeClock(), Cancellation(), source="default")
        try:
            yield TenantClient(connection, Credential(tenant.key), KEYS), between
        finally:
            connection.close()


LOST_ANSWERS = [
    Trouble("reset", when=POST),
    Trouble("reset", when=POST, after=HEAD_BYTES),
    Trouble("reset", when=POST, after=MOST_BYTES),
    Trouble("cut", when=POST),
    Trouble("cut", when=POST, after=HEAD_BYTES),
    Trouble("cut", when=POST, after=MOST_BYTES),
    Trouble("stall", when=POST),
    Trouble("stall", when=POST, after=MOST_BYTES),
    Trouble("slice", when=POST),
]
LOST_REQUESTS = [
    Trouble("reset", "server", POST),
    Trouble("reset", "server", POST, after=HEAD_BYTES),
    Trouble("cut", "server", POST),
    Trouble("cut", "server", POST, after=HEAD_BYTES),
    Trouble("stall", "server", POST, after=HEAD_BYTES),
]
WAITING_SECONDS = 1.5


def seconds_for(act: str) -> float:
    return WAITING_SECONDS if act == "stall" else 10.0


def name_of(trouble: Trouble) -> str:
    return f"{trouble.act} toward {trouble.toward} after {trouble.after}"


@pytest.mark.catalogue(9, 10, 18, 19)
@pytest.mark.parametrize("trouble", [*LOST_ANSWERS, *LOST_REQUESTS], ids=name_of)
def test_g1_g2_a_mint_over_a_bad_wire_leaves_one_key_whose_secret_works(
    sandbox: Sandbox, tenant: Tenant, organization: str, trouble: Trouble
) -> None:
    start = sandbox.last_event()
    with over(sandbox.address, tenant, trouble) as (client, between):
        minted = Minter(client, FakeClock(), Listener(), Cancellation()).mint(
            KeyRequest(organization, "ehr", IDENTITY, "", LINEAGE)
        )
        assert between.met == 1
    assert [key.id for key in sandbox.alive(organization)] == [minted.id]
    assert sandbox.key_status(organization, minted.secret.get_secret_value()) == 200
    events = [event for event in sandbox.events(since=start) if event.organization_id == organization]
    assert sum(event.type == "minted" for event in events) == (2 if trouble in LOST_ANSWERS else 1)
    assert sum(event.type == "revoked" for event in events) == (1 if trouble in LOST_ANSWERS else 0)


@pytest.mark.catalogue(9, 19)
@pytest.mark.parametrize("trouble", [Trouble("reset", when=POST, times=2), Trouble("cut", when=POST, times=2)])
def test_g1_two_lost_answers_in_a_row_leave_nothing_alive(
    sandbox: Sandbox, tenant: Tenant, organization: str, trouble: Trouble
) -> None:
    with (
        over(sandbox.address, tenant, trouble) as (client, _),
        pytest.raises(AllomiaError, match="revoked again, twice"),
    ):
        Minter(client, FakeClock(), Listener(), Cancellation()).mint(
            KeyRequest(organization, "ehr", IDENTITY, "", LINEAGE)
        )
    assert sandbox.alive(organization) == []


@pytest.mark.catalogue(9, 10)
@pytest.mark.parametrize("act", ["reset", "cut"])
def test_g2_a_wire_that_dies_with_the_mint_names_the_key_to_look_for(
    sandbox: Sandbox, tenant: Tenant, organization: str, act: Literal["cut", "reset"]
) -> None:
    troubles = [Trouble(act, when=POST), Trouble(act, when=GET, times=50)]
    with over(sandbox.address, tenant, *troubles) as (client, _), pytest.raises(OutcomeUnknown) as caught:
        Minter(client, FakeClock(), Listener(), Cancellation()).mint(
            KeyRequest(organization, "ehr", IDENTITY, "", LINEAGE)
        )
    (alive,) = sandbox.alive(organization)
    assert alive.name in str(caught.value)
    assert "allomia keys --organization" in str(caught.value)


@pytest.mark.catalogue(15, 18, 20)
@pytest.mark.parametrize(
    ("act", "after"), [("reset", 0), ("reset", HEAD_BYTES), ("cut", MOST_BYTES), ("stall", MOST_BYTES)]
)
def test_g4_a_list_over_a_bad_wire_is_whole_or_an_error(
    sandbox: Sandbox, tenant: Tenant, organization: str, act: Literal["cut", "reset", "stall"], after: int
) -> None:
    made = sandbox.make_key_by_hand(organization, "by-hand")
    with over(sandbox.address, tenant, Trouble(act, when=GET, after=after)) as (client, _):
        assert [key.id for key in client.list_keys(organization)] == [made.id]
    with (
        over(sandbox.address, tenant, Trouble(act, when=GET, after=after, times=50)) as (client, _),
        pytest.raises(Unreachable),
    ):
        client.list_keys(organization)


@pytest.mark.catalogue(18)
def test_a_slow_list_that_comes_in_time_is_read(sandbox: Sandbox, tenant: Tenant, organization: str) -> None:
    made = sandbox.make_key_by_hand(organization, "by-hand")
    with over(sandbox.address, tenant, Trouble("slice", when=GET, seconds=0.0001)) as (client, between):
        assert [key.id for key in client.list_keys(organization)] == [made.id]
        assert between.met == 1


@pytest.mark.catalogue(47)
@pytest.mark.parametrize("act", ["reset", "cut", "stall"])
@pytest.mark.parametrize("toward", ["client", "server"])
def test_g7_a_revocation_over_a_bad_wire_is_repeated_until_it_is_told(
    sandbox: Sandbox,
    tenant: Tenant,
    organization: str,
    act: Literal["cut", "reset", "stall"],
    toward: Literal["client", "server"],
) -> None:
    made = sandbox.make_key_by_hand(organization, "by-hand")
    with over(sandbox.address, tenant, Trouble(act, toward, DELETE)) as (client, _):
        answer = client.revoke_key(organization, made.id)
    assert answer is (Revocation.CONFIRMED if toward == "server" else Revocation.ABSENT)
    assert sandbox.alive(organization) == []


DELIVERIES = [
    Trouble("reset", "client"),
    Trouble("reset", "client", after=HEAD_BYTES),
    Trouble("reset", "server"),
    Trouble("cut", "client"),
    Trouble("cut", "server", after=HEAD_BYTES),
    Trouble("stall", "client"),
]


@pytest.mark.catalogue(40)
@pytest.mark.parametrize("trouble", DELIVERIES, ids=name_of)
@pytest.mark.parametrize("which", ["metadata", "data"])
def test_g2_a_delivery_over_a_bad_wire_makes_one_version(
    bao: OpenBao, shelf: Shelf, spot: Spot, trouble: Trouble, which: str
) -> None:
    aimed = replace(trouble, when=f" /v1/secret/{which}/{spot.path} ".encode())
    with (
        wire(bao.address, aimed) as between,
        opened(
            {"VAULT_ADDR": between.address, "VAULT_TOKEN": bao.token},
            SystemClock(),
            timeoutSeconds=seconds_for(trouble.act),
        ) as vault,
    ):
        assert vault.deliver_secret(spot, on_its_way()) == 1
        assert between.met == 1
    assert shelf.data(spot.path) == fields()
    assert shelf.version(spot.path) == 1
    assert shelf.custom(spot.path) == marks(1)


@pytest.mark.catalogue(40, 41)
def test_a_delivery_that_somebody_overtook_on_a_bad_wire_overwrites_nothing(
    bao: OpenBao, shelf: Shelf, spot: Spot
) -> None:
    shelf.put(spot.path, api_key="foreign")
    aimed = Trouble("reset", when=f" /v1/secret/metadata/{spot.path} ".encode())
    with (
        wire(bao.address, aimed) as between,
        opened({"VAULT_ADDR": between.address, "VAULT_TOKEN": bao.token}, SystemClock()) as vault,
        pytest.raises(SecretConflict) as caught,
    ):
        vault.deliver_secret(spot, on_its_way())
    assert SECRET not in str(caught.value)
    assert shelf.data(spot.path) == {"api_key": "foreign"}


@pytest.mark.catalogue(15, 18)
@pytest.mark.parametrize(
    ("act", "after"), [("reset", 0), ("cut", 0), ("cut", HEAD_BYTES), ("cut", MOST_BYTES), ("stall", MOST_BYTES)]
)
@pytest.mark.parametrize("mount", ["secret", "legacy"])
def test_a_tenant_key_is_read_over_a_bad_wire(
    bao: OpenBao, act: Literal["cut", "reset", "stall"], after: int, mount: str
) -> None:
    where = f"/v1/{mount}/{'data/' if mount == 'secret' else ''}allomia/tenant"
    values = {"api_key": KEY}
    bao.client().adapter.post(where, json={"data": values} if mount == "secret" else values)
    trouble = Trouble(act, when=GET, after=after)
    with (
        wire(bao.address, trouble) as between,
        opened(
            {"VAULT_ADDR": between.address, "VAULT_TOKEN": bao.token}, FakeClock(), timeoutSeconds=seconds_for(act)
        ) as vault,
    ):
        reference = parse_reference(f"{mount}/allomia/tenant#api_key", "the reference")
        assert vault.read_secret(reference).get_secret_value() == KEY
        assert between.met == 1
