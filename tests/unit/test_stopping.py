"""A run that is being stopped: what was begun is brought to its end, and nothing new is begun."""

from __future__ import annotations

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.issuance import KeyRequest
from allomia_pulumi.core.minted_key.mint import Minter
from allomia_pulumi.core.minted_key.verify import verify_new_key
from allomia_pulumi.errors import Interrupted, OutcomeUnknown, RateLimited, UnexpectedAnswer
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import SystemClock
from tests.fakes import LINEAGE, FakeAllomia, Listener

ORDER = KeyRequest("org", "ehr", Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
FOREVER = 3600


@pytest.fixture
def cancellation() -> Cancellation:
    return Cancellation()


@pytest.fixture
def minter(api: FakeAllomia, cancellation: Cancellation) -> Minter:
    return Minter(api, api.clock, Listener(), cancellation)


@pytest.mark.catalogue(7)
def test_a_stopped_clock_lets_nobody_wait() -> None:
    cancellation = Cancellation(clean_up_seconds=0)
    assert not cancellation.is_requested
    cancellation.request()
    assert cancellation.is_requested
    SystemClock(cancellation).sleep(FOREVER)


def test_a_clock_that_is_stopped_twice_keeps_the_first_moment() -> None:
    cancellation = Cancellation(clean_up_seconds=0)
    cancellation.request()
    cancellation._clean_up_seconds = FOREVER
    cancellation.request()
    SystemClock(cancellation).sleep(FOREVER)


def test_no_key_is_asked_for(minter: Minter, api: FakeAllomia, cancellation: Cancellation) -> None:
    cancellation.request()
    with pytest.raises(Interrupted, match="before a key was asked for"):
        minter.mint(ORDER)
    assert api.calls == []


@pytest.mark.catalogue(8)
def test_g2_a_lost_answer_is_settled_and_not_tried_again(
    minter: Minter, api: FakeAllomia, cancellation: Cancellation
) -> None:
    def lose() -> None:
        cancellation.request()
        raise OutcomeUnknown("no answer")

    api.faults["after mint"] = [lose]
    with pytest.raises(UnexpectedAnswer, match="made and revoked again, and the run was interrupted"):
        minter.mint(ORDER)
    assert api.keys["org"] == {}
    assert api.minted == 1


@pytest.mark.catalogue(7)
def test_a_request_that_was_put_off_is_not_sent_again(
    minter: Minter, api: FakeAllomia, cancellation: Cancellation
) -> None:
    def put_off() -> None:
        cancellation.request()
        raise RateLimited("429", retry_after=1)

    api.faults["mint"] = [put_off]
    with pytest.raises(RateLimited):
        minter.mint(ORDER)
    assert api.calls.count("mint") == 1


@pytest.mark.catalogue(8)
def test_g2_a_key_whose_answer_came_is_handed_over(
    minter: Minter, api: FakeAllomia, cancellation: Cancellation
) -> None:
    minted = minter.mint(ORDER)
    cancellation.request()
    verify_new_key(api, api.clock, Listener(), "org", minted)
    assert list(api.keys["org"]) == [minted.id]
