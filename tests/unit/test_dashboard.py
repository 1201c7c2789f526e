"""A key that a person makes and writes to Vault: what each run of the engine does with it, asks, says and keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.minted_key.models import UNKNOWN, Identity
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    InvalidConfiguration,
    NotFound,
    SetupError,
    Unavailable,
    Unreachable,
)
from allomia_pulumi.ground.redaction import fingerprint
from tests.fakes import FakeClock, FakeShelf, FakeSources, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
PLACE = "secret/allomia/ehr#api_key"
OTHER_PLACE = "secret/allomia/moved#api_key"
HOUR = 3600
DAY = 24 * HOUR
STILL_ALIVE = "AlloMia still accepts an old key"
NOT_LOOKED = "no refresh has looked yet whether AlloMia still accepts it; `pulumi refresh` looks"


class Stack:
    """One declared key in one stack; every command is a new process, as the engine's is."""

    def __init__(self, kv_version: int = 2) -> None:
        self.clock = FakeClock()
        self.shelf = FakeShelf(self.clock, kv_version)
        self.sources = FakeSources(self.shelf)
        self.inputs: dict[str, Any] = {"organizationId": "org", "vaultSecret": PLACE}
        self.id = ""
        self.outputs: dict[str, Any] = {}
        self.said = Listener()

    def make(self, key: str, place: str = PLACE, organization: str = "org") -> None:
        """Make a key in the dashboard and write it to Vault."""
        self.sources.api.organizations[key] = organization
        self.shelf.write(place, key)

    def revoke(self, key: str) -> None:
        """Delete a key in the dashboard."""
        del self.sources.api.organizations[key]

    def declare(self, **inputs: Any) -> None:
        """Edit the program."""
        self.inputs |= inputs

    def preview(self) -> bool:
        """Tell whether a preview shows a change."""
        keys = self._process()
        return self._diff(keys)

    def up(self) -> bool:
        """Run the program; tell whether the engine had something to do."""
        keys = self._process()
        if not self.outputs:
            assert keys.check({}, self.inputs, IDENTITY, self.said).failures == ()
            self.id, state = keys.create(self.inputs, IDENTITY, self.said)
            self.outputs = state.to_outputs()
            return True
        has_changes = self._diff(keys)
        if has_changes:
            self.outputs = keys.update(self.id, self._stored(), self.inputs, IDENTITY, self.said).to_outputs()
        return has_changes

    def refresh(self) -> bool:
        """Refresh; tell whether the diff that belongs to the read reports a change."""
        keys = self._process()
        self.outputs = keys.read(self.id, self._stored(), self.said).to_outputs()
        return keys.diff(self.id, self._stored(), self.inputs, IDENTITY, self.said).has_changes

    def destroy(self) -> None:
        self._process().delete(self._stored(), self.said)

    @property
    def warnings(self) -> str:
        """Return what the last command warned of."""
        return "\n".join(self.said.warnings)

    @property
    def old_versions(self) -> list[int]:
        return [old["version"] for old in self.outputs["previousKeys"]]

    def _process(self) -> DashboardKeys:
        self.said = Listener()
        self.shelf.calls.clear()
        self.sources.api.proved.clear()
        return DashboardKeys(self.sources, self.clock)

    def _diff(self, keys: DashboardKeys) -> bool:
        checked = keys.check(self.inputs, self.inputs, IDENTITY, self.said, old_identity=IDENTITY)
        assert checked.failures == ()
        change = keys.diff(self.id, self._stored(), checked.inputs, IDENTITY, self.said)
        assert change.replaces == ()
        return change.has_changes

    def _stored(self) -> dict[str, Any]:
        """Return the outputs as a state file brings them back."""
        return json.loads(json.dumps(self.outputs))  # type: ignore[no-any-return]


@pytest.fixture
def stack() -> Stack:
    """Return a stack whose first key is up."""
    stack = Stack()
    stack.make("first")
    stack.up()
    return stack


@pytest.fixture
def rotated(stack: Stack) -> Stack:
    """Return a stack whose second key is up and whose first is in its overlap of a day."""
    stack.declare(overlap="24h")
    stack.up()
    stack.clock.advance(HOUR)
    stack.make("second")
    stack.up()
    return stack


def settles(stack: Stack) -> bool:
    """Tell whether a further `up` finds nothing to do and leaves the outputs alone."""
    before = stack.outputs
    return not stack.up() and stack.outputs is before


def first_fingerprint(stack: Stack) -> str:
    """Return the first key's fingerprint, which the Pulumi id keeps."""
    return stack.id.removeprefix("org/")


def test_a_first_key_is_read_proved_and_handed_over() -> None:
    stack = Stack()
    stack.make("first")
    written = "2026-11-25T12:00:00Z"
    stack.clock.advance(DAY)
    stack.up()
    assert stack.id == f"org/{stack.outputs['secretFingerprint']}"
    assert stack.sources.api.proved == ["first"]
    assert stack.outputs == {
        "secret": "first",
        "secretFingerprint": stack.outputs["secretFingerprint"],
        "vaultSecretVersion": 1,
        "since": written,
        "previousKeys": [],
        "pending": [],
        "record": {
            "stateVersion": 1,
            "identity": {"project": "clinic", "stack": "prod", "parents": "", "name": "ehr"},
            "settings": {"organizationId": "org", "vaultSecret": PLACE, "secretInState": True},
            "writtenAt": written,
        },
    }
    assert (stack.said.warnings, stack.said.infos) == ([], [])
    assert settles(stack)


@pytest.mark.parametrize(
    ("organization", "error", "reason"),
    [
        (None, CredentialRejected, "It is revoked, or not an AlloMia key"),
        ("hill", NotFound, "it is another organization's key, or org does not exist"),
    ],
)
def test_g4_a_first_key_that_is_not_the_organizations_is_an_error(
    organization: str | None, error: type[AllomiaError], reason: str
) -> None:
    stack = Stack()
    stack.shelf.write(PLACE, "alm_org_wrong")
    if organization:
        stack.make("alm_org_wrong", organization=organization)
    with pytest.raises(error, match=reason) as raised:
        stack.up()
    assert stack.outputs == {}
    assert "alm_org_wrong" not in str(raised.value)


@pytest.mark.parametrize(
    ("organization", "error"), [(None, CredentialRejected), ("hill", NotFound), ("down", Unavailable)]
)
def test_g4_a_new_key_that_is_not_proved_is_an_error_and_nothing_else(
    rotated: Stack, organization: str | None, error: type[AllomiaError]
) -> None:
    before = rotated.outputs
    if organization == "hill":
        rotated.make("third", organization=organization)
    else:
        rotated.shelf.write(PLACE, "third")
    if organization == "down":
        rotated.sources.api.faults.append(Unavailable("AlloMia is down"))
    with pytest.raises(error):
        rotated.up()
    assert rotated.outputs is before
    assert set(rotated.sources.api.proved) == {"third"}
    assert rotated.said.warnings == []


def test_a_403_of_allomia_is_called_another_organizations_key() -> None:
    stack = Stack()
    stack.make("first")
    stack.sources.api.faults.append(AccessDenied("AlloMia refuses (403)"))
    with pytest.raises(NotFound, match="another organization's key"):
        stack.up()


def test_g6_an_unchanged_program_costs_one_metadata_look_and_no_proof(rotated: Stack) -> None:
    assert settles(rotated)
    assert (rotated.shelf.calls, rotated.sources.api.proved) == (["look"], [])


def test_a_new_version_is_a_change_in_preview_that_reads_and_proves_nothing(stack: Stack) -> None:
    stack.make("second")
    assert stack.preview()
    assert (stack.shelf.calls, stack.sources.api.proved) == (["look"], [])
    assert stack.outputs["secret"] == "first"


def test_a_new_version_is_proved_before_it_is_handed_on_and_the_old_one_is_known_by_version_only(
    rotated: Stack,
) -> None:
    assert rotated.sources.api.proved[0] == "second"
    assert (rotated.outputs["secret"], rotated.outputs["vaultSecretVersion"]) == ("second", 2)
    assert rotated.outputs["since"] == "2026-11-25T13:00:00Z"
    (old,) = rotated.outputs["previousKeys"]
    assert old == {
        "vaultSecret": PLACE,
        "version": 1,
        "fingerprint": old["fingerprint"],
        "since": "2026-11-25T12:00:00Z",
        "replacedAt": "2026-11-25T13:00:00Z",
        "deleteAt": "2026-11-26T13:00:00Z",
    }
    assert old["fingerprint"] != rotated.outputs["secretFingerprint"]
    assert "first" not in json.dumps(rotated.outputs)
    assert rotated.said.warnings == []
    assert settles(rotated)


def test_an_old_key_is_left_in_peace_until_its_overlap_ends(rotated: Stack) -> None:
    rotated.clock.advance(DAY - 1)
    assert settles(rotated)
    assert rotated.said.warnings == []
    rotated.refresh()
    assert "first" in rotated.sources.api.proved
    assert STILL_ALIVE not in rotated.warnings


def test_an_old_key_that_outlives_its_overlap_is_named_by_every_run_with_the_dashboards_steps(rotated: Stack) -> None:
    rotated.clock.advance(DAY)
    looked = "as of the last refresh on 2026-11-26T13:00:00Z; `pulumi refresh` looks again"
    commands = ((rotated.up, NOT_LOOKED), (rotated.refresh, STILL_ALIVE), (rotated.preview, looked))
    for command, said in (*commands, (rotated.up, looked)):
        assert not command()
        assert len(rotated.said.warnings) == 1
        assert said in rotated.warnings
        assert f"version 1 of Vault {PLACE}, written 2026-11-25T12:00:00Z" in rotated.warnings
        assert "Settings > API Keys, the trash icon" in rotated.warnings
        assert rotated.old_versions == [1]


def test_an_old_key_that_allomia_refuses_is_asked_once_and_forgotten_by_a_refresh(rotated: Stack) -> None:
    rotated.clock.advance(DAY)
    rotated.revoke("first")
    rotated.refresh()
    assert rotated.sources.api.proved == ["second", "first"]
    assert (rotated.old_versions, rotated.said.warnings) == ([], [])
    assert any("it is forgotten" in info for info in rotated.said.infos)
    assert settles(rotated)


def test_g4_an_old_key_of_which_nothing_is_learned_is_kept_and_the_refresh_goes_on(rotated: Stack) -> None:
    rotated.refresh()
    (before,) = rotated.outputs["previousKeys"]
    rotated.clock.advance(DAY)
    rotated.sources.api.trouble["first"] = Unavailable("AlloMia is down")
    assert not rotated.refresh()
    assert rotated.outputs["previousKeys"] == [before]
    assert "is not known: AlloMia is down" in rotated.warnings


def test_g6_an_overlap_that_is_over_is_no_change_and_uses_no_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    assert settles(rotated)
    assert (rotated.shelf.calls, rotated.sources.api.proved) == (["look"], [])
    assert NOT_LOOKED in rotated.warnings


def test_an_update_reads_old_versions_and_uses_no_old_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.make("third")
    assert rotated.up()
    assert rotated.sources.api.proved == ["third"]
    assert sorted(rotated.old_versions) == [1, 2]


def test_a_refresh_that_uses_an_old_key_says_so_and_keeps_when(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.refresh()
    assert rotated.outputs["previousKeys"][0]["lookedAt"] == "2026-11-27T13:00:00Z"
    assert "lastUsedAt in AlloMia tells of somebody else only where it is later than 2026-11-27" in rotated.warnings


def test_a_state_without_the_moment_of_a_look_is_read_and_is_no_difference(rotated: Stack) -> None:
    assert "lookedAt" not in rotated.outputs["previousKeys"][0]
    assert settles(rotated)
    rotated.refresh()
    assert settles(rotated)


@pytest.mark.catalogue(69)
@pytest.mark.parametrize("fault", [CredentialRejected("Vault refuses the token"), Unreachable("Vault is away")])
def test_g4_a_refusal_by_vault_forgets_no_old_key(rotated: Stack, fault: AllomiaError) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.shelf.broken["read 1"] = fault.as_said_by("Vault")
    assert not rotated.refresh()
    assert rotated.old_versions == [1]
    assert f"is not known: {fault}" in rotated.warnings


def test_g4_a_refusal_by_vault_is_no_refusal_of_the_current_key(stack: Stack) -> None:
    before = stack.outputs
    stack.shelf.broken["read 1"] = CredentialRejected("Vault refuses the token").as_said_by("Vault")
    with pytest.raises(CredentialRejected, match="Vault refuses the token") as caught:
        stack.refresh()
    assert caught.value.said_by == "Vault"
    assert stack.outputs is before


@pytest.mark.catalogue(69)
@pytest.mark.parametrize("fault", [CredentialRejected("Vault refuses the token"), Unreachable("Vault is away")])
def test_g4_a_skipped_version_that_vault_does_not_give_is_remembered_without_its_fingerprint(
    stack: Stack, fault: AllomiaError
) -> None:
    stack.make("second")
    stack.make("third")
    stack.shelf.broken["read 2"] = fault.as_said_by("Vault")
    assert stack.up()
    assert {old["version"]: old["fingerprint"] for old in stack.outputs["previousKeys"]} == {
        1: first_fingerprint(stack),
        2: "",
    }
    assert f"is not known: {fault}" in stack.warnings
    assert settles(stack)
    stack.shelf.broken.clear()
    stack.refresh()
    assert sorted(stack.old_versions) == [1, 2]
    assert all(len(old["fingerprint"]) == 12 for old in stack.outputs["previousKeys"])


def test_a_skipped_version_without_its_fingerprint_that_holds_the_current_key_is_no_old_one(stack: Stack) -> None:
    stack.make("second")
    stack.make("third")
    stack.shelf.write(PLACE, "second")
    stack.shelf.broken["read 2"] = Unreachable("Vault is away")
    stack.up()
    stack.shelf.broken.clear()
    stack.refresh()
    assert stack.outputs["secret"] == "second"
    assert sorted(stack.old_versions) == [1, 3]
    assert f"fingerprint {stack.outputs['secretFingerprint']}" not in stack.warnings


@pytest.mark.catalogue(69)
def test_g4_a_vault_that_does_not_show_the_current_key_proves_no_old_one_lost(rotated: Stack) -> None:
    kept = rotated.shelf.secrets[PLACE]
    rotated.shelf.delete_metadata(PLACE)
    assert rotated.refresh()
    assert rotated.old_versions == [1]
    rotated.shelf.secrets[PLACE] = kept
    assert rotated.up()
    assert settles(rotated)


@pytest.mark.catalogue(70)
def test_two_resources_of_one_secret_keep_their_reads_and_decisions_apart(stack: Stack) -> None:
    other = IDENTITY.model_copy(update={"name": "ehr-2"})
    keys = DashboardKeys(stack.sources, stack.clock)
    stack.declare(rotateAfter="1d")
    stack.up()
    other_id, state = keys.create(stack.inputs, other, stack.said)
    records = {IDENTITY: stack.outputs, other: state.to_outputs()}
    assert other_id == stack.id
    records = {name: keys.read(stack.id, found, stack.said).to_outputs() for name, found in records.items()}
    stack.make("second")
    for name, found in records.items():
        assert not keys.diff(stack.id, found, stack.inputs, name, stack.said).has_changes
    assert keys.diff(stack.id, records[other], stack.inputs, other, stack.said).has_changes
    moved = {**stack.inputs, "overlap": "1h"}
    quiet = {**records[IDENTITY], "vaultSecretVersion": 2}
    quiet["record"] = {**quiet["record"], "writtenAt": "2026-11-25T12:00:00Z"}
    assert keys.diff(stack.id, quiet, moved, IDENTITY, stack.said).causes == ()
    assert keys.forecast(stack.id, records[other], stack.inputs, other).outputs == {}
    assert keys.forecast(stack.id, quiet, moved, IDENTITY).outputs != {}


@pytest.mark.catalogue(72)
def test_a_key_that_was_adopted_is_nobodys_to_delete(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.sources.held |= {rotated.outputs["previousKeys"][0]["fingerprint"]}
    assert settles(rotated)
    rotated.refresh()
    assert rotated.said.warnings == []
    rotated.destroy()
    (warning,) = rotated.said.warnings
    assert f"version 2 of Vault {PLACE}" in warning
    assert "unless an OrganizationApiKey adopted it, delete it" in warning
    (info,) = rotated.said.infos
    assert "version 1 of Vault" in info
    assert "an OrganizationApiKey holds it now" in info


@pytest.mark.parametrize(
    ("overlap", "delete_at", "is_warned"),
    [
        ("12h", "2026-11-26T01:00:00Z", True),
        ("3d", "2026-11-28T13:00:00Z", False),
        (None, "2026-11-25T13:00:00Z", True),
    ],
)
def test_a_changed_overlap_acts_on_the_old_key(
    rotated: Stack, overlap: str | None, delete_at: str, is_warned: bool
) -> None:
    rotated.clock.advance(18 * HOUR)
    rotated.declare(overlap=overlap)
    assert rotated.up()
    assert [old["deleteAt"] for old in rotated.outputs["previousKeys"]] == [delete_at]
    assert (NOT_LOOKED in rotated.warnings) == is_warned
    assert rotated.outputs["nextActionAt"] == delete_at
    rotated.revoke("first")
    rotated.refresh()
    assert settles(rotated)


def test_an_overlap_that_is_lengthened_after_its_end_silences_the_warning(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.up()
    rotated.declare(overlap="5d")
    assert rotated.up()
    assert rotated.said.warnings == []
    assert settles(rotated)


def test_the_same_key_written_again_is_no_rotation(stack: Stack) -> None:
    since = stack.outputs["since"]
    stack.clock.advance(DAY)
    stack.shelf.write(PLACE, "first")
    assert stack.up()
    assert stack.sources.api.proved == []
    assert (stack.outputs["since"], stack.outputs["vaultSecretVersion"], stack.old_versions) == (since, 2, [])
    assert settles(stack)
    stack.make("second")
    stack.up()
    assert [(old["version"], old["since"]) for old in stack.outputs["previousKeys"]] == [(2, since)]


def test_a_rollback_never_asks_to_delete_the_key_in_use(rotated: Stack) -> None:
    first, second = rotated.outputs["previousKeys"][0]["fingerprint"], rotated.outputs["secretFingerprint"]
    rotated.clock.advance(DAY)
    rotated.shelf.write(PLACE, "first")
    assert rotated.up()
    assert (rotated.outputs["secret"], rotated.outputs["secretFingerprint"]) == ("first", first)
    assert [old["fingerprint"] for old in rotated.outputs["previousKeys"]] == [second]
    for _ in range(2):
        assert first not in rotated.warnings
        rotated.clock.advance(2 * DAY)
        rotated.up()
    assert second in rotated.warnings
    rotated.revoke("second")
    rotated.up()
    assert settles(rotated)


def test_versions_that_no_run_saw_are_remembered_too(stack: Stack) -> None:
    stack.declare(overlap="24h")
    stack.make("second")
    stack.shelf.write(PLACE, "a slip of the pen")
    stack.shelf.write(PLACE, "lost")
    stack.shelf.delete_version(PLACE, 4)
    stack.make("fifth")
    assert stack.up()
    assert stack.outputs["secret"] == "fifth"
    assert sorted(stack.old_versions) == [1, 2]
    assert stack.sources.api.proved == ["fifth", "second", "a slip of the pen"]
    assert settles(stack)


def test_a_key_that_was_written_and_rolled_back_between_two_runs_is_remembered(stack: Stack) -> None:
    stack.make("second")
    stack.shelf.write(PLACE, "first")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["vaultSecretVersion"], stack.old_versions) == ("first", 3, [2])
    assert f"version 2 of Vault {PLACE}" in stack.warnings


def test_an_old_version_that_vault_lost_is_warned_of_once_and_forgotten(rotated: Stack) -> None:
    rotated.shelf.delete_version(PLACE, 1)
    rotated.clock.advance(DAY)
    assert not rotated.refresh()
    assert rotated.warnings.count("cannot be seen any more") == 1
    assert rotated.old_versions == []
    assert settles(rotated)
    assert rotated.said.warnings == []


def test_a_secret_whose_history_was_deleted_never_makes_a_current_key_an_old_one(rotated: Stack) -> None:
    rotated.shelf.delete_metadata(PLACE)
    rotated.shelf.write(PLACE, "second")
    assert rotated.up()
    rotated.clock.advance(2 * DAY)
    rotated.up()
    assert STILL_ALIVE not in rotated.warnings
    assert (rotated.outputs["secret"], rotated.outputs["vaultSecretVersion"], rotated.old_versions) == ("second", 1, [])
    assert settles(rotated)


def test_a_new_key_is_noticed_though_a_deleted_history_gives_it_the_old_ones_version(stack: Stack) -> None:
    stack.clock.advance(DAY)
    stack.shelf.delete_metadata(PLACE)
    stack.make("second")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["vaultSecretVersion"]) == ("second", 1)
    assert first_fingerprint(stack) in stack.warnings
    assert STILL_ALIVE not in stack.warnings
    assert settles(stack)


def test_a_state_that_knows_no_moment_of_writing_is_no_change_and_rotates_as_any(stack: Stack) -> None:
    stack.declare(overlap="24h")
    stack.up()
    del stack.outputs["record"]["writtenAt"]
    assert settles(stack)
    stack.make("second")
    assert stack.up()
    assert (stack.old_versions, stack.said.warnings) == ([1], [])


def test_g5_a_copy_of_the_tenant_key_is_never_handed_on(stack: Stack) -> None:
    before = stack.outputs
    stack.make(stack.sources.tenant_secret)
    with pytest.raises(InvalidConfiguration, match="holds the tenant key"):
        stack.up()
    assert stack.outputs is before
    assert stack.sources.api.proved == []
    with pytest.raises(InvalidConfiguration, match="holds the tenant key"):
        DashboardKeys(stack.sources, stack.clock).create(stack.inputs, IDENTITY, stack.said)


def test_a_renamed_resource_is_recorded_under_its_new_name(stack: Stack) -> None:
    renamed = IDENTITY.model_copy(update={"name": "ehr-2"})
    keys = DashboardKeys(stack.sources, stack.clock)
    assert keys.diff(stack.id, stack.outputs, stack.inputs, renamed, stack.said).has_changes
    state = keys.update(stack.id, stack.outputs, stack.inputs, renamed, stack.said)
    assert state.record.identity == renamed
    assert not keys.diff(stack.id, state.to_outputs(), stack.inputs, renamed, stack.said).has_changes


def test_g4_a_vault_out_of_reach_is_a_warning_and_no_change(stack: Stack) -> None:
    stack.shelf.faults["look"] = [Unreachable("Vault does not answer")]
    assert not stack.preview()
    assert "has a newer key is not known: Vault does not answer" in stack.warnings


@pytest.mark.parametrize("is_whole", [True, False])
def test_g4_a_secret_that_is_gone_is_a_planned_change_that_fails_and_keeps_the_state(
    rotated: Stack, is_whole: bool
) -> None:
    if is_whole:
        rotated.shelf.delete_metadata(PLACE)
    else:
        rotated.shelf.delete_version(PLACE, 2)
    assert rotated.preview()
    assert PLACE in rotated.warnings
    before = rotated.outputs
    with pytest.raises(NotFound):
        rotated.up()
    assert rotated.outputs is before


def test_g4_a_refresh_records_a_refused_key_and_only_a_new_one_heals(stack: Stack) -> None:
    stack.declare(rotateAfter="1d")
    stack.up()
    assert not stack.refresh()
    stack.revoke("first")
    noticed = stack.clock.now()
    assert stack.refresh()
    (owed,) = stack.outputs["pending"]
    assert owed["step"] == "rotate"
    assert stack.outputs["secret"] == "first"
    assert stack.outputs["nextActionAt"] < stack.outputs["rotateAt"]
    assert noticed.isoformat()[:10] in stack.outputs["nextActionAt"]
    assert "Make a new key in AlloMia's dashboard" in stack.warnings
    before = stack.outputs
    with pytest.raises(CredentialRejected):
        stack.up()
    assert stack.outputs is before
    stack.make("second")
    assert stack.up()
    assert (stack.outputs["secret"], stack.outputs["pending"], stack.old_versions) == ("second", [], [1])
    assert not stack.refresh()
    assert stack.old_versions == []
    assert settles(stack)


def test_a_refresh_that_finds_the_secret_gone_heals_when_it_is_back(stack: Stack) -> None:
    written = dict(stack.shelf.secrets[PLACE].written)
    stack.shelf.delete_version(PLACE, 1)
    assert stack.refresh()
    assert [owed["step"] for owed in stack.outputs["pending"]] == ["deliver"]
    assert "Put the key there again" in stack.warnings
    stack.shelf.secrets[PLACE].written.update(written)
    assert stack.up()
    assert stack.outputs["pending"] == []
    assert settles(stack)


def test_a_refresh_reports_neither_a_rotation_by_hand_nor_an_age_as_its_own(stack: Stack) -> None:
    stack.declare(rotateAfter="1d")
    stack.up()
    stack.clock.advance(2 * DAY)
    stack.make("second")
    before = stack.outputs
    assert not stack.refresh()
    assert stack.outputs == before
    assert any("has version 2" in info for info in stack.said.infos)


@pytest.mark.parametrize("fault", [Unreachable("no answer"), AccessDenied("no policy")])
def test_g4_a_refresh_that_learns_nothing_fails(stack: Stack, fault: AllomiaError) -> None:
    stack.shelf.faults["look"] = [fault]
    with pytest.raises(type(fault)):
        stack.refresh()


def test_a_secret_leaves_the_state_and_comes_back_and_rotations_are_followed_meanwhile(stack: Stack) -> None:
    stack.declare(secretInState=False)
    assert stack.up()
    assert "first" not in json.dumps(stack.outputs)
    assert settles(stack)
    assert not stack.refresh()
    assert stack.sources.api.proved == ["first"]
    stack.make("second")
    assert stack.up()
    assert "secret" not in stack.outputs
    assert stack.outputs["vaultSecretVersion"] == 2
    stack.revoke("first")
    stack.up()
    stack.declare(secretInState=True)
    assert stack.up()
    assert stack.outputs["secret"] == "second"
    assert settles(stack)


def test_a_moved_place_with_the_same_key_is_proved_and_is_no_rotation(stack: Stack) -> None:
    since = stack.outputs["since"]
    stack.clock.advance(DAY)
    stack.shelf.write(OTHER_PLACE, "first")
    stack.declare(vaultSecret=OTHER_PLACE)
    assert stack.up()
    assert stack.sources.api.proved == ["first"]
    assert (stack.outputs["since"], stack.old_versions) == (since, [])
    assert stack.outputs["record"]["settings"]["vaultSecret"] == OTHER_PLACE
    assert settles(stack)


def test_a_moved_place_with_another_key_is_a_rotation_that_remembers_the_old_place(stack: Stack) -> None:
    stack.make("second", OTHER_PLACE)
    stack.declare(vaultSecret=OTHER_PLACE, overlap="24h")
    assert stack.up()
    assert [(old["vaultSecret"], old["version"]) for old in stack.outputs["previousKeys"]] == [(PLACE, 1)]
    assert settles(stack)
    stack.revoke("first")
    stack.clock.advance(DAY)
    stack.refresh()
    assert stack.old_versions == []


def test_another_writing_of_the_same_place_is_recorded_and_nothing_else(stack: Stack) -> None:
    stack.declare(vaultSecret={"mount": "secret", "path": "allomia/ehr", "field": "api_key"})
    assert stack.up()
    assert stack.sources.api.proved == []
    assert settles(stack)


def test_another_organization_replaces(stack: Stack) -> None:
    keys = DashboardKeys(stack.sources, stack.clock)
    news = {**stack.inputs, "organizationId": "hill"}
    change = keys.diff(stack.id, stack.outputs, news, IDENTITY, stack.said)
    assert (change.has_changes, change.replaces) == (True, ("organizationId",))


def test_g7_destroy_revokes_nothing_asks_nobody_and_names_every_key(rotated: Stack) -> None:
    rotated.destroy()
    assert len(rotated.said.warnings) == 2
    for number, warning in zip((2, 1), rotated.said.warnings, strict=True):
        assert f"version {number} of Vault {PLACE}" in warning
        assert "no key was revoked" in warning
        assert "the trash icon" in warning
    assert (rotated.shelf.calls, rotated.sources.api.proved) == ([], [])


def test_age_is_warned_of_from_its_moment_on_and_until_a_new_key_is_there(stack: Stack) -> None:
    stack.declare(rotateAfter="2d")
    stack.up()
    assert stack.outputs["rotateAt"] == "2026-11-27T12:00:00Z"
    stack.clock.moment = stack.clock.moment.replace(day=27, hour=11, minute=59, second=59)
    assert not stack.preview()
    assert stack.said.warnings == []
    stack.clock.advance(1)
    for command in (stack.preview, stack.up):
        assert not command()
        assert "due for rotation since 2026-11-27T12:00:00Z" in stack.warnings
        assert "Settings > API Keys > Add Key" in stack.warnings
    stack.make("second")
    assert stack.preview()
    assert "due for rotation" not in stack.warnings
    stack.up()
    stack.revoke("first")
    stack.refresh()
    assert settles(stack)
    assert stack.said.warnings == []


def test_a_removed_age_is_forgotten(stack: Stack) -> None:
    stack.declare(rotateAfter="2d")
    stack.up()
    stack.declare(rotateAfter=None)
    assert stack.up()
    assert "rotateAt" not in stack.outputs
    assert "nextActionAt" not in stack.outputs
    assert settles(stack)


def test_next_action_is_the_earliest_of_age_and_overlaps(rotated: Stack) -> None:
    assert rotated.outputs["nextActionAt"] == "2026-11-26T13:00:00Z"
    rotated.declare(rotateAfter="30h")
    rotated.up()
    assert (rotated.outputs["rotateAt"], rotated.outputs["nextActionAt"]) == (
        "2026-11-26T19:00:00Z",
        "2026-11-26T13:00:00Z",
    )
    rotated.revoke("first")
    rotated.refresh()
    assert rotated.outputs["nextActionAt"] == "2026-11-26T19:00:00Z"


def test_kv_v1_follows_the_key_without_history() -> None:
    stack = Stack(kv_version=1)
    stack.make("first")
    stack.clock.advance(DAY)
    stack.declare(overlap="24h")
    stack.up()
    assert stack.outputs["since"].startswith("2026-11-26T12:00:0")
    assert "vaultSecretVersion" not in stack.outputs
    assert settles(stack)
    assert not stack.refresh()
    assert "None" not in "\n".join(stack.said.infos)
    stack.make("second")
    assert stack.preview()
    assert stack.up()
    assert (stack.outputs["secret"], stack.old_versions) == ("second", [])
    assert "KV v1 keeps no history" in stack.warnings
    assert first_fingerprint(stack) in stack.warnings
    assert settles(stack)
    stack.revoke("second")
    assert stack.refresh()
    with pytest.raises(CredentialRejected):
        stack.up()
    stack.make("third")
    assert stack.up()
    assert settles(stack)


def test_kv_v1_shows_a_secret_that_is_gone_as_a_change_that_fails() -> None:
    stack = Stack(kv_version=1)
    stack.make("first")
    stack.up()
    stack.shelf.delete_metadata(PLACE)
    assert stack.preview()
    with pytest.raises(NotFound):
        stack.up()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("secret/allomia/tenant#api_key", "where the tenant key lies"),
        ({"mount": "secret", "path": "a", "field": "f", "takeOver": True}, "takeOver has no meaning"),
        ({"mount": "secret", "path": "a", "field": "f", "version": 3}, "pins a version"),
        (None, "vaultSecret is missing"),
        ("secret/nothing/here#api_key", "has no secret for secret/nothing/here#api_key"),
    ],
)
def test_g5_a_place_that_cannot_hold_the_key_is_refused_in_preview(stack: Stack, place: object, reason: str) -> None:
    news = {"organizationId": "org", "vaultSecret": place}
    checked = DashboardKeys(stack.sources, stack.clock).check({}, news, IDENTITY, stack.said)
    assert [(failure.property, reason in failure.reason) for failure in checked.failures] == [("vaultSecret", True)]


def test_a_vault_out_of_reach_does_not_stop_a_preview_of_a_first_key(stack: Stack) -> None:
    stack.shelf.faults["look"] = [Unreachable("Vault does not answer")]
    checked = DashboardKeys(stack.sources, stack.clock).check({}, stack.inputs, IDENTITY, stack.said)
    assert checked.failures == ()
    assert "whether Vault" in stack.warnings


@pytest.mark.parametrize("name", ["organizationId", "vaultSecret", "rotateAfter", "overlap", "secretInState"])
def test_an_input_that_a_preview_does_not_know_changes_nothing_and_stops_an_update(rotated: Stack, name: str) -> None:
    rotated.declare(rotateAfter="2d")
    rotated.up()
    rotated.declare(**{name: UNKNOWN})
    assert not rotated.preview()
    assert rotated.said.warnings == []
    keys = DashboardKeys(rotated.sources, rotated.clock)
    with pytest.raises(SetupError, match="still unknown"):
        keys.update(rotated.id, rotated.outputs, rotated.inputs, IDENTITY, rotated.said)
    with pytest.raises(SetupError, match="still unknown"):
        keys.create(rotated.inputs, IDENTITY, rotated.said)


def test_a_place_that_is_known_in_part_is_asked_for_nothing(stack: Stack) -> None:
    stack.declare(vaultSecret={"mount": "secret", "path": UNKNOWN, "field": "api_key"})
    assert not stack.preview()
    assert stack.shelf.calls == []


def test_a_program_that_runs_after_a_refresh_sees_a_new_key_in_the_same_process(stack: Stack) -> None:
    keys = DashboardKeys(stack.sources, stack.clock)
    outputs = keys.read(stack.id, stack.outputs, stack.said).to_outputs()
    stack.make("second")
    keys.check(stack.inputs, stack.inputs, IDENTITY, stack.said, old_identity=IDENTITY)
    assert keys.diff(stack.id, outputs, stack.inputs, IDENTITY, stack.said).has_changes


def test_g3_no_message_and_no_repr_holds_a_key(rotated: Stack) -> None:
    rotated.clock.advance(2 * DAY)
    rotated.make("third")
    keys = DashboardKeys(rotated.sources, rotated.clock)
    state = keys.update(rotated.id, rotated.outputs, rotated.inputs, IDENTITY, rotated.said)
    keys.read(rotated.id, state.to_outputs(), rotated.said)
    keys.delete(state.to_outputs(), rotated.said)
    told = "\n".join((*rotated.said.warnings, *rotated.said.infos, repr(state)))
    assert STILL_ALIVE in told
    assert fingerprint(rotated.shelf.read_secret(state.record.settings.reference)) in told
    assert not any(key in told for key in ("second", "third"))
