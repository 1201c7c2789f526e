"""The import of a key that exists: from an id and, if the user names it, a secret, to a record and inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Tenants
from allomia_pulumi.core import input_fields
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import clean_label, draw_lineage, label_of
from allomia_pulumi.core.messages import IMPORT_WITH_SECRET, look_command
from allomia_pulumi.core.minted_key.inspect import Existing, Inspector
from allomia_pulumi.core.minted_key.schedule import reschedule
from allomia_pulumi.core.minted_key.state import KeyState, Reason, Record, Settings
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.redaction import fingerprint

__all__ = ["Importer"]


@dataclass(frozen=True)
class Importer:
    """Import keys through one tenant's AlloMia; nothing is changed there."""

    tenants: Tenants
    inspector: Inspector
    reporter: Reporter

    def run(self, pulumi_id: str, identity: Identity) -> tuple[KeyState, dict[str, Any]]:
        """Find the key, prove its secret if there is one, and return the record and the inputs that describe it.

        Raises:
            InvalidInput: The id is not that of a key.
            NotFound: The tenant key does not see the organization, or it has no such key.
            CredentialRejected: AlloMia does not accept the secret.
            UnexpectedAnswer: The secret is another key's.
            AllomiaError: Nothing was imported.
        """
        organization_id, key_id = _split(pulumi_id)
        with self.inspector.lock(organization_id):
            found = self.inspector.find(organization_id, key_id)
            if found is None:
                # The id is not repeated: a key itself is easily pasted in its place.
                raise NotFound(
                    f"organization {organization_id} has no key with that id; nothing was imported",
                    f"Look with {look_command(organization_id)}.",
                )
            given = self.tenants.imported_secret(organization_id, key_id)
            if given is not None:
                self.inspector.prove(found, *given)
        if given is None:
            self.reporter.warn(
                f"the secret of key {key_id} is not known, since AlloMia shows it once only. "
                f"{IMPORT_WITH_SECRET} Otherwise the first rotation brings one"
            )
        is_foreign = self.inspector.is_foreign(found, identity, self.tenants.owner)
        return self._state(found, identity, given[0] if given else None, is_foreign=is_foreign)

    def _state(
        self, found: Existing, identity: Identity, secret: SecretStr | None, *, is_foreign: bool
    ) -> tuple[KeyState, dict[str, Any]]:
        settings = Settings(organization_id=found.organization_id, name=clean_label(label_of(found.key.name)))
        state = KeyState(
            key_id=found.key.id,
            key_name=found.key.name,
            created_at=format_moment(self.inspector.made_at(found)),
            secret=secret,
            secret_fingerprint=fingerprint(secret) if secret else "",
            rotation_reason=Reason.IMPORTED,
            record=Record(
                identity=identity,
                owner=self.tenants.owner,
                settings=settings,
                lineage=draw_lineage(),
                api_url=self.tenants.service.api_url,
                keys_path=self.tenants.service.keys_path,
                foreign_keys=(found.key.id,) if is_foreign else (),
            ),
        )
        return reschedule(state), {"organizationId": settings.organization_id, "name": settings.name}


def _split(pulumi_id: str) -> tuple[str, str]:
    organization_id, slash, key_id = pulumi_id.partition("/")
    try:
        if slash:
            return input_fields.organization_id(organization_id), input_fields.identifier(key_id, "keyId")
    except InvalidInput:
        pass
    raise InvalidInput(
        "the id to import is not that of a key, <organizationId>/<keyId>; nothing was imported",
        "Look with `allomia keys --organization ORGANIZATION`.",
    )
