"""What a preview makes of trouble: an error where `pulumi up` would fail for certain, else one warning a cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from allomia_pulumi.core.forecast import Forecast, is_certain, proving_absence
from allomia_pulumi.core.handler import Call, Checked
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    Interrupted,
    InvalidConfiguration,
    InvalidInput,
    NotFound,
    OrganizationFull,
    RateLimited,
    RequestRefused,
    SecretConflict,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.fakes import FakeAllomia, FakeClock, FakeOrganization, FakeTenants, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
NEWS = {"organizationId": "org", "name": "ehr"}
PLACE = {"mount": "secret", "path": "apps/ehr", "field": "api_key"}
SHORT = "secret/apps/ehr#api_key"
PASSES = "that has passed by then"
MAY = "it runs with a credential that may"


def refused(speaker: Any) -> CredentialRejected:
    return CredentialRejected("refused").as_said_by(speaker)


@pytest.mark.catalogue(90)
@pytest.mark.parametrize(
    ("problem", "condition"),
    [
        (InvalidInput("wrong"), None),
        (InvalidConfiguration("no tenant key is configured"), None),
        (InvalidConfiguration("the field is empty").as_said_by("Vault"), None),
        (SecretConflict("not ours"), None),
        (OrganizationFull("full"), None),
        (refused("AlloMia"), None),
        (NotFound("the secret has no such field", is_proved=True), None),
        (refused("Vault"), MAY),
        (refused("GitHub"), MAY),
        (AccessDenied("403").as_said_by("Vault"), MAY),
        (AccessDenied("403").as_said_by("AlloMia"), MAY),
        (NotFound("no such secret"), "it is there by then"),
        (Unreachable("no route"), PASSES),
        (Unavailable("is sealed"), PASSES),
        (RateLimited("429"), PASSES),
        (Interrupted("stopped"), PASSES),
        (UnexpectedAnswer("a login page"), PASSES),
        (RequestRefused("422", status=422), "that has changed by then"),
        (AllomiaError("something"), "that has changed by then"),
    ],
)
def test_only_what_lasts_is_an_error(problem: AllomiaError, condition: str | None) -> None:
    said = Listener()
    problem.hint = "Do this."
    assert is_certain(problem) == (condition is None)
    if condition is None:
        with pytest.raises(type(problem)), Forecast().foretelling(said):
            raise problem
        assert said.warnings == []
        return
    with Forecast().foretelling(said):
        raise problem
    assert said.warnings == [f"{problem.message}; `pulumi up` will fail unless {condition}. Do this."]


@pytest.mark.catalogue(90)
def test_a_cause_is_said_once_in_a_process_whatever_it_ends() -> None:
    forecast, said = Forecast(), Listener()
    for organization in ("one", "two"):
        with forecast.foretelling(said):
            raise Unavailable(f"Vault is sealed while reading for {organization}").because_of("Vault is sealed")
    with forecast.foretelling(said):
        raise Unavailable("AlloMia answered 503")
    assert [warning.partition(";")[0] for warning in said.warnings] == [
        "Vault is sealed while reading for one",
        "AlloMia answered 503",
    ]


@pytest.mark.catalogue(90)
@pytest.mark.parametrize(
    ("listed", "is_proved"),
    [
        ([], True),
        ([FakeOrganization("other", "Other")], True),
        ([FakeOrganization("org", "Listed all the same")], False),
        ([FakeOrganization("(unusable id)", "Nobody knows", is_usable=False)], False),
        (Unavailable("503"), False),
    ],
)
def test_g4_an_organizations_absence_is_proved_by_a_list_that_is_readable_and_lacks_it(
    monkeypatch: pytest.MonkeyPatch, listed: list[FakeOrganization] | AllomiaError, is_proved: bool
) -> None:
    api = FakeAllomia(FakeClock())

    def list_organizations() -> list[FakeOrganization]:
        if isinstance(listed, AllomiaError):
            raise listed
        return listed

    monkeypatch.setattr(api, "list_organizations", list_organizations)
    with pytest.raises(NotFound) as caught, proving_absence(api, "org"):
        raise NotFound("organization org does not exist").as_said_by("AlloMia")
    assert caught.value.is_proved is is_proved
    assert ("list of organizations lacks it" in caught.value.message) is is_proved


def test_a_vault_that_lacks_the_tenant_key_proves_nothing_of_an_organization() -> None:
    api = FakeAllomia(FakeClock(), keys={})
    with pytest.raises(NotFound) as caught, proving_absence(api, "org"):
        raise NotFound("Vault has no secret").as_said_by("Vault")
    assert not caught.value.is_proved
    assert api.calls == []


class World:
    def __init__(self) -> None:
        self.api = FakeAllomia(FakeClock())
        self.tenants = FakeTenants(self.api)
        self.said = Listener()
        self.keys = OrganizationKeys(self.tenants, self.api.clock)

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Checked:
        return self.keys.check(olds or {}, news, Call(IDENTITY, self.said))

    def errors(self, news: Mapping[str, Any]) -> list[str]:
        return [failure.reason for failure in self.check(news).failures]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.catalogue(90)
@pytest.mark.parametrize("adopt", [None, {"keyId": "key-1", "vaultSecret": "secret/by/hand#api_key"}])
def test_an_organization_that_the_list_lacks_is_an_error_in_preview(world: World, adopt: Any) -> None:
    (error,) = world.errors({**NEWS, "organizationId": "orgg", "adopt": adopt})
    assert "orgg" in error
    assert "AlloMia's list of organizations lacks it" in error
    assert world.said.warnings == []


@pytest.mark.catalogue(90)
@pytest.mark.parametrize("adopt", [None, {"keyId": "key-1", "vaultSecret": "secret/by/hand#api_key"}])
def test_a_refused_tenant_key_and_missing_endpoints_are_errors_in_preview(world: World, adopt: Any) -> None:
    for problem in (refused("AlloMia"), NotFound("AlloMia serves no key endpoints", is_proved=True)):
        world.api.faults["list"] = [problem]
        assert world.errors({**NEWS, "adopt": adopt}) == [problem.message]
    assert world.said.warnings == []


@pytest.mark.catalogue(90)
def test_a_key_to_adopt_whose_field_its_secret_lacks_is_an_error_in_preview(world: World) -> None:
    by_hand = world.api.make("org", "made by hand")
    news = {**NEWS, "adopt": {"keyId": by_hand.id, "vaultSecret": "secret/by/hand#api_key"}}
    world.tenants.vault.faults["read"] = [NotFound("the secret has no field api_key", is_proved=True)]
    assert world.errors(news) == ["the secret has no field api_key"]
    assert world.errors(news) == []
    (warning,) = world.said.warnings
    assert "Vault has no secret for secret/by/hand#api_key; `pulumi up` will fail" in warning


@pytest.mark.catalogue(90)
def test_a_sealed_vault_is_said_once_for_a_key_that_needs_it_twice(world: World) -> None:
    sealed = Unavailable("Vault is sealed while doing something").because_of("Vault is sealed")
    world.api.faults["list"] = [sealed]
    world.tenants.vault.faults["preflight"] = [sealed]
    assert world.errors({**NEWS, "vaultSecret": PLACE}) == []
    assert len(world.said.warnings) == 1


@pytest.mark.catalogue(90)
def test_g6_a_key_that_does_not_change_asks_nothing_and_a_rotation_that_would_fail_is_an_error(world: World) -> None:
    pulumi_id, state = world.keys.create(NEWS, Call(IDENTITY, world.said))
    outputs = state.to_outputs()
    world.keys = OrganizationKeys(world.tenants, world.api.clock)
    world.api.faults["list"] = [refused("AlloMia")]
    world.api.calls.clear()
    triggered = {**NEWS, "rotationTriggers": {"q": "1"}}
    for news in (NEWS, triggered):
        assert world.check(news, NEWS).failures == ()
        world.keys.diff(outputs, news, Call(IDENTITY, world.said, pulumi_id))
    assert world.api.calls == []
    rotating = {**NEWS, "name": "another"}
    with pytest.raises(CredentialRejected):
        world.keys.diff(outputs, rotating, Call(IDENTITY, world.said, pulumi_id))
    assert world.api.calls == ["list"]


@pytest.mark.catalogue(90)
def test_a_preview_without_credentials_passes_also_on_the_day_on_which_a_rotation_is_due(world: World) -> None:
    pulumi_id, state = world.keys.create(NEWS, Call(IDENTITY, world.said))
    world.keys = OrganizationKeys(world.tenants, world.api.clock)
    world.api.faults["list"] = [InvalidConfiguration("no Vault token is configured", "Set VAULT_TOKEN.")]
    plan = world.keys.diff(state.to_outputs(), {**NEWS, "name": "another"}, Call(IDENTITY, world.said, pulumi_id))
    assert plan.is_rotation
    assert world.said.warnings == [
        "no Vault token is configured; `pulumi up` will fail unless that has changed by then. Set VAULT_TOKEN."
    ]


@pytest.mark.catalogue(90)
@pytest.mark.parametrize("place", [PLACE, SHORT])
@pytest.mark.parametrize("before", [{}, {"vaultSecret": "secret/apps/else#api_key"}, {"vaultSecret": "no reference"}])
def test_a_new_place_of_a_key_that_stays_is_looked_at_in_preview(world: World, place: Any, before: Any) -> None:
    world.tenants.vault.faults["preflight"] = [SecretConflict("somebody else's")]
    (failure,) = world.check({**NEWS, "vaultSecret": place}, {**NEWS, **before}).failures
    assert failure.reason == "somebody else's"


@pytest.mark.catalogue(90)
@pytest.mark.parametrize(("before", "after"), [(PLACE, SHORT), (SHORT, PLACE), (SHORT, SHORT), (PLACE, PLACE)])
def test_g6_another_form_of_the_same_place_asks_nothing(world: World, before: Any, after: Any) -> None:
    assert world.check({**NEWS, "vaultSecret": after}, {**NEWS, "vaultSecret": before}).failures == ()
    assert world.tenants.vault.calls == []


@pytest.mark.catalogue(90)
def test_a_tenant_key_that_is_not_known_yet_says_nothing_of_a_rotation(world: World) -> None:
    pulumi_id, state = world.keys.create(NEWS, Call(IDENTITY, world.said))
    world.keys = OrganizationKeys(world.tenants, world.api.clock)
    world.api.calls.clear()
    world.api.faults["list"] = [refused("AlloMia")]
    rotating = {**NEWS, "name": "another", "tenantKeyRef": UNKNOWN}
    assert world.keys.diff(state.to_outputs(), rotating, Call(IDENTITY, world.said, pulumi_id)).replaces == ("name",)
    assert world.api.calls == []
    assert world.said.warnings == []


@pytest.mark.parametrize(
    "place",
    [
        "secret/allomia/tenant#another",
        {"mount": "secret", "path": "allomia/tenant", "field": "api_key", "takeOver": True},
        "secret/allomia/own#api_key",
    ],
)
def test_a_key_is_never_delivered_over_the_tenant_key(world: World, place: Any) -> None:
    news = {**NEWS, "vaultSecret": place, "tenantKeyRef": "secret/allomia/own#api_key"}
    for olds in ({}, NEWS):
        (failure,) = world.check(news, olds).failures
        assert "is where the tenant key lies, and a delivery would write over it" in failure.reason
    assert world.tenants.vault.calls == []


@pytest.mark.catalogue(92)
@pytest.mark.parametrize("copied", [{**PLACE, "path": "data/apps/ehr"}, "secret/data/apps/ehr#api_key"])
def test_a_path_that_looks_copied_from_an_api_path_is_said_to_be_so(world: World, copied: Any) -> None:
    hint = "Leave data/ out of the path: it belongs to Vault's API, not to the path."
    world.tenants.vault.faults["preflight"] = [AccessDenied("403", "Add to its policy: a line")]
    assert world.errors({**NEWS, "vaultSecret": copied}) == []
    assert world.errors({**NEWS, "vaultSecret": copied}) == []
    denied, made = world.said.warnings
    assert denied.endswith(f"Add to its policy: a line {hint}")
    assert made == f"Vault secret/data/apps/ehr#api_key does not exist, and the key makes it. {hint}"


@pytest.mark.catalogue(93)
@pytest.mark.parametrize("name", ["e" * 61, "ehr\nsync", "  ehr"])
def test_a_label_that_is_not_the_resources_name_is_said_once(world: World, name: str) -> None:
    identity = IDENTITY.model_copy(update={"name": name})
    news = {"organizationId": "org"}
    checked = world.keys.check({}, news, Call(identity, world.said))
    (info,) = world.said.infos
    assert f"“{checked.inputs['name']}”" in info
    assert info.isprintable()
    world.keys.check(checked.inputs, news, Call(identity, world.said, old_identity=identity))
    assert len(world.said.infos) == 1


def test_a_label_that_is_the_resources_name_or_the_programs_own_is_not_worth_a_word(world: World) -> None:
    world.check({"organizationId": "org"})
    world.keys.check({}, NEWS, Call(replace_name("e" * 61), world.said))
    assert world.said.infos == []


def replace_name(name: str) -> Identity:
    return IDENTITY.model_copy(update={"name": name})
