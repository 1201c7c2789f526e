"""What stands in for AlloMia below the client: a tenant key, answers in turn, and bodies of the documented shape."""

from collections.abc import Callable

import httpx
from pydantic import SecretStr

KEYS = "/api/organization/{organizationId}/api-keys"
BODY_CANARY = "canary-in-a-body"
KEY_CANARY = "alm_tenant_canary"
Answer = httpx.Response | Exception


class Credential:
    source = "Vault secret/allomia/tenant#api_key"

    def __init__(self, *keys: str) -> None:
        self.keys = [SecretStr(key) for key in keys or (KEY_CANARY,)]

    def current(self) -> SecretStr:
        return self.keys[0]

    def renew(self, refused: SecretStr) -> bool:
        if len(self.keys) > 1:
            self.keys.pop(0)
        return self.keys[0] != refused


class Server:
    """Answers in turn; the last answer stays."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[httpx.Request], Answer]] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def page(*names: str, total: int | None = None, more: bool = False) -> httpx.Response:
    keys = [{"id": f"id-{name}", "name": name, "createdAt": "2026-11-25T12:00:00Z"} for name in names]
    pagination = {"page": 1, "limit": 100, "total": len(names) if total is None else total, "hasNextPage": more}
    return httpx.Response(200, json={"apiKeys": keys, "pagination": pagination, "unknown": 1})


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, json={"error": BODY_CANARY}, headers=headers)


def html(code: int = 200) -> httpx.Response:
    return httpx.Response(code, html=f"<html>{BODY_CANARY}</html>")


CREATED = {"id": "id-1", "name": "ehr", "key": "alm_org_1", "createdAt": "2026-11-25T12:00:00Z"}
