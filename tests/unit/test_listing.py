"""Listings: whatever happens between two pages, what stays is shown once; a page costs no more than it needs."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.core.handler import Lists
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.listing import LARGEST_PAGE, LONGEST_TOKEN, Page, PageRequest
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization_metadata.handler import OrganizationMetadataRecords
from allomia_pulumi.errors import Interrupted, InvalidConfiguration, InvalidInput, NotFound, Unavailable
from allomia_pulumi.ground.redaction import guard
from tests.fakes import LINEAGE, FakeAllomia, FakeClock, FakeOrganization, FakeTenants, Listener
from tests.unit.organization.scenes import Scene

Change = tuple[str, int]
MOST_PAGES = 100
MARK = str(make_mark(Identity(project="p", stack="s", name="n"), "", LINEAGE))


class Keys:
    """The listing of keys in a tenant of that many organizations, with that many keys each."""

    def __init__(self, *counts: int) -> None:
        clock = FakeClock()
        ids = [f"org-{number:03}" for number in range(len(counts))]
        # AlloMia's order is not that of the ids.
        self.api = FakeAllomia(clock, keys={each: {} for each in reversed(ids)}, limit=99)
        for organization_id, count in zip(ids, counts, strict=True):
            for number in range(count):
                self.api.make(organization_id, f"key {number}")
        self.tenants = FakeTenants(self.api)
        self.handler = OrganizationKeys(self.tenants, clock)
        self.listener = Listener()

    def page(self, token: str = "", *, size: int = 0, limit: int = 0, **query: Any) -> Page:
        page = self.handler.list_page(query, PageRequest(limit, size, token), self.listener)
        assert page is not None
        return page

    def ids(self, **query: Any) -> list[str]:
        return [each.pulumi_id for each in self.page(**query).entries]

    def alive(self) -> set[str]:
        return {f"{organization}/{key}" for organization, keys in self.api.keys.items() for key in keys}

    def lists(self) -> int:
        count = self.api.calls.count("list")
        self.api.calls.clear()
        return count

    def change(self, what: str, number: int) -> None:
        organizations = list(self.api.keys)
        chosen = organizations[number % len(organizations)]
        match what:
            case "make":
                self.api.make(chosen, "made meanwhile")
            case "revoke" if self.api.keys[chosen]:
                self.api.keys[chosen].pop(next(iter(self.api.keys[chosen])))
            case "open":
                self.api.keys[f"org-{number:03}-new"] = {}
            case "close" if len(organizations) > 1:
                del self.api.keys[chosen]


@given(
    counts=st.lists(st.integers(0, 7), min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    changes=st.lists(
        st.lists(st.tuples(st.sampled_from(("make", "revoke", "open", "close")), st.integers(0, 30)), max_size=3),
        max_size=30,
    ),
)
@pytest.mark.catalogue(151)
def test_what_stays_is_shown_once_whatever_changes_between_pages(
    counts: list[int], sizes: list[int], changes: list[list[Change]]
) -> None:
    keys = Keys(*counts)
    stayed, ever = keys.alive(), keys.alive()
    shown: list[tuple[str, ...]] = []
    token, number = "", 0
    while token or not number:
        assert number <= len(ever) + len(counts) + len(changes), "pages without an end"
        page = keys.page(token, size=sizes[number % len(sizes)])
        assert len(page.entries) <= sizes[number % len(sizes)]
        shown += [each.ids for each in page.entries]
        for change in changes[number] if number < len(changes) else ():
            keys.change(*change)
            stayed &= keys.alive()
            ever |= keys.alive()
        token, number = page.token, number + 1
    assert shown == sorted(set(shown))
    assert stayed <= {"/".join(ids) for ids in shown} <= ever


@pytest.mark.parametrize("repeats", [True, False], ids=["as-the-protocol-says", "as-pulumi-do-gives-it"])
@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=9), size=st.integers(1, 7), limit=st.integers(1, 40))
def test_a_limit_holds_over_all_pages_however_the_caller_gives_it(
    counts: list[int], size: int, limit: int, *, repeats: bool
) -> None:
    keys = Keys(*counts)
    shown: list[str] = []
    token = ""
    for _ in range(MOST_PAGES):
        page = keys.page(token, size=size, limit=limit if repeats else limit - len(shown))
        shown += [each.pulumi_id for each in page.entries]
        token = page.token
        if not token:
            break
    assert not token
    assert shown == sorted(keys.alive())[:limit]


@pytest.mark.parametrize(
    ("per_organization", "size", "lists"), [(1, 10, 10), (5, 10, 2), (0, 10, 200), (3, 1, 1), (5, 0, 200)]
)
def test_a_page_asks_only_the_organizations_that_it_needs(per_organization: int, size: int, lists: int) -> None:
    keys = Keys(*[per_organization] * 200)
    page = keys.page(size=size)
    assert keys.api.calls.count("organizations") == 1
    assert keys.lists() == lists
    if page.token and size == 10:
        assert len(keys.page(page.token, size=size).entries) == 10
        assert keys.lists() == lists


def test_the_keys_of_one_organization_cost_one_list_and_no_list_of_organizations() -> None:
    keys = Keys(3, 3)
    assert len(keys.ids(organizationId="org-001")) == 3
    assert keys.api.calls == ["list"]


def test_a_page_that_nobody_sized_is_bounded_and_says_that_more_may_follow() -> None:
    keys = Keys(*[0] * (LARGEST_PAGE + 1))
    first = keys.page()
    assert keys.lists() == LARGEST_PAGE
    assert keys.listener.warnings == [
        "this page has 0 entries, and more may follow: `pulumi do … list` shows them only with --all"
    ]
    assert keys.page(first.token) == Page()
    assert keys.lists() == 1
    keys.listener.warnings.clear()
    assert keys.page(size=LARGEST_PAGE + 1).token
    assert keys.page(limit=1).token
    assert keys.listener.warnings == []


def test_queries_choose_by_label_name_and_mark() -> None:
    keys = Keys(0, 0)
    made = [keys.api.make(each, name) for each in keys.api.keys for name in ("ehr", f"ehr--{MARK}", "other")]
    ids = {key_id: f"{organization}/{key_id}" for organization, kept in keys.api.keys.items() for key_id in kept}
    ehr = [ids[each.id] for each in made if each.name != "other"]
    assert keys.ids(name="ehr") == sorted(ehr)
    assert keys.ids(name=f"ehr--{MARK}") == sorted(ids[each.id] for each in made if MARK in each.name)
    assert keys.ids(madeByHand=True) == sorted(ids[each.id] for each in made if MARK not in each.name)
    assert keys.ids(madeByHand=False) == keys.ids() == sorted(ids.values())
    assert keys.ids(name="ehr", madeByHand=True, organizationId="org-001") == [ids[made[0].id]]
    assert {each.name for each in keys.page().entries} == {"ehr", f"ehr--{MARK}", "other"}


@pytest.mark.parametrize(
    "query",
    [
        {"organizationId": "a/b"},
        {"organizationId": ""},
        {"organizationId": 5},
        {"name": " "},
        {"name": ["ehr"]},
        {"madeByHand": "yes"},
        {"isActive": True},
        {"tenantKeyRef": "alm_tenant_pasted"},
    ],
)
def test_a_wrong_query_is_one_error_before_anything_is_asked(query: dict[str, Any]) -> None:
    keys = Keys(1)
    with pytest.raises(InvalidInput) as caught:
        keys.page(**query)
    assert "pasted" not in str(caught.value)
    assert keys.api.calls == []


def test_what_is_not_known_yet_is_no_page() -> None:
    keys, scene = Keys(1), Scene()
    for query in ({"name": UNKNOWN}, {"tenantKeyRef": {"mount": UNKNOWN, "path": "a", "field": "b"}}):
        assert keys.handler.list_page(query, PageRequest(), keys.listener) is None
        assert scene.organizations_of_process.list_page(query, PageRequest(), scene.listener) is None
    assert (keys.api.calls, scene.sent) == ([], [])


@pytest.mark.catalogue(152)
def test_a_token_says_nothing_but_ids() -> None:
    keys = Keys(3, 3)
    keys.tenants.service = replace_service(keys.tenants)
    token = keys.page(size=4, name="key 1").token or keys.page(size=4).token
    said = json.loads(urlsafe_b64decode(token))
    assert {*said} == {"listing", "after", "limit", "shown"}
    assert said["after"] == ["org-001", "key-4"]
    assert len(said["listing"]) == 16
    assert (said["limit"], said["shown"]) == (0, 0)


@pytest.mark.catalogue(152)
@given(data=st.data())
def test_a_forged_token_is_one_error_or_a_page(data: st.DataObject) -> None:
    keys = Keys(2, 2)
    true = json.loads(urlsafe_b64decode(keys.page(size=2).token))
    leaf = st.none() | st.integers() | st.text(max_size=300) | st.sampled_from(["org-000", "../x", "a/b", ""])
    garbage = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4), max_leaves=8)
    forged = {**true, data.draw(st.sampled_from(sorted(true))): data.draw(garbage)}
    written = st.sampled_from([urlsafe_b64encode(json.dumps(forged).encode()).decode()]) | st.text(max_size=60)
    token = data.draw(written)
    refused = None
    try:
        page = keys.page(token, size=3)
    except InvalidInput as problem:
        refused, page = str(problem), Page()
    if refused is not None:
        assert refused.startswith("the continuation token is ")
        assert "\n" not in refused
    else:
        assert len(page.entries) <= 3
        assert {each.pulumi_id for each in page.entries} <= keys.alive()


@pytest.mark.catalogue(152)
@pytest.mark.parametrize("token", ["[" * 2000, "A" * (LONGEST_TOKEN + 1), "é", "e30=", "null", "\x00"])
def test_what_is_no_token_is_refused_before_anything_is_asked(token: str) -> None:
    keys = Keys(1)
    for each in (token, urlsafe_b64encode(token.encode()).decode()):
        with pytest.raises(InvalidInput, match="none that this provider has given"):
            keys.page(each)
    assert keys.api.calls == []


@pytest.mark.catalogue(152)
def test_a_token_that_is_right_but_for_an_id_or_its_length_is_refused() -> None:
    keys = Keys(2, 2)
    true = json.loads(urlsafe_b64decode(keys.page(size=2).token))
    odd = [json.dumps({**true, "after": after}) for after in ([], ["../x"], ["a/b", "c"], ["o", "k", "z"], [""])]
    for text in (*odd, json.dumps(true) + " " * LONGEST_TOKEN):
        with pytest.raises(InvalidInput, match="none that this provider has given"):
            keys.page(urlsafe_b64encode(text.encode()).decode())
    assert keys.page(urlsafe_b64encode(json.dumps(true).encode()).decode()).entries


@pytest.mark.catalogue(152)
def test_a_token_of_another_listing_is_refused() -> None:
    def other_query(keys: Keys, token: str) -> None:
        keys.page(token, name="key 1")

    def other_tenant(keys: Keys, token: str) -> None:
        keys.api.source = "Vault secret/allomia/north#api_key"
        keys.page(token)

    def other_service(keys: Keys, token: str) -> None:
        keys.tenants.service = replace_service(keys.tenants)
        keys.page(token)

    def other_kind(_keys: Keys, token: str) -> None:
        scene = Scene()
        scene.organizations_of_process.list_page({}, PageRequest(token=token), scene.listener)

    uses: list[Callable[[Keys, str], None]] = [other_query, other_tenant, other_service, other_kind]
    for use in uses:
        keys = Keys(2, 2)
        with pytest.raises(InvalidInput, match="of another listing"):
            use(keys, keys.page(size=1).token)


def replace_service(tenants: FakeTenants) -> Any:
    return tenants.service.model_copy(update={"api_url": "https://other.example"})


def test_an_organization_that_is_listed_and_not_visible_is_left_out_with_a_word() -> None:
    keys = Keys(*[1] * 9)
    hidden = sorted(keys.api.keys)[:7]
    listed = [FakeOrganization(each, each) for each in keys.api.keys]
    for each in hidden:
        del keys.api.keys[each]
    keys.api.list_organizations = lambda: listed  # type: ignore[method-assign]
    assert len(keys.ids()) == 2
    (warning,) = keys.listener.warnings
    assert warning == (
        "AlloMia lists organizations and answers 404 to a question for them: their keys are left out (org-000, "
        "org-001, org-002, org-003, org-004, and 2 more)"
    )
    with pytest.raises(NotFound):
        keys.page(organizationId=hidden[0])


def test_missing_key_endpoints_are_an_error_and_no_empty_page() -> None:
    keys = Keys(1, 1)
    keys.api.faults["list"] = [NotFound("AlloMia serves no key endpoints", is_proved=True)]
    with pytest.raises(NotFound, match="no key endpoints"):
        keys.page()


@pytest.mark.catalogue(153)
def test_a_list_that_fails_shows_nothing_of_the_others() -> None:
    keys = Keys(*[5] * 20)
    keys.api.faults["list"] = [lambda: None, Unavailable("503")]
    with pytest.raises(Unavailable):
        keys.page()


def test_ids_that_no_import_takes_are_left_out_with_a_word_and_names_are_printable() -> None:
    keys = Keys(0)
    secret = "alm_org_secret-that-is-known"
    guard(secret)
    for key_id, name in (("a/b", "odd"), (f"x{secret}", "hostile"), ("key-9", f"{secret}\x1b[31m\n")):
        keys.api.keys["org-000"][key_id] = replace(keys.api.make("org-000", name), id=key_id)
    for number in range(1, 4):
        del keys.api.keys["org-000"][f"key-{number}"]
    (entry,) = keys.page().entries
    assert entry.pulumi_id == "org-000/key-9"
    assert entry.name == "[secret]\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"
    assert keys.listener.warnings == ["AlloMia lists 2 keys with ids that no request can name: left out"]
    keys.api.keys["../x"] = {}
    assert len(keys.ids()) == 1
    assert "AlloMia lists 1 organization with an id that no request can name: left out" in keys.listener.warnings


def test_a_listing_stops_when_nobody_waits_for_it_any_more() -> None:
    keys = Keys(*[1] * 100)
    answers = iter((True, True, False))
    asked = PageRequest(size=50, is_awaited=lambda: next(answers))
    with pytest.raises(Interrupted):
        keys.handler.list_page({}, asked, keys.listener)
    assert keys.lists() == 10 + 8
    keys.tenants.cancellation.request()
    with pytest.raises(Interrupted):
        keys.page()
    assert keys.lists() == 0


def test_configuration_errors_say_that_no_stack_configuration_is_read() -> None:
    keys = Keys(1)
    keys.tenants.fault = InvalidConfiguration("no tenant key is configured", "Set it.")
    with pytest.raises(InvalidConfiguration, match="`pulumi do` does not read the configuration of a stack"):
        keys.page()


def test_only_what_an_import_takes_is_listed() -> None:
    assert issubclass(OrganizationKeys, Lists)
    assert not issubclass(DashboardKeys, Lists)
    assert not issubclass(OrganizationMetadataRecords, Lists)


class TestOrganizations:
    """The listing of organizations, from the sandbox's own list."""

    @pytest.fixture
    def scene(self) -> Scene:
        scene = Scene()
        scene.made = [scene.by_hand(name=f"Clinic {number}", id=f"org-{number:03}") for number in range(120)]
        scene.sent.clear()
        return scene

    def page(self, scene: Scene, token: str = "", *, size: int = 0, **query: Any) -> Page:
        page = scene.organizations_of_process.list_page(query, PageRequest(0, size, token), scene.listener)
        assert page is not None
        return page

    def test_pages_are_cut_from_one_complete_list(self, scene: Scene) -> None:
        first = self.page(scene, size=100)
        named = {each.pulumi_id: each.name for each in first.entries}
        assert list(named) == sorted(named)
        assert named["org-007"] == "Clinic 7"
        scene.local.control("DELETE", "organizations/org-050")
        scene.by_hand(name="Early", id="aaa")
        second = self.page(scene, first.token, size=100)
        ids = [each.pulumi_id for each in (*first.entries, *second.entries)]
        known = {each["id"] for each in scene.local.control("GET", "organizations")["organizations"]}
        assert set(scene.made) - {"org-050"} <= set(ids) <= known | {"org-050"}
        assert len(ids) == len(set(ids))
        assert second.token == ""
        assert scene.take_sent() == ["GET "] * 4

    def test_the_whole_is_one_page_of_two_requests(self, scene: Scene) -> None:
        page = self.page(scene)
        assert len(page.entries) >= 120
        assert page.token == ""
        assert scene.take_sent() == ["GET "] * 2

    def test_search_is_allomias_and_a_name_is_compared_exactly(self, scene: Scene) -> None:
        assert [each.pulumi_id for each in self.page(scene, search="clinic 11").entries] == [
            "org-011",
            *(f"org-11{number}" for number in range(10)),
        ]
        assert [each.pulumi_id for each in self.page(scene, name="Clinic 11").entries] == ["org-011"]
        assert self.page(scene, name="clinic 11") == Page()
        assert self.page(scene, search="nobody") == Page()
