"""The names of a release's files, which the plugin's installer and the indexes expect."""

from __future__ import annotations

from typing import Final

from allomia_pulumi._version import __version__

__all__ = [
    "CHECKSUMS",
    "GO_SDK",
    "NOTES",
    "NPM_PACKAGE",
    "PLATFORMS",
    "PLUGIN_ARCHIVES",
    "RUN",
    "SDIST",
    "TAG",
    "VERSION",
    "WHEEL",
]

VERSION: Final = __version__
TAG: Final = f"v{VERSION}"
# Operating system and architecture, as Go and so the plugin's installer names them.
PLATFORMS: Final = ("darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64", "windows-amd64")
RUN: Final = "linux-amd64"
"""The platform whose archive `make release-check` runs."""

WHEEL: Final = f"allomia_pulumi-{VERSION}-py3-none-any.whl"
SDIST: Final = f"allomia_pulumi-{VERSION}.tar.gz"
PLUGIN_ARCHIVES: Final = {platform: f"pulumi-resource-allomia-v{VERSION}-{platform}.tar.gz" for platform in PLATFORMS}
NPM_PACKAGE: Final = f"allomia-pulumi-{VERSION}.tgz"
GO_SDK: Final = f"allomia-pulumi-sdk-go-{VERSION}.tar.gz"
NOTES: Final = f"allomia-pulumi-{VERSION}-changes.md"
CHECKSUMS: Final = "SHA256SUMS"
