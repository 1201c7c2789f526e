"""Prove an organization's own key by one harmless call with it; no tenant key is needed."""

from __future__ import annotations

from pydantic import SecretStr

from allomia_pulumi.edges.allomia.documented import CALLS_PATH, ORGANIZATIONS_PATH, CallPage, OrganizationPage, calls_of
from allomia_pulumi.edges.allomia.http_client import Absent, HttpClient
from allomia_pulumi.errors import AccessDenied, AllomiaError, CredentialRejected, NotFound

__all__ = ["Prover"]


class Prover:
    """Prover of organization keys: each is used for one call.

    Args:
        http: The connection.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def prove_key(self, organization_id: str, key: SecretStr, source: str) -> None:
        """Prove a key by asking for the calls of an empty window: harmless, and no call record travels.

        Args:
            organization_id: The organization that the key has to belong to.
            key: The key.
            source: Where it comes from, for messages.

        Raises:
            CredentialRejected: AlloMia does not accept the key.
            NotFound: AlloMia accepts the key, and it does not see the organization.
            AllomiaError: The call failed for another reason, which proves nothing about the key.
        """
        credential = _FixedCredential(key, source)
        doing = f"proving the key of organization {organization_id}"
        problem: AllomiaError
        try:
            self._http.get(CALLS_PATH, CallPage, credential, doing=doing, params=calls_of(organization_id))
        except Absent:
            problem = NotFound(f"AlloMia accepts the key from {source}, and it does not see {organization_id} (404)")
        # The hints of these two speak of tenant keys.
        except CredentialRejected as rejected:
            problem = CredentialRejected(rejected.message)
        except AccessDenied as denied:
            problem = AccessDenied(denied.message)
        else:
            return
        raise problem.as_said_by("AlloMia")

    def acts_as_tenant(self, key: SecretStr, source: str) -> bool:
        """Tell by a documented call that only a tenant key may make whether a key is one.

        Raises:
            AllomiaError: The answer says neither yes nor no.
        """
        doing = "asking whether it is a tenant key"
        try:
            self._http.get(
                ORGANIZATIONS_PATH, OrganizationPage, _FixedCredential(key, source), doing=doing, params={"limit": 1}
            )
        except (AccessDenied, CredentialRejected, Absent):
            return False
        return True


class _FixedCredential:
    """The credential of one call, which cannot be renewed."""

    def __init__(self, key: SecretStr, source: str) -> None:
        self._key = key
        self.source = source

    def current(self) -> SecretStr:
        return self._key

    def renew(self, refused: SecretStr) -> bool:  # noqa: ARG002 - there is no other place to read it from
        return False
