"""What `pulumi import` prints; type checkers find nothing in it."""

import pulumi

import allomia_pulumi_sdk as allomia

ehr = allomia.OrganizationApiKey(
    "ehr", name="EHR sync", organization_id="org", opts=pulumi.ResourceOptions(protect=True)
)
valley = allomia.Organization(
    "valley",
    address="123 Main Street",
    city="San Francisco",
    country="USA",
    email="ops@valley.example",
    name="Valley Health Clinic",
    phone_number="+14155551234",
    postal_code="94105",
    state_province="CA",
    timezone=allomia.Timezone.LOS_ANGELES,
    opts=pulumi.ResourceOptions(protect=True),
)
