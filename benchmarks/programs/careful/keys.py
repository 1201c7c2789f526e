"""The resource and its provider, in a module of their own: Pulumi then pickles a reference to the class.

It lists before it mints, proves a new key, revokes one that fails, and rotates with or without an overlap. It still
loses a key whenever an answer or the run is lost after the POST, and cannot tell its own keys in AlloMia's list from
others'.
"""

import threading
import time

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

SECRETS = ["secret", "previousSecret"]
OUTPUTS = (*SECRETS, "keyId", "previousKeyId", "previousRevokeAt")


class KeyProvider(ResourceProvider):
    serialize_as_secret_always = False

    def configure(self, _req):
        self._opening, self._opened = threading.Lock(), None

    @property
    def _allomia(self):
        # A run without changes calls nobody, and need not load what calls.
        with self._opening:
            if self._opened is None:
                from allomia import AlloMia  # noqa: PLC0415 - as said above

                self._opened = AlloMia()
            return self._opened

    def diff(self, _id, _olds, _news):
        replaces = ["organizationId"] if _olds["organizationId"] != _news["organizationId"] else []
        if _rotates(_olds, _news) and not _news.get("overlap"):
            replaces.append("quarter")
        changes = any(_olds.get(name) != _news.get(name) for name in ("quarter", "overlap")) or _is_over(_olds)
        return DiffResult(changes=changes or bool(replaces), replaces=replaces, delete_before_replace=False)

    def create(self, props):
        key = self._allomia.mint(props["organizationId"], props["label"])
        return CreateResult(key["id"], {**props, "keyId": key["id"], "secret": key["key"]})

    def read(self, id_, props):
        is_alive = self._allomia.has(props["organizationId"], props["keyId"])
        return ReadResult(id_, props) if is_alive else ReadResult("", {})

    def update(self, _id, _olds, _news):
        outputs = {name: _olds[name] for name in OUTPUTS if _olds.get(name) is not None}
        if _is_over(_olds):
            self._allomia.revoke(_olds["organizationId"], outputs.pop("previousKeyId"))
            del outputs["previousSecret"], outputs["previousRevokeAt"]
        if _rotates(_olds, _news):
            if "previousKeyId" in outputs:
                raise ValueError(f"the predecessor of {_olds['keyId']} is still in its overlap")
            key = self._allomia.mint(_news["organizationId"], _news["label"])
            outputs["previousKeyId"], outputs["previousSecret"] = outputs["keyId"], outputs["secret"]
            outputs["previousRevokeAt"] = time.time() + float(_news["overlap"].removesuffix("s"))
            outputs["keyId"], outputs["secret"] = key["id"], key["key"]
        return UpdateResult({**_news, **outputs})

    def delete(self, _id, _props):
        for name in ("previousKeyId", "keyId"):
            if _props.get(name):
                self._allomia.revoke(_props["organizationId"], _props[name])


def _rotates(olds, news):
    return olds["quarter"] != news["quarter"]


def _is_over(olds):
    return olds.get("previousRevokeAt") is not None and time.time() >= olds["previousRevokeAt"]


class Key(Resource):
    secret: pulumi.Output[str]
    key_id: pulumi.Output[str]

    def __init__(self, name, organization_id, quarter, overlap=None, opts=None):
        props = {"organizationId": organization_id, "label": name, "quarter": quarter, "overlap": overlap}
        secret = pulumi.ResourceOptions(additional_secret_outputs=SECRETS)
        empty = dict.fromkeys(OUTPUTS)
        super().__init__(KeyProvider(), name, {**props, **empty}, pulumi.ResourceOptions.merge(secret, opts))
