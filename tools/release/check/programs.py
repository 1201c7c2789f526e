"""The same program in each language: one key, rotated when `quarter` changes."""

from __future__ import annotations

from typing import Final

from tools.engine.build import PULUMI_VERSION, SDK_MODULE
from tools.engine.golang import GO_VERSION
from tools.engine.node import PACKAGES

__all__ = ["GO", "NODE", "PROJECT", "python_program", "yaml_program"]

PROJECT: Final = "release-check"
KEY: Final = "ehr-sync"


def python_program(module: str) -> dict[str, str]:
    """Return it in Python, over the classes of a module."""
    program = f"""\
import pulumi
from {module} import OrganizationApiKey

config = pulumi.Config()
key = OrganizationApiKey(
    "{KEY}",
    organization_id=config.require("organizationId"),
    rotation_triggers={{"quarter": config.require("quarter")}},
)
pulumi.export("secret", key.secret)
"""
    return {"Pulumi.yaml": f"name: {PROJECT}\nruntime: python\n", "__main__.py": program}


def yaml_program() -> dict[str, str]:
    """Return it in YAML; nothing in the project says where the plugin is."""
    program = f"""\
name: {PROJECT}
runtime: yaml
config:
  organizationId: {{type: string}}
  quarter: {{type: string}}
resources:
  {KEY}:
    type: allomia:OrganizationApiKey
    properties:
      organizationId: ${{organizationId}}
      rotationTriggers: {{quarter: "${{quarter}}"}}
outputs:
  secret: ${{{KEY}.secret}}
"""
    return {"Pulumi.yaml": program}


# The Automation API runs a program in its own process: no language host for Node or Go can be built here.
NODE: Final = {
    "Pulumi.yaml": f"name: {PROJECT}\nruntime: nodejs\n",
    "package.json": f"""\
{{
    "name": "{PROJECT}",
    "private": true,
    "dependencies": {{"@pulumi/pulumi": "{PACKAGES["@pulumi/pulumi"]}"}},
    "devDependencies": {{"@types/node": "{PACKAGES["@types/node"]}", "typescript": "{PACKAGES["typescript"]}"}}
}}
""",
    "tsconfig.json": """\
{
    "compilerOptions": {
        "module": "nodenext",
        "outDir": "bin",
        "skipLibCheck": true,
        "strict": true,
        "target": "ES2022",
        "types": ["node"]
    },
    "files": ["main.ts"]
}
""",
    "main.ts": f"""\
import * as allomia from "@allomia/pulumi";
import * as pulumi from "@pulumi/pulumi";
import {{ LocalWorkspace }} from "@pulumi/pulumi/automation";

async function program(): Promise<Record<string, unknown>> {{
    const config = new pulumi.Config();
    const key = new allomia.OrganizationApiKey("{KEY}", {{
        organizationId: config.require("organizationId"),
        rotationTriggers: {{ quarter: config.require("quarter") }},
    }});
    return {{ secret: key.secret }};
}}

async function main(): Promise<void> {{
    const workDir = process.cwd();
    const stack = await LocalWorkspace.selectStack(
        {{ projectName: "{PROJECT}", stackName: "check", program }},
        {{ workDir }},
    );
    await (process.argv[2] === "destroy" ? stack.destroy() : stack.up());
}}

main().catch((error: unknown) => {{
    console.error(String(error));
    process.exit(1);
}});
""",
}
GO: Final = {
    "Pulumi.yaml": f"name: {PROJECT}\nruntime: go\n",
    "go.mod": f"""\
module {PROJECT}

go {GO_VERSION}

require (
	allomia-pulumi/sdk/go v0.0.0
	{SDK_MODULE} v{PULUMI_VERSION}
)

replace allomia-pulumi/sdk/go => ./sdk
""",
    "main.go": f"""\
package main

import (
	"context"
	"fmt"
	"os"

	"allomia-pulumi/sdk/go/allomia"

	"{SDK_MODULE}/go/auto"
	"{SDK_MODULE}/go/pulumi"
	"{SDK_MODULE}/go/pulumi/config"
)

func program(ctx *pulumi.Context) error {{
	settings := config.New(ctx, "")
	key, err := allomia.NewOrganizationApiKey(ctx, "{KEY}", &allomia.OrganizationApiKeyArgs{{
		OrganizationId:   pulumi.String(settings.Require("organizationId")),
		RotationTriggers: pulumi.StringMap{{"quarter": pulumi.String(settings.Require("quarter"))}},
	}})
	if err != nil {{
		return err
	}}
	ctx.Export("secret", key.Secret)
	return nil
}}

func run(ctx context.Context, command string) error {{
	stack, err := auto.SelectStackInlineSource(ctx, "check", "{PROJECT}", program, auto.WorkDir("."))
	if err != nil {{
		return err
	}}
	if command == "destroy" {{
		_, err = stack.Destroy(ctx)
	}} else {{
		_, err = stack.Up(ctx)
	}}
	return err
}}

func main() {{
	if err := run(context.Background(), os.Args[1]); err != nil {{
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}}
}}
""",
}
