/** One key: made by the first `pulumi up`, a new one every 90 days; the old one stays valid for a day. */

import * as allomia from "@allomia/pulumi";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const key = new allomia.OrganizationApiKey("ehr-sync", {
    organizationId: config.require("organizationId"),
    rotateAfter: "90d",
    overlap: "24h",
});

export const secret = key.secret;
export const secretFingerprint = key.secretFingerprint;
export const previousSecret = key.previousSecret;
export const nextActionAt = key.nextActionAt;
