"""What the endpoints of the control API share: their bodies, what they look up, and the log of changes by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from allomia_pulumi.sandbox.connection import connection_of
from allomia_pulumi.sandbox.events import Event, EventType
from allomia_pulumi.sandbox.records import ApiKey, Organization, Tenant, timestamp
from allomia_pulumi.sandbox.store import LONGEST_KEY_NAME

if TYPE_CHECKING:
    from starlette.requests import Request

    from allomia_pulumi.sandbox.world import Sandbox

__all__ = ["Body", "ControlBase", "ControlError", "Identifier", "Name", "Named", "explain"]

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY_NAME)]
Identifier = Annotated[str, Field(pattern=r"^[^/]{1,100}$")]


class ControlError(Exception):
    """A control request cannot be carried out; the text says why."""


def explain(error: ValidationError) -> str:
    """Return one line that names each bad field, without its value."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in details)


class Body(BaseModel):
    """The base of what control requests carry."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True
    )


class Named(Body):
    """A body that names what is to be made."""

    name: Name


class ControlBase:
    """The base of control endpoints, over the current world."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def tenant(self, tenant_id: str) -> Tenant:
        """Return a tenant.

        Raises:
            ControlError: There is none with this ID.
        """
        tenant = self._sandbox.world.store.tenants.get(tenant_id)
        if tenant is None:
            raise ControlError("there is no tenant with this id")
        return tenant

    def organization(self, request: Request) -> Organization:
        """Return the organization that the path names.

        Raises:
            ControlError: There is none with this ID.
        """
        organization = self._sandbox.world.store.organizations.get(request.path_params["organization_id"])
        if organization is None:
            raise ControlError("there is no organization with this id")
        return organization

    def log_by_hand(
        self,
        request: Request,
        event_type: EventType,
        organization: Organization,
        key: ApiKey | None = None,
        *,
        status: int = 200,
    ) -> None:
        """Append the event of a change that somebody makes in the dashboard."""
        world = self._sandbox.world
        world.events.append(
            Event(
                seq=world.events.last + 1,
                at=timestamp(world.clock.now(), "milliseconds"),
                type=event_type,
                method=request.method,
                path=request.url.path,
                status=status,
                organization_id=organization.id,
                key_id=key.id if key else None,
                key_name=key.name if key else None,
                credential="none",
                user_agent=request.headers.get("user-agent", ""),
                pid=connection_of(request.scope).pid,
                answered=True,
            )
        )
