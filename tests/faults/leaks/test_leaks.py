"""The search for secrets finds what is planted, in each form and in each channel, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import pytest

from tests.contract.faces import FaceError
from tests.leaks import channels, watch
from tests.leaks.search import hide, search
from tools.engine import trail
from tools.engine.build import Engine
from tools.engine.processes import Child
from tools.engine.trail import Shown
from tools.engine.workspace import Workspace

KEY = "alm_org_Zk3-Qv9_aB7cD1eF5gH2iJ4kL6mN8oP0qR2sT4uV6wX"
VAULT_TOKEN = "s.9fK2mQ7xT4vB1nR8cZ5jL0wH"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjbGluaWMifQ.c2lnbmF0dXJlLW9mLWEtdGVzdA"
SECRET_ID = "0f9d8c7b-6a5e-4d3c-2b1a-0f9e8d7c6b5a"
FORMS = {
    "as it is": KEY,
    "cut short": KEY[:24],
    "reversed": "Xw6Vu4Ts2Rq0Po8Nm6Lk4Ji2Hg5Fe1Dc7Ba_9vQ-3kZ_gro_mla",
    "base64 at the start": "YWxtX29yZ19aazMtUXY5X2FCN2NEMWVGNWdIMmlKNGtMNm1OOG9QMHFSMnNUNHVWNndY",
    "base64 after one byte": "ImFsbV9vcmdfWmszLVF2OV9hQjdjRDFlRjVnSDJpSjRrTDZtTjhvUDBxUjJzVDR1VjZ3WA==",
    "base64 after two bytes": "az1hbG1fb3JnX1prMy1RdjlfYUI3Y0QxZUY1Z0gyaUo0a0w2bU44b1AwcVIyc1Q0dVY2d1g=",
    "hex": "616c6d5f6f72675f5a6b332d5176395f614237634431654635674832694a346b4c366d4e386f50307152327354347556367758",
    "upper hex": "616C6D5F6F72675F5A6B332D5176395F614237634431654635674832694A346B4C366D4E386F5030715232735434",
    "URL, punctuation": "alm%5Forg%5FZk3%2DQv9%5FaB7cD1eF5gH2iJ4kL6mN8oP0qR2sT4uV6wX",
    "URL, all": "%61%6c%6d%5f%6f%72%67%5f%5a%6b%33%2d%51%76%39%5f%61%42%37%63%44%31%65%46%35%67%48%32%69%4a%34%6b",
    "JSON, punctuation": r"alm\u005forg\u005fZk3\u002dQv9\u005faB7cD1eF5gH2iJ4kL6mN8oP0qR2sT4uV6wX",
    "JSON, all": r"\u0061\u006C\u006D\u005F\u006F\u0072\u0067\u005F\u005A\u006B\u0033\u002D\u0051\u0076\u0039\u005F"
    r"\u0061\u0042\u0037\u0063",
    "JSON in JSON": r"\\u0061\\u006c\\u006d\\u005f\\u006f\\u0072\\u0067\\u005f\\u005a\\u006b\\u0033\\u002d\\u0051"
    r"\\u0076\\u0039\\u005f\\u0061\\u0042\\u0037\\u0063",
    "a byte slice": "97 108 109 95 111 114 103 95 90 107 51 45 81 118 57 95 97 66 55 99 68 49 101 70 53 103",
    "bytes in a list": "97, 108, 109, 95, 111, 114, 103, 95, 90, 107, 51, 45, 81, 118, 57, 95, 97, 66, 55, 99, 68, 49",
}
HARMLESS = (
    "alm_org_… and alm_tenant_… are shown once",
    "the tenant key alm_tenant_wrong is refused",
    '"secretFingerprint":"ba7816bf8f01","ciphertext":"v1:kY3mPq0ZyWxtX29:q8S7vGdP2nLwTQeYJrX1a0uVb5cHfZkM"',
    "accounts.abcdefghijklmnopqrstuvwxyz1 and sys.getfilesystemencodeerrors and b.ReadAllBytesFromStreamAtOnce",
    "0f9d8c7b-6a5e-4d3c-2b1a-000000000000",
)
FAKE_CLI = """#!{python}
import os, pathlib, sys
secret, (action, target) = os.environ["CANARY"], sys.argv[2:4]
if action == "print":
    print(secret, file=getattr(sys, target))
elif action == "write":
    path = pathlib.Path(os.environ["TMPDIR"]).parent / target
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(secret)
elif action == "tell":
    print("started", flush=True)
    waits = "import signal; print('waits', flush=True); signal.pause()"
    os.execv(sys.executable, [sys.executable, "-c", waits, secret])
"""


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_g3_a_key_that_nobody_saw_is_found_in_every_form(form: str) -> None:
    for text in (form, f'{{"a": "{form}"}}', f"{form}\n" * 3):
        assert search([Shown("a channel", text.encode())]) != []
        assert form not in hide(text)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_g3_a_known_secret_without_a_prefix_is_found_in_every_form(form: str) -> None:
    # The same forms, searched by what is common to them and is no prefix.
    by_value = search([Shown("a channel", form.encode())], [KEY[1:16]])
    assert any(leak.what.startswith("planted") for leak in by_value)


@pytest.mark.parametrize("secret", [VAULT_TOKEN, JWT])
def test_g3_a_token_that_a_login_obtained_is_found_by_its_shape(secret: str) -> None:
    text = f"X-Vault-Token: {secret}\n"
    assert [leak.form for leak in search([Shown("a channel", text.encode())])] == ["as it is"]
    assert hide(text) == "X-Vault-Token: [secret]\n"


def test_g3_a_secret_id_is_found_by_its_value_and_by_its_end() -> None:
    for text in (SECRET_ID, f"…{SECRET_ID[-16:]}"):
        assert len(search([Shown("a channel", text.encode())], [SECRET_ID])) == 1


@pytest.mark.parametrize("text", HARMLESS)
def test_nothing_harmless_is_taken_for_a_secret(text: str) -> None:
    assert search([Shown("a channel", text.encode())], [SECRET_ID]) == []
    assert hide(text, [SECRET_ID]) == text


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("inner.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, zipped, tarred, lambda content: gzip.compress(zipped(content))])
def test_g3_a_secret_in_an_archive_is_found(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"x" * 1000 + KEY.encode())
    assert KEY.encode() not in packed
    assert search([Shown("an archive", packed)]) != []


def test_g3_a_file_named_by_a_secret_is_found_and_a_message_tells_no_secret() -> None:
    leaks = search([Shown("state/list.json", KEY.encode()), Shown(f"tmp/{SECRET_ID}", b"")], [SECRET_ID])
    with pytest.raises(watch.LeakError) as caught:
        watch.complain(leaks)
    assert str(caught.value).splitlines() == [
        "Secrets in clear:",
        "state/list.json: an organization key, as it is, at byte 0",
        "tmp/[secret]: planted secret 0 of 36 characters, as it is, at byte 4",
    ]


@contextmanager
def fake_project(folder: Path) -> Iterator[Workspace]:
    cli = folder / "pulumi"
    cli.write_text(FAKE_CLI.format(python=sys.executable))
    cli.chmod(0o700)
    project = Workspace(Engine(cli, folder, "3", "path"), {"Pulumi.yaml": "name: clinic\n"}, folder / "workspace")
    project.env["CANARY"] = KEY
    with project:
        yield project


def run_fake(action: str, target: str, folder: Path) -> None:
    with fake_project(folder) as project:
        project.run(action, target).check()


def start_fake(action: str, target: str, folder: Path) -> None:
    with fake_project(folder) as project:
        process = project.start(action, target)
        assert process.stdout is not None
        lines = 2 if action == "tell" else 0
        assert [process.stdout.readline() for _ in range(lines)] == [b"started\n", b"waits\n"][:lines]
        if not lines:
            process.wait(60)


def run_server(folder: Path) -> None:
    with Child("a server", [sys.executable, "-c", f"print('ready {KEY}', flush=True)"], folder / "log") as server:
        server.wait_for("ready")


def run_face(kind: str, _: Path) -> None:
    trail.show(kind, KEY) if kind != "error of a provider" else FaceError(f"it failed with {KEY}")


PLANTS: dict[str, Callable[[Path], None]] = {
    "state": partial(run_fake, "write", "state/.pulumi/stacks/clinic/test.json"),
    "backup": partial(run_fake, "write", "state/.pulumi/backups/clinic/test/test.1.json"),
    "history": partial(run_fake, "write", "state/.pulumi/history/clinic/test/test-1.history.json"),
    "standard output": partial(run_fake, "print", "stdout"),
    "standard error": partial(run_fake, "print", "stderr"),
    "unread output": partial(start_fake, "print", "stderr"),
    "automatic log": partial(run_fake, "write", "pulumi/logs/pulumi-1-up.log"),
    "event log": partial(run_fake, "write", "project/events.json"),
    "project folder": partial(run_fake, "write", "project/Pulumi.test.yaml"),
    "temporary folder": partial(run_fake, "write", "tmp/pulumi.log"),
    "home": partial(run_fake, "write", "home/.pulumi/credentials.json"),
    "process arguments": partial(start_fake, "tell", "it"),
    "server log": run_server,
    "provider's error": partial(run_face, "error of a provider"),
    "provider's message": partial(run_face, "message of a provider"),
    "provider's output": partial(run_face, "output of a provider"),
}


def test_every_channel_has_a_plant() -> None:
    assert PLANTS.keys() == channels.TRAIL.keys()
    assert ASKED_PLANTS.keys() == set(channels.ASKED)


@pytest.mark.catalogue(60)
@pytest.mark.parametrize("channel", channels.TRAIL)
def test_g3_the_search_after_a_test_finds_a_plant_in_every_channel(channel: str, tmp_path: Path) -> None:
    PLANTS[channel](tmp_path)
    leaks = search(trail.take())
    assert any(fnmatchcase(leak.channel, channels.TRAIL[channel]) for leak in leaks), leaks


def test_what_a_command_reveals_when_it_is_asked_to_is_excused_and_nothing_else(tmp_path: Path) -> None:
    with fake_project(tmp_path) as project:
        project.run("print", "stdout", "--show-secrets").check()
        project.run("print", "stderr").check()
    assert [leak.channel for leak in search(trail.take())] == ["stderr of pulumi print stderr"]


@dataclass
class Talkative:
    secret: str


def of_a_chain(_: Path) -> list[Shown]:
    error = RuntimeError("it failed")
    error.__context__ = ValueError(KEY)
    return list(channels.of_exception(error))


def of_a_program(_: Path) -> list[Shown]:
    return channels.of_command(sys.executable, "-c", "import os; print(os.environ['K'])", env={**os.environ, "K": KEY})[
        1
    ]


def of_a_project(suffix: str, folder: Path) -> list[Shown]:
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "leaky"\nversion = "1"\n'
    )
    (folder / "leaky").mkdir()
    (folder / "leaky" / "__init__.py").write_text(json.dumps({"key": KEY}))
    return [shown for shown in channels.of_distributions(folder, folder / "dist") if shown.channel == suffix]


ASKED_PLANTS: dict[str, Callable[[Path], list[Shown]]] = {
    "exception": of_a_chain,
    "repr": lambda _: list(channels.of_object(Talkative(KEY))),
    "command line": of_a_program,
    "test report": lambda _: [Shown("pytest's report", f"assert {KEY!r} == ''".encode())],
    "wheel": partial(of_a_project, "whl"),
    "sdist": partial(of_a_project, "gz"),
}


@pytest.mark.parametrize("channel", channels.ASKED)
def test_g3_what_a_test_asks_for_is_searched(channel: str, tmp_path: Path) -> None:
    leaks = search(ASKED_PLANTS[channel](tmp_path))
    assert [leak.what for leak in leaks][:1] == ["an organization key"]


def reported(request: pytest.FixtureRequest, fails: bool, printed: str) -> pytest.TestReport:
    def play() -> None:
        value = KEY
        if fails:
            raise AssertionError(value)

    item: pytest.Item = request.node
    call = pytest.CallInfo.from_call(play, "call")
    report = pytest.TestReport.from_item_and_call(item, call)
    report.sections = [("Captured stdout call", printed)]
    return watch.without_secrets(item, report)


def test_g3_the_report_of_a_failed_test_has_no_secret(request: pytest.FixtureRequest) -> None:
    report = reported(request, fails=True, printed="nothing")
    assert report.failed
    assert "[secret]" in report.longreprtext
    assert KEY not in report.longreprtext


def test_g3_a_test_that_prints_a_secret_fails_and_its_report_has_none(request: pytest.FixtureRequest) -> None:
    report = reported(request, fails=False, printed=f"the key is {KEY}")
    assert report.failed
    assert "Captured stdout call: an organization key, as it is" in report.longreprtext
    assert KEY not in report.longreprtext + str(report.sections)
