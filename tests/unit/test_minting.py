"""From the POST on, a key is handed over, or revoked, or named: whatever answer is lost."""

import pytest

from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    KeyLeftBehind,
    OrganizationFull,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.keys.marks import parse_mark
from allomia_pulumi.keys.minting import Minter, Order
from allomia_pulumi.keys.models import Identity
from tests.fakes import LINEAGE, FakeAllomia, FakeClock, Listener

ORDER = Order("org", "ehr", Identity(project="p", stack="s", name="ehr"), "", LINEAGE)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(clock: FakeClock) -> FakeAllomia:
    return FakeAllomia(clock)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def minter(api: FakeAllomia, clock: FakeClock, listener: Listener) -> Minter:
    return Minter(api, clock, listener)


def lost() -> OutcomeUnknown:
    return OutcomeUnknown("AlloMia broke the connection")


def alive(api: FakeAllomia) -> list[str]:
    return list(api.keys["org"])


def test_a_good_answer_costs_one_post(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    assert api.calls == ["mint"]
    assert minted.name.startswith("ehr--p1")
    assert parse_mark(minted.name)


def test_g1_g2_a_key_whose_answer_was_lost_is_revoked_and_made_again(minter: Minter, api: FakeAllomia) -> None:
    api.faults["after mint"] = [lost()]
    minted = minter.mint(ORDER)
    assert alive(api) == [minted.id]
    assert api.calls == ["mint", "list", "revoke", "mint"]


def test_g1_a_request_that_never_arrived_is_made_again_under_a_new_nonce(minter: Minter, api: FakeAllomia) -> None:
    api.faults["mint"] = [lost()]
    minted = minter.mint(ORDER)
    assert alive(api) == [minted.id]
    assert api.calls == ["mint", "list", "list", "list", "mint", "list"]


def test_g1_a_late_first_key_is_revoked_after_the_second_success(minter: Minter, api: FakeAllomia) -> None:
    names: list[str] = []
    original = api.mint_key

    def mint_late(organization_id: str, name: str) -> object:
        names.append(name)
        if len(names) == 1:
            raise lost()
        api.make("org", names[0])
        return original(organization_id, name)

    api.mint_key = mint_late  # type: ignore[method-assign, assignment]
    minted = minter.mint(ORDER)
    assert alive(api) == [minted.id]


def test_g1_a_late_key_that_cannot_be_looked_for_is_named(minter: Minter, api: FakeAllomia, listener: Listener) -> None:
    def list_works_thrice() -> None:
        if api.calls.count("list") > 3:
            raise Unavailable("503")

    api.faults["mint"] = [lost()]
    api.faults["list"] = [list_works_thrice] * 4
    minter.mint(ORDER)
    assert len(listener.warnings) == 1
    assert "ehr--p1" in listener.warnings[0]
    assert "allomia keys --organization org" in listener.warnings[0]


def test_g5_two_lost_requests_end_with_both_names(minter: Minter, api: FakeAllomia) -> None:
    api.faults["mint"] = [lost(), lost()]
    with pytest.raises(OutcomeUnknown) as caught:
        minter.mint(ORDER)
    assert str(caught.value).count("ehr--p1") == 2
    assert "allomia keys --organization org" in caught.value.hint
    assert alive(api) == []


def test_g1_two_lost_answers_leave_nothing_alive(minter: Minter, api: FakeAllomia) -> None:
    api.faults["after mint"] = [lost(), lost()]
    with pytest.raises(UnexpectedAnswer, match="made and revoked again"):
        minter.mint(ORDER)
    assert alive(api) == []
    assert api.minted == 2


def test_g2_a_lost_answer_and_a_failing_list_name_the_key_to_look_for(minter: Minter, api: FakeAllomia) -> None:
    api.faults["after mint"] = [lost()]
    api.faults["list"] = [Unavailable("503")]
    api.faults["list"] *= 2
    with pytest.raises(OutcomeUnknown) as caught:
        minter.mint(ORDER)
    name = next(iter(api.keys["org"].values())).name
    assert name in caught.value.hint
    assert api.calls.count("mint") == 1


def test_g2_a_lost_answer_and_a_list_that_fails_once_leave_nothing(minter: Minter, api: FakeAllomia) -> None:
    api.faults["after mint"] = [lost()]
    api.faults["list"] = [Unavailable("503")]
    with pytest.raises(OutcomeUnknown, match="a key that came of it was revoked"):
        minter.mint(ORDER)
    assert alive(api) == []


@pytest.mark.parametrize(
    "second",
    [
        Unreachable("gone"),
        CredentialRejected("401"),
        RateLimited("429", retry_after=99),
        RequestRefused("400", status=400),
    ],
)
@pytest.mark.parametrize("is_late", [True, False])
def test_g1_an_unsettled_name_is_never_forgotten(
    minter: Minter, api: FakeAllomia, second: AllomiaError, is_late: bool
) -> None:
    names: list[str] = []

    def mint(organization_id: str, name: str) -> object:
        names.append(name)
        if len(names) == 1:
            raise lost()
        if is_late:
            api.make(organization_id, names[0])
        raise second.copy()

    api.mint_key = mint  # type: ignore[method-assign, assignment]
    with pytest.raises(type(second)) as caught:
        minter.mint(ORDER)
    assert alive(api) == []
    assert (names[0] in str(caught.value)) is not is_late
    assert ("was revoked" in caught.value.message) is is_late


def test_g1_a_404_to_a_compensation_is_no_proof(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    api.revoke_key = lambda organization_id, key_id: False  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(KeyLeftBehind) as caught, minter.revoking_on_failure("org", minted):
        raise Unavailable("503")
    assert f"allomia revoke org {minted.id}" in caught.value.hint


def test_a_changed_label_with_its_mark_is_our_key(minter: Minter, api: FakeAllomia) -> None:
    original = api.mint_key
    api.mint_key = lambda organization_id, name: original(organization_id, name.replace("ehr", "EHR"))  # type: ignore[method-assign]
    api.faults["after mint"] = [lost()]
    minted = minter.mint(ORDER)
    assert minted.name.startswith("EHR--p1")
    assert alive(api) == [minted.id]


def test_g2_a_lost_answer_and_a_failing_revoke_name_the_key(minter: Minter, api: FakeAllomia) -> None:
    api.faults["after mint"] = [lost()]
    api.faults["revoke"] = [Unreachable("gone")]
    with pytest.raises(KeyLeftBehind) as caught:
        minter.mint(ORDER)
    assert caught.value.key_id == alive(api)[0]
    assert f"allomia revoke org {alive(api)[0]}" in caught.value.hint


def test_only_a_429_is_followed_by_another_post(minter: Minter, api: FakeAllomia, clock: FakeClock) -> None:
    api.faults["mint"] = [RateLimited("429", retry_after=7), RateLimited("429")]
    minter.mint(ORDER)
    assert api.calls == ["mint", "mint", "mint"]
    assert clock.slept[0] == 7


def test_a_429_for_ever_ends_within_the_minute(minter: Minter, api: FakeAllomia, clock: FakeClock) -> None:
    api.faults["mint"] = [RateLimited("429") for _ in range(1000)]
    with pytest.raises(RateLimited):
        minter.mint(ORDER)
    assert sum(clock.slept) <= 60
    api.faults["mint"] = [RateLimited("429", retry_after=1e9)]
    with pytest.raises(RateLimited):
        minter.mint(ORDER)
    assert max(clock.slept) <= 60


@pytest.mark.parametrize(
    "refusal",
    [
        RequestRefused("refused", status=409),
        RequestRefused("refused", status=422),
        AccessDenied("403"),
        CredentialRejected("401"),
        RateLimited("429", retry_after=100),
        OutcomeUnknown("500"),
    ],
)
def test_a_sixth_key_is_told_from_the_list_whatever_the_code(
    minter: Minter, api: FakeAllomia, refusal: AllomiaError
) -> None:
    for number in range(5):
        api.make("org", f"by hand {number}")
    api.faults["mint"] = [refusal]
    with pytest.raises(OrganizationFull) as caught:
        minter.mint(ORDER)
    assert "5 of 5 keys are alive" in caught.value.message
    assert "key-3 “by hand 2”, " in caught.value.message
    assert "allomia revoke org KEY_ID" in caught.value.hint
    assert len(alive(api)) == 5


def test_a_refusal_of_an_organization_with_room_stays_what_it_is(minter: Minter, api: FakeAllomia) -> None:
    api.faults["mint"] = [RequestRefused("refused", status=409)]
    with pytest.raises(RequestRefused):
        minter.mint(ORDER)
    assert api.calls == ["mint", "list"]


def test_a_name_that_allomia_changed_is_no_key(minter: Minter, api: FakeAllomia) -> None:
    original = api.mint_key
    api.mint_key = lambda organization_id, name: original(organization_id, name[:20])  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="without its mark"):
        minter.mint(ORDER)
    assert alive(api) == []


def test_a_new_key_gets_a_moment_to_be_accepted(minter: Minter, api: FakeAllomia, listener: Listener) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [CredentialRejected("401"), CredentialRejected("401")]
    minter.prove("org", minted)
    assert api.calls.count("prove") == 3
    assert listener.warnings == []


def test_an_inconclusive_proof_is_a_warning(minter: Minter, api: FakeAllomia, listener: Listener) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [Unavailable("503")]
    minter.prove("org", minted)
    assert "handed over unproved" in listener.warnings[0]


def test_g2_a_key_that_is_never_accepted_is_revoked(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [CredentialRejected("401") for _ in range(9)]
    with pytest.raises(CredentialRejected, match="the key was revoked"), minter.revoking_on_failure("org", minted):
        minter.prove("org", minted)
    assert alive(api) == []


def test_g2_a_key_that_can_be_neither_handed_over_nor_revoked_is_named(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    api.faults["revoke"] = [Unavailable("503")]
    with pytest.raises(KeyLeftBehind) as caught, minter.revoking_on_failure("org", minted):
        raise KeyError("a fault of ours")
    assert f"allomia revoke org {minted.id}" in caught.value.hint
    assert "a fault of ours" not in str(caught.value)


def test_g2_even_a_fault_of_ours_revokes_the_key(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    with pytest.raises(KeyError), minter.revoking_on_failure("org", minted):
        raise KeyError("a fault of ours")
    assert alive(api) == []
