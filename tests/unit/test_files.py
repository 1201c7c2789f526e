"""Files as settings name them: `~` is the home of the environment, as a shell reads it."""

from __future__ import annotations

import pytest

from allomia_pulumi.ground.files import expand_home


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
