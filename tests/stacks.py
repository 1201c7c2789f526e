"""A stand-in for the engine: one declared key in one stack, asked in the engine's order. Never the proof.

A process lasts for one command, as the engine's does. A failed create leaves the old key, a failed update the old
outputs; a replaced key is deleted at the end of a run without errors, else by the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from allomia_pulumi.contracts.revocation import Revocation
from allomia_pulumi.contracts.vault_delivery import Delivery, VaultLocation
from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark, parse_mark
from allomia_pulumi.core.minted_key.handler import OrganizationKeys
from allomia_pulumi.core.minted_key.state import KeyState, hash_triggers
from allomia_pulumi.core.record import Owed, OwedStep
from allomia_pulumi.errors import AllomiaError, OutcomeUnknown, SetupError
from allomia_pulumi.ground.durations import parse_duration, recorded_length
from allomia_pulumi.ground.redaction import fingerprint
from tests.fakes import LINEAGE, FakeAllomia, FakeClock, FakeKey, FakeTenants, FakeVault, Listener, raise_or_call

IDENTITY = Identity(project="p", stack="s", name="ehr")
ORGANIZATION = "org"
WRITES = frozenset({"mint", "revoke", "deliver", "withdraw"})

Props = dict[str, Any]


class Kind(StrEnum):
    """What the engine does with the resource."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    GONE = "gone"


@dataclass(frozen=True)
class Outcome:
    """What one command did and said."""

    kind: Kind
    failure: AllomiaError | None
    replaces: tuple[str, ...]
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    calls: tuple[str, ...]

    @property
    def said(self) -> str:
        """Return everything that reaches people."""
        return "\n".join((*self.warnings, *self.infos, str(self.failure or "")))

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(call for call in self.calls if call in WRITES)

    @property
    def mints(self) -> int:
        return self.calls.count("mint")


@dataclass(frozen=True)
class Resource:
    """What the engine's state has of the resource."""

    id: str
    inputs: Props
    outputs: Props


class ProcessKilled(AllomiaError):
    """The provider's process was killed between a result and the state that would have kept it."""


@dataclass
class ForgetfulAllomia(FakeAllomia):
    """An AlloMia that loses more answers.

    Faults "after revoke": the key is gone, and the answer is lost. `late` holds, for requests to come whose answer is
    lost, how many lists it takes until their keys appear.
    """

    late: list[int] = field(default_factory=list)
    under_way: list[tuple[int, str, str]] = field(default_factory=list)

    def list_keys(self, organization_id: str) -> list[FakeKey]:
        self.carry_out([waits - 1 for waits, *_ in self.under_way])
        return super().list_keys(organization_id)

    def mint_key(self, organization_id: str, name: str) -> FakeKey:
        if not self.late:
            return super().mint_key(organization_id, name)
        self.calls.append("mint")
        self.under_way.append((self.late.pop(0), organization_id, name))
        raise OutcomeUnknown("the answer was lost")

    def carry_out(self, waits: list[int]) -> list[FakeKey]:
        """Carry out the requests under way that have waited long enough."""
        waiting = [(left, *request[1:]) for left, request in zip(waits, self.under_way, strict=True)]
        self.under_way = [request for request in waiting if request[0] > 0]
        ready = [request for request in waiting if request[0] <= 0]
        return [self.make(where, name) for _, where, name in ready if len(self.keys[where]) < self.limit]

    def revoke_key(self, organization_id: str, key_id: str) -> Revocation:
        answer = super().revoke_key(organization_id, key_id)
        if faults := self.faults.get("after revoke"):
            raise_or_call(faults.pop(0))
        return answer


class ForgetfulVault(FakeVault):
    """A Vault that also meets faults "after deliver": the version is written, and nobody can tell."""

    def deliver_secret(self, place: VaultLocation, delivery: Delivery) -> int:
        version = super().deliver_secret(place, delivery)
        if faults := self.faults.get("after deliver"):
            raise faults.pop(0)
        return version


@dataclass
class Stack:
    """One program with one key; `program` is what it asks for, and an empty one declares no key."""

    program: Props = field(default_factory=dict)
    api: FakeAllomia = field(default_factory=lambda: ForgetfulAllomia(FakeClock()))
    identity: Identity = IDENTITY
    resource: Resource | None = None
    replaced: list[Props] = field(default_factory=list)
    is_killed: bool = False

    def __post_init__(self) -> None:
        self.tenants = FakeTenants(self.api, vault=ForgetfulVault())
        self.listener = Listener()
        self.restart()

    @property
    def vault(self) -> FakeVault:
        return self.tenants.vault

    @property
    def outputs(self) -> Props:
        assert self.resource is not None
        return self.resource.outputs

    @property
    def state(self) -> KeyState:
        return KeyState.model_validate(self.outputs)

    @property
    def clock(self) -> FakeClock:
        return self.api.clock

    @property
    def alive(self) -> dict[str, FakeKey]:
        """Return the keys alive that carry this resource's mark."""
        own = make_mark(self.identity, self.tenants.owner, LINEAGE)
        everywhere = (key for keys in self.api.keys.values() for key in keys.values())
        marked = ((key, parse_mark(key.name)) for key in everywhere)
        return {key.id: key for key, mark in marked if mark and own.declared == mark.declared}

    def edit(self, **changes: Any) -> None:
        """Change the program; None takes an input out of it."""
        after = {**self.program, **changes}
        self.program = {name: value for name, value in after.items() if value is not None}

    def edit_outputs(self, **changes: Any) -> None:
        """Change the state as an older version, a crash or `pulumi state` leaves it; None takes an output out."""
        assert self.resource is not None
        after = {**self.resource.outputs, **changes}
        self.resource = replace(self.resource, outputs={key: item for key, item in after.items() if item is not None})

    def restart(self) -> None:
        """Start a new provider process."""
        self.keys = OrganizationKeys(self.tenants, self.api.clock)

    def preview(self) -> Outcome:
        self.restart()
        return self._run(self._preview)

    def up(self, *, refresh: bool = False, restarts: bool = True) -> Outcome:
        """Run the program, after a read if asked to; in a new process, unless several stacks share one."""
        if restarts:
            self.restart()

        def run() -> tuple[Kind, tuple[str, ...]]:
            found = self._refresh() if refresh else Kind.SAME
            kind, replaces = self._up()
            return (kind if kind is not Kind.SAME else found), replaces

        return self._run(run)

    def target_replace(self) -> Outcome:
        """Replace the key as `pulumi up --target-replace` does: without a diff."""
        self.restart()
        return self._run(self._replace)

    def refresh(self) -> Outcome:
        self.restart()
        return self._run(lambda: (self._refresh(), ()))

    def destroy(self) -> Outcome:
        self.restart()
        return self._run(self._destroy)

    def _run(self, command: Callable[[], tuple[Kind, tuple[str, ...]]]) -> Outcome:
        self.listener = Listener()
        kind: Kind = Kind.SAME
        replaces: tuple[str, ...] = ()
        failure: AllomiaError | None = None
        with self.recorded() as calls:
            try:
                kind, replaces = command()
            except AllomiaError as problem:
                failure = problem
        said = self.listener
        return Outcome(kind, failure, replaces, tuple(said.warnings), tuple(said.infos), tuple(calls))

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """Collect the calls to AlloMia and to Vault."""
        calls: list[str] = []
        before = len(self.api.calls), len(self.vault.calls)
        yield calls
        calls += self.api.calls[before[0] :] + self.vault.calls[before[1] :]

    def _preview(self) -> tuple[Kind, tuple[str, ...]]:
        if not self.program:
            return (Kind.DELETE if self.resource else Kind.SAME), ()
        if self.resource is None:
            self._check({})
            return Kind.CREATE, ()
        inputs = self._check(self.resource.inputs)
        kind, replaces = self._diff(self.resource, inputs)
        if kind is Kind.REPLACE:
            self._check({})
        return kind, replaces

    def _up(self) -> tuple[Kind, tuple[str, ...]]:
        kind, replaces = self._apply()
        self._delete_replaced()
        return kind, replaces

    def _apply(self) -> tuple[Kind, tuple[str, ...]]:
        if not self.program:
            return self._delete_declared(), ()
        if self.resource is None:
            self.resource = self._create(self._check({}))
            return Kind.CREATE, ()
        old = self.resource
        inputs = self._check(old.inputs)
        kind, replaces = self._diff(old, inputs)
        if kind is Kind.REPLACE:
            self._create_successor(old)
        elif kind is Kind.UPDATE:
            after = self.keys.update(old.outputs, inputs, Call(self.identity, self.listener, old.id))
            self._survive()
            self.resource = Resource(old.id, inputs, wire(after))
        else:
            self.resource = replace(old, inputs=inputs)
        return kind, replaces

    def _replace(self) -> tuple[Kind, tuple[str, ...]]:
        assert self.resource is not None
        self._create_successor(self.resource)
        self._delete_replaced()
        return Kind.REPLACE, ()

    def _create_successor(self, old: Resource) -> None:
        self.resource = self._create(self._check({}))
        self.replaced.append(old.outputs)

    def _check(self, olds: Mapping[str, Any]) -> Props:
        old_identity = self.identity if olds else None
        checked = self.keys.check(olds, self.program, Call(self.identity, self.listener, old_identity=old_identity))
        if checked.failures:
            raise SetupError("; ".join(failure.reason for failure in checked.failures))
        return checked.inputs

    def _diff(self, old: Resource, inputs: Props) -> tuple[Kind, tuple[str, ...]]:
        plan = self.keys.diff(old.outputs, inputs, Call(self.identity, self.listener, old.id))
        if plan.replaces:
            return Kind.REPLACE, plan.replaces
        return (Kind.UPDATE if plan.has_changes else Kind.SAME), ()

    def _create(self, inputs: Props) -> Resource:
        pulumi_id, state = self.keys.create(inputs, Call(self.identity, self.listener))
        self._survive()
        return Resource(pulumi_id, inputs, wire(state))

    def _survive(self) -> None:
        if self.is_killed:
            self.is_killed = False
            raise ProcessKilled("the process was killed")

    def _refresh(self) -> Kind:
        if self.resource is None:
            return Kind.SAME
        old = self.resource
        state = self.keys.read(old.id, old.outputs, self.listener)
        if state is None:
            self.resource = None
            return Kind.GONE
        self.resource = replace(old, outputs=wire(state))
        kind, _ = self._diff(self.resource, old.inputs)
        return kind

    def _delete_declared(self) -> Kind:
        if self.resource is None:
            return Kind.SAME
        self.keys.delete(self.resource.outputs, self.listener)
        self.resource = None
        return Kind.DELETE

    def _delete_replaced(self) -> None:
        while self.replaced:
            self.keys.delete(self.replaced[0], self.listener)
            self.replaced.pop(0)

    def _destroy(self) -> tuple[Kind, tuple[str, ...]]:
        self._delete_replaced()
        return self._delete_declared(), ()


def wire(state: KeyState) -> Props:
    """Return outputs as they come back from the engine, which knows no whole numbers."""
    outputs: Props = json.loads(json.dumps(state.to_outputs()), parse_int=float)
    return outputs


def owing(step: OwedStep, key_id: str | None = None, why: str = "a test says so") -> list[Props]:
    """Return a `pending` output with one step."""
    return [Owed(step=step, why=why, key_id=key_id).model_dump(mode="json", by_alias=True, exclude_none=True)]


def differences(stack: Stack) -> list[str]:
    """Compare the record with what the program asks for and with what AlloMia and Vault hold; empty when all agree."""
    if stack.resource is None:
        return [f"no key is declared, and {sorted(stack.alive)} are alive"] if stack.alive else []
    state = stack.state
    return [
        *_differences_from_program(stack, state),
        *_differences_in_allomia(stack, state),
        *_differences_in_vault(stack, state),
        *_wrong_moments(state),
    ]


def _differences_from_program(stack: Stack, state: KeyState) -> list[str]:
    program, settings = stack.program, state.record.settings
    place = settings.vault_secret.model_dump(by_alias=True) if settings.vault_secret else None
    wanted = program.get("vaultSecret")
    pairs = {
        "organizationId": (program["organizationId"], settings.organization_id),
        "rotateAfter": (_length(program.get("rotateAfter")), recorded_length(settings.rotate_after)),
        "overlap": (_length(program.get("overlap")), recorded_length(settings.overlap)),
        "vaultSecret": ({"takeOver": False, **wanted} if wanted else None, place),
        "secretInState": (program.get("secretInState", True), settings.secret_in_state),
        "verify": (program.get("verify", True), settings.verify),
        "tenantKeyRef": (program.get("tenantKeyRef"), settings.tenant_key_ref),
        "rotationTriggers": (hash_triggers(program.get("rotationTriggers")), state.triggers_hash or ""),
        "secret in state": (program.get("secretInState", True), state.secret is not None),
        "pending": ((), state.pending),
    }
    if "name" in program:
        pairs["name"] = (program["name"], settings.name)
    return [
        f"{name}: wanted {wanted!r}, recorded {found!r}" for name, (wanted, found) in pairs.items() if wanted != found
    ]


def _differences_in_allomia(stack: Stack, state: KeyState) -> list[str]:
    found = []
    known = {state.key_id, state.previous_key_id} - {None}
    if set(stack.alive) != known:
        found.append(f"alive {sorted(stack.alive)}, recorded {sorted(map(str, known))}")
    current = stack.alive.get(state.key_id)
    if current is None:
        return [*found, f"current key {state.key_id} is not alive"]
    if state.secret is not None and state.secret != current.key:
        found.append("the secret is not the current key's")
    if state.secret_fingerprint != fingerprint(current.key):
        found.append("the fingerprint is not the current key's")
    if state.key_name != current.name:
        found.append("the name is not the current key's")
    previous = stack.alive.get(state.previous_key_id or "")
    if previous and state.previous_secret and state.previous_secret != previous.key:
        found.append("previousSecret is not the predecessor's")
    return found


def _differences_in_vault(stack: Stack, state: KeyState) -> list[str]:
    place = state.record.settings.vault_secret
    if place is None:
        return ["a version without a place"] if state.vault_secret_version else []
    return vault_differences(stack, state, place)


def vault_differences(stack: Stack, state: KeyState, place: VaultLocation) -> list[str]:
    """Compare a place with the current key."""
    stored = stack.vault.secrets.get(f"{place.mount}/{place.path}")
    if stored is None:
        return [f"{place} is gone"]
    found = []
    if stored.stored.version != state.vault_secret_version:
        found.append(f"{place} has version {stored.stored.version}, recorded {state.vault_secret_version}")
    if stored.stored.key_id != state.key_id:
        found.append(f"{place} is marked as {stored.stored.key_id}'s, current is {state.key_id}")
    current = stack.alive.get(state.key_id)
    if current and stored.versions.get(stored.stored.version) != current.key.get_secret_value():
        found.append(f"{place} does not hold the current key")
    return found


def _wrong_moments(state: KeyState) -> list[str]:
    settings = state.record.settings
    made_at = datetime.fromisoformat(state.created_at)
    rotate_at = made_at + recorded_length(settings.rotate_after) if settings.rotate_after else None
    found = []
    if _moment(state.rotate_at) != rotate_at:
        found.append(f"rotateAt {state.rotate_at}, expected {rotate_at}")
    if (state.previous_key_id is None) != (state.previous_revoke_at is None):
        found.append("previousKeyId and previousRevokeAt do not come together")
    if _moment(state.next_action_at) != (_moment(state.previous_revoke_at) or rotate_at):
        found.append(f"nextActionAt {state.next_action_at}")
    return found


def _moment(output: str | None) -> datetime | None:
    return datetime.fromisoformat(output) if output else None


def _length(duration: str | None) -> timedelta:
    return parse_duration(duration, "a duration") if duration else timedelta()
