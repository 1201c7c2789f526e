"""The edge to AlloMia, and the only user of httpx."""

from allomia_pulumi.edges.allomia.client import TenantClient
from allomia_pulumi.edges.allomia.documented import Organization
from allomia_pulumi.edges.allomia.http_client import Credential, HttpClient
from allomia_pulumi.edges.allomia.keys import ListedKey, ShownKey
from allomia_pulumi.edges.allomia.managing import OrganizationClient
from allomia_pulumi.edges.allomia.prover import Prover

__all__ = [
    "Credential",
    "HttpClient",
    "ListedKey",
    "Organization",
    "OrganizationClient",
    "Prover",
    "ShownKey",
    "TenantClient",
]
