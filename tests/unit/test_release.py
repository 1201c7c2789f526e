"""A release is what its commit is: the same bytes everywhere, one version, no address and no file that nobody gave."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import allomia_pulumi
from allomia_pulumi.edges.net.client_defaults import HEADERS
from tools.engine.processes import CHECKOUT, ToolError
from tools.release import agreement, build
from tools.release.address import checked_address, with_address
from tools.release.agreement import places_of_sources, require_agreement, tagged
from tools.release.archives import files_below, write_tar_gz
from tools.release.changelog import changes_of
from tools.release.check.contents import check_plugin_archives, machine_paths
from tools.release.check.reproduction import compare
from tools.release.check.steps import Steps
from tools.release.checksums import require_digests, write_digests
from tools.release.names import PLATFORMS, PLUGIN_ARCHIVES, SDIST, TAG, VERSION, WHEEL
from tools.release.plugin_archives import CONTENT, build_plugin_archives
from tools.release.python_dists import build_dists
from tools.release.sources import Commit, export, head, require_clean

SAYING = (
    "allomia_pulumi/_version.py",
    "CHANGELOG.md",
    "allomia_pulumi/provider/plugin/schema.json",
    "schema.json",
    "sdk/nodejs/package.json",
    "sdk/go/allomia/pulumi-plugin.json",
    "sdk/go/allomia/internal/pulumiUtilities.go",
)
SECONDS = 1_790_000_000


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607 - on PATH


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with a link, a program and files that are ignored."""
    folder = tmp_path / "checkout"
    (folder / "package").mkdir(parents=True)
    (folder / ".gitignore").write_text(".venv\n")
    (folder / "package" / "data.json").write_text("{}\n")
    (folder / "data.json").symlink_to("package/data.json")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "secret").write_text("canary\n")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of this checkout that say the version, in a folder of their own."""
    folder = tmp_path / "tree"
    for name in SAYING:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


def test_every_place_of_the_sources_says_the_one_version() -> None:
    places = places_of_sources(CHECKOUT)
    assert len(places) >= 8
    assert require_agreement(places) == VERSION == allomia_pulumi.__version__
    assert require_agreement([*places, tagged(TAG)]) == VERSION
    assert HEADERS["User-Agent"] == f"allomia-pulumi/{VERSION}"


@pytest.mark.catalogue(147)
@pytest.mark.parametrize("name", SAYING)
def test_a_place_with_another_version_is_named_beside_the_first(tree: Path, name: str) -> None:
    file = tree / name
    text = file.read_text()
    if name == "CHANGELOG.md":
        file.write_text(text.replace("## Unreleased", "## 9.9.9 - 2026-01-01", 1))
    else:
        file.write_text(text.replace(f'"{VERSION}"', '"9.9.9"'))
    with pytest.raises(ToolError) as caught:
        require_agreement(places_of_sources(tree))
    first, *_ = str(caught.value).splitlines()
    assert "9.9.9" in first
    assert VERSION in first
    assert Path(name).name in first
    assert Path(agreement.SOURCE).name in first


@pytest.mark.catalogue(147)
def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(ToolError, match=r"the tag v9\.9\.9 says 9\.9\.9, and allomia_pulumi/_version.py says"):
        require_agreement([*places_of_sources(CHECKOUT), tagged("v9.9.9")])
    with pytest.raises(ToolError, match=r"The tag 0\.2\.0 is no version"):
        tagged("0.2.0")


def test_the_changelog_is_quoted_for_the_version_and_a_tag_wants_its_date(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## Unreleased\n\n### Added\n\n- One.\n\n## 0.1.0 - never\n\n- Old.\n")
    assert changes_of("0.2.0", changelog) == "### Added\n\n- One.\n"
    with pytest.raises(ToolError, match=r"begins with `## Unreleased`, and .* says 0\.2\.0"):
        changes_of("0.2.0", changelog, is_tagged=True)
    changelog.write_text("## 0.2.0 - 2026-12-01\n\n- One.\n")
    assert changes_of("0.2.0", changelog, is_tagged=True) == "- One.\n"
    with pytest.raises(ToolError, match="says 0\\.3\\.0"):
        changes_of("0.3.0", changelog)
    changelog.write_text("## 0.2.0\n\n- One.\n")
    with pytest.raises(ToolError, match=r"Name its newest section `## 0\.2\.0 - YYYY-MM-DD`"):
        changes_of("0.2.0", changelog, is_tagged=True)
    changelog.write_text("## Unreleased\n\n## 0.1.0\n\n- Old.\n")
    with pytest.raises(ToolError, match="says nothing of Unreleased"):
        changes_of("0.2.0", changelog)


def test_this_changelog_has_something_to_quote() -> None:
    assert changes_of(VERSION, CHECKOUT / "CHANGELOG.md").startswith("### ")


@pytest.mark.catalogue(148)
def test_only_committed_files_are_exported_with_modes_of_their_own_and_without_links(
    checkout: Path, tmp_path: Path
) -> None:
    exported = tmp_path / "exported"
    before = os.umask(0o077)
    try:
        exported.mkdir()
        export(head(checkout), exported, checkout)
    finally:
        os.umask(before)
    modes = {path.relative_to(exported).as_posix(): path.stat().st_mode & 0o777 for path in exported.rglob("*")}
    assert modes == {
        ".gitignore": 0o644,
        "data.json": 0o644,
        "package": 0o755,
        "package/data.json": 0o644,
        "run": 0o755,
    }
    assert not (exported / "data.json").is_symlink()
    assert (exported / "data.json").read_text() == "{}\n"


@pytest.mark.catalogue(148)
def test_a_checkout_with_more_than_its_commit_is_refused(checkout: Path) -> None:
    require_clean(checkout)
    (checkout / "notes.txt").write_text("canary\n")
    (checkout / "run").write_text("#!/bin/bash\n")
    with pytest.raises(ToolError, match=r"these files differ from it: run, notes\.txt\.") as caught:
        require_clean(checkout)
    assert "canary" not in str(caught.value)


def test_a_folder_that_is_no_checkout_is_said_to_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(ToolError, match="A release is built from a commit, and git did not show one"):
        head(tmp_path)


def test_an_archive_depends_on_nothing_but_its_files(tmp_path: Path) -> None:
    archives = []
    for number, names in enumerate((("b", "a/c", "run"), ("run", "a/c", "b"))):
        folder = tmp_path / f"folder-{number}"
        (folder / "a").mkdir(parents=True)
        for name in names:
            (folder / name).write_text(name)
            (folder / name).chmod(0o700 if name == "run" else (0o600, 0o664)[number])
            os.utime(folder / name, (number, number))
        archives.append(tmp_path / f"{number}.tar.gz")
        write_tar_gz(archives[-1], files_below(folder, *(path.name for path in folder.iterdir())), SECONDS)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        told = [(each.name, each.mode, each.mtime, each.uid, each.gid, each.uname) for each in archive]
    assert told == [
        ("a/c", 0o644, SECONDS, 0, 0, ""),
        ("b", 0o644, SECONDS, 0, 0, ""),
        ("run", 0o755, SECONDS, 0, 0, ""),
    ]


@pytest.mark.catalogue(148)
def test_wheel_sdist_and_archives_hold_what_was_agreed_and_are_built_alike_twice(tmp_path: Path) -> None:
    if not (CHECKOUT / ".git").exists():
        pytest.skip("this copy is no checkout, and a release is built from a commit")
    folders, source = [], tmp_path
    for number in range(2):
        source, built = tmp_path / f"source {number}", tmp_path / f"built-{number}"
        source.mkdir()
        built.mkdir()
        export(head(), source)
        build_dists(source, built, SECONDS)
        build_plugin_archives(source, built, SECONDS)
        folders.append(built)
    assert compare(*folders) == 2 + len(PLATFORMS)
    for name in PLUGIN_ARCHIVES.values():
        with tarfile.open(folders[0] / name) as archive:
            members = {member.name: member for member in archive}
        assert {member.partition("/")[0] for member in members} == set(CONTENT)
        assert all(member.isfile() for member in members.values())
        assert not re.search(r"pyc|venv|\.git", " ".join(members))
    with tarfile.open(folders[0] / SDIST) as archive:
        assert [member.name for member in archive if not member.isfile()] == []
    assert (folders[0] / WHEEL).is_file()
    check_plugin_archives(folders[0])
    unrun = folders[0] / PLUGIN_ARCHIVES["windows-amd64"]
    write_tar_gz(unrun, {name: path for name, path in files_below(source, *CONTENT).items() if "/core/" not in name}, 0)
    with pytest.raises(ToolError, match=r"windows-amd64\.tar\.gz has not the content of .*linux-amd64"):
        check_plugin_archives(folders[0])


def test_a_difference_is_named_with_its_file_and_member(tmp_path: Path) -> None:
    for number in range(2):
        folder, content = tmp_path / f"{number}", tmp_path / f"content-{number}"
        folder.mkdir()
        content.mkdir()
        (content / "same").write_text("same")
        (content / "other").write_text(f"other {number}")
        write_tar_gz(folder / "thing.tar.gz", files_below(content, "same", "other"), SECONDS)
    with pytest.raises(ToolError, match=r"thing\.tar\.gz differs: other\."):
        compare(tmp_path / "0", tmp_path / "1")
    (tmp_path / "1" / "more").touch()
    with pytest.raises(ToolError, match=r"different files: \['more'\]"):
        compare(tmp_path / "0", tmp_path / "1")


@pytest.mark.catalogue(149)
def test_a_file_that_was_not_built_so_is_refused_by_its_digest(tmp_path: Path) -> None:
    for name in ("a.whl", "b.tgz"):
        (tmp_path / name).write_text(name)
    write_digests(tmp_path)
    assert require_digests(tmp_path) == 2
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "a.whl").write_text("another")
    with pytest.raises(ToolError, match=r"a\.whl is not what was built"):
        require_digests(tmp_path)
    (tmp_path / "a.whl").unlink()
    with pytest.raises(ToolError, match=r"a\.whl is missing"):
        require_digests(tmp_path)
    (tmp_path / "a.whl").write_text("a.whl")
    (tmp_path / "stray").touch()
    with pytest.raises(ToolError, match="stray is not what was built"):
        require_digests(tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "github://api.github.com/clinic/allomia-pulumi",
        "https://plugins.example.com",
        "https://plugins.example.com:8443/allomia/${VERSION}/${OS}-${ARCH}",
    ],
)
def test_an_address_that_the_engine_fetches_from_is_taken(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://plugins.example.com",
        "github://api.github.com/clinic",
        "github://github.example.com/clinic/allomia",
        "https://user:canary@plugins.example.com/",
        "https://plugins.example.com/?token=canary",
        "https://plugins.example.com/#canary",
        "https://plugins.example.com/${HOME}",
        'https://plugins.example.com/"canary',
        "file:///srv/canary",
        " https://plugins.example.com",
    ],
)
def test_another_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ToolError, match=r"^PLUGIN_DOWNLOAD_URL is no address of a plugin\.\n") as caught:
        checked_address(address)
    assert "canary" not in str(caught.value)


def test_the_schema_has_an_address_only_if_one_is_given() -> None:
    schema: dict[str, Any] = json.loads((CHECKOUT / "schema.json").read_text())
    assert with_address(schema, "") == schema
    assert "pluginDownloadURL" not in json.dumps(schema)
    given = with_address(schema, "https://plugins.example.com")
    assert given.pop("pluginDownloadURL") == "https://plugins.example.com"
    assert given == schema
    given = with_address(schema, "github://api.github.com/clinic/keys")
    assert given.pop("repository") == "https://github.com/clinic/keys"
    assert given.pop("pluginDownloadURL") == "github://api.github.com/clinic/keys"
    assert given == schema


def test_a_release_is_built_into_an_empty_folder_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    with pytest.raises(ToolError, match="is not empty"):
        build.build_release(Commit("0" * 40, SECONDS), tmp_path)
    with pytest.raises(ToolError, match="no address of a plugin"):
        build.build_release(Commit("0" * 40, SECONDS), tmp_path, address="ftp://plugins.example.com")


def test_a_path_of_a_machine_is_found_and_one_of_a_document_is_not() -> None:
    # Put together here, so that a search of these sources finds none.
    administrator = "/" + "root"
    text = f"in /home/alice/src and {administrator}/thing, /Users/bob/x, /tmp/build-1/x"
    assert machine_paths(text.encode()) == [
        "/Users/bob/x",
        "/home/alice/src",
        f"{administrator}/thing",
        "/tmp/build-1/x",  # noqa: S108 - a text to be found
    ]
    document = f"https://host.example{administrator}/x ${{HOME}}{administrator}/x /api{administrator}/x /home/user/x"
    assert machine_paths(document.encode()) == []


def test_a_failed_step_is_counted_and_stops_only_what_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> str:
        raise ToolError("It broke.")

    steps = Steps()
    steps.take("first", fail)
    steps.take("second", lambda: "seen", after="first")
    steps.take("third", lambda: "seen")
    assert not steps.close()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["FAILED", "FAILED", "passed", "1"]
    assert "It broke." in lines[0]
    assert "not tried, because of: first" in lines[1]
    assert lines[3] == "1 passed, 2 failed"


def test_what_is_no_release_ends_with_its_line_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "left").touch()
    command = [sys.executable, "-m", "tools.release", "--dirty", "--into", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "is not empty" in done.stderr or "git did not show one" in done.stderr


@pytest.mark.catalogue(161)
@pytest.mark.parametrize("by_name", [True, False])
def test_neither_make_nor_a_shell_reads_the_tag_and_the_address(tmp_path: Path, *, by_name: bool) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$PLUGIN_DOWNLOAD_URL"\n')
    python.chmod(0o755)
    address, tag = "https://plugins.example/${NAME}-v${VERSION}", 'v1";touch${IFS}a;"$(touch${IFS}b)`touch${IFS}c`'
    given = {"PLUGIN_DOWNLOAD_URL": address, "TAG": tag}
    command = ["make", "--silent", "-f", str(CHECKOUT / "Makefile"), "-o", ".venv/release-ready", f"RUN={python}"]
    command += ["release", *([f"{name}={text}" for name, text in given.items()] if by_name else [])]
    environment = {**os.environ, **({} if by_name else given)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["-m", "tools.release", f"--tag={tag}", address]
    assert {each.name for each in tmp_path.iterdir()} == {"python"}
