"""The address from which the engine may fetch the plugin: part of the schema, of each SDK, and of no default."""

from __future__ import annotations

import re
from typing import Any, Final

from tools.engine.processes import ToolError

__all__ = ["checked_address", "with_address"]

NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# The forms of Pulumi's own downloader that nobody but the address's owner answers. It fills in the four variables.
GITHUB: Final = re.compile(rf"github://api\.github\.com/{NAME}/{NAME}")
HTTPS: Final = re.compile(rf"https://{NAME}(?::\d+)?(?:/(?:[A-Za-z0-9._~-]|\$\{{(?:NAME|VERSION|OS|ARCH)\}})+)*/?")
KEY: Final = "pluginDownloadURL"
# Where `tools.schema` has the other words about the publisher.
BEFORE: Final = "meta"


def checked_address(address: str) -> str:
    """Return the address if the engine can fetch a plugin from it; nothing is one.

    Raises:
        ToolError: It cannot.
    """
    if address and not GITHUB.fullmatch(address) and not HTTPS.fullmatch(address):
        # Not echoed: somebody may have put a password into it.
        raise ToolError(
            "PLUGIN_DOWNLOAD_URL is no address of a plugin.",
            "Write github://api.github.com/ORGANIZATION/REPOSITORY, or an https address without user and query.",
        )
    return address


def with_address(schema: dict[str, Any], address: str) -> dict[str, Any]:
    """Return the schema with the address in it."""
    if not address:
        return schema
    return {
        name: value
        for key, content in schema.items()
        for name, value in ([(KEY, address)] if key == BEFORE else []) + [(key, content)]
    }
