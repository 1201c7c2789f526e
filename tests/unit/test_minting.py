"""From the POST on, a key is handed over, or revoked, or named: whatever answer is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from pydantic import SecretStr

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import parse_mark
from allomia_pulumi.core.minted_key.issuance import KeyRequest
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.core.minted_key.verify import verify_new_key
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    KeyLeftBehind,
    NotFound,
    OrganizationFull,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from allomia_pulumi.ground.cancellation import Cancellation
from tests.fakes import LINEAGE, TENANT_KEY, FakeAllomia, FakeClock, FakeKey, Listener
from tests.vaults import everything_told

ORDER = KeyRequest("org", "ehr", Identity(project="p", stack="s", name="ehr"), "", LINEAGE)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def minter(api: FakeAllomia, clock: FakeClock, listener: Listener) -> Minter:
    return Minter(api, clock, listener, Cancellation())


def lost() -> OutcomeUnknown:
    return OutcomeUnknown("AlloMia broke the connection")


def alive(api: FakeAllomia) -> list[str]:
    return list(api.keys["org"])


def test_a_good_answer_costs_one_post(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    assert api.calls == ["mint"]
    assert minted.name.startswith("ehr--p1")
    assert parse_mark(minted.name)


@pytest.mark.catalogue(9)
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


@pytest.mark.catalogue(10)
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


@pytest.mark.catalogue(10)
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


@pytest.mark.catalogue(10)
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
    api.revoke_key = lambda organization_id, key_id: Revocation.ABSENT  # type: ignore[method-assign] # noqa: ARG005
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


@pytest.mark.catalogue(12)
def test_only_a_429_is_followed_by_another_post(minter: Minter, api: FakeAllomia, clock: FakeClock) -> None:
    api.faults["mint"] = [RateLimited("429", retry_after=7), RateLimited("429")]
    minter.mint(ORDER)
    assert api.calls == ["mint", "mint", "mint"]
    assert clock.slept[0] == 7


@pytest.mark.catalogue(13)
def test_a_429_for_ever_ends_within_the_minute(minter: Minter, api: FakeAllomia, clock: FakeClock) -> None:
    api.faults["mint"] = [RateLimited("429") for _ in range(1000)]
    with pytest.raises(RateLimited):
        minter.mint(ORDER)
    assert sum(clock.slept) <= 60
    api.faults["mint"] = [RateLimited("429", retry_after=1e9)]
    with pytest.raises(RateLimited):
        minter.mint(ORDER)
    assert max(clock.slept) <= 60


@pytest.mark.catalogue(30)
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


@pytest.mark.catalogue(30)
def test_a_refusal_of_an_organization_with_room_stays_what_it_is(minter: Minter, api: FakeAllomia) -> None:
    api.faults["mint"] = [RequestRefused("refused", status=409)]
    with pytest.raises(RequestRefused):
        minter.mint(ORDER)
    assert api.calls == ["mint", "list"]


def test_g1_a_name_that_allomia_changed_is_nobodys_to_delete_and_is_named(minter: Minter, api: FakeAllomia) -> None:
    original = api.mint_key
    api.mint_key = lambda organization_id, name: original(organization_id, name[:20])  # type: ignore[method-assign]
    with pytest.raises(KeyLeftBehind, match="without its mark") as caught:
        minter.mint(ORDER)
    (left,) = alive(api)
    assert not caught.value.is_ours
    assert f"allomia revoke org {left}" in caught.value.hint
    assert "ehr--p1" in str(caught.value)
    assert api.calls.count("mint") == 1


Lie = Callable[[FakeKey, FakeKey, FakeKey], FakeKey]
# What is answered instead of the new key, given a key from before and one that came after the list.
LIES: dict[str, tuple[Lie, str]] = {
    "the tenant key": (lambda new, *_: replace(new, key=SecretStr(TENANT_KEY)), "is the tenant key"),
    "an id with the key": (lambda new, *_: replace(new, id=f"a-{new.key.get_secret_value()}"), "its id contains a key"),
    "an id with the tenant key": (lambda new, *_: replace(new, id=TENANT_KEY), "its id contains a key"),
    "a name with the key": (
        lambda new, *_: replace(new, name=new.key.get_secret_value() + new.name),
        "its name contains a key",
    ),
    "an id from before": (lambda new, before, _: replace(new, id=before.id), "key-1 existed before"),
    "another key's answer": (lambda _, __, after: after, "it is about key key-2, under a name without its mark"),
}


def lying(api: FakeAllomia, tell: Callable[[FakeKey], FakeKey]) -> None:
    original = api.mint_key
    api.mint_key = lambda organization_id, name: tell(original(organization_id, name))  # type: ignore[method-assign]


@pytest.mark.catalogue(65)
@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("trouble", ["none", "list", "revoke"])
def test_g1_g2_an_answer_that_cannot_be_true_is_settled_by_the_mark(
    api: FakeAllomia, clock: FakeClock, listener: Listener, name: str, trouble: str
) -> None:
    before, ledger = api.make("org", "before"), Quota(clock)
    ledger.alive(api, "org")
    after = api.make("org", "after")
    tell, text = LIES[name]
    lying(api, lambda new: tell(new, before, after))
    if trouble != "none":
        api.faults[trouble] = [AccessDenied("403")] * 9
        api.faults["get"] = [AccessDenied("403")] * 9
    with pytest.raises(AllomiaError) as caught:
        Minter(api, clock, listener, Cancellation(), ledger).mint(ORDER)
    error = caught.value
    told = everything_told(error)
    assert TENANT_KEY not in told
    assert "alm_org_" not in told
    assert text in error.message
    assert api.calls.count("mint") == 1
    if trouble == "none":
        assert type(error) is UnexpectedAnswer
        assert alive(api) == [before.id, after.id]
    else:
        (ours,) = (key for key in api.keys["org"].values() if key not in {before, after})
        assert isinstance(error, KeyLeftBehind)
        # Only what AlloMia showed under our mark may be remembered as something to revoke.
        assert (error.is_ours, error.key_id == ours.id) in {(True, True), (False, False), (False, True)}
        assert error.is_ours is (trouble == "revoke")
        assert (ours.id if trouble == "revoke" else ours.name) in str(error)


@pytest.mark.catalogue(65)
def test_g1_of_many_threads_that_are_answered_one_id_one_gets_the_key(api: FakeAllomia, clock: FakeClock) -> None:
    api.limit = 99
    ledger, barrier = Quota(clock), Barrier(8)
    shown = api.make("org", "the one")
    lying(api, lambda new: replace(new, id=shown.id))

    def mint(_: int) -> str:
        minter = Minter(api, clock, Listener(), Cancellation(), ledger)
        barrier.wait()
        try:
            return minter.mint(ORDER).id
        except AllomiaError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(mint, range(8))) == [""] * 7 + [shown.id]


def test_g1_a_key_that_this_process_knows_from_a_record_is_no_new_one(api: FakeAllomia, clock: FakeClock) -> None:
    lying(api, lambda new: replace(new, id="key-99"))
    with pytest.raises(UnexpectedAnswer, match="key-99 existed before"):
        Minter(api, clock, Listener(), Cancellation(), Quota(clock), {"key-99"}).mint(ORDER)
    assert alive(api) == []


@pytest.mark.parametrize(
    ("days", "answered", "is_replaced"),
    [
        (0.9, True, False),
        (-0.9, True, False),
        (1.1, True, True),
        (-1.1, True, True),
        (60000, True, True),
        (9, False, False),
    ],
)
def test_a_moment_of_making_is_believed_within_a_day_of_allomias_clock(
    minter: Minter,
    api: FakeAllomia,
    clock: FakeClock,
    listener: Listener,
    days: float,
    answered: bool,
    is_replaced: bool,
) -> None:
    moment, made_at = clock.now(), clock.now() + timedelta(days=days)
    lying(api, lambda new: replace(new, created_at=made_at, answered_at=moment if answered else None))
    assert minter.mint(ORDER).created_at == (moment if is_replaced else made_at)
    assert len(listener.warnings) == is_replaced


def test_g1_an_answer_that_cannot_be_checked_is_no_good_one(minter: Minter, api: FakeAllomia) -> None:
    shows = api.shows_tenant_key
    faults = [RuntimeError()]

    def fail_once(text: str) -> bool:
        if faults:
            raise faults.pop()
        return shows(text)

    api.shows_tenant_key = fail_once  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="it could not be checked"):
        minter.mint(ORDER)
    assert alive(api) == []


@pytest.mark.parametrize("is_foreign", [True, False])
def test_g1_a_compensation_touches_no_key_that_allomia_does_not_show_with_the_mark(
    minter: Minter, api: FakeAllomia, is_foreign: bool
) -> None:
    minted = minter.mint(ORDER)
    api.keys["org"] = {minted.id: replace(api.keys["org"][minted.id], name="by hand")} if is_foreign else {}
    with pytest.raises(KeyLeftBehind) as caught, minter.revoking_on_failure("org", minted):
        raise Unavailable("503")
    assert not caught.value.is_ours
    assert "revoke" not in api.calls
    assert f"allomia revoke org {minted.id}" in caught.value.hint


def test_g2_a_compensation_that_cannot_look_leaves_a_key_that_is_ours_to_remember(
    minter: Minter, api: FakeAllomia
) -> None:
    minted = minter.mint(ORDER)
    api.faults["list"] = [Unreachable("gone")]
    with pytest.raises(KeyLeftBehind) as caught, minter.revoking_on_failure("org", minted):
        raise Unavailable("503")
    assert caught.value.is_ours
    assert caught.value.key_id == minted.id


def test_a_list_that_lags_is_looked_at_again_and_the_key_itself_is_asked(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    key = api.keys["org"].pop(minted.id)

    def appear() -> None:
        api.keys["org"][key.id] = key

    api.faults["get"] = [lambda: None, appear]
    with pytest.raises(Unavailable, match="the key was revoked"), minter.revoking_on_failure("org", minted):
        raise Unavailable("503")
    assert alive(api) == []


@pytest.mark.parametrize(
    ("tenant", "is_refused"), [(None, True), (NotFound("404"), False), (Unavailable("503"), False)]
)
def test_g2_a_404_to_the_proof_is_a_refusal_only_where_the_tenant_key_reads(
    minter: Minter, api: FakeAllomia, listener: Listener, tenant: AllomiaError | None, is_refused: bool
) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [NotFound("404") for _ in range(9)]
    api.faults["calls"] = [tenant] if isinstance(tenant, AllomiaError) else []
    if is_refused:
        with pytest.raises(NotFound, match="the key was revoked"), minter.revoking_on_failure("org", minted):
            verify_new_key(api, api.clock, listener, "org", minted)
        assert alive(api) == []
    else:
        verify_new_key(api, api.clock, listener, "org", minted)
        assert "handed over unproved" in listener.warnings[0]
    assert (api.calls.count("prove"), api.calls.count("calls")) == (4, 1)


def test_a_new_key_gets_a_moment_to_be_accepted(minter: Minter, api: FakeAllomia, listener: Listener) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [CredentialRejected("401"), CredentialRejected("401")]
    verify_new_key(api, api.clock, listener, "org", minted)
    assert api.calls.count("prove") == 3
    assert listener.warnings == []


def test_an_inconclusive_proof_is_a_warning(minter: Minter, api: FakeAllomia, listener: Listener) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [Unavailable("503")]
    verify_new_key(api, api.clock, listener, "org", minted)
    assert "handed over unproved" in listener.warnings[0]


def test_g2_a_key_that_is_never_accepted_is_revoked(minter: Minter, api: FakeAllomia) -> None:
    minted = minter.mint(ORDER)
    api.faults["prove"] = [CredentialRejected("401") for _ in range(9)]
    with pytest.raises(CredentialRejected, match="the key was revoked"), minter.revoking_on_failure("org", minted):
        verify_new_key(api, api.clock, Listener(), "org", minted)
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
