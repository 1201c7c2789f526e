"""Many keys, threads and processes at once, over real gRPC, real HTTP and a real OpenBao, through both faces."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest

from tests.contract.faces import FACES, Face, FaceError
from tools.engine.openbao import OpenBao
from tools.engine.sandbox import Event, Sandbox, Tenant

T = TypeVar("T")

MOST_CONNECTIONS = 64
POLICY = """
path "secret/data/allomia/tenant" { capabilities = ["read"] }
path "secret/data/races/*" { capabilities = ["read"] }
path "secret/metadata/races/*" { capabilities = ["read"] }
"""


@dataclass(frozen=True)
class Scene:
    """A tenant whose key lies in Vault, and how to start provider processes that find it there."""

    sandbox: Sandbox
    openbao: OpenBao
    tenant: Tenant
    kind: type[Face]
    role_id: str
    secret_id: str

    def start(self) -> Face:
        auth = f'{{"method": "approle", "roleId": "{self.role_id}", "secretIdEnv": "SECRET_ID"}}'
        configuration = {
            "apiUrl": self.sandbox.address,
            "tenantKeyRef": "secret/allomia/tenant#api_key",
            "vault": f'{{"address": "{self.openbao.address}", "auth": {auth}}}',
        }
        return self.kind(configuration, {"SECRET_ID": self.secret_id})

    def organizations(self, count: int) -> list[str]:
        return [self.sandbox.add_organization(self.tenant.id, f"Clinic {number}") for number in range(count)]

    def alive(self, organization: str) -> set[str]:
        return {key.id for key in self.sandbox.alive(organization)}

    def logins_and_reads(self, since: int) -> tuple[int, int]:
        paths = Counter(entry.path for entry in self.openbao.audit_entries()[since:])
        return paths["auth/approle/login"], paths["secret/data/allomia/tenant"]


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def scene(request: pytest.FixtureRequest, sandbox: Sandbox, openbao: OpenBao) -> Iterator[Scene]:
    sandbox.reset()
    tenant, client = sandbox.add_tenant("clinics"), openbao.client()
    client.secrets.kv.v2.create_or_update_secret("allomia/tenant", {"api_key": tenant.key}, mount_point="secret")
    if "approle/" not in client.sys.list_auth_methods()["data"]:
        client.sys.enable_auth_method("approle")
    client.sys.create_or_update_policy("tenant", POLICY)
    client.auth.approle.create_or_update_approle("races", token_policies=["tenant"])
    role_id = client.auth.approle.read_role_id("races")["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("races")["data"]["secret_id"]
    yield Scene(sandbox, openbao, tenant, request.param, role_id, secret_id)
    sandbox.clear_faults()


def together(work: Sequence[Callable[[], T]]) -> list[T | FaceError]:
    """Do everything at the same moment, and return what came of each."""
    start = Barrier(len(work))

    def one(job: Callable[[], T]) -> T | FaceError:
        start.wait(30)
        try:
            return job()
        except FaceError as problem:
            return problem

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def key_of(outcome: Any) -> dict[str, Any]:
    """Return the outputs of a creation that has to have succeeded."""
    assert not isinstance(outcome, FaceError), outcome
    outputs: dict[str, Any] = outcome[1]
    return outputs


def news(organization: str, quarter: str = "1", **more: Any) -> dict[str, Any]:
    return {"organizationId": organization, "rotationTriggers": {"quarter": quarter}, **more}


@pytest.mark.catalogue(76)
def test_g3_sixty_four_threads_with_both_kinds_of_keys_log_in_once_and_no_token_stays_alive(scene: Scene) -> None:
    kv, tokens = scene.openbao.client().secrets.kv.v2, scene.openbao.client().auth.token
    organizations = scene.organizations(MOST_CONNECTIONS // 2)
    for organization in organizations:
        made = scene.sandbox.make_key_by_hand(organization, "by hand")
        kv.create_or_update_secret(f"races/{organization}", {"api_key": made.key}, mount_point="secret")
    alive, since = set(tokens.list_accessors()["data"]["keys"]), len(scene.openbao.audit_entries())
    with scene.start() as minting:
        by_hand = copy.copy(minting)
        by_hand.kind = "DashboardApiKey"
        jobs: list[Callable[[], object]] = []
        for organization in organizations:
            place = {"organizationId": organization, "vaultSecret": f"secret/races/{organization}#api_key"}
            jobs.append(partial(by_hand.create, place, name=f"by-hand-{organization}"))
            jobs.append(partial(minting.check, {}, news(organization), name=f"made-{organization}"))
        assert [said for said in together(jobs) if isinstance(said, FaceError)] == []
        assert scene.logins_and_reads(since) == (1, 1)
    assert set(tokens.list_accessors()["data"]["keys"]) == alive


@pytest.mark.catalogue(55)
def test_fifty_keys_through_one_cold_client_cost_one_login_one_read_and_one_list_each_organization(
    scene: Scene,
) -> None:
    organizations, before = scene.organizations(10), len(scene.openbao.audit_entries())
    event, began = scene.sandbox.last_event(), time.monotonic()
    with scene.start() as face:
        jobs = [partial(face.up, news(organizations[number % 10]), name=f"key-{number}") for number in range(50)]
        made = [key_of(outcome) for outcome in together(jobs)]
        connections = _connections(face, scene.sandbox)
    shares = 1 + (time.monotonic() - began) // 5

    assert scene.logins_and_reads(before) == (1, 1)
    calls = Counter(each.type for each in scene.sandbox.events(event))
    assert 10 <= calls.pop("listed") <= 10 * shares, "a list is shared for 5 seconds"
    assert calls == {"minted": 50, "verified": 50}
    assert 0 < connections <= MOST_CONNECTIONS
    assert {outputs["keyId"] for outputs in made} == set().union(*map(scene.alive, organizations))
    assert {
        scene.sandbox.key_status(each["record"]["settings"]["organizationId"], each["secret"]) for each in made
    } == {200}


@pytest.mark.catalogue(34)
def test_g1_ten_creates_at_once_fill_five_slots_and_leave_no_orphan(scene: Scene) -> None:
    (organization,) = scene.organizations(1)
    with scene.start() as face:
        jobs = [partial(face.up, news(organization), name=f"key-{number}") for number in range(10)]
        outcomes = together(jobs)

    made = [key_of(outcome) for outcome in outcomes if not isinstance(outcome, FaceError)]
    refused = [str(outcome) for outcome in outcomes if isinstance(outcome, FaceError)]
    assert (len(made), len(refused)) == (5, 5)
    assert {outputs["keyId"] for outputs in made} == scene.alive(organization)
    assert all("has no free key slot" in text and "allomia revoke" in text for text in refused)
    assert _refusals(scene.sandbox.events()) == []


@pytest.mark.catalogue(33)
def test_g1_two_processes_for_the_last_slot_make_one_key_and_name_the_holders(scene: Scene) -> None:
    (organization,) = scene.organizations(1)
    holders = [scene.sandbox.make_key_by_hand(organization, f"by hand {number}").id for number in range(4)]
    with ExitStack() as stack:
        faces = [stack.enter_context(scene.start()) for _ in range(2)]
        checked = [face.check({}, news(organization), name=f"key-{n}") for n, face in enumerate(faces)]
        outcomes = together(
            [
                partial(face.create, inputs, name=f"key-{n}")
                for n, (face, inputs) in enumerate(zip(faces, checked, strict=True))
            ]
        )

    (made,) = [key_of(outcome) for outcome in outcomes if not isinstance(outcome, FaceError)]
    (refused,) = [str(outcome) for outcome in outcomes if isinstance(outcome, FaceError)]
    assert scene.alive(organization) == {*holders, made["keyId"]}
    assert "has no free key slot" in refused
    assert all(key_id in refused for key_id in (*holders, made["keyId"]))
    assert scene.sandbox.key_status(organization, made["secret"]) == 200


@pytest.mark.catalogue(14)
@pytest.mark.long
def test_g2_two_processes_on_one_organization_that_limits_requests_lose_nothing(scene: Scene) -> None:
    (organization,) = scene.organizations(1)
    scene.sandbox.add_fault("status", status=429, headers={"Retry-After": "1"}, times=None, chance=0.3, seed=1)
    with ExitStack() as stack:
        faces = [stack.enter_context(scene.start()) for _ in range(2)]
        made = together(
            [partial(faces[number % 2].up, news(organization), name=f"key-{number}") for number in range(4)]
        )
        (fault,) = scene.sandbox.faults()
        scene.sandbox.clear_faults()
        ids = {key_of(outcome)["keyId"] for outcome in made}
        assert fault.hits > 0
        assert ids == scene.alive(organization)
        assert {scene.sandbox.key_status(organization, key_of(outcome)["secret"]) for outcome in made} == {200}


@pytest.mark.catalogue(35)
@pytest.mark.parametrize("overlap", [None, "1h"])
def test_g1_rotations_and_creations_at_once_never_need_a_sixth_key(scene: Scene, overlap: str | None) -> None:
    (organization,) = scene.organizations(1)
    more = {"overlap": overlap} if overlap else {}
    with scene.start() as face:
        olds = [face.up(news(organization, **more), name=f"old-{number}") for number in range(3)]

    event = scene.sandbox.last_event()
    with scene.start() as face:
        jobs: list[Callable[[], Any]] = [
            partial(_rotate, face, old, news(organization, **more), number) for number, old in enumerate(olds)
        ]
        jobs += [partial(face.up, news(organization, **more), name=f"new-{number}") for number in range(3)]
        outcomes = together(jobs)

    done = [outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, FaceError)]
    refused = [str(outcome) for outcome in outcomes if isinstance(outcome, FaceError)]
    assert len(done) == 2, "five slots less three keys alive"
    assert all("has no free key slot" in text for text in refused)
    assert _refusals(scene.sandbox.events(event)) == []
    known = {old[1]["keyId"] for old in olds} | {key_of(outcome)["keyId"] for outcome in done}
    assert scene.alive(organization) == known


def _rotate(face: Face, old: tuple[str, dict[str, Any]], before: dict[str, Any], number: int) -> Any:
    """Rotate as an `up` does; None if the rotation waits for a slot."""
    name, after = f"old-{number}", {**before, "rotationTriggers": {"quarter": "2"}}
    inputs = face.check({**before, "name": name}, after, name=name)
    diff = face.diff(*old, inputs, name=name)
    if diff.replaces:
        return face.create(face.check({}, after, name=name), name=name)
    return (old[0], face.update(*old, inputs, name=name)) if diff.changes else None


def _refusals(events: Sequence[Event]) -> list[str]:
    return [event.path for event in events if event.type == "refused"]


def _connections(face: Face, sandbox: Sandbox) -> int:
    """Count the established connections from the face's process to the sandbox."""
    port = int(sandbox.address.rpartition(":")[2])
    sockets = {_target(entry) for entry in Path(f"/proc/{face.process.pid}/fd").iterdir()}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[2].endswith(f":{port:04X}") and f"socket:[{line[9]}]" in sockets for line in lines)


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""
