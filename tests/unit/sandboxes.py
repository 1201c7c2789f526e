"""A sandbox within the process, and what its clock and its waits come to."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from allomia_pulumi.sandbox.app import build_app
from allomia_pulumi.sandbox.world import Sandbox

A_YEAR = 365 * 86_400


class Local:
    """A sandbox with one tenant and one organization, whose waits are recorded instead of waited."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, int]] = []
        self.sandbox = Sandbox(pause=self._pause)
        self.app = build_app(self.sandbox)
        self.tenant = self.control("POST", "tenants", {"name": "Coastal Group"})
        self.key: str = self.tenant["key"]
        self.org = self.add_organization("Valley Health Clinic")

    async def _pause(self, seconds: float) -> None:
        self.waits.append((seconds, self.counts()["alive"]))

    def counts(self) -> dict[str, int]:
        world = self.sandbox.world
        return {**world.events.counts, "alive": len(world.store.keys)}

    def send(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        json: object = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        authorization = {"Authorization": f"Bearer {key}"} if key else {}

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(
                    method,
                    path,
                    headers={**authorization, **(headers or {})},
                    params=params,
                    json=json,
                    content=content,
                )

        return asyncio.run(request())

    def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        response = self.send(method, f"/sandbox/{path}", json=body)
        assert response.is_success, response.text
        return dict(response.json())

    def add_organization(self, name: str, tenant_id: str | None = None) -> str:
        body = {"tenantId": tenant_id or self.tenant["id"], "name": name}
        return str(self.control("POST", "organizations", body)["id"])

    def by_hand(self, name: str, org: str | None = None) -> dict[str, Any]:
        return self.control("POST", f"organizations/{org or self.org}/keys", {"name": name})

    def keys(self, org: str | None = None) -> str:
        return f"/api/organization/{org or self.org}/api-keys"

    def mint(self, name: object = "ehr-sync", key: str | None = None, org: str | None = None) -> httpx.Response:
        return self.send("POST", self.keys(org), key or self.key, json={"name": name})

    def calls(self, key: str, **query: str) -> httpx.Response:
        return self.send("GET", "/api/calls", key, params={"organizationId": self.org, **query})

    def fault(self, kind: str, **fields: object) -> str:
        return str(self.control("POST", "faults", {"kind": kind, "path": "/api/*", **fields})["id"])

    def events(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.control("GET", f"events?since={since}")["events"])

    def last_event(self) -> dict[str, Any]:
        return self.events()[-1]
