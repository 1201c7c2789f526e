"""The address from which the engine may fetch the plugin: part of the schema and of each SDK; there is no default."""

from __future__ import annotations

import re
from typing import Any, Final

from tools.engine.processes import ToolError

__all__ = ["checked_address", "with_address"]

NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
# The forms of Pulumi's own downloader that nobody but the address's owner answers. It fills in the four variables.
GITHUB: Final = re.compile(rf"github://api\.github\.com/(?P<repository>{NAME}/{NAME})")
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
    """Return the schema with the address in it, and with the repository that the address is of.

    npm refuses provenance for a package that does not name the repository whose workflow publishes it.
    """
    if not address:
        return schema
    told = {KEY: address}
    if found := GITHUB.fullmatch(address):
        told["repository"] = f"https://github.com/{found['repository']}"
    at = list(schema).index(BEFORE)
    return dict([*list(schema.items())[:at], *told.items(), *list(schema.items())[at:]])
