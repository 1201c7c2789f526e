"""Organizations of one process on a sandbox within it, with faults on the way there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from allomia_pulumi.contracts.tenants import Service
from allomia_pulumi.core.handler import Call, Checked, Preview
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.organization.handler import Organizations
from allomia_pulumi.core.organization.plan import OrganizationPlan
from allomia_pulumi.core.organization.state import OrganizationState
from allomia_pulumi.edges.allomia import HttpClient, OrganizationClient, TenantClient
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.references import VaultReference
from tests.allomias import KEYS, Credential
from tests.fakes import FakeClock, Listener
from tests.unit.sandboxes import Local

IDENTITY = Identity(project="p", stack="s", name="valley")
OTHER = Identity(project="p", stack="s", name="beside")
ADDRESS = "http://127.0.0.1"
NEWS: dict[str, Any] = {
    "name": "Harbor Dental",
    "email": "ops@harbor.example",
    "address": "123 Main Street",
    "city": "San Francisco",
    "stateProvince": "CA",
    "postalCode": "94105",
    "country": "USA",
    "phoneNumber": "+14155551234",
    "timezone": "America/Los_Angeles",
}

Send = Callable[[httpx.Request], httpx.Response]
Fault = Callable[[httpx.Request, Send], httpx.Response]


class Scene:
    """One sandbox, and one process of the provider at a time.

    Attributes:
        faults: What the next requests of a method meet, in turn.
        sent: Every request, as method and path.
    """

    def __init__(self) -> None:
        self.local = Local()
        self.clock = FakeClock()
        self.faults: dict[str, list[Fault]] = {}
        self.sent: list[str] = []
        self.made: list[str] = []
        self.service = Service(api_url=ADDRESS, keys_path=KEYS)
        self.cancellation = Cancellation()
        self.key = self.local.key
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Begin a new process."""
        self.listener = Listener()
        self.client = self.new_client()
        self.organizations_of_process = Organizations(self, self.clock)

    def new_client(self) -> OrganizationClient:
        """Return a further client of the tenant key."""
        http = HttpClient(ADDRESS, self.clock, self.cancellation, transport=httpx.MockTransport(self._handle))
        credential = Credential(self.key)
        return OrganizationClient(http, credential, TenantClient(http, credential, KEYS))

    def require(self, reference: VaultReference | None) -> None:
        pass

    def organizations(self, reference: VaultReference | None) -> OrganizationClient:  # noqa: ARG002
        return self.client

    def record_made_organization(self, organization_id: str) -> None:
        self.made.append(organization_id)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.sent.append(f"{request.method} {request.url.path}")
            waiting = self.faults.get(request.method, [])
            fault = waiting.pop(0) if waiting else None
        return fault(request, self.send) if fault else self.send(request)

    def send(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            answer = self.local.send(
                request.method,
                request.url.path,
                headers=dict(request.headers),
                params=dict(request.url.params),
                content=request.read(),
            )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def call(self, identity: Identity = IDENTITY, pulumi_id: str = "", *, is_old: bool = False) -> Call:
        return Call(identity, self.listener, pulumi_id, old_identity=identity if is_old else None)

    def check(self, news: dict[str, Any], olds: dict[str, Any] | None = None, identity: Identity = IDENTITY) -> Checked:
        return self.organizations_of_process.check(olds or {}, news, self.call(identity, is_old=bool(olds)))

    def create(self, news: dict[str, Any] | None = None, identity: Identity = IDENTITY) -> OrganizationState:
        return self.organizations_of_process.create(news or NEWS, self.call(identity))[1]

    def diff(self, state: OrganizationState, news: dict[str, Any], identity: Identity = IDENTITY) -> OrganizationPlan:
        call = self.call(identity, state.record.organization_id)
        return self.organizations_of_process.diff(state.to_outputs(), news, call)

    def preview(self, state: OrganizationState, news: dict[str, Any]) -> Preview:
        return self.organizations_of_process.preview(state.to_outputs(), news, self.call())

    def update(
        self, state: OrganizationState, news: dict[str, Any], identity: Identity = IDENTITY
    ) -> OrganizationState:
        return self.organizations_of_process.update(state.to_outputs(), news, self.call(identity))

    def read(self, state: OrganizationState) -> OrganizationState:
        return self.organizations_of_process.read(state.record.organization_id, state.to_outputs(), self.listener)

    def delete(self, state: OrganizationState) -> None:
        self.organizations_of_process.delete(state.to_outputs(), self.listener)

    def import_(self, organization_id: str) -> tuple[OrganizationState, dict[str, Any]]:
        return self.organizations_of_process.import_(organization_id, IDENTITY, self.listener)

    def take_sent(self) -> list[str]:
        sent, self.sent = self.sent, []
        return [each.replace("/api/organization", "") for each in sent]

    def by_hand(self, **fields: object) -> str:
        """Make an organization behind the provider's back."""
        body = {"tenantId": self.local.tenant["id"], **NEWS, **fields}
        return str(self.local.control("POST", "organizations", body)["id"])

    def change_by_hand(self, organization_id: str, **fields: object) -> None:
        self.local.control("PATCH", f"organizations/{organization_id}", fields)

    def deactivate_by_hand(self, organization_id: str) -> None:
        self.local.control("POST", f"organizations/{organization_id}/deactivate")

    def count(self, name: str = "Harbor Dental") -> int:
        """Return how many organizations of a name AlloMia has."""
        return sum(each.name == name for each in self.local.sandbox.world.store.organizations.values())

    def field(self, organization_id: str, name: str) -> object:
        organization = self.local.send("GET", f"/api/organization/{organization_id}", self.local.key).json()
        return organization["currentOrg"][name]


def lost_before(request: httpx.Request, _send: Send) -> httpx.Response:
    raise httpx.ReadTimeout("late", request=request)


def lost_after(request: httpx.Request, send: Send) -> httpx.Response:
    send(request)
    raise httpx.ReadTimeout("late", request=request)


def cut_after(request: httpx.Request, send: Send) -> httpx.Response:
    send(request)
    raise httpx.RemoteProtocolError("cut", request=request)


def not_sent(request: httpx.Request, _send: Send) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def answered(status: int, *, is_done: bool, **answer: Any) -> Fault:
    """Return a fault that answers something else, after the request was carried out or instead of that."""

    def fault(request: httpx.Request, send: Send) -> httpx.Response:
        if is_done:
            send(request)
        return httpx.Response(status, **answer)

    return fault


def changed(**fields: object) -> Fault:
    """Return a fault that changes what the true answer says."""

    def fault(request: httpx.Request, send: Send) -> httpx.Response:
        answer = send(request)
        return httpx.Response(answer.status_code, json={**answer.json(), **fields})

    return fault


def after(step: Callable[[], object], *, then: Fault) -> Fault:
    """Return a fault that comes after something else has happened."""

    def fault(request: httpx.Request, send: Send) -> httpx.Response:
        step()
        return then(request, send)

    return fault


def line(texts: Iterable[str]) -> str:
    """Return the only text."""
    (text,) = texts
    return text
