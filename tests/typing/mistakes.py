"""What both type checkers have to find in a user's program: an ignore that ignores nothing is an error of its own."""

from allomia_pulumi import (
    AdoptArgs,
    DashboardApiKey,
    Organization,
    OrganizationApiKey,
    VaultReferenceArgs,
    VaultSecretArgs,
    get_organization_output,
    get_organizations,
)

OrganizationApiKey("no organization")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OrganizationApiKey("positional", None, "org")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OrganizationApiKey("unknown", organization_id="org", rotate="90d")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OrganizationApiKey("number", organization_id=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("age", organization_id="org", rotate_after=90)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("overlap", organization_id="org", overlap=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("trigger", organization_id="org", rotation_triggers={"year": 2026})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("verify", organization_id="org", verify="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("place", organization_id="org", vault_secret=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("adopt", organization_id="org", adopt="key-1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
DashboardApiKey("no place", organization_id="org")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
DashboardApiKey("verify", organization_id="org", vault_secret="secret/a#b", verify=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OrganizationApiKey("output", organization_id="org").api_key  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
misspelt: VaultSecretArgs = {"mount": "secret", "path": "a", "field": "b", "takeOver": True}  # type: ignore[typeddict-unknown-key]  # pyright: ignore[reportAssignmentType]
no_path: VaultSecretArgs = {"mount": "secret"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
no_mount: VaultSecretArgs = {"path": "secret/a", "field": "b"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
no_field: VaultReferenceArgs = {"path": "secret/a"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
no_secret: AdoptArgs = {"key_id": "key-1"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
OrganizationApiKey("half a place", organization_id="org", vault_secret={"mount": "secret"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OrganizationApiKey("reason", organization_id="org").rotation_reason.apply(lambda reason: reason == "expired")  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
# One line each, since an ignore counts for the line of the argument.
# fmt: off
Organization("no name", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no email", name="n", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no address", name="n", email="e", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no city", name="n", email="e", address="a", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no state_province", name="n", email="e", address="a", city="c", postal_code="p", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no postal_code", name="n", email="e", address="a", city="c", state_province="s", country="c", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no country", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", phone_number="p", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no phone_number", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", timezone="t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("no timezone", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("positional", None, "Valley")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("unknown", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t", is_active=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Organization("postal code", name="n", email="e", address="a", city="c", state_province="s", postal_code=94105, country="c", phone_number="p", timezone="t")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("phone number", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number=None, timezone="t")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("timezone", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone=-8)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("adopt", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t", adopt={"id": "org"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("duplicate of", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t", duplicate_of=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("deactivate on destroy", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t", deactivate_on_destroy="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Organization("external id", name="n", email="e", address="a", city="c", state_province="s", postal_code="p", country="c", phone_number="p", timezone="t", external_id=4711)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
# fmt: on
get_organizations(name="Valley")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
get_organization_output("org")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
