"""What the tests of deliveries to Vault share: a place, a key on its way, and a wire that loses answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from allomia_pulumi.contracts.vault_delivery import Delivery, StoredSecret
from allomia_pulumi.edges.vault import Vault
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.clock import Clock
from tests.vaults import Act, Exchange, everything_told, opened, stand_in
from tools.engine.openbao import OpenBao

SECRET = "alm_org_canary_0000000000000001"
MARK = "p1stackxresource"
NOTHING = StoredSecret(
    version=0, mark=None, key_id=None, written=None, is_ours=False, is_live=False, exists=False, is_free=True
)
DATA = 'path "secret/data/least/*" { capabilities = ["create", "update"] }'
METADATA = 'path "secret/metadata/least/*" { capabilities = ["create", "update", "read"] }'
POLICY = f"{DATA} {METADATA}"


@dataclass(frozen=True)
class Spot:
    """A place as the core has it: of no class that the edge knows."""

    path: str
    mount: str | None = "secret"
    field: str = "api_key"

    @property
    def location(self) -> str:
        return f"{self.mount}/{self.path}" if self.mount else self.path


def on_its_way(expected: int = 0, key_id: str = "key-1", secret: str = SECRET) -> Delivery:
    return Delivery(SecretStr(secret), key_id, "org-1", MARK, expected)


def marks(version: int, key_id: str = "key-1") -> dict[str, str]:
    return {"managed-by": "allomia-pulumi", "mark": MARK, "key_id": key_id, "version": str(version)}


def fields(key_id: str = "key-1", secret: str = SECRET) -> dict[str, str]:
    return {"api_key": secret, "key_id": key_id, "organization_id": "org-1"}


@contextmanager
def refused(kind: type[AllomiaError], *secrets: str) -> Iterator[list[AllomiaError]]:
    """Expect an error of exactly that kind, of one line and without a secret; it is in the list afterwards."""
    caught: list[AllomiaError] = []
    with pytest.raises(AllomiaError) as raised:
        yield caught
    caught.append(raised.value)
    assert type(raised.value) is kind, str(raised.value)
    assert "\n" not in str(raised.value)
    told = everything_told(raised.value)
    assert not [secret for secret in (SECRET, *secrets) if secret in told]


@dataclass(frozen=True)
class Shelf:
    """A real server, looked at with the root token."""

    bao: OpenBao

    def put(self, path: str, mount: str = "secret", **values: object) -> None:
        self.bao.client().secrets.kv.v2.create_or_update_secret(path, values, mount_point=mount)

    def set(self, path: str, **settings: object) -> None:
        self.bao.client().adapter.post(f"/v1/secret/metadata/{path}", json=settings)

    def data(self, path: str, mount: str = "secret", version: int | None = None) -> dict[str, str]:
        kv = self.bao.client().secrets.kv.v2
        found = kv.read_secret_version(path, version, mount_point=mount, raise_on_deleted_version=True)
        return dict(found["data"]["data"])

    def metadata(self, path: str, mount: str = "secret") -> dict[str, Any]:
        return dict(self.bao.client().secrets.kv.v2.read_secret_metadata(path, mount_point=mount)["data"])

    def version(self, path: str) -> int:
        return int(self.metadata(path)["current_version"])

    def custom(self, path: str) -> dict[str, str] | None:
        custom: dict[str, str] | None = self.metadata(path)["custom_metadata"]
        return custom

    def token(self, policy: str, *, is_bare: bool = False) -> str:
        """Return a token with that policy, and with the default one unless it is bare."""
        client = self.bao.client()
        client.sys.create_or_update_policy("least", policy)
        granted = client.auth.token.create(policies=["least"], ttl="60s", no_default_policy=is_bare)
        return str(granted["auth"]["client_token"])

    def asked(self, before: int) -> Counter[tuple[str, str]]:
        """Return what was asked since the audit log had so many entries."""
        return Counter((entry.operation, entry.path) for entry in self.bao.audit_entries()[before:])


Pass = Callable[[], requests.Response]
Trouble = Callable[[Exchange, Pass], None]


@dataclass
class Relay:
    """Pass requests on to a real server; one whose method and path fit the next trouble of a list meets it.

    Attributes:
        hidden: The headers that the real server does not see.
    """

    upstream: str
    troubles: list[tuple[str, str, Trouble]]
    passed: list[tuple[str, str]] = field(default_factory=list)
    hidden: frozenset[str] = frozenset()

    def __call__(self, exchange: Exchange) -> None:
        def pass_on() -> requests.Response:
            self.passed.append((seen.method, seen.path))
            shown = seen.headers.keys() - self.hidden
            headers = {name: seen.headers[name] for name in shown if name.startswith("X-Vault")}
            with requests.Session() as session:
                session.trust_env = False
                return session.request(seen.method, self.upstream + seen.path, headers=headers, data=seen.body)

        seen = exchange.server.seen[-1]
        for trouble in self.troubles:
            if trouble[0] == seen.method and trouble[1] in seen.path:
                self.troubles.remove(trouble)
                trouble[2](exchange, pass_on)
                return
        answer_as(exchange, pass_on())


def answer_as(exchange: Exchange, response: requests.Response) -> None:
    if response.status_code == requests.codes.no_content:
        exchange.send_response(response.status_code)
        exchange.end_headers()
    else:
        exchange.answer(response.status_code, response.content)


def lost_after(exchange: Exchange, pass_on: Pass) -> None:
    """Let it be done, and lose the answer."""
    pass_on()
    exchange.close_connection = True


def lost_before(exchange: Exchange, _: Pass) -> None:
    exchange.close_connection = True


def instead(act: Act) -> Trouble:
    """Answer otherwise, and do nothing."""
    return lambda exchange, _: act(exchange)


def done_but(act: Act) -> Trouble:
    """Let it be done, and answer otherwise."""

    def trouble(exchange: Exchange, pass_on: Pass) -> None:
        pass_on()
        act(exchange)

    return trouble


def meanwhile(doing: Callable[[], object]) -> Trouble:
    """Do something else first, then let it be done."""

    def trouble(exchange: Exchange, pass_on: Pass) -> None:
        doing()
        answer_as(exchange, pass_on())

    return trouble


@contextmanager
def relayed(
    bao: OpenBao, *troubles: tuple[str, str, Trouble], token: str = "", clock: Clock | None = None
) -> Iterator[tuple[Vault, Relay]]:
    """Open a Vault whose way to the real server is a relay."""
    relay = Relay(bao.address, list(troubles))
    with stand_in(*[relay] * 99) as server:
        environ = {"VAULT_ADDR": server.address, "VAULT_TOKEN": token or bao.token}
        with opened(environ, clock) as vault:
            yield vault, relay
