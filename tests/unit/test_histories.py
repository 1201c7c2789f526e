"""Random histories of one declared key: whatever happens, its promises hold after every step, and it heals.

The stack stands in for the engine, which starts a new process for every command; AlloMia and Vault fail, lose answers
and are changed by hand in between. `HISTORIES=3000` in the environment plays that many.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.contracts.vault_delivery import Delivery, VaultLocation
from allomia_pulumi.core.minted_key.state import KeyState, hash_triggers
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    OrganizationFull,
    OutcomeUnknown,
    RateLimited,
    SecretConflict,
    Unavailable,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.durations import parse_duration, recorded_length
from allomia_pulumi.ground.redaction import fingerprint
from tests.fakes import FakeClock, FakeKey
from tests.stacks import (
    ORGANIZATION,
    ForgetfulAllomia,
    ForgetfulVault,
    Kind,
    Outcome,
    ProcessKilled,
    Stack,
    differences,
)

OTHER_ORGANIZATION = "org-2"
HERE = {"mount": "secret", "path": "allomia/here", "field": "api_key"}
THERE = {"mount": "secret", "path": "allomia/there", "field": "api_key"}
FOREIGN = "theirs"
NOTHING = Outcome(Kind.SAME, None, (), (), (), ())
FAILED_LOOK = "looking for stray keys failed"
KEY_ID = re.compile(r"\bkey-\d+\b")

INPUTS: dict[str, list[Any]] = {
    "rotationTriggers": [None, {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}],
    "name": [None, "other", "third"],
    "rotateAfter": [None, "1d", "1d", "3d"],
    "overlap": [None, "0s", "10m", "1h", "1h", "6h"],
    "vaultSecret": [None, HERE, THERE, {**HERE, "takeOver": True}, {**THERE, "takeOver": True}],
    "secretInState": [None, False],
    "verify": [None, False],
    "tenantKeyRef": [None, "secret/allomia/other#api_key"],
    "organizationId": [ORGANIZATION, ORGANIZATION, ORGANIZATION, ORGANIZATION, OTHER_ORGANIZATION],
}
JUMPS = [timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=3)]
DOWN, LOST = Unavailable("503"), OutcomeUnknown("the answer was lost")
REFUSED = [DOWN, CredentialRejected("401"), UnexpectedAnswer("html")]
ALLOMIA_FAULTS: dict[str, list[AllomiaError]] = {
    "list": REFUSED,
    "get": REFUSED,
    "organization": REFUSED,
    "mint": [LOST, AccessDenied("403"), RateLimited("429", retry_after=1)],
    "after mint": [LOST],
    "revoke": [DOWN, AccessDenied("403")],
    "after revoke": [DOWN],
    "prove": [DOWN, CredentialRejected("401")],
}
VAULT_FAULTS: dict[str, list[AllomiaError]] = {
    "inspect": [DOWN],
    "preflight": [DOWN, AccessDenied("403")],
    "deliver": [DOWN, AccessDenied("403"), SecretConflict("somebody wrote meanwhile")],
    "after deliver": [DOWN],
    "fetch": [DOWN],
    "withdraw": [DOWN],
}


def pairs(faults: Mapping[str, list[AllomiaError]]) -> st.SearchStrategy[tuple[str, AllomiaError]]:
    return st.sampled_from([(operation, fault) for operation, each in faults.items() for fault in each])


def is_plain(state: KeyState) -> bool:
    """Tell whether a version without overlap and delivery could have left this state."""
    applied = state.record.settings
    is_used = applied.overlap or applied.rotate_after or applied.vault_secret or not applied.verify
    return not (is_used or state.previous_key_id or state.pending or state.secret is None)


def length(duration: str | None) -> timedelta:
    return parse_duration(duration, "a duration") if duration else timedelta()


def is_about_slots(line: str) -> bool:
    """Tell whether a line lists who holds the slots, which names nobody as left behind."""
    return "waits for a free slot" in line or "has no free key slot" in line


@dataclass
class WatchedAllomia(ForgetfulAllomia):
    """An AlloMia that remembers every key, which of them we ended, which came late, and who was alive at each mint."""

    ever: dict[str, FakeKey] = field(default_factory=dict)
    ended_by_us: set[str] = field(default_factory=set)
    late_keys: set[str] = field(default_factory=set)
    alive_at_mints: list[set[str]] = field(default_factory=list)
    ends: dict[str, datetime] = field(default_factory=dict)

    def make(self, organization_id: str, name: str) -> FakeKey:
        key = super().make(organization_id, name)
        self.ever[key.id] = key
        return key

    def mint_key(self, organization_id: str, name: str) -> FakeKey:
        before = {key_id for keys in self.keys.values() for key_id in keys}
        key = super().mint_key(organization_id, name)
        self.alive_at_mints.append(before)
        return key

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        before = set(self.keys[organization_id])
        try:
            return super().revoke_key(organization_id, key_id)
        finally:
            ended = before - set(self.keys[organization_id])
            self.ended_by_us |= ended
            self.ends |= dict.fromkeys(ended, self.clock.now() + self.skew)

    def carry_out(self, waits: list[int]) -> list[FakeKey]:
        made = super().carry_out(waits)
        self.late_keys |= {key.id for key in made}
        return made


@dataclass
class WatchedVault(ForgetfulVault):
    """A Vault that remembers where a foreign version was written over unasked."""

    trespasses: list[str] = field(default_factory=list)

    def deliver_secret(self, place: VaultLocation, delivery: Delivery) -> int:
        if self.value(place) == FOREIGN and not place.take_over:
            self.trespasses.append(str(place))
        return super().deliver_secret(place, delivery)


class Command(Enum):
    """What a person runs."""

    PREVIEW = auto()
    UP = auto()
    UP_WITH_REFRESH = auto()
    REFRESH = auto()
    REPLACE = auto()
    DESTROY = auto()


READING = {Command.UP_WITH_REFRESH, Command.REFRESH}


@dataclass(frozen=True)
class Before:
    """What holds when a command starts."""

    state: KeyState | None
    causes: frozenset[str]
    unseen: frozenset[str]
    faults: int


class Histories(RuleBasedStateMachine):
    """One declared key, its engine, and everybody else.

    `by_hand` are keys that people ended, `others` keys that people use, `unseen` keys that nobody could have named
    yet, and `damaged` places in Vault whose copy people took away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.api = WatchedAllomia(FakeClock(), keys={ORGANIZATION: {}, OTHER_ORGANIZATION: {}})
        self.vault = WatchedVault()
        self.stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": {"quarter": "1"}}, self.api)
        self.stack.tenants.vault = self.vault
        self.pulled = 0
        self.told: list[str] = []
        self.by_hand: set[str] = set()
        self.others: set[str] = set()
        self.unseen: set[str] = set()
        self.damaged: set[str] = set()

    @initialize(
        skew=st.sampled_from([timedelta(), timedelta(), timedelta(minutes=-30), timedelta(minutes=30)]),
        others=st.integers(0, 3),
        program=st.fixed_dictionaries(
            {
                "overlap": st.sampled_from([None, "1h", "1h", "1h"]),
                "rotateAfter": st.sampled_from([None, "1d"]),
                "vaultSecret": st.sampled_from([None, HERE]),
            }
        ),
    )
    def begin(self, skew: timedelta, others: int, program: dict[str, Any]) -> None:
        self.api.skew = skew
        for _ in range(others):
            self.others.add(self.api.make(ORGANIZATION, "by hand").id)
        self.stack.edit(**program)
        self.command(self.stack.up, Command.UP)

    @rule(data=st.data(), name=st.sampled_from(sorted(INPUTS)))
    def edit(self, data: st.DataObject, name: str) -> None:
        self.stack.edit(**{name: data.draw(st.sampled_from(INPUTS[name]))})
        if "vaultSecret" not in self.stack.program:
            self.stack.edit(secretInState=None)

    @rule()
    def pull_trigger(self) -> None:
        self.pulled += 1
        self.stack.edit(rotationTriggers={"pulled": str(self.pulled)})

    @rule(jump=st.sampled_from(JUMPS))
    def wait(self, jump: timedelta) -> None:
        self.api.clock.advance(jump.total_seconds())

    @rule()
    def preview(self) -> None:
        before = self.stack.resource
        assert self.command(self.stack.preview, Command.PREVIEW).writes == ()
        assert self.stack.resource == before

    @rule()
    def up(self) -> None:
        self.command(self.stack.up, Command.UP)

    @rule()
    def up_with_refresh(self) -> None:
        self.command(lambda: self.stack.up(refresh=True), Command.UP_WITH_REFRESH)

    @rule()
    def up_after_a_trigger(self) -> None:
        self.pull_trigger()
        self.command(self.stack.up, Command.UP)

    @rule(pulls=st.booleans())
    def up_at_the_next_moment(self, *, pulls: bool) -> None:
        moment = self.stack.outputs.get("nextActionAt") if self.stack.resource else None
        if moment:
            left = datetime.fromisoformat(moment) - self.api.clock.now()
            self.api.clock.advance(max(left.total_seconds(), 0))
        if pulls:
            self.pull_trigger()
        self.command(self.stack.up, Command.UP)

    @rule()
    def refresh(self) -> None:
        assert self.command(self.stack.refresh, Command.REFRESH).writes == ()

    @precondition(lambda self: self.stack.resource is not None)
    @rule(act=st.sampled_from(["kill", "kill", "kill", "replace", "destroy"]))
    def intervene(self, act: str) -> None:
        if act == "kill":
            self.pull_trigger()
            self.stack.is_killed = True
            self.command(self.stack.up, Command.UP)
            self.stack.is_killed = False
        elif act == "replace":
            self.command(self.stack.target_replace, Command.REPLACE)
        elif self.command(self.stack.destroy, Command.DESTROY).failure:
            self.by_hand |= self.known_keys()

    @rule(fault=pairs(ALLOMIA_FAULTS), times=st.sampled_from([1, 1, 2, 4]))
    def fail_in_allomia(self, fault: tuple[str, AllomiaError], times: int) -> None:
        self.api.faults.setdefault(fault[0], []).extend(fault[1].copy() for _ in range(times))

    @rule(waits=st.lists(st.integers(1, 6), min_size=1, max_size=2))
    def carry_out_late(self, waits: list[int]) -> None:
        self.api.late.extend(waits)

    @rule(fault=pairs(VAULT_FAULTS), times=st.sampled_from([1, 1, 2]))
    def fail_in_vault(self, fault: tuple[str, AllomiaError], times: int) -> None:
        self.vault.faults.setdefault(fault[0], []).extend(fault[1].copy() for _ in range(times))

    @rule(cause=st.sampled_from(["prove", "deliver", "after deliver", "after mint"]))
    def fail_and_fail_to_clean_up(self, cause: str) -> None:
        if "deliver" in cause:
            self.vault.faults.setdefault(cause, []).append(DOWN.copy())
        elif cause == "prove":
            self.api.faults.setdefault(cause, []).extend(CredentialRejected("401") for _ in range(4))
        else:
            self.api.faults.setdefault(cause, []).append(LOST.copy())
        self.api.faults.setdefault("revoke", []).append(DOWN.copy())

    @precondition(lambda self: self.stack.resource is not None)
    @rule(which=st.sampled_from(["keyId", "previousKeyId"]))
    def revoke_by_hand(self, which: str) -> None:
        key_id = self.stack.outputs.get(which)
        if key_id in self.stack.alive:
            self.end(key_id)

    @rule(frees=st.booleans())
    def use_another_slot(self, *, frees: bool) -> None:
        if frees and self.others:
            self.end(self.others.pop())
        elif len(self.api.keys[ORGANIZATION]) < self.api.limit:
            self.others.add(self.api.make(ORGANIZATION, "by hand").id)

    @rule(place=st.sampled_from([HERE, THERE]), act=st.sampled_from(["write", "delete", "destroy"]))
    def meddle_with_vault(self, place: dict[str, str], act: str) -> None:
        where = f"{place['mount']}/{place['path']}"
        secret = self.vault.secrets.get(where)
        if act == "write":
            self.vault.write(VaultLocation(**place), FOREIGN)
        elif secret is not None and secret.stored.version:
            self.damaged.add(where)
            secret.versions[secret.stored.version] = None
            secret.stored = replace(secret.stored, is_live=False)
            if act == "delete":
                del self.vault.secrets[where]

    @precondition(lambda self: self.stack.resource is not None and is_plain(self.stack.state))
    @rule()
    def come_from_an_older_version(self) -> None:
        record = self.stack.outputs["record"]
        names = ("organizationId", "name", "tenantKeyRef")
        applied = {name: item for name, item in record["settings"].items() if name in names}
        older = {name: record[name] for name in ("stateVersion", "identity", "owner")}
        gone = dict.fromkeys(("rotateAt", "nextActionAt", "pending", "vaultSecretVersion"))
        self.stack.edit_outputs(record={**older, "settings": applied}, **gone)

    @rule()
    def settle(self) -> None:
        """When everything works again, and people did what they were told, two runs leave nothing to do."""
        self.api.faults.clear()
        self.vault.faults.clear()
        self.api.late.clear()
        self.unseen |= {key.id for key in self.api.carry_out([0] * len(self.api.under_way))}
        self.command(lambda: self.stack.up(refresh=True), Command.UP_WITH_REFRESH)
        for _ in range(5):
            is_advised = self.follow_advice()
            self.command(self.stack.up, Command.UP)
            self.command(self.stack.up, Command.UP)
            outcome = self.command(self.stack.up, Command.UP)
            if outcome == NOTHING:
                break
            assert is_advised or self.follow_advice()
        assert outcome == NOTHING
        assert differences(self.stack) == []

    def follow_advice(self) -> bool:
        """Do what errors and warnings ask for, and tell whether there was anything."""
        left = set(self.stack.alive) - self.known_keys()
        for key_id in (*left, *self.others):
            self.end(key_id)
        self.others.clear()
        said = self.last_said
        is_early = "stays valid until" in said or "by AlloMia's clock" in said
        is_foreign = "takeOver" in said
        is_lost = "--target-replace" in said
        if is_early:
            self.api.clock.advance(timedelta(hours=7).total_seconds())
        if is_foreign:
            self.stack.edit(vaultSecret={**self.stack.program["vaultSecret"], "takeOver": True})
        if is_lost:
            self.command(self.stack.target_replace, Command.REPLACE)
        return bool(left or is_early or is_foreign or is_lost)

    def end(self, key_id: str) -> None:
        for keys in self.api.keys.values():
            keys.pop(key_id, None)
        self.by_hand.add(key_id)

    def command(self, run: Callable[[], Outcome], command: Command) -> Outcome:
        """Run one command and judge what it did and said."""
        state = self.stack.state if self.stack.resource else None
        causes = frozenset({"asked for"}) if command is Command.REPLACE else self.causes()
        before = Before(state, causes, frozenset(self.unseen), self.faults_left())
        self.api.alive_at_mints.clear()
        self.api.ends.clear()
        outcome = run()
        self.last_said = outcome.said
        self.told += (*outcome.warnings, str(outcome.failure or ""))
        self.judge_mints(before, outcome, command)
        self.judge_names(before, outcome, command)
        if command is Command.UP:
            self.judge_ends(before, outcome)
            self.judge_progress(before, outcome)
        return outcome

    def judge_mints(self, before: Before, outcome: Outcome, command: Command) -> None:
        """See that a mint has a cause, that one cause has one mint, and that never three keys are held at once."""
        old, new = before.state, self.stack.state if self.stack.resource else None
        if before.faults == self.faults_left():
            assert outcome.mints <= 1
        if outcome.mints:
            assert before.causes
        if old and self.is_in_place(old) and command is not Command.REPLACE:
            assert all(len(old.key_ids & alive) <= 1 for alive in self.api.alive_at_mints)
        if new and (old is None or new.key_id != old.key_id):
            assert not self.causes()
            assert new.previous_key_id in {None, *(old.key_ids if old else ())}

    def judge_names(self, before: Before, outcome: Outcome, command: Command) -> None:
        """See that keys which nobody could know of are named by the first look that shows them."""
        unknown = set(self.stack.alive) - self.known_keys() - self.named_keys()
        has_looked = command in READING or (command is Command.UP and outcome.kind is Kind.UPDATE)
        is_done = outcome.failure is None and FAILED_LOOK not in outcome.said
        if has_looked and is_done and before.state and self.stack.resource:
            here = self.api.keys[self.stack.state.record.settings.organization_id]
            assert not unknown & before.unseen & set(here)
        is_killed = isinstance(outcome.failure, ProcessKilled)
        self.unseen = unknown & (self.unseen | self.api.late_keys | (unknown if is_killed else set()))

    def judge_ends(self, before: Before, outcome: Outcome) -> None:
        """See that by AlloMia's own clock no predecessor ended early."""
        old = before.state
        if old and old.previous_key_id and old.previous_revoke_at and outcome.kind is Kind.UPDATE:
            began = datetime.fromisoformat(old.previous_revoke_at) - recorded_length(old.record.settings.overlap)
            ended = self.api.ends.get(old.previous_key_id)
            assert ended is None or ended >= began + length(self.stack.program.get("overlap"))

    def judge_progress(self, before: Before, outcome: Outcome) -> None:
        """See that a run in which nothing failed leaves no cause, unless it says what a rotation waits for."""
        if before.state is None or before.faults != self.faults_left():
            return
        if not before.causes & {"moved", "revoked"}:
            assert not isinstance(outcome.failure, OrganizationFull)
        waits = outcome.failure is not None or "waits" in outcome.said or "half done" in outcome.said
        if not waits and self.stack.state.previous_key_id is None:
            assert self.causes() <= {"revoked"}

    def is_in_place(self, old: KeyState) -> bool:
        program = self.stack.program
        is_moved = program["organizationId"] != old.record.settings.organization_id
        return program.get("overlap", "0s") != "0s" and not is_moved

    def causes(self) -> frozenset[str]:
        """Return what calls for a new key, worked out without the plan."""
        if self.stack.resource is None:
            return frozenset({"created"})
        state, program = self.stack.state, self.stack.program
        applied = state.record.settings
        wanted = hash_triggers(program.get("rotationTriggers"))
        age = self.api.clock.now() - state.made_at
        found = {
            "revoked": state.key_id not in self.stack.alive,
            "renamed": program.get("name", self.stack.resource.inputs["name"]) != applied.name,
            "trigger": bool(wanted and state.triggers_hash and wanted != state.triggers_hash),
            "schedule": "rotateAfter" in program and age >= length(program["rotateAfter"]),
            "moved": program["organizationId"] != applied.organization_id,
        }
        return frozenset(name for name, holds in found.items() if holds)

    def faults_left(self) -> int:
        in_allomia = sum(len(faults) for faults in self.api.faults.values()) + len(self.api.late)
        return in_allomia + sum(len(faults) for faults in self.vault.faults.values())

    def known_keys(self) -> set[str]:
        """Return the keys that the engine's state knows: of the key declared, and of those that wait for their end."""
        outputs = [*self.stack.replaced, *([self.stack.outputs] if self.stack.resource else [])]
        return {key_id for each in outputs for key_id in KeyState.model_validate(each).key_ids}

    def named_keys(self) -> set[str]:
        """Return the keys that people were told to look after; "tries again" is our own promise instead."""
        told = [line for line in self.told if not is_about_slots(line) and "tries again" not in line]
        text = "\n".join(told)
        return {key.id for key in self.api.ever.values() if key.id in KEY_ID.findall(text) or key.name in text}

    @invariant()
    def every_key_alive_is_known_or_named(self) -> None:
        assert not set(self.stack.alive) - self.known_keys() - self.named_keys() - self.unseen

    @invariant()
    def the_current_key_was_never_ended_by_us(self) -> None:
        if self.stack.resource:
            key_id = self.stack.state.key_id
            assert key_id in (set(self.stack.alive) - self.api.ended_by_us) | self.by_hand

    @invariant()
    def the_current_secret_works(self) -> None:
        """See that the secret in state, or else the recorded version in Vault, is the current key's."""
        if self.stack.resource is None:
            return
        state = self.stack.state
        secret = self.api.ever[state.key_id].key
        assert state.secret_fingerprint == fingerprint(secret)
        if state.secret is not None:
            assert state.secret == secret
            return
        place = state.record.settings.vault_secret
        assert place is not None
        assert not state.record.settings.secret_in_state
        where = f"{place.mount}/{place.path}"
        copy = (
            self.vault.secrets[where].versions.get(state.vault_secret_version or 0)
            if where in self.vault.secrets
            else None
        )
        if copy == secret.get_secret_value():
            self.damaged.discard(where)
        else:
            assert where in self.damaged

    @invariant()
    def no_secret_is_where_it_must_not_be(self) -> None:
        assert not any("alm_org_" in line for line in self.told)
        if self.stack.resource:
            outputs = self.stack.outputs
            assert "alm_org_" not in str(outputs.get("pending"))
            assert outputs["record"]["settings"].get("secretInState", True) or "alm_org_" not in str(outputs)

    @invariant()
    def what_is_others_is_left_alone(self) -> None:
        assert self.others <= set(self.api.keys[ORGANIZATION])
        assert self.vault.trespasses == []

    @invariant()
    def a_predecessor_comes_with_its_moment(self) -> None:
        if self.stack.resource:
            state = self.stack.state
            assert (state.previous_key_id is None) == (state.previous_revoke_at is None)
            if state.previous_secret is not None:
                assert state.previous_key_id is not None
                assert state.previous_secret == self.api.ever[state.previous_key_id].key


QUICK = settings(
    max_examples=60,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CAMPAIGN = settings(
    max_examples=3_000, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)

TestHistories = Histories.TestCase
TestHistories.settings = CAMPAIGN if os.environ.get("HISTORIES") == "campaign" else QUICK
