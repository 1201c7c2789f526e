"""One request to AlloMia's side and its result, as the endpoints see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import TypeAdapter

from allomia_pulumi.sandbox.records import ApiKey, JsonObject, Organization, Tenant

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

    from allomia_pulumi.sandbox.events import EventType
    from allomia_pulumi.sandbox.world import World

__all__ = ["JSON", "ApiCall", "Done", "Exchange", "RefusalError"]

# pydantic's parser refuses a body that is nested too deep, where the standard one ends in a RecursionError.
JSON: TypeAdapter[object] = TypeAdapter(object)


class RefusalError(Exception):
    """AlloMia understands the request and says no.

    Attributes:
        status: The HTTP status code of the answer.
        error: The text of `{"error": …}`.
        details: What the answer says besides, if anything.
    """

    def __init__(self, status: int, error: str, details: list[str] | None = None) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error
        self.details = details


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request under `/api`, completely received.

    Attributes:
        path: As on the wire, percent-encoded, without the query.
        token: The bearer token, if there is one.
        pid: The process that sent it, where the machine can tell.
    """

    method: str
    path: str
    query: QueryParams
    token: str | None = field(repr=False)
    content_type: str
    body: bytes = field(repr=False)
    user_agent: str
    pid: int | None = None

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded segments of the path: an encoded slash in an ID does not make two of one."""
        return tuple(unquote(segment) for segment in self.path.removeprefix("/").split("/"))

    def json_object(self) -> JsonObject:
        """Return the body.

        Raises:
            RefusalError: 400, it is not a JSON object that says so in its content type.
        """
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise RefusalError(400, "Content-Type must be application/json")
        try:
            value = JSON.validate_json(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RefusalError(400, "Request body must be a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a request: the change that an endpoint made, and its answer."""

    type: EventType
    body: JsonObject
    status: int = 200
    key: ApiKey | None = None
    organization: Organization | None = None
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """An authenticated request, with the IDs that its path names."""

    world: World
    call: ApiCall
    caller: Tenant | ApiKey
    ids: tuple[str, ...]

    def organization(self, organization_id: str) -> Organization:
        """Return an organization that the caller may see.

        Raises:
            RefusalError: 404, it does not exist or is foreign; the two look the same from outside.
        """
        organization = self.world.store.organizations.get(organization_id)
        if organization is None or not self._may_see(organization):
            raise RefusalError(404, "Organization not found")
        status = self.world.settings.deactivated_status
        if status is not None and not organization.is_active:
            raise RefusalError(status, "Organization is inactive")
        return organization

    def _may_see(self, organization: Organization) -> bool:
        if isinstance(self.caller, Tenant):
            return organization.tenant_id == self.caller.id
        return organization.id == self.caller.organization_id
