"""Files as settings name them: `~` is the home of the environment, as a shell reads it. Files that commands write."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.files import check_new, expand_home, write_new


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("~", "/home/me"),
        ("~/", "/home/me"),
        ("~/vault/token", "/home/me/vault/token"),
        ("~//etc/token", "/home/me/etc/token"),
        ("~other/token", "~other/token"),
        ("/etc/~/token", "/etc/~/token"),
    ],
)
def test_a_leading_tilde_is_the_home_and_nothing_else(path: str, expanded: str) -> None:
    assert expand_home(path, {"HOME": "/home/me"}) == expanded
    assert expand_home(path, {"HOME": "", "USERPROFILE": "/home/me"}) == expanded


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_a_home_a_path_stays_as_it_is(environ: dict[str, str]) -> None:
    assert expand_home("~/vault/token", environ) == "~/vault/token"


@pytest.mark.catalogue(126)
def test_nothing_is_overwritten_and_no_link_is_followed(tmp_path: Path) -> None:
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.write_text("somebody's")
    link.symlink_to(tmp_path / "nowhere")
    for path in (theirs, link):
        with pytest.raises(InvalidInput, match="is there already, and was not overwritten"):
            check_new(path)
        with pytest.raises(InvalidInput, match="is there already, and was not overwritten"):
            write_new(path, "ours")
    assert theirs.read_text() == "somebody's"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "theirs"]


def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "file"
    with pytest.raises(InvalidInput, match="there is no such folder"):
        check_new(path)
    with pytest.raises(InvalidInput, match=r"cannot be written \(No such file or directory\)"):
        write_new(path, "ours")


@pytest.mark.catalogue(126)
def test_of_a_file_that_cannot_be_written_whole_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    def open_full(path: Path, *_: Any, **__: Any) -> Full:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        return Full()

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(InvalidInput, match=r"cannot be written \(No space left on device\); nothing was left there"):
        write_new(tmp_path / "file", "ours")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_nobody_had_is_written_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    check_new(path)
    write_new(path, "“é”\n")
    assert path.read_bytes() == "“é”\n".encode()
