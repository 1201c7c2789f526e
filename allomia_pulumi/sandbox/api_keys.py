"""The assumed key endpoints. AlloMia documents none: keys are made and deleted in its dashboard.

The shapes follow the style of the documented endpoints; the real service may do it otherwise, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allomia_pulumi.sandbox.exchange import Done, Exchange, RefusalError
from allomia_pulumi.sandbox.paging import Page
from allomia_pulumi.sandbox.store import LONGEST_KEY_NAME, QuotaError

if TYPE_CHECKING:
    from allomia_pulumi.sandbox.records import ApiKey

__all__ = ["get_key", "list_keys", "mint_key", "revoke_key"]


def mint_key(exchange: Exchange) -> Done:
    """Answer `POST …/api-keys`: the only answer that ever shows the key.

    Raises:
        RefusalError: 400 for a bad name, 404 for the organization, the set status code for a key too many.
    """
    organization = exchange.organization(exchange.ids[0])
    name = _key_name(exchange.call.json_object().get("name"))
    settings = exchange.world.settings
    try:
        key, value = exchange.world.store.mint(
            organization,
            name,
            limit=settings.key_limit,
            refusals=settings.verify_lag,
            created_by=exchange.caller.id,
        )
    except QuotaError:
        message = f"An organization can have at most {settings.key_limit} API keys"
        raise RefusalError(settings.quota_status, message) from None
    body = {name: value for name, value in key.summary().items() if name != "lastUsedAt"}
    return Done("minted", {**body, "key": value}, status=201, key=key)


def list_keys(exchange: Exchange) -> Done:
    """Answer `GET …/api-keys`: one page of the living keys, oldest first.

    Raises:
        RefusalError: 400 for a bad page, 404 for the organization.
    """
    organization = exchange.organization(exchange.ids[0])
    page = Page.of(exchange.call.query, default=10, largest=100)
    keys = exchange.world.store.keys_of(organization.id)
    items = [key.summary() for key in page.of_items(keys)]
    return Done("listed", {"apiKeys": items, "pagination": page.pagination(len(keys))})


def get_key(exchange: Exchange) -> Done:
    """Answer `GET …/api-keys/{keyId}`.

    Raises:
        RefusalError: 404, for the organization or for the key.
    """
    key = _key(exchange)
    return Done("read", key.summary(), key=key)


def revoke_key(exchange: Exchange) -> Done:
    """Answer `DELETE …/api-keys/{keyId}`: the key is dead at once.

    Raises:
        RefusalError: 404, for the organization or for the key.
    """
    key = _key(exchange)
    exchange.world.store.revoke(key)
    return Done("revoked", {"message": "API key successfully deleted", "apiKeyId": key.id}, key=key)


def _key(exchange: Exchange) -> ApiKey:
    organization = exchange.organization(exchange.ids[0])
    key = exchange.world.store.keys.get(exchange.ids[1])
    if key is None or key.organization_id != organization.id:
        raise RefusalError(404, "API key not found")
    return key


def _key_name(name: Any) -> str:  # noqa: ANN401 - it comes from a request body
    if not isinstance(name, str) or not name.strip():
        raise RefusalError(400, "name is required")
    if len(name) > LONGEST_KEY_NAME:
        raise RefusalError(400, f"name must be at most {LONGEST_KEY_NAME} characters")
    return name
