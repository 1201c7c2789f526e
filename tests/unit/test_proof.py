"""When a key counts as revoked: what AlloMia answers to the deletion, and what it shows afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.verification import REVOKE_PAUSES, Revoked, is_proved_gone, revoke_for_good
from allomia_pulumi.errors import AllomiaError, NotFound, Unavailable, UnexpectedAnswer
from tests.fakes import FakeAllomia, FakeClock, FakeKey, FakeOrganization, Listener


class Service(FakeAllomia):
    """An AlloMia that answers a deletion as it is told, and does it or not, at once or later."""

    def __init__(self, answer: Revocation, *, looks_until_done: int | None = 0, lags: bool = False) -> None:
        super().__init__(FakeClock())
        self.made = self.make("org", "ehr")
        self.answer, self.looks_left, self.lags = answer, looks_until_done, lags
        self.odd: list[FakeOrganization] = []

    def list_organizations(self) -> list[FakeOrganization]:
        return [*super().list_organizations(), *self.odd]

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:  # noqa: ARG002
        self._enter("revoke")
        self._go_on()
        return self.answer

    def find_key(self, organization_id: str, key_id: str) -> FakeKey | None:
        found = super().find_key(organization_id, key_id)
        self._go_on()
        return found

    def list_keys(self, organization_id: str) -> list[FakeKey]:
        listed = super().list_keys(organization_id)
        return [*listed, self.made] if self.lags and not listed else listed

    def _go_on(self) -> None:
        if self.looks_left is not None:
            self.looks_left -= 1
            if self.looks_left < 0:
                self.keys["org"].pop(self.made.id, None)

    def revoke(self, *, always_proves: bool = False) -> tuple[Revoked, list[str]]:
        said = Listener()
        self.calls.clear()
        seen = revoke_for_good(self, self.clock, "org", self.made.id, said.warn, always_proves=always_proves)
        return seen, said.warnings


@pytest.mark.catalogue(83)
def test_g4_a_key_that_may_be_listed_under_a_longer_id_is_not_proved_gone() -> None:
    service = Service(Revocation.ABSENT)
    service.keys["org"] = {"other": replace(service.made, id=f"(unusable id / org/{service.made.id})")}
    with pytest.raises(UnexpectedAnswer, match="contradicts itself"):
        is_proved_gone(service, "org", service.made.id)
    service.keys["org"] = {"other": replace(service.made, id="(unusable id / org/another)")}
    assert is_proved_gone(service, "org", service.made.id)


PROVED = ["revoke", "get", "organization", "list"]


@pytest.mark.catalogue(66)
@pytest.mark.parametrize(
    ("answer", "always", "calls"),
    [
        (Revocation.CONFIRMED, False, ["revoke"]),
        (Revocation.CONFIRMED, True, PROVED),
        (Revocation.ACCEPTED, False, PROVED),
        (Revocation.ACCEPTED, True, PROVED),
        (Revocation.ABSENT, False, ["revoke", "list", "get", "organization"]),
    ],
)
def test_g4_a_deletion_is_believed_proved_or_an_error(answer: Revocation, always: bool, calls: list[str]) -> None:
    api = Service(answer)
    seen, warnings = api.revoke(always_proves=always)
    assert (seen.answer, warnings, api.calls) == (answer, [], calls)
    assert seen.is_listed is (False if "list" in calls else None)


@pytest.mark.parametrize(
    ("answer", "always"),
    [(Revocation.CONFIRMED, True), (Revocation.ACCEPTED, False), (Revocation.ABSENT, False)],
)
def test_g4_a_living_key_is_an_error(answer: Revocation, always: bool) -> None:
    api = Service(answer, looks_until_done=None)
    with pytest.raises(UnexpectedAnswer, match=r"may be alive|still has it"):
        api.revoke(always_proves=always)


def test_a_deletion_that_takes_its_time_is_waited_for_about_ten_seconds() -> None:
    api = Service(Revocation.ACCEPTED, looks_until_done=4)
    api.revoke()
    assert sum(api.clock.slept) == sum(REVOKE_PAUSES) == 10
    late = Service(Revocation.ACCEPTED, looks_until_done=6)
    with pytest.raises(UnexpectedAnswer, match="may be alive: it still answers"):
        late.revoke()


def test_a_list_that_lags_behind_our_own_deletion_is_a_warning_and_no_doubt() -> None:
    seen, warnings = Service(Revocation.ACCEPTED, lags=True).revoke()
    assert seen.is_listed
    assert "still lists it" in warnings[0]


def test_g4_a_404_without_a_2xx_of_ours_is_no_proof_while_the_list_has_the_key() -> None:
    with pytest.raises(UnexpectedAnswer, match="contradicts itself"):
        Service(Revocation.ABSENT, lags=True).revoke()


FAULTS: list[tuple[str, AllomiaError | Callable[[], None]]] = [
    ("get", Unavailable("503")),
    ("get", UnexpectedAnswer("a page")),
    ("organization", Unavailable("503")),
]


@pytest.mark.parametrize(("operation", "fault"), FAULTS)
def test_g4_a_proof_that_fails_says_that_the_key_may_be_alive(
    operation: str, fault: AllomiaError | Callable[[], None]
) -> None:
    api = Service(Revocation.ACCEPTED)
    api.faults[operation] = [fault]
    with pytest.raises(AllomiaError, match="may be alive"):
        api.revoke()


def test_g4_a_404_of_the_key_in_an_organization_that_is_gone_is_no_proof() -> None:
    api = Service(Revocation.ACCEPTED)
    api.has_organization = lambda organization_id: False  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(NotFound, match="may be alive: organization org answers 404"):
        api.revoke()


def test_a_list_that_cannot_be_read_after_the_proof_is_no_matter() -> None:
    api = Service(Revocation.ACCEPTED)
    api.faults["list"] = [Unavailable("503")]
    assert api.revoke() == (Revoked(Revocation.ACCEPTED), [])


@pytest.mark.catalogue(89)
def test_g4_an_organization_that_may_be_listed_under_an_id_that_nobody_can_read_is_not_called_gone() -> None:
    service = Service(Revocation.ABSENT)
    del service.keys["org"]
    with pytest.raises(NotFound, match="is gone"):
        is_proved_gone(service, "org", "key-1")
    service.odd = [FakeOrganization("(unusable id / no text) 1.1", "Valley", is_usable=False)]
    with pytest.raises(NotFound, match="ids that nobody can read, so nothing is proved"):
        is_proved_gone(service, "org", "key-1")
