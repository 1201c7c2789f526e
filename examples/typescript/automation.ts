/** The same program from a Node process of your own: `npm run automation -- up dev`; also preview, refresh, destroy. */

import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";

const onOutput = (text: string): boolean => process.stdout.write(text);
const commands: Record<string, (stack: Stack) => Promise<unknown>> = {
    preview: (stack) => stack.preview({ onOutput }),
    up: (stack) => stack.up({ onOutput }),
    refresh: (stack) => stack.refresh({ onOutput }),
    destroy: (stack) => stack.destroy({ onOutput }),
};

async function main(name: string, stackName: string): Promise<void> {
    const command = commands[name];
    if (command === undefined) {
        throw new Error(`unknown command: ${name}; write ${Object.keys(commands).join(", ")}`);
    }
    const stack = await LocalWorkspace.createOrSelectStack(
        { projectName: "allomia-typescript", stackName, program: () => import("./index") },
        { workDir: process.cwd() }, // its Pulumi.yaml says where the plugin is
    );
    await command(stack);
}

main(process.argv[2] ?? "preview", process.argv[3] ?? "dev").catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
});
