"""The edge to AlloMia, and the only user of httpx."""

from allomia_pulumi.api.client import TenantClient
from allomia_pulumi.api.documented import Organization
from allomia_pulumi.api.exchange import Credential, Exchange
from allomia_pulumi.api.keys import CreatedKey, ListedKey

__all__ = ["CreatedKey", "Credential", "Exchange", "ListedKey", "Organization", "TenantClient"]
