// One key: made by the first `pulumi up`, a new one every 90 days; the old one stays valid for a day.
package main

import (
	"allomia-pulumi/sdk/go/allomia"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(declare)
}

func declare(ctx *pulumi.Context) error {
	key, err := allomia.NewOrganizationApiKey(ctx, "ehr-sync", &allomia.OrganizationApiKeyArgs{
		OrganizationId: pulumi.String(config.Require(ctx, "organizationId")),
		RotateAfter:    pulumi.String("90d"),
		Overlap:        pulumi.String("24h"),
	})
	if err != nil {
		return err
	}
	ctx.Export("secret", key.Secret)
	ctx.Export("secretFingerprint", key.SecretFingerprint)
	ctx.Export("previousSecret", key.PreviousSecret)
	ctx.Export("nextActionAt", key.NextActionAt)
	return nil
}
