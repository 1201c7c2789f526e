"""A user's program with every class, argument and output that both faces have; type checkers find nothing in it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, assert_type

import pulumi

from allomia_pulumi import (
    AdoptArgs,
    ApiKeyInfo,
    DashboardApiKey,
    Organization,
    OrganizationApiKey,
    OrganizationApiKeys,
    OrganizationInfo,
    Timezone,
    VaultReferenceArgs,
    VaultSecretArgs,
    get_organization,
    get_organization_api_keys,
    get_organization_api_keys_output,
    get_organization_output,
    get_organizations,
    get_organizations_output,
)

config = pulumi.Config()
quarter: pulumi.Output[str] = config.require_secret("quarter")
place: VaultSecretArgs = {"mount": "secret", "path": quarter, "field": "api_key", "take_over": True}
reference: VaultReferenceArgs = {"mount": "secret", "path": "tenant", "field": "key", "version": 3, "kv_version": 2}
in_short: VaultReferenceArgs = {"path": "secret/tenant", "field": "key"}
adopted: AdoptArgs = {"key_id": "key-1", "vault_secret": reference}

key = OrganizationApiKey(
    "ehr",
    pulumi.ResourceOptions(protect=True),
    organization_id="org",
    name="The label",
    rotation_triggers={"quarter": quarter, "year": "2026"},
    rotate_after="90d",
    overlap=timedelta(days=1),
    vault_secret=place,
    secret_in_state=True,
    verify=False,
    tenant_key_ref="secret/tenant#key",
    adopt=adopted,
)
of_outputs = OrganizationApiKey(
    "emr",
    opts=pulumi.ResourceOptions(parent=key),
    organization_id=quarter,
    name=quarter,
    rotation_triggers=quarter.apply(lambda text: {"quarter": text}),
    rotate_after=timedelta(days=90),
    overlap=quarter,
    vault_secret={"mount": quarter, "path": quarter, "field": quarter},
    tenant_key_ref=reference,
    adopt={"key_id": quarter, "vault_secret": "secret/by/hand#key"},
)
plain = OrganizationApiKey("plain", organization_id="org")
delivered = OrganizationApiKey("delivered", organization_id="org", vault_secret="secret/allomia/ehr#api_key")
later = OrganizationApiKey("later", organization_id="org", vault_secret=quarter, tenant_key_ref=in_short)
by_hand = DashboardApiKey(
    "by-hand",
    pulumi.ResourceOptions(),
    organization_id=quarter,
    vault_secret="secret/by/hand#key",
    rotate_after=timedelta(days=90),
    overlap="1d",
    secret_in_state=True,
)
from_object = DashboardApiKey("from-object", organization_id="org", vault_secret=reference)

clinic = Organization(
    "valley",
    pulumi.ResourceOptions(protect=True),
    name="Valley Health Clinic",
    email="ops@valley.example",
    address="123 Main Street",
    city="San Francisco",
    state_province="CA",
    postal_code="94105",
    country="USA",
    phone_number="+14155551234",
    timezone="America/Los_Angeles",
    external_id="emr-4711",
    tenant_key_ref=reference,
    deactivate_on_destroy=True,
    adopt="org",
    duplicate_of=["other", quarter],
)
clinic_of_outputs = Organization(
    "coast",
    opts=pulumi.ResourceOptions(),
    name=quarter,
    email=quarter,
    address=quarter,
    city=quarter,
    state_province=quarter,
    postal_code=quarter,
    country=quarter,
    phone_number=quarter,
    timezone=Timezone.ST_JOHNS,
    external_id=quarter,
    tenant_key_ref="secret/tenant#key",
    adopt=quarter,
    duplicate_of=quarter.apply(lambda text: [text]),
)
row: dict[str, str] = {"timezone": "Europe/Zurich"}
clinic_of_text = Organization(
    "row",
    name="n",
    email="e",
    address="a",
    city="c",
    state_province="s",
    postal_code="p",
    country="c",
    phone_number="p",
    timezone=row["timezone"],
)
of_clinic = OrganizationApiKey("of-clinic", organization_id=clinic.id)

assert_type(clinic.id, pulumi.Output[str])
assert_type(clinic.address, pulumi.Output[str | None])
assert_type(clinic.city, pulumi.Output[str | None])
assert_type(clinic.country, pulumi.Output[str | None])
assert_type(clinic.created_at, pulumi.Output[str | None])
assert_type(clinic.created_by, pulumi.Output[str | None])
assert_type(clinic.email, pulumi.Output[str | None])
assert_type(clinic.is_active, pulumi.Output[bool | None])
assert_type(clinic.name, pulumi.Output[str | None])
assert_type(clinic.phone_number, pulumi.Output[str | None])
assert_type(clinic.postal_code, pulumi.Output[str | None])
assert_type(clinic.record, pulumi.Output[Mapping[str, Any]])
assert_type(clinic.state_province, pulumi.Output[str | None])
assert_type(clinic.tenant_id, pulumi.Output[str | None])
assert_type(clinic.timezone, pulumi.Output[str | None])
assert_type(key.id, pulumi.Output[str])
assert_type(key.urn, pulumi.Output[str])
assert_type(key.created_at, pulumi.Output[str])
assert_type(key.key_id, pulumi.Output[str])
assert_type(key.key_name, pulumi.Output[str])
assert_type(key.next_action_at, pulumi.Output[str | None])
assert_type(key.pending, pulumi.Output[Sequence[Any]])
assert_type(key.previous_key_id, pulumi.Output[str | None])
assert_type(key.previous_revoke_at, pulumi.Output[str | None])
assert_type(key.previous_secret, pulumi.Output[str | None])
assert_type(key.record, pulumi.Output[Mapping[str, Any]])
assert_type(key.rotate_at, pulumi.Output[str | None])
assert_type(
    key.rotation_reason,
    pulumi.Output[Literal["created", "imported", "trigger", "schedule", "renamed", "revoked"]],
)
assert_type(key.secret, pulumi.Output[str])
assert_type(key.secret_fingerprint, pulumi.Output[str])
assert_type(key.triggers_hash, pulumi.Output[str | None])
assert_type(key.vault_secret_version, pulumi.Output[int | None])
assert_type(by_hand.next_action_at, pulumi.Output[str | None])
assert_type(by_hand.pending, pulumi.Output[Sequence[Any]])
assert_type(by_hand.previous_keys, pulumi.Output[Sequence[Mapping[str, Any]]])
assert_type(by_hand.record, pulumi.Output[Mapping[str, Any]])
assert_type(by_hand.rotate_at, pulumi.Output[str | None])
assert_type(by_hand.secret, pulumi.Output[str])
assert_type(by_hand.secret_fingerprint, pulumi.Output[str])
assert_type(by_hand.since, pulumi.Output[str])
assert_type(by_hand.vault_secret_version, pulumi.Output[int | None])
OPTIONAL_OUTPUTS = (of_outputs.secret, plain.secret, from_object.secret, delivered.secret, later.secret)


def of_functions(one: OrganizationInfo, found: OrganizationApiKeys, listed: ApiKeyInfo) -> None:
    assert_type(get_organization(id="org"), OrganizationInfo)
    assert_type(get_organization(name="Valley Health"), OrganizationInfo)
    assert_type(get_organization_output(id=key.id, name=None), pulumi.Output[OrganizationInfo])
    assert_type(get_organizations(), tuple[OrganizationInfo, ...])
    assert_type(get_organizations(search="Valley"), tuple[OrganizationInfo, ...])
    assert_type(get_organizations_output(search=quarter), pulumi.Output[tuple[OrganizationInfo, ...]])
    assert_type(get_organization_api_keys("org"), OrganizationApiKeys)
    assert_type(get_organization_api_keys_output(quarter), pulumi.Output[OrganizationApiKeys])
    assert_type((one.id, one.name), tuple[str, str])
    assert_type((one.city, one.country), tuple[str | None, str | None])
    assert_type((one.timezone, one.created_at), tuple[str | None, str | None])
    assert_type((one.email, one.address, one.state_province), tuple[str | None, str | None, str | None])
    assert_type((one.postal_code, one.phone_number, one.tenant_id), tuple[str | None, str | None, str | None])
    assert_type((one.created_by, one.is_active, one.image), tuple[str | None, bool | None, str | None])
    assert_type((one.owner_id, one.last_modified_by), tuple[str | None, str | None])
    assert_type((one.updated_at, one.deleted_at), tuple[str | None, str | None])
    assert_type((found.organization_id, found.slots_used, found.slots), tuple[str, int, int])
    assert_type(found.keys, tuple[ApiKeyInfo, ...])
    assert_type((listed.id, listed.name, listed.label), tuple[str, str, str])
    assert_type((listed.created_at, listed.last_used_at, listed.mark), tuple[str | None, str | None, str | None])
    assert_type(listed.age_seconds, int | None)
