"""No secret in a text, no hostile character on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.redaction import fingerprint, guard, printable, scrub

CANARY = "canary-5c9f0d2e"


def test_g3_a_guarded_secret_is_removed_from_any_text() -> None:
    secret = guard(CANARY)
    assert CANARY not in repr(secret) + str(secret) + f"{secret}"
    assert scrub(f"a {CANARY} b {CANARY}") == "a [secret] b [secret]"


def test_g3_the_longer_of_two_secrets_is_removed_whole() -> None:
    guard(CANARY)
    guard(f"{CANARY}-and-more")
    assert scrub(f"{CANARY}-and-more") == "[secret]"


def test_g3_foreign_text_on_a_terminal_has_no_secret_and_no_part_of_one() -> None:
    guard(CANARY)
    assert printable(f"{'x' * 10}{CANARY}{'y' * 10}", 20) == "xxxxxxxxxx[secret]y…"


def test_a_fingerprint_is_the_start_of_the_sha256() -> None:
    assert fingerprint(SecretStr("abc")) == "ba7816bf8f01"


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\nb", "a\u202eb", "a\x00b", "a\u2028b", "a\x9bb"])
def test_hostile_characters_do_not_reach_a_terminal(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text)[0] == "a"
    assert "b" in printable(text)


@given(st.text())
def test_printable_is_printable_and_short(text: str) -> None:
    assert printable(text, 20).isprintable()
    assert len(printable(text, 20)) <= 20


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert str(AllomiaError("key 1 is alive", "Revoke it.")) == "key 1 is alive. Revoke it."
    assert str(AllomiaError("key 1 is alive")) == "key 1 is alive"
    assert str(AllomiaError("a", "B.").with_hint("C.")) == "a. B. C."
