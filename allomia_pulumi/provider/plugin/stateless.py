"""The refusal of writes that no state records."""

from __future__ import annotations

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.provider.urn import kind_in, name_of, project_of, stack_of

__all__ = ["require_state"]

PROJECT, STACK = "default", "dev"


def require_state(urn: str) -> None:
    """Refuse a write of `pulumi do --stateless`, which the CLI (3.274) asks for under one made-up name for everybody.

    A key that no state has is a leaked one, and one made under another's name is taken for a lost one.

    Raises:
        InvalidInput: The name is that one.
    """
    if (project_of(urn), stack_of(urn), name_of(urn)) == (PROJECT, STACK, kind_in(urn)):
        raise InvalidInput(
            "`pulumi do --stateless` keeps no state, and only a state tells what was made and whose it is: nothing was "
            "sent",
            "Declare it in a program. To end a key: `allomia revoke ORGANIZATION KEY_ID`. If it is declared, in stack "
            f"{STACK} of project {PROJECT}, give it another name than {kind_in(urn)}.",
        )
