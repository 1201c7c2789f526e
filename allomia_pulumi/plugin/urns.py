"""What a URN says: which kind of resource it is, and which declared key."""

from __future__ import annotations

from allomia_pulumi.keys.models import Identity

__all__ = ["identity_of", "kind_of", "name_of"]

PREFIX = "urn:pulumi:"


def identity_of(urn: str) -> Identity:
    """Return the identity, as the dynamic face's class passes it: so a key keeps its mark when it changes faces."""
    stack, project, types, name = _parts(urn)
    return Identity(project=project, stack=stack, parents=types.rpartition("$")[0], name=name)


def kind_of(urn: str) -> str:
    """Return the resource's own name in the package, such as `OrganizationApiKey`."""
    return _parts(urn)[2].rpartition("$")[2].rpartition(":")[2]


def name_of(urn: str) -> str:
    """Return the logical name."""
    return _parts(urn)[3]


def _parts(urn: str) -> list[str]:
    return urn.removeprefix(PREFIX).split("::", 3)
