"""Settings of a provider: what the engine hands to `CheckConfig` and `Configure`, as the container takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from google.protobuf import struct_pb2

from allomia_pulumi.ground.config import unknown_settings
from allomia_pulumi.ground.settings import CONFIGURATION
from allomia_pulumi.ground.spelling import spell_argument
from allomia_pulumi.provider.plugin.codec import decode, known
from allomia_pulumi.provider.urn import is_default_provider, project_of, setting_text

__all__ = ["SettingSources", "setting_sources", "unknown_arguments"]

SettingSources: TypeAlias = tuple[dict[str, str], Mapping[str, str], dict[str, str]]

OF_THE_ENGINE: Final = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization"})
"""What the engine puts beside a provider's settings."""


def setting_sources(urn: str, properties: struct_pb2.Struct, environ: Mapping[str, str]) -> SettingSources:
    """Return where settings come from: stack configuration, environment, and the arguments of an explicit provider.

    Those that are not known yet are left out; objects are JSON, as the stack's configuration has them.
    """
    settings = {name: setting_text(value) for name, value in known(decode(properties), CONFIGURATION).items()}
    return (settings, environ, {}) if _is_of_the_stack(urn) else ({}, environ, settings)


def unknown_arguments(urn: str, properties: struct_pb2.Struct) -> list[str]:
    """Say which values are no settings."""
    names = decode(properties).keys() - OF_THE_ENGINE
    if _is_of_the_stack(urn):
        return unknown_settings(names, project_of(urn) if urn else "")
    return unknown_settings(names, "", spell_argument)


def _is_of_the_stack(urn: str) -> bool:
    return not urn or is_default_provider(urn)
