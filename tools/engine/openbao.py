"""A real OpenBao, or the Vault that `ALLOMIA_TEST_VAULT` names, on a loopback port for as long as a context."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import hvac
import requests

from tools.engine.canaries import lasting, plant_from_answer
from tools.engine.processes import Child, ToolError, free_port, scratch_folder
from tools.engine.vault_product import Product, ensure_product

__all__ = ["AuditEntry", "OpenBao"]

# It prints this once it listens and, in dev mode, once `secret/` is there.
READY = "(OpenBao|Vault) server started!"
PORT_TAKEN = "address already in use"
ATTEMPTS = 3
HEALTH_SECONDS = 5
AUDIT_LOG = "audit.log"
CERTIFICATES = "tls"


@dataclass(frozen=True)
class AuditEntry:
    """One answered request, as the audit log tells it.

    Attributes:
        operation: `read`, `create`, `update`, `list` or `delete`.
        path: With the mount, without a leading slash: `secret/data/allomia`, `auth/approle/login`.
        error: What the client was told, empty when all went well.
        raw: The whole entry; secrets in it are hashed.
    """

    operation: str
    path: str
    error: str
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class OpenBao:
    """A running OpenBao, or Vault, that keeps everything in memory; start one with `dev` or `sealable`.

    Attributes:
        product: Which of the two it is, and what it cannot do.
        address: What `VAULT_ADDR` takes.
        token: The root token.
        ca_file: What `VAULT_CACERT` takes; None without TLS.
        pid: Its process id, to end a server that was left running.
        audit_log: The audit log, if it keeps one; secrets in it are hashed.
        unseal_key: Empty for a dev server.
    """

    product: Product
    address: str
    pid: int
    token: str = field(repr=False, default="")
    unseal_key: str = field(repr=False, default="")
    ca_file: Path | None = None
    audit_log: Path | None = None

    @classmethod
    @contextmanager
    def dev(cls, *, tls: bool = False, audit: bool = False, keeps_running: bool = False) -> Iterator[Self]:
        """Run a dev server for as long as the context: unsealed, with KV v2 at `secret/`.

        Args:
            tls: Serve HTTPS, with a CA of its own.
            audit: Keep a log for `audit_entries`.
            keeps_running: Leave it running when the context ends without an exception.

        Raises:
            ToolError: It does not start.
        """
        token, product = secrets.token_urlsafe(24), ensure_product()
        with (
            lasting(token),
            scratch_folder("openbao", keeps=keeps_running) as folder,
            _serve(product, folder, is_dev=True, tls=tls, audit=audit, token=token, keeps_running=keeps_running) as (
                child,
                at,
            ),
        ):
            server = cls(
                product,
                address=f"{'https' if tls else 'http'}://{at}",
                pid=child.pid,
                token=token,
                ca_file=folder / CERTIFICATES / "vault-ca.pem" if tls else None,
                audit_log=folder / AUDIT_LOG if audit else None,
            )
            _start_audit(server)
            yield server

    @classmethod
    @contextmanager
    def sealable(cls, *, audit: bool = False) -> Iterator[Self]:
        """Run a server for as long as the context that is no dev server, and so can be sealed; KV v2 is at `secret/`.

        Raises:
            ToolError: It does not start.
        """
        product = ensure_product()
        with scratch_folder("openbao") as folder, _serve(product, folder, is_dev=False, audit=audit) as (child, at):
            server = cls(product, f"http://{at}", child.pid, audit_log=folder / AUDIT_LOG if audit else None)
            shares = server.client().sys.initialize(secret_shares=1, secret_threshold=1)
            server = replace(server, token=shares["root_token"], unseal_key=shares["keys"][0])
            with lasting(server.token, server.unseal_key):
                server.unseal()
                child.wait_until(lambda: server.health() == requests.codes.ok)
                server.client().sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
                child.wait_until(lambda: _is_upgraded(server.client()))
                _start_audit(server)
                yield server

    def client(self) -> hvac.Client:
        """Return a new client with the root token."""
        session = self._session()
        return hvac.Client(self.address, self.token, session=session, verify=session.verify, allow_redirects=False)

    def health(self) -> int:
        """Return the status code of `sys/health`: 200 when it serves, 503 when it is sealed."""
        with self._session() as session:
            return session.get(f"{self.address}/v1/sys/health", timeout=HEALTH_SECONDS).status_code

    def seal(self) -> None:
        """Seal it: requests are answered 503 from now on."""
        self.client().sys.seal()

    def unseal(self) -> None:
        """Unseal it: tokens and data are as they were."""
        self.client().sys.submit_unseal_key(self.unseal_key)

    def audit_entries(self) -> list[AuditEntry]:
        """Return all answered requests so far; those to `sys/health` and the seal status are never logged.

        Raises:
            ToolError: It was started without `audit`.
        """
        if self.audit_log is None:
            raise ToolError("This OpenBao keeps no audit log.", "Start it with audit=True.")
        entries = map(json.loads, self.audit_log.read_text().splitlines())
        return [
            AuditEntry(entry["request"]["operation"], entry["request"]["path"], entry.get("error", ""), entry)
            for entry in entries
            if entry["type"] == "response"
        ]

    def _session(self) -> requests.Session:
        session = requests.Session()
        # Neither a proxy nor a .netrc of the machine belongs between a test and its loopback server.
        session.trust_env = False
        # Set here as well as in the client: with a session of its own, hvac heeds the session's only.
        session.verify = str(self.ca_file) if self.ca_file else True
        session.hooks["response"].append(_remember_secrets)
        return session


def _remember_secrets(response: requests.Response, *_: object, **__: object) -> None:
    with suppress(ValueError):
        plant_from_answer(response.json())


@contextmanager
def _serve(
    product: Product,
    folder: Path,
    *,
    is_dev: bool,
    tls: bool = False,
    audit: bool = False,
    token: str = "",
    keeps_running: bool = False,
) -> Iterator[tuple[Child, str]]:
    """Run it on a free port; yield the child and the host and port."""
    for attempt in range(1, ATTEMPTS + 1):
        authority = f"127.0.0.1:{free_port()}"
        child = Child(
            product.name,
            _command(product, folder, authority, is_dev=is_dev, tls=tls, audit=audit),
            folder / "output.log",
            environment=_environment(folder, token),
            hidden=re.compile(r"(?<=Unseal Key: )\S+|(?<=Root Token: )\S+"),
            keeps_running=keeps_running,
        )
        with ExitStack() as stack:
            try:
                stack.enter_context(child).wait_for(READY)
            except ToolError:
                # Somebody else may take the port between our choice and its start.
                if attempt < ATTEMPTS and PORT_TAKEN in child.output():
                    continue
                raise
            yield child, authority
            return


def _command(
    product: Product, folder: Path, authority: str, *, is_dev: bool, tls: bool, audit: bool
) -> list[str | Path]:
    lines, arguments = [], []
    if product.needs_mlock:
        lines.append("disable_mlock = true")
    if audit and product.declares_audit:
        lines.append(f'audit "file" "log" {{ options {{ file_path = "{folder / AUDIT_LOG}" }} }}')
    if is_dev:
        arguments += ["-dev", "-dev-no-store-token", f"-dev-listen-address={authority}"]
    else:
        lines += ['storage "inmem" {}', f'listener "tcp" {{ address = "{authority}", tls_disable = true }}']
        lines += [f'api_addr = "http://{authority}"']
    if tls:
        certificates = folder / CERTIFICATES
        certificates.mkdir(exist_ok=True)
        arguments += ["-dev-tls", f"-dev-tls-cert-dir={certificates}"]
    configuration = folder / "openbao.hcl"
    configuration.write_text("\n".join(lines))
    return [product.binary, "server", f"-config={configuration}", *arguments]


def _environment(folder: Path, token: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BAO_", "VAULT_"))}
    # The token goes by the environment: anybody on the machine can read arguments. Each product heeds its own name.
    named = dict.fromkeys(("BAO_DEV_ROOT_TOKEN_ID", "VAULT_DEV_ROOT_TOKEN_ID"), token) if token else {}
    return {**inherited, "HOME": str(folder), **named}


def _start_audit(server: OpenBao) -> None:
    if server.audit_log and not server.product.declares_audit:
        options = {"file_path": str(server.audit_log)}
        server.client().sys.enable_audit_device("file", path="log", options=options)


def _is_upgraded(client: hvac.Client) -> bool:
    # A fresh KV v2 mount refuses requests until it has finished its upgrade.
    try:
        client.secrets.kv.v2.read_configuration(mount_point="secret")
    except hvac.exceptions.InvalidRequest:
        return False
    return True
