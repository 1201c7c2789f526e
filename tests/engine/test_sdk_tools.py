"""The tools for other languages do what they promise: the generator, the compiled SDKs, and the YAML language host."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.engine.build import PULUMI_VERSION, Engine
from tools.engine.builds import fingerprint
from tools.engine.fixtures import MakeWorkspace
from tools.engine.golang import GO_VERSION
from tools.engine.node import PACKAGES, NodeSdk, ensure_node_sdk, require_node
from tools.engine.processes import CHECKOUT, ToolError
from tools.engine.sdks import SCHEMA, check_schema, check_sdks, compile_go_sdk, write_sdks
from tools.engine.workspace import Workspace
from tools.engine.yaml_host import YAML_VERSION, ensure_yaml_host

ORGANIZATION = "allomia:index:Organization"
CANARY = "canary-7be1"

YAML_PROGRAM = {
    "Pulumi.yaml": textwrap.dedent("""\
        name: yaml
        runtime: yaml
        config:
          said: {type: string}
          hidden: {type: string, secret: true}
        outputs:
          said: ${said}, ${pulumi.stack}
          hidden: ${hidden}
        """)
}
INLINE = textwrap.dedent("""\
    import * as allomia from "@allomia/pulumi";
    import * as pulumi from "@pulumi/pulumi";
    import { LocalWorkspace } from "@pulumi/pulumi/automation";

    async function program(): Promise<Record<string, unknown>> {
        new allomia.Provider("tenant", {});
        return { url: allomia.config.apiUrl, hidden: pulumi.secret(process.env.HIDDEN) };
    }

    async function main(): Promise<void> {
        const stack = await LocalWorkspace.createStack({ projectName: "inline", stackName: "test", program });
        const { changeSummary } = await stack.preview();
        console.log(JSON.stringify(changeSummary));
    }

    main().catch((error: unknown) => {
        console.error(String(error));
        process.exit(1);
    });
    """)
# Enough of a provider for a preview of nothing but itself.
PROVIDER = """\
    import threading
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc


    class Provider(provider_pb2_grpc.ResourceProviderServicer):
        def Handshake(self, request, context):
            return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

        def GetPluginInfo(self, request, context):
            return plugin_pb2.PluginInfo(version="0.1.0")

        def CheckConfig(self, request, context):
            return provider_pb2.CheckResponse(inputs=request.news)

        def Configure(self, request, context):
            return provider_pb2.ConfigureResponse(acceptSecrets=True)

        def Cancel(self, request, context):
            return empty_pb2.Empty()


    server = grpc.server(ThreadPoolExecutor())
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    threading.Event().wait()
    """


def put(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def written(sdks: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sdks, tmp_path / "sdk"))


def test_the_generator_is_of_the_version_of_the_engine() -> None:
    module = (CHECKOUT / "tools" / "sdkgen" / "go.mod").read_text()
    assert f"\ngo {GO_VERSION}\n" in module
    assert f"/pkg/v3 v{PULUMI_VERSION}\n" in module


def test_pulumi_accepts_the_schema(engine: Engine) -> None:
    check_schema(engine)


def test_pulumi_tells_what_is_wrong_with_a_schema(engine: Engine, tmp_path: Path) -> None:
    schema = json.loads((CHECKOUT / SCHEMA).read_text())
    schema["resources"]["allomia:index:OrganizationApiKey"]["properties"]["secret"]["type"] = "sandwich"
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    with pytest.raises(ToolError, match="sandwich"):
        check_schema(engine, tmp_path / "schema.json")
    with pytest.raises(ToolError, match=r"schema\.json is not a valid package schema"):
        write_sdks(tmp_path / "sdk", tmp_path / "schema.json")
    assert not (tmp_path / "sdk").exists()


@pytest.mark.catalogue(59)
def test_the_committed_sdks_are_what_the_schema_gives() -> None:
    check_sdks()


def test_pulumi_gets_the_schema_from_the_plugin_for_the_sdks_of_other_languages(workspace: MakeWorkspace) -> None:
    plugin = Path(sys.executable).with_name("pulumi-resource-allomia")
    answer = workspace({}).run("package", "get-schema", str(plugin)).check()
    assert json.loads(answer.stdout) == json.loads((CHECKOUT / SCHEMA).read_text())


def test_every_resource_and_function_is_in_every_sdk(sdks: Path) -> None:
    schema = json.loads((CHECKOUT / SCHEMA).read_text())
    names = [token.rpartition(":")[2] for token in schema["resources"]]
    assert names
    for name in names:
        file = name[0].lower() + name[1:]
        assert f"export class {name} extends" in (sdks / "nodejs" / f"{file}.ts").read_text()
        assert f"func New{name}(" in (sdks / "go" / "allomia" / f"{file}.go").read_text()
    functions = [token.rpartition(":")[2] for token in schema["functions"]]
    assert functions
    for name in functions:
        assert f"export function {name}(" in (sdks / "nodejs" / f"{name}.ts").read_text()
        # In Go `Get` and a resource's name look that resource up, so a function of this name begins with `Lookup`.
        verb = "Lookup" if name.removeprefix("get") in names else "Get"
        assert f"func {verb}{name.removeprefix('get')}(" in (sdks / "go" / "allomia" / f"{name}.go").read_text()
    assert json.loads((sdks / "nodejs" / "package.json").read_text())["version"] == schema["version"]


def test_sdks_that_were_just_written_pass_the_comparison(written: Path) -> None:
    check_sdks(written)


def test_what_a_user_builds_in_the_node_sdk_is_no_drift_and_survives(written: Path) -> None:
    for folder in ("bin", "node_modules"):
        put(written / "nodejs" / folder / "built", "")
    check_sdks(written)
    write_sdks(written)
    assert all((written / "nodejs" / folder / "built").exists() for folder in ("bin", "node_modules"))


@pytest.mark.parametrize("name", ["nodejs/index.ts", "nodejs/config/bin/stray.ts", "go/allomia/init.go", "go/stray.go"])
def test_a_drift_is_told_in_one_line_and_gone_after_writing(written: Path, name: str) -> None:
    file = written / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as text:
        text.write("\n")
    with pytest.raises(ToolError) as caught:
        check_sdks(written)
    assert re.fullmatch(rf"{re.escape(str(file))} is not .*; run `make sdk`", str(caught.value))
    write_sdks(written)
    check_sdks(written)
    assert file.exists() == ("stray" not in name)


def test_a_lost_file_is_a_drift_and_the_first_one_is_named(written: Path) -> None:
    (written / "nodejs" / "provider.ts").unlink()
    (written / "nodejs" / "utilities.ts").unlink()
    with pytest.raises(ToolError, match=r"^\S+/nodejs/provider\.ts cannot be read; run `make sdk`$"):
        check_sdks(written)


@pytest.mark.catalogue(59)
@pytest.mark.long
def test_the_go_sdk_compiles(sdks: Path) -> None:
    compile_go_sdk(sdks / "go")


@pytest.mark.long
def test_a_go_sdk_that_does_not_compile_shows_what_go_says(written: Path) -> None:
    (written / "go" / "allomia" / "broken.go").write_text("package allomia\n\nvar broken = missing\n")
    with pytest.raises(ToolError, match=r"(?s)The Go SDK could not be built: compiling failed.*undefined: missing"):
        compile_go_sdk(written / "go")


@pytest.fixture
def typescript(workspace: MakeWorkspace) -> Iterator[Workspace]:
    provider = ".provider/pulumi-resource-allomia"
    project = workspace({"main.ts": INLINE})
    put(project.folder / provider, f'exec "$PULUMI_PYTHON_CMD" - <<END\n{textwrap.dedent(PROVIDER)}END')
    # Beside an inline program there is no Pulumi.yaml to name the folder.
    project.env["PATH"] = f"{(project.folder / provider).parent}:{project.env['PATH']}"
    return project


@pytest.mark.long
def test_an_inline_typescript_program_runs_with_the_node_sdk(node_sdk: NodeSdk, typescript: Workspace) -> None:
    node_sdk.compile(typescript)
    result = node_sdk.run(typescript, "bin/main.js", env={"HIDDEN": CANARY}).check()
    assert json.loads(result.stdout) == {"create": 2}


@pytest.mark.long
def test_typescript_that_does_not_fit_the_sdk_does_not_compile(node_sdk: NodeSdk, workspace: MakeWorkspace) -> None:
    project = workspace(
        {"main.ts": 'import { OrganizationApiKey } from "@allomia/pulumi";\nnew OrganizationApiKey("key", {});\n'}
    )
    with pytest.raises(ToolError, match="Property 'organizationId' is missing"):
        node_sdk.compile(project)


@pytest.mark.long
def test_typescript_asks_for_the_nine_fields_of_an_organization_and_offers_the_time_zones(
    node_sdk: NodeSdk, workspace: MakeWorkspace
) -> None:
    nine = json.loads((CHECKOUT / SCHEMA).read_text())["resources"][ORGANIZATION]["requiredInputs"]
    lines = ['import { Organization, Timezone } from "@allomia/pulumi";', "const zone: string = Timezone.LosAngeles;"]
    for missing in nine:
        given = ", ".join(f'{name}: "text"' for name in nine if name != missing)
        # A directive above a line without an error is an error itself.
        lines += ["// @ts-expect-error", f'new Organization("{missing}", {{ {given} }});']
    given = ", ".join(f'{name}: "text"' for name in nine if name != "timezone")
    lines.append(f'new Organization("whole", {{ {given}, timezone: zone }});')
    assert len(nine) == 9
    node_sdk.compile(workspace({"main.ts": "\n".join(lines)}))


@pytest.mark.long
def test_a_node_sdk_is_compiled_once_for_the_same_sources(node_sdk: NodeSdk, written: Path) -> None:
    said: list[str] = []
    put(written / "nodejs" / "bin" / "built", "")
    assert ensure_node_sdk(written / "nodejs", said.append) == node_sdk
    assert said == []
    with (written / "nodejs" / "provider.ts").open("a") as text:
        text.write("export const broken: string = 1;\n")
    with pytest.raises(ToolError, match=r"(?s)The Node SDK could not be built: compiling failed.*TS2322"):
        ensure_node_sdk(written / "nodejs", said.append)


def test_the_packages_beside_the_node_sdk_are_pinned() -> None:
    assert [version for version in PACKAGES.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_a_node_sdk_that_is_not_written_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="Write it with `make sdk`"):
        ensure_node_sdk(tmp_path)


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({}, "There is no node on PATH"),
        ({"node": "echo v22.1.0"}, "There is no npm on PATH"),
        ({"node": "echo v18.20.1", "npm": ""}, "The node on PATH is too old: v18.20.1"),
        ({"node": "exit 1", "npm": ""}, "The node on PATH is too old: of no version"),
    ],
    ids=["no node", "no npm", "too old", "broken"],
)
def test_an_unfit_node_is_told_with_what_is_needed(
    programs: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in programs.items():
        put(tmp_path / name, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=f"{message}.*\nInstall Node 20 or newer with npm"):
        require_node()


def test_a_yaml_program_goes_through_its_whole_life(yaml_workspace: MakeWorkspace) -> None:
    project = yaml_workspace(YAML_PROGRAM)
    project.init()
    project.config_set("said", "hello")
    project.config_set("hidden", CANARY, secret=True)
    assert "+ 1 created" in project.up().check().text
    assert project.outputs() == {"said": "hello, test", "hidden": "[secret]"}
    assert project.outputs(show_secrets=True)["hidden"] == CANARY
    project.up("--expect-no-changes").check()
    project.destroy().check()


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on PATH with a Pulumi that only pretends, beside a Go that writes what it is told to build."""
    programs = tmp_path / "programs"
    for name in ("pulumi", "pulumi-language-yaml"):
        put(programs / name, "")
    put(programs / "go", 'while [ $# -gt 0 ]; do [ "$1" = -o ] && mkdir -p "${2%/*}" && cp "$0" "$2"; shift; done; :')
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("ALLOMIA_PULUMI_CACHE", str(tmp_path / "cache"))
    return programs


def test_a_pulumi_from_path_brings_its_own_yaml_host(on_path: Path) -> None:
    assert ensure_yaml_host(Engine(on_path / "pulumi", on_path, "3.275.0", "path")) == on_path


def test_our_pulumi_takes_no_yaml_host_from_path_and_builds_one_once(on_path: Path, tmp_path: Path) -> None:
    said: list[str] = []
    engine = Engine(on_path / "pulumi", on_path, PULUMI_VERSION, "built")
    folders = {ensure_yaml_host(engine, said.append) for _ in range(2)}
    assert folders == {tmp_path / "cache" / "yaml-host" / YAML_VERSION / "bin"}
    assert len(said) == 1
    assert f"YAML language host {YAML_VERSION}" in said[0]


def test_a_build_is_known_by_the_names_and_contents_of_its_sources(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    keys = set()
    for texts in (["a", "b"], ["ab", ""], ["b", "a"]):
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        keys |= {fingerprint(files, tmp_path), fingerprint(reversed(files), tmp_path)}
    keys |= {fingerprint(files[:1], tmp_path), fingerprint(files, tmp_path, "1.0")}
    assert len(keys) == 5
