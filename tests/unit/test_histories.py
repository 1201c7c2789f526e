"""Random histories of one declared key: whatever happens, its promises hold after every step, and it heals.

The stack stands in for the engine; AlloMia and Vault fail, lose answers and are changed by hand in between. Run more
of them with `--hypothesis-profile=campaign`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import SecretStr

from allomia_pulumi.durations import parse_duration
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    OutcomeUnknown,
    RateLimited,
    SecretConflict,
    Unavailable,
    UnexpectedAnswer,
)
from allomia_pulumi.keys.delivering import Delivery
from allomia_pulumi.keys.models import KeyState, OwedStep, Place, hash_triggers
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
KEY_ID = re.compile(r"\bkey-\d+\b")

INPUTS: dict[str, list[Any]] = {
    "rotationTriggers": [None, {"quarter": "1"}, {"quarter": "2"}, {"quarter": "3"}],
    "name": [None, "other", "third"],
    "rotateAfter": [None, "1d", "3d"],
    "overlap": [None, "0s", "10m", "1h", "6h"],
    "vaultSecret": [None, HERE, THERE, {**HERE, "takeOver": True}, {**THERE, "takeOver": True}],
    "secretInState": [None, False],
    "verify": [None, False],
    "tenantKeyRef": [None, "secret/allomia/other#api_key"],
    "organizationId": [ORGANIZATION, ORGANIZATION, ORGANIZATION, OTHER_ORGANIZATION],
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


@dataclass
class WatchedAllomia(ForgetfulAllomia):
    """An AlloMia that remembers every key, who ended it, and how many were alive at each mint."""

    ever: dict[str, FakeKey] = field(default_factory=dict)
    ended_by_us: set[str] = field(default_factory=set)
    alive_at_mints: list[set[str]] = field(default_factory=list)

    def make(self, organization_id: str, name: str) -> FakeKey:
        key = super().make(organization_id, name)
        self.ever[key.id] = key
        return key

    def mint_key(self, organization_id: str, name: str) -> FakeKey:
        try:
            return super().mint_key(organization_id, name)
        finally:
            self.alive_at_mints.append({key_id for keys in self.keys.values() for key_id in keys})

    def revoke_key(self, organization_id: str, key_id: str) -> bool:
        before = set(self.keys[organization_id])
        try:
            return super().revoke_key(organization_id, key_id)
        finally:
            self.ended_by_us |= before - set(self.keys[organization_id])


@dataclass
class WatchedVault(ForgetfulVault):
    """A Vault that remembers which foreign versions were written over unasked."""

    trespasses: list[str] = field(default_factory=list)

    def deliver_secret(self, place: Place, delivery: Delivery) -> int:
        if self.value(place) == FOREIGN and not place.take_over:
            self.trespasses.append(str(place))
        return super().deliver_secret(place, delivery)


class Histories(RuleBasedStateMachine):
    """One declared key, its engine, and everybody else."""

    def __init__(self) -> None:
        super().__init__()
        api = WatchedAllomia(FakeClock(), keys={ORGANIZATION: {}, OTHER_ORGANIZATION: {}})
        self.api, self.vault = api, WatchedVault()
        self.stack = Stack({"organizationId": ORGANIZATION, "rotationTriggers": {"quarter": "1"}}, api)
        self.stack.tenants.vault = self.vault
        self.by_hand: set[str] = set()
        self.others: set[str] = set()
        self.named: set[str] = set()
        self.lost_unseen: set[str] = set()
        self.damaged: set[str] = set()

    @initialize(
        skew=st.sampled_from([timedelta(), timedelta(), timedelta(minutes=-30), timedelta(minutes=30)]),
        others=st.integers(0, 3),
        overlap=st.sampled_from([None, "1h", "1h"]),
        place=st.sampled_from([None, HERE]),
    )
    def begin(self, skew: timedelta, others: int, overlap: str | None, place: dict[str, str] | None) -> None:
        self.api.skew = skew
        for _ in range(others):
            self.others.add(self.api.make(ORGANIZATION, "by hand").id)
        self.stack.edit(overlap=overlap, vaultSecret=place)
        self.run(self.stack.up())

    @rule(data=st.data(), name=st.sampled_from(sorted(INPUTS)))
    def edit(self, data: st.DataObject, name: str) -> None:
        self.stack.edit(**{name: data.draw(st.sampled_from(INPUTS[name]))})
        if "vaultSecret" not in self.stack.program:
            self.stack.edit(secretInState=None)

    @rule(trigger=st.sampled_from(INPUTS["rotationTriggers"][1:]))
    def pull_trigger(self, trigger: dict[str, str]) -> None:
        self.stack.edit(rotationTriggers=trigger)

    @rule(jump=st.sampled_from(JUMPS))
    def wait(self, jump: timedelta) -> None:
        self.api.clock.advance(jump.total_seconds())

    @rule()
    def wait_for_the_next_moment(self) -> None:
        moment = self.stack.resource and self.stack.outputs.get("nextActionAt")
        if moment:
            left = datetime.fromisoformat(moment) - self.api.clock.now()
            self.api.clock.advance(max(left.total_seconds(), 0))

    @rule()
    def preview(self) -> None:
        before = self.stack.resource
        outcome = self.stack.preview()
        self.run(outcome)
        assert outcome.writes == ()
        assert self.stack.resource == before

    @rule(refresh=st.booleans())
    def up(self, *, refresh: bool) -> None:
        self.run(self.stack.up(refresh=refresh))

    @rule()
    def refresh(self) -> None:
        outcome = self.stack.refresh()
        self.run(outcome)
        assert outcome.writes == ()

    @rule()
    def destroy(self) -> None:
        self.run(self.stack.destroy())

    @rule(refresh=st.booleans())
    def up_in_a_process_that_is_killed(self, *, refresh: bool) -> None:
        self.stack.is_killed = True
        self.run(self.stack.up(refresh=refresh))
        self.stack.is_killed = False

    @rule(fault=pairs(ALLOMIA_FAULTS), times=st.sampled_from([1, 1, 2, 4]))
    def fail_in_allomia(self, fault: tuple[str, AllomiaError], times: int) -> None:
        self.api.faults.setdefault(fault[0], []).extend([fault[1]] * times)

    @rule(waits=st.lists(st.integers(1, 6), min_size=1, max_size=2))
    def carry_out_late(self, waits: list[int]) -> None:
        self.api.late.extend(waits)

    @rule(fault=pairs(VAULT_FAULTS), times=st.sampled_from([1, 1, 2]))
    def fail_in_vault(self, fault: tuple[str, AllomiaError], times: int) -> None:
        self.vault.faults.setdefault(fault[0], []).extend([fault[1]] * times)

    @precondition(lambda self: self.stack.resource is not None)
    @rule(which=st.sampled_from(["keyId", "previousKeyId"]))
    def revoke_by_hand(self, which: str) -> None:
        key_id = self.stack.outputs.get(which)
        if key_id in self.stack.alive:
            self.end(key_id)

    @rule(data=st.data())
    def use_another_slot(self, data: st.DataObject) -> None:
        if self.others and data.draw(st.booleans()):
            self.end(self.others.pop())
        elif len(self.api.keys[ORGANIZATION]) < self.api.limit:
            self.others.add(self.api.make(ORGANIZATION, "by hand").id)

    @rule(place=st.sampled_from([HERE, THERE]), act=st.sampled_from(["write", "delete", "destroy"]))
    def meddle_with_vault(self, place: dict[str, str], act: str) -> None:
        where = f"{place['mount']}/{place['path']}"
        secret = self.vault.secrets.get(where)
        if act == "write":
            self.vault.write(Place(**place), FOREIGN)
        elif secret is not None and act == "delete":
            del self.vault.secrets[where]
            self.damaged.add(where)
        elif secret is not None:
            secret.versions[secret.stored.version] = None
            self.damaged.add(where)

    @precondition(lambda self: self.stack.resource is not None and is_plain(self.stack.state))
    @rule()
    def come_from_an_older_version(self) -> None:
        record = self.stack.outputs["record"]
        names = ("organizationId", "name", "tenantKeyRef")
        applied = {name: item for name, item in record["settings"].items() if name in names}
        older = {name: item for name, item in record.items() if name != "firstVaultVersion"}
        gone = dict.fromkeys(("rotateAt", "nextActionAt", "pending", "vaultSecretVersion"))
        self.stack.edit_outputs(record={**older, "settings": applied}, **gone)

    @rule()
    def settle(self) -> None:
        """After everything works again, and people did what errors and warnings asked for, nothing is left to do."""
        self.calm()
        self.run(self.stack.up(refresh=True))
        for _ in range(8):
            self.follow_the_advice()
            before = self.api.minted
            outcome = self.run(self.stack.up())
            assert self.api.minted <= before + 1
            if outcome.kind is Kind.SAME and not outcome.said.strip():
                break
        assert outcome == Outcome(Kind.SAME, None, (), (), (), ())
        assert differences(self.stack) == []

    def calm(self) -> None:
        self.api.faults.clear()
        self.vault.faults.clear()
        self.api.late.clear()
        self.lost_unseen |= {key.id for key in self.api.carry_out([0] * len(self.api.under_way))}

    def follow_the_advice(self) -> None:
        """Do what people can do: revoke what was named, free slots, accept what stands in Vault, wait."""
        for key_id in set(self.stack.alive) - self.known():
            assert key_id in self.named
            self.end(key_id)
        while self.others:
            self.end(self.others.pop())
        said = self.heard
        if "takeOver" in said:
            self.stack.edit(vaultSecret={**self.stack.program["vaultSecret"], "takeOver": True})
        if "stays valid until" in said or "by AlloMia's clock" in said:
            self.api.clock.advance(timedelta(hours=7).total_seconds())
        if "neither in state" in said or "fingerprints differ" in said or "the version is gone" in said:
            self.stack.edit(rotationTriggers={"quarter": f"{self.api.minted}"})

    def end(self, key_id: str) -> None:
        for keys in self.api.keys.values():
            keys.pop(key_id, None)
        self.by_hand.add(key_id)

    def run(self, outcome: Outcome) -> Outcome:
        """Take in what a command said, and judge it."""
        said = "\n".join((*outcome.warnings, str(outcome.failure or "")))
        self.heard = outcome.said
        for line in said.splitlines():
            if not is_list_of_holders(line) and "tries again" not in line:
                self.named |= set(KEY_ID.findall(line))
                self.named |= {key.id for key in self.api.ever.values() if key.name in line}
        assert "alm_org_" not in outcome.said
        return outcome

    def known(self) -> set[str]:
        """Return the keys that the engine's state knows: of the key declared, and of those that wait for their end."""
        outputs = [*self.stack.replaced, *([self.stack.outputs] if self.stack.resource else [])]
        return {key_id for each in outputs for key_id in KeyState.model_validate(each).key_ids}
