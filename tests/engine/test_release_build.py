"""A whole release, built with Pulumi's generators, TypeScript and npm: what is in it, and what is not."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.engine.node import require_node
from tools.engine.processes import CHECKOUT, ToolError
from tools.release.build import build_release
from tools.release.check import contents
from tools.release.checksums import require_digests
from tools.release.names import GO_SDK, NPM_PACKAGE, PLATFORMS, TAG, VERSION
from tools.release.sources import head

ADDRESS = "github://api.github.com/clinic/keys"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of this checkout's commit, with an address of the plugin."""
    if not (CHECKOUT / ".git").exists():
        pytest.skip("this copy is no checkout, and a release is built from a commit")
    try:
        require_node()
    except ToolError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("release")
    assert build_release(head(), folder, address=ADDRESS) == VERSION
    return folder


@pytest.mark.long
def test_a_release_is_whole_says_one_version_and_holds_nothing_of_a_machine(release: Path) -> None:
    assert require_digests(release) == len(PLATFORMS) + 5
    assert contents.check_versions(release)
    assert contents.check_plugin_archives(release)
    assert contents.check_npm_package(release)
    assert contents.search_artefacts(release)


@pytest.mark.long
def test_every_schema_and_sdk_names_the_address_and_npm_the_repository(release: Path) -> None:
    assert contents.check_addresses(release, ADDRESS)
    with pytest.raises(ToolError, match="an address of the plugin that nobody gave"):
        contents.check_addresses(release, "")
    with pytest.raises(ToolError, match="do not have the plugin's address"):
        contents.check_addresses(release, "https://plugins.example.com")
    with tarfile.open(release / NPM_PACKAGE) as archive:
        manifest = json.loads((archive.extractfile("package/package.json") or io.BytesIO(b"{}")).read())
    assert manifest["repository"] == "https://github.com/clinic/keys"
    assert manifest["pulumi"] == {"resource": True, "name": "allomia", "version": VERSION, "server": ADDRESS}
    with tarfile.open(release / GO_SDK) as archive:
        code = (archive.extractfile("allomia/internal/pulumiUtilities.go") or io.BytesIO()).read().decode()
    assert f'pulumi.PluginDownloadURL("{ADDRESS}")' in code


@pytest.mark.catalogue(147)
@pytest.mark.long
@pytest.mark.usefixtures("release")
def test_a_tag_that_is_not_the_version_or_not_in_the_changelog_builds_nothing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"the tag v9\.9\.9 says 9\.9\.9"):
        build_release(head(), tmp_path, tag="v9.9.9")
    if "## Unreleased" in (CHECKOUT / "CHANGELOG.md").read_text():
        with pytest.raises(ToolError, match="begins with `## Unreleased`"):
            build_release(head(), tmp_path, tag=TAG)
    assert list(tmp_path.iterdir()) == []
