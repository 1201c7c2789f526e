"""Where the state of every stack finds its provider: functions, called by their module and name for ever.

Loaded by the engine's `pulumi-python` plugin, never by a program. What they need is loaded when one is called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from allomia_pulumi.contracts.tokens import (
    DASHBOARD_API_KEY,
    ORGANIZATION,
    ORGANIZATION_API_KEY,
    ORGANIZATION_METADATA,
)
from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.lazy_imports import loading
from allomia_pulumi.provider.last_guard import Shown

if TYPE_CHECKING:
    from allomia_pulumi.provider.dynamic.calls import HandlerProvider

__all__ = ["dashboard_api_key", "organization", "organization_api_key", "organization_metadata"]


def organization_api_key() -> HandlerProvider:
    """Return the provider of `OrganizationApiKey`."""
    return _provider(ORGANIZATION_API_KEY)


def dashboard_api_key() -> HandlerProvider:
    """Return the provider of `DashboardApiKey`."""
    return _provider(DASHBOARD_API_KEY)


def organization() -> HandlerProvider:
    """Return the provider of `Organization`."""
    return _provider(ORGANIZATION)


def organization_metadata() -> HandlerProvider:
    """Return the provider of `OrganizationMetadata`."""
    return _provider(ORGANIZATION_METADATA)


def _provider(kind: str) -> HandlerProvider:
    with _loading():
        from allomia_pulumi.provider.dynamic.calls import HandlerProvider  # noqa: PLC0415 - a program loads none of it
        from allomia_pulumi.provider.registry import RESOURCES  # noqa: PLC0415 - the same

        return HandlerProvider(kind, RESOURCES[kind].load())


@contextmanager
def _loading() -> Iterator[None]:
    """Import modules as `loading` does; its error leaves as a line, since the engine shows the whole exception."""
    try:
        with loading():
            yield
    except InvalidConfiguration as problem:
        sys.tracebacklimit = 0
        text = str(problem)
    else:
        return
    raise Shown(text)
