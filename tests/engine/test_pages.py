"""The blocks of README's Quickstart and of the tutorial, run as they are written: on the real engine, in a shell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.docs.pages import Block, programs_in, run_of
from tools.engine.build import Engine
from tools.engine.canaries import plant
from tools.engine.fixtures import MakeWorkspace
from tools.engine.node import NodeSdk
from tools.engine.openbao import OpenBao
from tools.engine.processes import CHECKOUT, Child, capture
from tools.engine.sandbox import READY, Sandbox
from tools.engine.workspace import Workspace

README, TUTORIAL = CHECKOUT / "README.md", CHECKOUT / "docs" / "tutorial.md"
INSTALL = CHECKOUT / "docs" / "how-to" / "install.md"
ENVIRONMENT = Path(sys.prefix)
SHELL_SECONDS = 600.0
NEXT = "@@ the next block"


@dataclass(frozen=True)
class Session:
    """A sandbox that `allomia sandbox` began, and a shell's folder beside it."""

    sandbox: Sandbox
    exports: Sequence[str]
    workspace: Workspace
    folder: Path

    def run(self, blocks: Sequence[Block], *, instead: Mapping[str, str] | None = None) -> list[str]:
        """Run blocks one after another in one shell that ends at the first failure, and return what each printed."""
        script = f"\necho '{NEXT}'\n".join(["set -euo pipefail", *self.exports, *(block.code for block in blocks)])
        for word, other in (instead or {}).items():
            assert word in script
            script = script.replace(word, other)
        (self.folder.parent / "script.sh").write_text(script)
        code, stdout, stderr = capture(
            ["bash", self.folder.parent / "script.sh"],
            lambda process: process.wait(SHELL_SECONDS) and None,
            environment=self.workspace.env,
            folder=self.folder,
        )
        # Not the rest of what it printed: the pages show a secret on purpose.
        assert code == 0, [line for line in f"{stdout}\n{stderr}".splitlines() if "error" in line or line == NEXT]
        return stdout.split(f"{NEXT}\n")[-len(blocks) :]


@pytest.fixture
def session(engine: Engine, workspace: MakeWorkspace, tmp_path: Path) -> Iterator[Session]:
    project = workspace({})
    del project.env["PULUMI_BACKEND_URL"], project.env["PULUMI_CONFIG_PASSPHRASE"]
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".venv").symlink_to(ENVIRONMENT)
    # The environment that the blocks activate goes to the front of PATH, where the engine's programs are not.
    assert (engine.bin_dir / "pulumi").exists()
    with begin_sandbox(run_of(README, "quickstart-sandbox"), tmp_path, project) as (sandbox, exports):
        yield Session(sandbox, exports, project, folder)


@contextmanager
def begin_sandbox(blocks: Sequence[Block], folder: Path, project: Workspace) -> Iterator[tuple[Sandbox, list[str]]]:
    """Run the block on a free port, and yield a client and the `export` lines that were printed."""
    (block,) = blocks
    words = shlex.split(block.code, comments=True)
    assert words == ["allomia", "sandbox"]
    key = folder / "tenant.key"
    command = [Path(sys.executable).with_name(words[0]), *words[1:], "--port", "0", "--tenant-key-file", key]
    with Child("The sandbox", command, folder / "sandbox.log", environment=project.env, folder=folder) as child:
        address = child.wait_for(READY).group(1)
        child.wait_until(key.exists)
        plant(key.read_text())
        printed = re.findall(r"^\s*(export .+)$", child.output(), re.MULTILINE)
        made = [f"export ALLOMIA_API_URL={address}", f'export ALLOMIA_TENANT_KEY="$(cat {shlex.quote(str(key))})"']
        with httpx.Client(base_url=address, trust_env=False) as control:
            yield Sandbox(address, child.pid, control), printed or made
    key.unlink(missing_ok=True)


def test_the_quickstart_of_the_readme_works_as_pasted(session: Session) -> None:
    first, second = session.run(run_of(README, "quickstart"))
    secret = plant(first.strip().splitlines()[-1])
    assert secret.isprintable()
    assert len(secret) > 20
    assert "2 of 5 slots used" in second
    assert "Stack 'dev' has been removed!" in second
    counts = session.sandbox.counts()
    assert (counts["minted"], counts["revoked"], counts["alive"]) == (2, 2, 0)


@pytest.mark.long
def test_the_tutorial_works_as_pasted(session: Session, openbao: OpenBao) -> None:
    assert [block.code for block in run_of(TUTORIAL, "tutorial-sandbox")] == ["allomia sandbox\n"]
    (server,) = run_of(TUTORIAL, "tutorial-vault")
    assert shlex.split(server.code) == ["bao", "server", "-dev", "-dev-root-token-id=only-in-memory"]
    told = {"http://127.0.0.1:8200": openbao.address, "BAO_TOKEN=only-in-memory": f"BAO_TOKEN={openbao.token}"}
    printed = session.run(run_of(TUTORIAL, "tutorial"), instead=told)
    _, _, minted, rotated, ended, delivered, again, destroyed = printed
    assert "2 unchanged" in minted
    assert ["1 of 5" in minted, "2 of 5" in rotated, "1 of 5" in ended] == [True] * 3
    assert "ehr-sync--p1" not in destroyed.partition("Duration:")[2]
    assert "previousRevokeAt" in rotated
    assert len(delivered.strip().splitlines()[-1]) == len("00000000-0000-0000-0000-000000000000")
    assert re.search(r"current_version\s+2", again)
    counts = session.sandbox.counts()
    assert (counts["minted"], counts["revoked"], counts["alive"]) == (3, 3, 0)


def test_the_examples_install_this_checkout() -> None:
    (block,) = run_of(INSTALL, "examples-install")
    program, *arguments = shlex.split(block.code)
    assert program == "pip"
    needs = [path.read_text().splitlines()[0] for path in CHECKOUT.glob("examples/*/requirements.txt")]
    assert set(needs) == {"../.."}
    # Nothing is fetched: what it asks for beside us is here already, and what we are built with too.
    quiet = {"PIP_DRY_RUN": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1"}
    command = [sys.executable, "-m", program, *arguments, "--report", "-", "--quiet"]
    folder, environment = CHECKOUT / "examples" / "quickstart", {**os.environ, **quiet}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'"url": "{CHECKOUT.as_uri()}"' in done.stdout


@pytest.mark.long
def test_the_quickstart_installs_into_an_environment_of_its_own(tmp_path: Path) -> None:
    copied = shutil.ignore_patterns(".venv", ".git", "node_modules", "tests", "benchmarks", "__pycache__")
    folder = Path(shutil.copytree(CHECKOUT, tmp_path / "checkout", ignore=copied, symlinks=True))
    (block,) = run_of(README, "quickstart-install")
    script = f"set -e\n{block.code}\nallomia --version\nallomia sandbox --help"
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607 - the user's own shell
    assert done.returncode == 0, done.stderr
    assert (folder / ".venv" / "bin" / "pulumi-resource-allomia").exists()


@pytest.mark.long
def test_the_programs_in_typescript_compile(node_sdk: NodeSdk, workspace: MakeWorkspace) -> None:
    for block in programs_in("typescript"):
        node_sdk.compile(workspace({"main.ts": block.code}))
