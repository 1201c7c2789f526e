"""A hint that says how to install names where this copy came from, and never an index."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from allomia_pulumi import __version__
from allomia_pulumi.ground import installation
from allomia_pulumi.ground.installation import install_hint

SOURCES = Path(installation.__file__).parents[1]
# A package of ours after `pip install`, by a name alone: what pip would look for at an index.
BY_NAME = re.compile(r"(?:pip|pipx|uv) [a-z -]*install [^\n]*?'?(?<![/\w])allomia-pulumi(?!\S* @)")


class Recorded(Distribution):
    """An installation of which the installer recorded this."""

    def __init__(self, text: str | None) -> None:
        self._text = text

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "direct_url.json" else None

    def locate_file(self, path: Any) -> Any:  # noqa: ARG002 - the interface's
        raise AssertionError


@pytest.fixture(params=[None])
def origin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    def record(what: Any) -> None:
        def distribution(name: str) -> Distribution:
            if what is PackageNotFoundError:
                raise PackageNotFoundError(name)
            return Recorded(what if isinstance(what, str | None) else json.dumps(what))

        monkeypatch.setattr(installation, "distribution", distribution)

    record(request.param)
    return record


COMMIT = {"vcs": "git", "commit_id": "abc123"}


@pytest.mark.catalogue(100)
@pytest.mark.parametrize(
    ("recorded", "command"),
    [
        ({"url": "file:///src", "dir_info": {"editable": True}}, "pip install --editable '/src[cli]'"),
        ({"url": "file:///src", "dir_info": {}}, "pip install '/src[cli]'"),
        ({"url": "file:///a%20b/it's", "dir_info": {}}, """pip install '/a b/it'"'"'s[cli]'"""),
        ({"url": "file:///dl/a-1.whl", "archive_info": {"hash": "sha256=0"}}, "pip install '/dl/a-1.whl[cli]'"),
        (
            {"url": "https://host.example/a-1.whl", "archive_info": {}},
            "pip install 'allomia-pulumi[cli] @ https://host.example/a-1.whl'",
        ),
        (
            {"url": "https://host.example/a.git", "vcs_info": COMMIT, "subdirectory": "python"},
            "pip install 'allomia-pulumi[cli] @ git+https://host.example/a.git@abc123#subdirectory=python'",
        ),
    ],
)
def test_a_hint_installs_this_copy_from_where_it_came(origin: Any, recorded: dict[str, Any], command: str) -> None:
    origin(recorded)
    assert install_hint("cli") == f"Install it with: {command}"
    assert not BY_NAME.search(install_hint("cli"))


def test_another_python_installs_for_itself(origin: Any) -> None:
    origin({"url": "file:///src", "dir_info": {"editable": True}})
    assert install_hint(python="/v/bin/python") == "Install it with: /v/bin/python -m pip install --editable /src"


@pytest.mark.catalogue(100)
@pytest.mark.parametrize("recorded", [None, "", "no json", "[]", '{"url": 7}', '{"url": "file:///a%1b[2J"}'])
def test_a_copy_that_came_from_an_index_names_none(origin: Any, recorded: str | None) -> None:
    origin(recorded)
    for_it = f"Install allomia-pulumi[cli] {__version__} from where this copy came: it is on no public index."
    assert install_hint("cli") == for_it
    assert f"{__version__} for /v/bin/python from" in install_hint(python="/v/bin/python")


def test_a_checkout_that_is_not_installed_is_named_by_its_folder(origin: Any) -> None:
    origin(PackageNotFoundError)
    assert install_hint("cli") == f"Install it with: pip install '{SOURCES.parent}[cli]'"


@pytest.mark.catalogue(100)
def test_g3_what_lets_somebody_fetch_it_is_not_shown(origin: Any) -> None:
    url = "https://user:canary-1@host.example/a.whl?token=canary-2#canary-3"
    origin({"url": url, "archive_info": {}})
    assert "canary" not in install_hint()
    origin({"url": url, "vcs_info": COMMIT})
    assert "canary" not in install_hint()


@pytest.mark.catalogue(100)
def test_no_text_of_the_package_names_it_on_an_index() -> None:
    shipped = [*SOURCES.rglob("*.py"), *SOURCES.rglob("*.json"), *SOURCES.parent.joinpath("sdk").rglob("*.md")]
    texts = {str(file.relative_to(SOURCES.parent)): file.read_text() for file in shipped}
    assert [name for name, text in texts.items() if BY_NAME.search(text)] == []
    assert BY_NAME.search("Install it for that Python: pip install allomia-pulumi")
    assert BY_NAME.search("Install it with: pip install 'allomia-pulumi[cli]'")
    assert not BY_NAME.search("pip install '/src/allomia-pulumi[cli]'")


def test_a_command_line_without_its_packages_says_so_without_them() -> None:
    code = (
        "import sys\n"
        "for name in ('typer', 'rich', 'pydantic', 'pulumi'):\n"
        "    sys.modules[name] = None\n"
        "from allomia_pulumi.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == f"allomia needs the package `{line.split('`')[1]}`. {install_hint('cli')}"
