"""Five slots per organization: alive and promised together never exceed them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from allomia_pulumi.contracts.api_keys import KEY_LIMIT
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.quota import Quota
from allomia_pulumi.errors import OrganizationFull, Unavailable
from tests.fakes import FakeAllomia, FakeClock, FakeKey


def identity(number: int) -> Identity:
    return Identity(project="p", stack="s", name=f"key-{number}")


@pytest.fixture
def ledger(clock: FakeClock) -> Quota:
    return Quota(clock)


def test_alive_and_promised_share_the_five_slots(ledger: Quota, api: FakeAllomia) -> None:
    for number in range(3):
        api.make("org", f"{number}")
    assert ledger.reserve(api, "org", identity(1)) is None
    assert ledger.reserve(api, "org", identity(2)) is None
    holders = ledger.reserve(api, "org", identity(3))
    assert holders is not None
    assert len(holders) == 3


def test_a_promise_is_one_slot_however_often_it_is_asked_for(ledger: Quota, api: FakeAllomia) -> None:
    for _ in range(9):
        assert ledger.reserve(api, "org", identity(1)) is None
    for number in range(2, 6):
        assert ledger.reserve(api, "org", identity(number)) is None
    assert ledger.reserve(api, "org", identity(6)) is not None


def test_one_list_serves_all_for_five_seconds(ledger: Quota, api: FakeAllomia, clock: FakeClock) -> None:
    ledger.alive(api, "org")
    clock.advance(5)
    ledger.reserve(api, "org", identity(1))
    assert api.calls == ["list"]
    clock.advance(0.1)
    ledger.alive(api, "org")
    assert api.calls == ["list", "list"]


class SlowAllomia(FakeAllomia):
    """An AlloMia that needs a tenth of a second for every list."""

    def list_keys(self, organization_id: str) -> list[FakeKey]:
        self.clock.advance(0.1)
        return super().list_keys(organization_id)


@pytest.mark.parametrize("organizations", [1, 20, 200])
def test_five_keys_of_each_of_many_organizations_cost_one_list_each(clock: FakeClock, organizations: int) -> None:
    api, ledger = SlowAllomia(clock), Quota(clock)
    api.keys = {f"org-{number}": {} for number in range(organizations)}
    for key in range(5):
        for number in range(organizations):
            assert ledger.reserve(api, f"org-{number}", identity(1000 * key + number)) is None
    assert api.calls.count("list") == organizations


def test_a_list_is_never_shared_for_longer_than_a_minute(clock: FakeClock) -> None:
    api, ledger = SlowAllomia(clock), Quota(clock)
    api.keys = {f"org-{number}": {} for number in range(300)}
    for organization_id in api.keys:
        ledger.alive(api, organization_id)
    clock.advance(59)
    ledger.alive(api, "org-299")
    assert api.calls.count("list") == 300
    clock.advance(1.1)
    ledger.alive(api, "org-299")
    assert api.calls.count("list") == 301


def test_own_writes_are_applied_to_the_shared_list(ledger: Quota, api: FakeAllomia) -> None:
    old = api.make("org", "old")
    ledger.alive(api, "org")
    with ledger.minting(api, "org", identity(1)):
        new = api.make("org", "new")
        ledger.add("org", new, identity(1))
    ledger.remove("org", old.id)
    assert [key.id for key in ledger.alive(api, "org")] == [new.id]
    assert api.calls == ["list"]


def test_an_old_list_stays_while_a_call_of_ours_is_in_flight(ledger: Quota, api: FakeAllomia, clock: FakeClock) -> None:
    ledger.alive(api, "org")
    with ledger.writing("org"):
        clock.advance(60)
        ledger.alive(api, "org")
    assert api.calls == ["list"]
    ledger.alive(api, "org")
    assert api.calls == ["list", "list"]


def test_minting_without_a_promise_looks_first(ledger: Quota, api: FakeAllomia) -> None:
    for number in range(5):
        api.make("org", f"{number}")
    with pytest.raises(OrganizationFull), ledger.minting(api, "org", identity(1)):
        pytest.fail("a full organization has no slot")
    assert api.calls == ["list"]


def test_a_failed_mint_keeps_its_promise_for_a_repeated_call(ledger: Quota, api: FakeAllomia) -> None:
    for number in range(4):
        api.make("org", f"{number}")
    with pytest.raises(Unavailable), ledger.minting(api, "org", identity(1)):
        raise Unavailable("503")
    assert ledger.reserve(api, "org", identity(2)) is not None
    with ledger.minting(api, "org", identity(1)):
        ledger.add("org", api.make("org", "repeated"), identity(1))
    assert len(api.keys["org"]) == KEY_LIMIT


def test_a_failed_list_promises_nothing_and_is_asked_again(ledger: Quota, api: FakeAllomia) -> None:
    api.faults["list"] = [Unavailable("503")]
    with pytest.raises(Unavailable):
        ledger.reserve(api, "org", identity(1))
    for number in range(5):
        assert ledger.reserve(api, "org", identity(number)) is None


def test_organizations_have_slots_of_their_own(ledger: Quota, api: FakeAllomia) -> None:
    api.keys["other"] = {}
    for number in range(5):
        assert ledger.reserve(api, "org", identity(number)) is None
    assert ledger.reserve(api, "other", identity(9)) is None


@pytest.mark.catalogue(34)
def test_g1_sixty_four_threads_never_exceed_the_slots(ledger: Quota, api: FakeAllomia) -> None:
    barrier = threading.Barrier(64)

    def take(number: int) -> bool:
        barrier.wait()
        try:
            with ledger.minting(api, "org", identity(number)):
                ledger.add("org", api.mint_key("org", f"{number}"), identity(number))
        except OrganizationFull:
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        made = sum(pool.map(take, range(64)))
    assert made == len(api.keys["org"]) == 5
    assert api.calls.count("list") == 1
    assert api.calls.count("mint") == 5
