"""Identity and owner follow their resource: recorded by the first update, marked in Vault first, and nothing flaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allomia_pulumi.contracts.tenants import normal_service
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import parse_mark, resource_mark
from allomia_pulumi.errors import InvalidConfiguration, SecretConflict, Unavailable
from allomia_pulumi.ground.redaction import guard
from tests.stacks import IDENTITY, ORGANIZATION, Kind, Stack

PLACE = {"mount": "secret", "path": "apps/ehr", "field": "api_key"}
PROGRAM = {"organizationId": ORGANIZATION, "rotationTriggers": {"q": "1"}, "overlap": "1h", "vaultSecret": PLACE}


def renamed(**changes: str) -> Identity:
    return IDENTITY.model_copy(update=changes)


def rename(stack: Stack) -> None:
    stack.identity = renamed(name="renamed")


def reparent(stack: Stack) -> None:
    stack.identity = renamed(parents="my:component:Clinic")


def rename_stack(stack: Stack) -> None:
    stack.identity = renamed(stack="production")


def rename_project(stack: Stack) -> None:
    stack.identity = renamed(project="hospital")


def set_owner(stack: Stack) -> None:
    stack.tenants.owner = "ada"


CHANGES = [rename, reparent, rename_stack, rename_project, set_owner]


@pytest.fixture
def stack() -> Stack:
    stack = Stack(dict(PROGRAM))
    stack.up()
    return stack


def todays_mark(stack: Stack) -> str:
    return resource_mark(stack.identity, stack.tenants.owner)


def mark_of(name: str) -> str:
    mark = parse_mark(name)
    assert mark is not None
    return mark.declared


@pytest.mark.catalogue(54)
@pytest.mark.parametrize("change", CHANGES)
def test_g6_the_first_up_records_it_moves_no_key_and_the_second_is_quiet(
    stack: Stack, change: Callable[[Stack], None]
) -> None:
    before, lineage = stack.state, stack.state.record.lineage
    change(stack)
    done = stack.up()
    assert (done.kind, done.failure, done.warnings) == (Kind.UPDATE, None, ())
    after = stack.state
    assert (after.key_id, after.secret, stack.api.minted) == (before.key_id, before.secret, 1)
    assert (after.record.identity, after.record.owner) == (stack.identity, stack.tenants.owner)
    assert after.record.former == (before.record.origin,)
    assert after.record.lineage == lineage
    assert stack.vault.secrets["secret/apps/ehr"].stored.mark == todays_mark(stack)
    again = stack.up()
    assert (again.kind, again.calls) == (Kind.SAME, ())


@pytest.mark.catalogue(54)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("overlap", ["1h", None])
def test_g1_every_later_key_carries_todays_mark_and_the_same_lineage(
    stack: Stack, change: Callable[[Stack], None], overlap: str | None
) -> None:
    lineage = stack.state.record.lineage
    change(stack)
    stack.edit(overlap=overlap, rotationTriggers={"q": "2"})
    done = stack.up()
    assert done.failure is None
    assert done.kind is (Kind.UPDATE if overlap else Kind.REPLACE)
    assert mark_of(stack.state.key_name) == todays_mark(stack)
    mark = parse_mark(stack.state.key_name)
    assert mark is not None
    assert mark.lineage == lineage == stack.state.record.lineage
    assert [each.identity for each in stack.state.record.former] == [IDENTITY]
    assert not [warning for warning in done.warnings if "orphans" in warning]
    assert stack.up().kind is Kind.SAME


@pytest.mark.parametrize("change", CHANGES)
def test_a_refresh_before_the_up_does_not_hide_it(stack: Stack, change: Callable[[Stack], None]) -> None:
    change(stack)
    assert stack.up(refresh=True).kind is Kind.UPDATE
    assert stack.state.record.identity == stack.identity


def test_g2_a_forced_replacement_after_a_rename_may_write_to_its_own_place(stack: Stack) -> None:
    rename(stack)
    stack.up()
    done = stack.target_replace()
    assert done.failure is None
    assert stack.state.vault_secret_version == 2


def test_an_unset_owner_keeps_the_recorded_one(stack: Stack) -> None:
    set_owner(stack)
    stack.up()
    stack.tenants.owner = ""
    assert stack.up().kind is Kind.SAME
    assert stack.preview().kind is Kind.SAME
    stack.edit(rotationTriggers={"q": "2"})
    stack.up()
    assert stack.state.record.owner == "ada"
    assert mark_of(stack.state.key_name) == resource_mark(IDENTITY, "ada")


def test_a_replacement_without_a_set_owner_keeps_the_recorded_one(stack: Stack) -> None:
    set_owner(stack)
    stack.up()
    stack.tenants.owner = ""
    stack.edit(rotationTriggers={"q": "2"}, overlap=None)
    assert stack.up().kind is Kind.REPLACE
    assert stack.state.record.owner == "ada"


def test_g5_with_vault_down_the_record_stays_and_the_next_up_does_it(stack: Stack) -> None:
    rename(stack)
    stack.vault.faults["remark"] = [Unavailable("Vault is sealed")]
    done = stack.up()
    assert (done.kind, done.failure) == (Kind.UPDATE, None)
    assert "sealed" in done.warnings[0]
    assert stack.state.record.identity == IDENTITY
    assert stack.up().kind is Kind.UPDATE
    assert stack.state.record.identity == stack.identity
    assert stack.up().kind is Kind.SAME


def test_while_vault_is_behind_either_mark_is_its_own(stack: Stack) -> None:
    rename(stack)
    stack.vault.faults["remark"] = [Unavailable("Vault is sealed")]
    stack.up()
    stack.edit(rotationTriggers={"q": "2"})
    assert stack.up().failure is None
    assert stack.state.vault_secret_version == 2
    assert stack.vault.secrets["secret/apps/ehr"].stored.mark == todays_mark(stack)


def test_g2_a_place_that_another_key_has_taken_is_not_marked(stack: Stack) -> None:
    secret = stack.vault.secrets["secret/apps/ehr"]
    secret.stored = replace(secret.stored, key_id="another", mark="another's")
    rename(stack)
    assert stack.up().failure is None
    assert secret.stored.mark == "another's"
    assert stack.state.record.identity == stack.identity


def test_g2_a_new_resource_under_the_former_name_does_not_write_over_the_living_secret(stack: Stack) -> None:
    rename(stack)
    stack.vault.faults["remark"] = [Unavailable("Vault is sealed")]
    stack.up()
    newcomer = Stack(dict(PROGRAM), api=stack.api)
    newcomer.tenants, newcomer.keys = stack.tenants, stack.keys
    done = newcomer.up(restarts=False)
    assert done.failure is not None
    assert "secret/apps/ehr" in str(done.failure)
    assert stack.vault.secrets["secret/apps/ehr"].stored.version == 1


def test_g2_in_another_process_too_once_vault_has_the_new_mark(stack: Stack) -> None:
    rename(stack)
    stack.up()
    newcomer = Stack(dict(PROGRAM), api=stack.api)
    newcomer.tenants = stack.tenants
    newcomer.restart()
    done = newcomer.up()
    assert isinstance(done.failure, SecretConflict) or "did not write" in str(done.failure)


def test_a_key_from_before_there_were_lineages_draws_one_at_the_next_update_only(stack: Stack) -> None:
    record = stack.outputs["record"]
    stack.edit_outputs(record={name: value for name, value in record.items() if name != "lineage"})
    assert stack.resource is not None
    stack.resource = replace(stack.resource, inputs={k: v for k, v in stack.resource.inputs.items() if k[0] != "_"})
    assert stack.up().kind is Kind.SAME
    assert stack.state.record.lineage is None
    stack.edit(verify=False)
    stack.up()
    assert stack.state.record.lineage is not None


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://allomia.com", "https://allomia.com"),
        ("HTTPS://AlloMia.com:443/", "https://allomia.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:8080/base/", "http://127.0.0.1:8080/base"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_addresses_compare_in_one_form(given: str, normal: str) -> None:
    assert normal_service(given, "/api/{organizationId}/keys/").api_url == normal
    assert normal_service(given, "/api/{organizationId}/keys/").keys_path == "/api/{organizationId}/keys"


def test_g3_an_address_that_an_edited_state_has_is_shown_fit_for_a_terminal(stack: Stack) -> None:
    secret = guard("alm_org_canary-of-an-edited-state").get_secret_value()
    stack.outputs["record"] |= {"apiUrl": f"\x1b]8;;http://evil\x07{secret}", "keysPath": "\u202e"}
    problem = stack.destroy().failure
    assert isinstance(problem, InvalidConfiguration)
    assert "was made at" in problem.message
    assert str(problem).isprintable()
    assert secret not in problem.message


def test_g3_an_address_that_an_edited_state_has_is_shown_so_while_a_rotation_waits_for_it(stack: Stack) -> None:
    secret = guard("alm_org_canary-of-an-edited-state").get_secret_value()
    stack.outputs["record"] |= {"apiUrl": f"\x1b]8;;http://evil\x07{secret}"}
    stack.edit(name="renamed")
    said = stack.up().said
    assert "waits: the key was made at" in said
    assert all(line.isprintable() for line in said.splitlines())
    assert secret not in said
