"""A key in an organization that the same run made: what AlloMia showed before, or shows late, fails nobody."""

import pytest

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.errors import AccessDenied, NotFound
from tests.fakes import FakeAllomia, FakeClock, FakeTenants, Listener

IDENTITY = Identity(project="p", stack="s", name="ehr")
NEWS = {"organizationId": "new", "name": "ehr"}


class LateAllomia(FakeAllomia):
    """An AlloMia that shows a new organization only to the requests after the first ones."""

    late: int = 0

    def _organization(self, organization_id: str):  # noqa: ANN202
        if organization_id == "new" and self.late:
            self.late -= 1
            raise NotFound(f"organization {organization_id} answered 404").as_said_by("AlloMia")
        return super()._organization(organization_id)


@pytest.fixture
def late(clock: FakeClock) -> LateAllomia:
    return LateAllomia(clock, keys={"org": {}})


def keys_of(api: FakeAllomia, *, is_made: bool = True) -> OrganizationKeys:
    return OrganizationKeys(FakeTenants(api, made={"new"} if is_made else set()), api.clock)


def test_a_list_that_lacks_it_is_only_a_warning_of_the_check(late: LateAllomia) -> None:
    listener = Listener()
    assert not keys_of(late).check({}, NEWS, Call(IDENTITY, listener)).failures
    assert len(listener.warnings) == 1
    # Of an organization that this run did not make, the same list is proof.
    assert keys_of(late, is_made=False).check({}, NEWS, Call(IDENTITY, Listener())).failures


def test_its_key_waits_until_allomia_shows_it(late: LateAllomia) -> None:
    keys, call = keys_of(late), Call(IDENTITY, Listener())
    late.late = 3
    inputs = keys.check({}, NEWS, call).inputs
    late.keys["new"] = {}
    _, state = keys.create(inputs, call)
    assert state.key_id in late.keys["new"]
    assert late.clock.slept[:3] == [0.0, 0.5, 1.5]


def test_it_does_not_wait_for_ever_and_not_for_one_that_others_made(late: LateAllomia) -> None:
    for is_made, waited in ((True, 10.0), (False, 0.0)):
        late.clock.slept.clear()
        with pytest.raises(NotFound):
            keys_of(late, is_made=is_made).create(NEWS, Call(IDENTITY, Listener()))
        assert sum(late.clock.slept) == waited
    assert "mint" not in late.calls


@pytest.mark.parametrize("error", [AccessDenied("no"), NotFound("no endpoints", is_proved=True).as_said_by("AlloMia")])
def test_another_error_is_waited_for_by_nobody(late: LateAllomia, error: Exception) -> None:
    late.keys["new"] = {}
    late.faults["list"] = [error] * 9  # type: ignore[list-item]
    with pytest.raises(type(error)):
        keys_of(late).create(NEWS, Call(IDENTITY, Listener()))
    assert sum(late.clock.slept) == 0


def test_a_refused_revocation_says_how_to_forget_a_key_of_a_deactivated_organization(api: FakeAllomia) -> None:
    keys, call = OrganizationKeys(FakeTenants(api), api.clock), Call(IDENTITY, Listener())
    _, state = keys.create({"organizationId": "org", "name": "ehr"}, call)
    api.faults["revoke"] = [AccessDenied("AlloMia does not allow it")]
    with pytest.raises(AccessDenied, match="pulumi state delete URN"):
        keys.delete(state.to_outputs(), call.reporter)
