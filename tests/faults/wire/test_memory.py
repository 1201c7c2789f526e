"""An AlloMia or a Vault that never comes to an end costs an error and less than 100 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from socket import socket

import pytest

from tests.faults.peers import Peer, answers, peer

MOST_MEGABYTES = 100
STATUS = Path("/proc/self/status")
FOUR_MIB = 4 * 1024 * 1024 - 1024
HUGE_NAME = "\N{GRINNING FACE}" * 9_000  # four bytes a letter in Python

CHILD = """
import sys
from allomia_pulumi.ground.clock import SystemClock
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.container import Container
import allomia_pulumi.edges.vault.kv

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

class Quick(SystemClock):
    def sleep(self, seconds):
        pass

what, address = sys.argv[1:]
environ = {"ALLOMIA_TENANT_KEY": "alm_tenant_x", "ALLOMIA_API_URL": address}
environ |= {"VAULT_ADDR": address, "VAULT_TOKEN": "s.x"}
session = Container({"tenantKeyRef": "secret/a#b"} if what == "vault" else {}, environ, Quick())
client = session.open(None)
before = peak()
try:
    client.list_keys("org") if what == "keys" else client.list_organizations()
except AllomiaError as problem:
    print(problem.message)
print((peak() - before) // 1024)
"""


def pages(field: str, **item: object) -> bytes:
    items = [{"id": f"NUMBER-{number}", "name": "x", **item} for number in range(100)]
    return json.dumps({field: items, "pagination": {"total": 20_000, "hasNextPage": True}}, ensure_ascii=False).encode()


def crowd(field: str, one: bytes) -> bytes:
    many = b",".join([one] * (FOUR_MIB // (len(one) + 1)))
    return b'{"%s":[%s],"pagination":{"total":5,"hasNextPage":true}}' % (field.encode(), many)


CASES = {
    "pages without end": lambda field: pages(field, city="Zurich", timezone="Europe/Zurich"),
    "huge names": lambda field: pages(field, name=HUGE_NAME),
    "a crowd of objects": lambda field: crowd(field, b"{}"),
    "a crowd of lists": lambda field: crowd(field, b"[]"),
    "a crowd of numbers": lambda field: crowd(field, b"1"),
    "a crowd of items": lambda field: crowd(field, b'{"id":"1","name":"x"}'),
    "a total without end": lambda field: pages(field).replace(b'"total": 20000', b'"total": 1000000000'),
}


@pytest.mark.catalogue(77)
@pytest.mark.skipif(not STATUS.exists(), reason="this machine does not tell how much memory a process has had")
@pytest.mark.parametrize("what", ["organizations", "keys", "vault"])
@pytest.mark.parametrize("case", CASES)
def test_a_list_without_end_is_an_error_within_a_hundred_megabytes(what: str, case: str) -> None:
    body = CASES[case]({"organizations": "organizations", "keys": "apiKeys", "vault": "data"}[what])

    def serve(server: Peer, connection: socket) -> None:
        answers(body.replace(b"NUMBER", b"%d" % len(server.requests)))(server, connection)

    with peer(serve) as server:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, what, server.address], capture_output=True, text=True, check=True, timeout=300
        )
    print(f"{what}, {case}: {done.stdout}")  # noqa: T201 - the figure, for `pytest -s`
    *said, megabytes = done.stdout.splitlines()
    assert len(said) == 1, done.stdout
    assert int(megabytes) < MOST_MEGABYTES
