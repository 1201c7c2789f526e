"""The edge to AlloMia, and the only user of httpx."""

from httpx import InvalidURL

from allomia_pulumi.api.client import TenantClient
from allomia_pulumi.api.documented import Organization
from allomia_pulumi.api.exchange import Credential, Exchange
from allomia_pulumi.api.keys import ListedKey, ShownKey
from allomia_pulumi.api.paths import is_identifier
from allomia_pulumi.api.proving import Prover

__all__ = [
    "Credential",
    "Exchange",
    "InvalidURL",
    "ListedKey",
    "Organization",
    "Prover",
    "ShownKey",
    "TenantClient",
    "is_identifier",
]
