"""Pulumi resources for AlloMia's organization API keys: minted, rotated and revoked without losing a secret."""

from allomia_pulumi._version import __version__
from allomia_pulumi.dynamic import OrganizationApiKey, VaultReferenceArgs, VaultSecretArgs

__all__ = ["OrganizationApiKey", "VaultReferenceArgs", "VaultSecretArgs", "__version__"]
