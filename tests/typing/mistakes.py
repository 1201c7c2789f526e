"""What both type checkers have to find in a user's program: an ignore that ignores nothing is an error of its own."""

from allomia_pulumi import (
    AdoptArgs,
    DashboardApiKey,
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
get_organizations(name="Valley")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
get_organization_output("org")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
