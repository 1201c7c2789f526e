"""AlloMia for one process: one client, one look into Vault, and one list of each organization."""

import os
import threading

import httpx
import hvac

MOST_KEYS = 5
EMPTY_WINDOW = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:01Z", "limit": 1}


def tenant_key():
    client = hvac.Client(os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"])
    secret = client.secrets.kv.v2.read_secret_version(
        "allomia/tenant", mount_point="secret", raise_on_deleted_version=True
    )
    return secret["data"]["data"]["api_key"]


def keys_path(organization_id):
    return f"/api/organization/{organization_id}/api-keys"


class AlloMia:
    def __init__(self):
        self._client = httpx.Client(base_url=os.environ["ALLOMIA_API_URL"], timeout=30)
        self._tenant = tenant_key()
        self._locks, self._alive = {}, {}

    def mint(self, organization_id, label):
        """Make a key in a free slot, and prove it."""
        with self._lock(organization_id):
            alive = self._list(organization_id)
            if len(alive) >= MOST_KEYS:
                raise ValueError(f"organization {organization_id} holds {len(alive)} keys, which is all it may")
            alive.add(label)
        try:
            key = self._call("POST", keys_path(organization_id), json={"name": label}).raise_for_status().json()
            self._replace(organization_id, label, key["id"])
        except BaseException:
            self._replace(organization_id, label)
            raise
        try:
            self._prove(organization_id, key["key"])
        except BaseException:
            self.revoke(organization_id, key["id"])
            raise
        return key

    def has(self, organization_id, key_id):
        with self._lock(organization_id):
            if key_id in self._list(organization_id):
                return True
        answer = self._call("GET", f"{keys_path(organization_id)}/{key_id}")
        return answer.status_code != 404 and bool(answer.raise_for_status())

    def revoke(self, organization_id, key_id):
        answer = self._call("DELETE", f"{keys_path(organization_id)}/{key_id}")
        if answer.status_code != 404:
            answer.raise_for_status()
        self._replace(organization_id, key_id)

    def _prove(self, organization_id, key):
        window = {"organizationId": organization_id, **EMPTY_WINDOW}
        self._call("GET", "/api/calls", key, params=window).raise_for_status()

    def _list(self, organization_id):
        if organization_id not in self._alive:
            answer = self._call("GET", keys_path(organization_id), params={"page": 1, "limit": 100})
            self._alive[organization_id] = {key["id"] for key in answer.raise_for_status().json()["apiKeys"]}
        return self._alive[organization_id]

    def _replace(self, organization_id, old, new=None):
        with self._lock(organization_id):
            alive = self._alive.get(organization_id)
            if alive is not None:
                alive.discard(old)
                alive.update(filter(None, [new]))

    def _lock(self, organization_id):
        return self._locks.setdefault(organization_id, threading.Lock())

    def _call(self, method, path, key=None, **more):
        headers = {"Authorization": f"Bearer {key or self._tenant}"}
        return self._client.request(method, path, headers=headers, **more)
