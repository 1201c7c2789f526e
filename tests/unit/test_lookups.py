"""Finding organizations and describing keys: exact, complete, and clear about what was not found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.core.queries import find_organization, list_organizations, survey_keys
from allomia_pulumi.errors import InvalidInput, NotFound, UnexpectedAnswer
from allomia_pulumi.ground.moments import format_moment
from tests.fakes import LINEAGE

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ESCAPE = "\x1b[31m"
RIGHT_TO_LEFT = "\u202e"


@dataclass(frozen=True)
class FoundOrganization:
    id: str
    name: str
    city: str | None = None
    country: str | None = None
    timezone: str | None = None
    created_at: datetime | None = None
    email: str | None = None
    address: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    phone_number: str | None = None
    tenant_id: str | None = None
    created_by: str | None = None
    is_active: bool | None = None
    image: str | None = None
    owner_id: str | None = None
    last_modified_by: str | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    is_usable: bool = True


@dataclass(frozen=True)
class FoundKey:
    name: str
    id: str = "key-1"
    created_at: datetime | None = NOW - timedelta(hours=1)
    last_used_at: datetime | None = None
    is_use_known: bool = True


@dataclass
class FakeDirectory:
    """A directory in memory; its search matches as AlloMia's seems to, unless a test says otherwise."""

    organizations: list[FoundOrganization] = field(default_factory=list)
    keys: list[FoundKey] = field(default_factory=list)
    searches: list[str | None] = field(default_factory=list)
    is_search_blind: bool = False
    read: dict[str, FoundOrganization | None] = field(default_factory=dict)
    source: str = "Vault secret/allomia/tenant#api_key"

    def organization(self, organization_id: str) -> FoundOrganization | None:
        if organization_id in self.read:
            return self.read[organization_id]
        return next((each for each in self.organizations if each.id == organization_id), None)

    def list_organizations(self, search: str | None = None) -> list[FoundOrganization]:
        self.searches.append(search)
        if search is None:
            return self.organizations
        if self.is_search_blind:
            return []
        return [each for each in self.organizations if search.lower() in each.name.lower()]

    def list_keys(self, organization_id: str) -> list[FoundKey]:
        if self.organization(organization_id) is None:
            raise NotFound("as the edge says it")
        return self.keys


def named(*names: str) -> FakeDirectory:
    return FakeDirectory([FoundOrganization(f"org-{number}", name) for number, name in enumerate(names)])


def refusal(directory: FakeDirectory, name: str) -> str:
    with pytest.raises(NotFound) as caught:
        find_organization(directory, organization_id=None, name=name)
    assert caught.value.hint
    return caught.value.message


def test_an_organization_is_found_by_its_id_without_listing() -> None:
    directory = named("Valley", "Coast")
    assert find_organization(directory, organization_id="org-1", name=None).name == "Coast"
    assert directory.searches == []


def test_a_name_is_searched_for_and_then_taken_exactly() -> None:
    directory = named("Valley Health Clinic", "Valley Health", "valley health")
    assert find_organization(directory, organization_id=None, name="Valley Health").id == "org-1"
    assert directory.searches == ["Valley Health"]


def test_by_its_name_an_organization_has_the_fields_that_a_list_lacks() -> None:
    directory = named("Valley")
    directory.read = {"org-0": FoundOrganization("org-0", "Valley", is_active=False, deleted_at=NOW)}
    found = find_organization(directory, organization_id=None, name="Valley")
    assert (found.is_active, found.deleted_at) == (False, format_moment(NOW))


def test_what_the_list_names_and_nobody_finds_by_its_id_is_told_as_the_list_has_it() -> None:
    directory = named("Valley")
    directory.read = {"org-0": None}
    assert find_organization(directory, organization_id=None, name="Valley").id == "org-0"


def test_a_search_that_misses_an_existing_name_does_not_make_it_missing() -> None:
    directory = named("Valley", "Coast")
    directory.is_search_blind = True
    assert find_organization(directory, organization_id=None, name="Coast").id == "org-1"
    assert directory.searches == ["Coast", None]


@pytest.mark.parametrize(
    ("organization_id", "name", "what"), [(None, None, "neither was given"), ("org-0", "Valley", "both were given")]
)
def test_exactly_one_of_id_and_name_is_asked_for(organization_id: str | None, name: str | None, what: str) -> None:
    directory = named("Valley")
    with pytest.raises(InvalidInput, match=what) as caught:
        find_organization(directory, organization_id=organization_id, name=name)
    assert "exactly one" in caught.value.hint
    assert directory.searches == []


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_id_or_name_is_refused_before_any_call(blank: str) -> None:
    directory = named(blank)
    with pytest.raises(InvalidInput, match="the organization's id is empty"):
        find_organization(directory, organization_id=blank, name=None)
    with pytest.raises(InvalidInput, match="the organization's name is empty"):
        find_organization(directory, organization_id=None, name=blank)
    with pytest.raises(InvalidInput, match="the organization's id is empty"):
        survey_keys(directory, blank, NOW)
    assert directory.searches == []


def test_a_missing_id_says_which_tenant_key_looked_and_what_to_do() -> None:
    with pytest.raises(NotFound) as caught:
        find_organization(named("Valley"), organization_id="nope", name=None)
    assert caught.value.message == (
        "organization nope does not exist, or the tenant key from Vault secret/allomia/tenant#api_key does not see it"
    )
    assert "get_organizations()" in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "exists"),
    [
        ("valley health", "Valley Health"),
        ("Valley Health ", "Valley Health"),
        ("ValleyHealth", "Valley Health"),
        ("Valey Health", "Valley Health"),
        ("Valley", "Valley Health Clinic of the Coast"),
        ("Cliniqué", "Clinique\N{COMBINING ACUTE ACCENT}"),
    ],
)
def test_a_missing_name_names_what_comes_close(asked: str, exists: str) -> None:
    message = refusal(named("Something Else", exists), asked)
    assert message.endswith(f"is named exactly “{asked}”; close to it: “{exists}” (id org-1)")


def test_other_case_comes_first_and_five_are_enough() -> None:
    names = [*(f"Valley Clinic {number}" for number in range(8)), "VALLEY CLINIC"]
    close = refusal(named(*names), "Valley Clinic").partition("close to it: ")[2].split(", ")
    assert close[0] == "“VALLEY CLINIC” (id org-8)"
    assert len(close) == 5


def test_a_name_that_nothing_resembles_says_how_many_there_are() -> None:
    assert refusal(named("Valley", "Coast"), "Zzz").endswith("no name of its 2 organizations comes close")


def test_hostile_names_are_made_printable_and_short() -> None:
    directory = FakeDirectory([FoundOrganization(f"org{ESCAPE}", f"valley{ESCAPE}{RIGHT_TO_LEFT}{'y' * 500}")])
    message = refusal(directory, f"valley{ESCAPE}{RIGHT_TO_LEFT}")
    assert message.isprintable()
    assert "close to it" in message
    assert len(message) < 400


def test_an_ambiguous_name_lists_the_ids() -> None:
    with pytest.raises(InvalidInput) as caught:
        find_organization(named("Valley", "Coast", "Valley"), organization_id=None, name="Valley")
    assert caught.value.message == "2 organizations are named “Valley” (ids org-0, org-2)"
    assert "id" in caught.value.hint


@pytest.mark.parametrize("search", [None, ""])
def test_without_a_search_all_organizations_are_listed(search: str | None) -> None:
    directory = named("Valley", "Coast")
    warned: list[str] = []
    assert [each.id for each in list_organizations(directory, search, warned.append)] == ["org-0", "org-1"]
    assert directory.searches == [None]
    assert warned == []


@pytest.mark.catalogue(89)
def test_organizations_that_no_request_can_name_are_left_out_with_one_warning_that_counts_them() -> None:
    odd = [FoundOrganization(f"a/{number}", "Odd", is_usable=False) for number in range(2)]
    directory = FakeDirectory([odd[0], FoundOrganization("org-0", "Valley"), odd[1]])
    warned: list[str] = []
    assert [each.id for each in list_organizations(directory, None, warned.append)] == ["org-0"]
    assert warned == ["AlloMia lists 2 organizations with ids that no request can name: left out"]


@pytest.mark.catalogue(89)
def test_an_organization_that_no_request_can_name_is_not_found_by_its_name() -> None:
    directory = FakeDirectory([FoundOrganization("a/b", "Odd", is_usable=False)])
    with pytest.raises(UnexpectedAnswer, match=r"lists the organization “Odd” with an id that no request can name"):
        find_organization(directory, organization_id=None, name="Odd")


def test_keys_are_described_by_label_age_and_whose_mark_they_carry() -> None:
    mark = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    directory = named("Valley")
    used = NOW - timedelta(minutes=1)
    directory.keys = [FoundKey(mark.name("ehr"), last_used_at=used), FoundKey("by -- hand", id="key-2")]
    survey = survey_keys(directory, "org-0", NOW)
    assert (survey.organization_id, survey.slots_used, survey.slots) == ("org-0", 2, 5)
    ours, by_hand = survey.keys
    assert (ours.id, ours.name, ours.label) == ("key-1", mark.name("ehr"), "ehr")
    assert (ours.mark, ours.last_used_at) == (f"{mark.stack}/{mark.resource}", format_moment(used))
    assert (ours.created_at, ours.age_seconds) == (format_moment(NOW - timedelta(hours=1)), 3600)
    assert (by_hand.name, by_hand.label, by_hand.mark) == ("by -- hand", "by -- hand", None)


@pytest.mark.parametrize(
    ("created_at", "age"),
    [
        (None, None),
        (NOW - timedelta(seconds=1.9), 1),
        (NOW + timedelta(seconds=30), 0),
    ],
)
def test_an_age_is_in_whole_seconds_never_negative_and_none_when_unknown(
    created_at: datetime | None, age: int | None
) -> None:
    directory = named("Valley")
    directory.keys = [FoundKey("by hand", created_at=created_at)]
    assert survey_keys(directory, "org-0", NOW).keys[0].age_seconds == age


def test_the_edge_says_what_a_404_of_the_keys_means() -> None:
    with pytest.raises(NotFound, match="as the edge says it"):
        survey_keys(named("Valley"), "nope", NOW)
