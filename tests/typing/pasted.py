"""What `pulumi import` prints; type checkers find nothing in it."""

import pulumi

import allomia_pulumi_sdk as allomia

ehr = allomia.OrganizationApiKey(
    "ehr", name="EHR sync", organization_id="org", opts=pulumi.ResourceOptions(protect=True)
)
