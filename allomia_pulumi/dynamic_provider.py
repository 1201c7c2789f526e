"""Where the state of every stack finds its provider: two functions, called by their module and name for ever.

Loaded by the engine's `pulumi-python` plugin, never by a program. What they need is loaded when one is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from allomia_pulumi.loading import loading

if TYPE_CHECKING:
    from allomia_pulumi.dynamic_calls import KeyProvider

__all__ = ["dashboard_api_key", "organization_api_key"]


def organization_api_key() -> KeyProvider:
    """Return the provider of `OrganizationApiKey`."""
    with loading():
        from allomia_pulumi.dynamic_calls import KeyProvider  # noqa: PLC0415 - not every process needs every core
        from allomia_pulumi.keys.lifecycle import OrganizationKeys  # noqa: PLC0415 - the same

        return KeyProvider("OrganizationApiKey", OrganizationKeys)


def dashboard_api_key() -> KeyProvider:
    """Return the provider of `DashboardApiKey`."""
    with loading():
        from allomia_pulumi.dynamic_calls import KeyProvider  # noqa: PLC0415 - not every process needs every core
        from allomia_pulumi.keys.dashboard import DashboardKeys  # noqa: PLC0415 - the same

        return KeyProvider("DashboardApiKey", DashboardKeys)
