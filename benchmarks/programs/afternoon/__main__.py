"""The same keys through a dynamic provider written in an afternoon: httpx and hvac in every method, as the docs show.

It verifies nothing, and loses a key whenever an answer or the run is lost after the POST.
"""

import json
import os
import sys
from pathlib import Path

import httpx
import hvac
import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult


def tenant_key():
    client = hvac.Client(os.environ["VAULT_ADDR"], os.environ["VAULT_TOKEN"])
    secret = client.secrets.kv.v2.read_secret_version(
        "allomia/tenant", mount_point="secret", raise_on_deleted_version=True
    )
    return secret["data"]["data"]["api_key"]


def call(method, path, **more):
    headers = {"Authorization": f"Bearer {tenant_key()}"}
    return httpx.request(method, os.environ["ALLOMIA_API_URL"] + path, headers=headers, timeout=30, **more)


def keys_path(organization_id):
    return f"/api/organization/{organization_id}/api-keys"


class KeyProvider(ResourceProvider):
    def diff(self, _id, _olds, _news):
        replaces = [name for name in ("organizationId", "quarter") if _olds.get(name) != _news.get(name)]
        return DiffResult(changes=bool(replaces), replaces=replaces, delete_before_replace=False)

    def create(self, props):
        answer = call("POST", keys_path(props["organizationId"]), json={"name": props["label"]})
        answer.raise_for_status()
        key = answer.json()
        return CreateResult(key["id"], {**props, "keyId": key["id"], "secret": key["key"]})

    def read(self, id_, props):
        answer = call("GET", f"{keys_path(props['organizationId'])}/{id_}")
        if answer.status_code == 404:
            return ReadResult("", {})
        answer.raise_for_status()
        return ReadResult(id_, props)

    def update(self, _id, _olds, _news):
        return UpdateResult({**_olds, **_news})

    def delete(self, _id, _props):
        answer = call("DELETE", f"{keys_path(_props['organizationId'])}/{_id}")
        if answer.status_code != 404:
            answer.raise_for_status()


class Key(Resource):
    secret: pulumi.Output[str]
    key_id: pulumi.Output[str]

    def __init__(self, name, organization_id, quarter, opts=None):
        props = {"organizationId": organization_id, "label": name, "quarter": quarter, "secret": None, "keyId": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secret"])
        super().__init__(KeyProvider(), name, props, pulumi.ResourceOptions.merge(secret, opts))


# Pulumi's SDK nests its pickling one call deeper with each dynamic resource whose provider stands in the program, which
# would end in a RecursionError at some 190 keys.
sys.setrecursionlimit(100_000)
config = pulumi.Config()
organizations = json.loads(Path("organizations.json").read_text())
for number in range(config.require_int("keysPerOrganization")):
    for clinic, organization_id in enumerate(organizations):
        Key(f"clinic-{clinic}-{number}", organization_id, config.require("quarter"))
