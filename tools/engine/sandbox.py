"""The sandbox AlloMia on a loopback port, with a typed client for its control side."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import httpx

from tools.engine.canaries import plant
from tools.engine.processes import CHECKOUT, Child, ToolError, scratch_folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["AliveKey", "Event", "Fault", "MadeKey", "MadeOrganization", "Sandbox", "Tenant"]

JsonObject: TypeAlias = dict[str, Any]
Model = TypeVar("Model", bound="DataclassInstance")

READY = r"(?m)^AlloMia sandbox on (http://\S+)$"
# The faults of a test may delay answers, but never those of the control side.
CONTROL_SECONDS = 10.0
EMPTY_WINDOW = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z"}


@dataclass(frozen=True)
class Tenant:
    """A tenant and its key."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class MadeKey:
    """An organization key made by hand, with its value."""

    id: str
    name: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class MadeOrganization:
    """An organization, whatever AlloMia's list shows of it; `fields` has all by their names on the wire."""

    id: str
    name: str
    is_active: bool
    external_id: str | None
    fields: JsonObject = field(repr=False)


@dataclass(frozen=True)
class AliveKey:
    """A living organization key; nobody can see its value again."""

    id: str
    name: str
    created_at: str
    last_used_at: str | None


@dataclass(frozen=True)
class Event:
    """One request to AlloMia's side, or one change made by hand, as the sandbox logged it."""

    seq: int
    at: str
    type: str
    method: str
    path: str
    status: int
    credential: str
    answered: bool
    user_agent: str = ""
    organization_id: str | None = None
    organization_name: str | None = None
    key_id: str | None = None
    key_name: str | None = None
    pid: int | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Fault:
    """A fault with its hits so far; `remaining` is None for one that strikes for ever."""

    id: str
    kind: str
    method: str
    path: str
    hits: int
    remaining: int | None


class Sandbox:
    """A running sandbox: set the scene, aim faults, read what happened.

    Every method raises `ToolError` when the sandbox refuses.

    Attributes:
        address: What `ALLOMIA_API_URL` takes.
        pid: Its process id, to end a sandbox that was left running.
    """

    def __init__(self, address: str, pid: int, control: httpx.Client) -> None:
        self.address = address
        self.pid = pid
        self._control = control

    @classmethod
    @contextmanager
    def start(cls, *, keeps_running: bool = False) -> Iterator[Self]:
        """Run a fresh sandbox on a free port for as long as the context.

        Args:
            keeps_running: Leave it running when the context ends without an exception.

        Raises:
            ToolError: It does not start.
        """
        command = [sys.executable, "-m", "allomia_pulumi.sandbox", "--port", "0"]
        with (
            scratch_folder("sandbox", keeps=keeps_running) as folder,
            Child("The sandbox", command, folder / "output.log", folder=CHECKOUT, keeps_running=keeps_running) as child,
        ):
            address = child.wait_for(READY).group(1)
            with httpx.Client(base_url=address, timeout=CONTROL_SECONDS, trust_env=False) as control:
                yield cls(address, child.pid, control)

    def add_tenant(self, name: str) -> Tenant:
        """Make a tenant."""
        answer = self._call("POST", "tenants", {"name": name})
        return Tenant(answer["id"], plant(answer["key"]))

    def rotate_tenant_key(self, tenant_id: str) -> str:
        """Give a tenant a new key and return it; the old one is dead at once."""
        return plant(str(self._call("POST", f"tenants/{tenant_id}/rotate-key")["key"]))

    def add_organization(self, tenant_id: str, name: str, organization_id: str | None = None, **known: object) -> str:
        """Make an organization, with that ID or a new one, and return the ID.

        What is `known` of it besides: `email`, `address`, …, `external_id`, `is_active`, and `hidden_lists`, which many
        lists leave it out.
        """
        body = {"tenantId": tenant_id, "name": name, "id": organization_id, **_to_wire(known)}
        return str(self._call("POST", "organizations", body)["id"])

    def organizations(self, tenant_id: str | None = None) -> list[MadeOrganization]:
        """Return the organizations there are, of one tenant or of all, oldest first."""
        found = [
            each
            for each in self._call("GET", "organizations")["organizations"]
            if tenant_id in {None, each["tenantId"]}
        ]
        return [
            MadeOrganization(each["id"], each["name"], each["isActive"], each["externalId"], each) for each in found
        ]

    def change_organization(self, organization_id: str, **changes: object) -> None:
        """Change fields as somebody does in the dashboard, such as `city="Oslo"` or `is_active=False`."""
        self._call("PATCH", f"organizations/{organization_id}", _to_wire(changes))

    def deactivate_organization(self, organization_id: str) -> None:
        """Deactivate an organization as somebody does in the dashboard."""
        self._call("POST", f"organizations/{organization_id}/deactivate")

    def set_metadata_schema(self, tenant_id: str, **schema: object) -> None:
        """Set what a tenant's metadata has to look like: `properties` (a type each), `required`, `additional`."""
        self._call("POST", f"tenants/{tenant_id}/metadata-schema", {**schema})

    def put_metadata(self, organization_id: str, metadata: JsonObject) -> None:
        """Make the first metadata record of an organization, or its next version, by hand."""
        self._call("POST", f"organizations/{organization_id}/metadata", {"metadata": metadata})

    def metadata(self, organization_id: str) -> JsonObject | None:
        """Return the metadata record of an organization as on the wire, or None."""
        record: JsonObject | None = self._call("GET", f"organizations/{organization_id}/metadata")["record"]
        return record

    def delete_organization(self, organization_id: str) -> None:
        """Remove an organization and its keys."""
        self._call("DELETE", f"organizations/{organization_id}")

    def make_key_by_hand(self, organization_id: str, name: str, **known: str | None) -> MadeKey:
        """Make a key as somebody does in the dashboard; what is `known` of it: `id`, `key`, `created_at`."""
        answer = self._call("POST", f"organizations/{organization_id}/keys", {"name": name, **_to_wire({**known})})
        return MadeKey(answer["id"], answer["name"], plant(answer["key"]))

    def revoke_by_hand(self, organization_id: str, key_id: str) -> None:
        """Revoke a key as somebody does in the dashboard."""
        self._call("DELETE", f"organizations/{organization_id}/keys/{key_id}")

    def alive(self, organization_id: str) -> list[AliveKey]:
        """Return the living keys of an organization."""
        answer = self._call("GET", f"organizations/{organization_id}/keys")
        return [_read(AliveKey, key) for key in answer["keys"]]

    def events(self, since: int = 0) -> list[Event]:
        """Return what happened after the event of that number, oldest first."""
        return [_read(Event, event) for event in self._call("GET", f"events?since={since}")["events"]]

    def last_event(self) -> int:
        """Return the number of the newest event, for `events`."""
        return int(self._call("GET", "events")["last"])

    def counts(self) -> dict[str, int]:
        """Return how often each type of event happened, and under `alive` how many keys live."""
        return dict(self._call("GET", "events")["counts"])

    def add_fault(
        self,
        kind: str,
        *,
        method: str = "*",
        path: str = "*",
        times: int | None = 1,
        skip: int = 0,
        chance: float = 1.0,
        seed: int = 0,
        **extra: object,
    ) -> str:
        """Add a fault after the others and return its ID.

        It strikes requests that fit `method` and `path` (a glob), `times` times (None is for ever) after the first
        `skip` of them, each with that `chance`, where the `seed` decides which. The fields that its kind has besides
        come in snake case: `add_fault("status", status=500)`.
        """
        aim = {"method": method, "path": path, "times": times, "skip": skip, "chance": chance, "seed": seed}
        body = {"kind": kind, **aim, **_to_wire(extra)}
        return str(self._call("POST", "faults", body)["id"])

    def faults(self) -> list[Fault]:
        """Return the faults, in the order in which they were added."""
        return [_read(Fault, fault) for fault in self._call("GET", "faults")["faults"]]

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("DELETE", "faults")

    def settings(self, **changes: object) -> JsonObject:
        """Change the settings that are named, such as `quota_status=400`, and return all as on the wire."""
        return self._call("POST", "settings", _to_wire(changes))

    def reset(self) -> None:
        """Forget everything: tenants, organizations, keys, events, faults and settings."""
        self._call("POST", "reset")

    def key_status(self, organization_id: str, key: str) -> int:
        """Use a key for one harmless call and return the status: 200 when it is accepted, 401 when it is not."""
        answer = self._control.get(
            "/api/calls",
            params={"organizationId": organization_id, **EMPTY_WINDOW},
            headers={"Authorization": f"Bearer {key}"},
        )
        return answer.status_code

    def _call(self, method: str, path: str, body: JsonObject | None = None) -> JsonObject:
        answer = self._control.request(method, f"/sandbox/{path}", json=body)
        if not answer.is_success:
            raise ToolError(f"The sandbox refused {method} /sandbox/{path} with {answer.status_code}: {answer.text}")
        content: JsonObject = answer.json()
        return content


def _read(model: type[Model], wire: JsonObject) -> Model:
    names = {each.name for each in fields(model)}
    values = {_snake(name): value for name, value in wire.items()}
    return model(**{name: value for name, value in values.items() if name in names})


def _to_wire(values: dict[str, object]) -> JsonObject:
    return {re.sub(r"_(\w)", lambda match: match.group(1).upper(), name): value for name, value in values.items()}


def _snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()
