"""The life cycle of a declared key: check, diff, create, read, update, delete, the same for every face.

A face translates its calls to these and their answers back; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from allomia_pulumi.clock import Clock
from allomia_pulumi.errors import AllomiaError, NotFound, OrganizationFull, SetupError, UnexpectedAnswer, Unreachable
from allomia_pulumi.keys.inputs import Failure, parse_inputs, with_name
from allomia_pulumi.keys.memory import Memory, Replacement
from allomia_pulumi.keys.minting import Minter, Order
from allomia_pulumi.keys.models import (
    KEY_LIMIT,
    Identity,
    Inputs,
    KeyState,
    Reason,
    Record,
    Settings,
    Unknown,
    hash_triggers,
    read_outputs,
)
from allomia_pulumi.keys.plan import Plan, make_plan, record_settings
from allomia_pulumi.keys.ports import ApiKey, KeyApi, MintedKey, Reporter, Tenants
from allomia_pulumi.keys.proof import find_strays, is_proved_gone
from allomia_pulumi.keys.slots import Ledger, organization_full
from allomia_pulumi.keys.wording import describe_keys, look_command, revoke_command
from allomia_pulumi.redaction import fingerprint
from allomia_pulumi.references import VaultReference

__all__ = ["Checked", "OrganizationKeys"]

STORED_CONFIGURATION = (
    "Refresh and destroy may run on the configuration stored at the last `pulumi up`; `--run-program` uses today's."
)


@dataclass(frozen=True)
class Checked:
    """The answer to check: inputs with the defaults filled in, or what is wrong with them."""

    inputs: dict[str, Any]
    failures: tuple[Failure, ...] = ()


class OrganizationKeys:
    """All declared keys of one process.

    Args:
        tenants: Where AlloMia's clients come from.
        clock: Where time comes from.
    """

    def __init__(self, tenants: Tenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._ledger = Ledger(clock)
        self._memory = Memory()

    def check(
        self,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
        *,
        old_identity: Identity | None = None,
    ) -> Checked:
        """Validate inputs and fill in the label; for a new key also see that its organization has a slot.

        AlloMia or Vault out of reach is a warning here, since create repeats the look before it sends anything.
        """
        if old_identity:
            self._memory.forget_reads(old_identity)
        wire = with_name(news, olds, identity)
        inputs, failures = parse_inputs(wire)
        if inputs is None:
            return Checked(wire, tuple(failures))
        try:
            if not isinstance(inputs.tenant_key_ref, Unknown):
                api = self._tenants.open(inputs.tenant_key_ref)
                if not olds:
                    self._take_slot(api, inputs, identity, reporter)
        except (SetupError, OrganizationFull) as problem:
            return Checked(wire, (Failure("", str(problem)),))
        return Checked(wire)

    def diff(
        self,
        pulumi_id: str,
        outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        identity: Identity,
        reporter: Reporter,
    ) -> Plan:
        """Decide what to do; a rotation promises itself a slot, or waits for the next `pulumi up`."""
        if self._memory.take_read(pulumi_id):
            return Plan()
        inputs, failures = parse_inputs(news)
        if inputs is None:
            raise SetupError("; ".join(failure.reason for failure in failures))
        state = read_outputs(outputs)
        if state.secret is None:
            reporter.warn(
                f"the state has lost the secret of key {state.key_id}; change a rotation trigger to replace it"
            )
        plan = make_plan(inputs, state)
        if plan.is_rotation and not self._has_slot(inputs, state, plan, identity, reporter):
            plan = make_plan(inputs, state, has_slot=False)
        if plan.is_uncertain:
            reporter.info("rotationTriggers are not known yet: the key may rotate")
        if plan.replaces:
            self._memory.remember_replacement(identity, Replacement(plan.reason, frozenset({state.key_id})))
        return plan

    def create(self, news: Mapping[str, Any], identity: Identity, reporter: Reporter) -> tuple[str, KeyState]:
        """Mint a key, prove it, and hand it over with its Pulumi id.

        Raises:
            OrganizationFull: No slot; nothing was sent.
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            OutcomeUnknown: AlloMia may still make a key; the message has the name to look for.
            AllomiaError: No key exists.
        """
        inputs, settings = _known(news)
        api = self._tenants.open(settings.reference)
        replacement = self._memory.take_replacement(identity)
        minter = Minter(api, self._clock, reporter)
        order = Order(settings.organization_id, settings.name, identity, self._tenants.owner)
        with self._ledger.minting(api, order.organization_id, identity):
            self._name_unknown_keys(self._ledger.alive(api, order.organization_id), order, replacement, reporter)
            minted = minter.mint(order)
            with minter.revoking_on_failure(order.organization_id, minted):
                minter.prove(order.organization_id, minted)
                reason = replacement.reason if replacement else Reason.CREATED
                state = _first_state(
                    minted, inputs, Record(identity=identity, owner=order.owner, settings=settings), reason
                )
            self._ledger.add(order.organization_id, minted)
            self._memory.remember_minted(minted.id)
        return f"{order.organization_id}/{minted.id}", state

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> KeyState | None:
        """Look whether the key is still there; return its state, or None on proof that it is gone.

        Raises:
            AllomiaError: Nothing is proved; the engine keeps the state.
        """
        state = read_outputs(outputs)
        organization_id = state.record.settings.organization_id
        with _stored_configuration():
            api = self._tenants.open(state.record.settings.reference)
            alive = self._alive_if_listed(api, organization_id, state.key_id)
            if alive is None and is_proved_gone(api, organization_id, state.key_id):
                reporter.warn(
                    f"key {state.key_id} “{state.key_name}” of organization {organization_id} was revoked outside of "
                    "Pulumi and is dropped from the state; the next `pulumi up` makes a new one"
                )
                return None
        self._memory.remember_read(pulumi_id, state.record.identity)
        self._name_strays(alive or (), state, reporter)
        return state

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], reporter: Reporter) -> KeyState:
        """Apply the settings that move no key; a replacement that is only due now is left for the next `pulumi up`."""
        inputs, settings = _known(news)
        state = record_settings(inputs, read_outputs(outputs))
        try:
            api = self._tenants.open(settings.reference)
            self._name_strays(self._ledger.alive(api, state.record.settings.organization_id), state, reporter)
        except AllomiaError as problem:
            reporter.warn(f"the settings were recorded; looking for stray keys failed: {problem}")
        return state

    def delete(self, outputs: Mapping[str, Any]) -> None:
        """Revoke the key; one that is proved gone counts as revoked, so a repeated delete does no harm.

        Raises:
            AllomiaError: The key may be alive; the message names it and the way out.
        """
        state = read_outputs(outputs)
        organization_id = state.record.settings.organization_id
        with _stored_configuration(), self._naming(organization_id, state.key_id):
            api = self._tenants.open(state.record.settings.reference)
            with self._ledger.writing(organization_id):
                is_revoked = api.revoke_key(organization_id, state.key_id)
                if not is_revoked and not is_proved_gone(api, organization_id, state.key_id):
                    raise UnexpectedAnswer(
                        f"AlloMia answered 404 to revoking key {state.key_id}, and still has it", "Run again later."
                    )
                self._ledger.remove(organization_id, state.key_id)

    def _take_slot(self, api: KeyApi, inputs: Inputs, identity: Identity, reporter: Reporter) -> None:
        """Promise a slot to a new key.

        Raises:
            OrganizationFull: The organization was read well, and is full.
        """
        if isinstance(inputs.organization_id, Unknown):
            return
        try:
            holders = self._ledger.promise(api, inputs.organization_id, identity)
        except AllomiaError as problem:
            reporter.warn(f"the free slots of organization {inputs.organization_id} are not known: {problem}")
            return
        if holders is not None:
            raise organization_full(inputs.organization_id, holders, self._clock)

    def _has_slot(self, inputs: Inputs, state: KeyState, plan: Plan, identity: Identity, reporter: Reporter) -> bool:
        """Promise a slot to the successor, or say that the rotation waits; without an answer it is shown as planned."""
        organization_id = state.record.settings.organization_id
        try:
            reference = inputs.tenant_key_ref
            api = self._tenants.open(None if isinstance(reference, Unknown) else reference)
            holders = self._ledger.promise(api, organization_id, identity)
        except AllomiaError as problem:
            reporter.warn(f"the free slots of organization {organization_id} are not known: {problem}")
            return True
        if holders is not None:
            reporter.warn(
                f"the rotation of key {state.key_id} (reason: {plan.reason}) waits for a free slot: "
                f"{len(holders)} keys of organization {organization_id} are alive "
                f"({describe_keys(holders, self._clock.now())}), and a rotation needs one of {KEY_LIMIT} slots until "
                "the old key is revoked. Run `pulumi up` again: it goes on where this one ends"
                + (
                    f"; a full organization needs a slot freed first: {look_command(organization_id)}"
                    if len(holders) >= KEY_LIMIT
                    else ""
                )
            )
        return holders is None

    def _alive_if_listed(self, api: KeyApi, organization_id: str, key_id: str) -> tuple[ApiKey, ...] | None:
        """Return the shared list if it has the key; its absence there proves nothing yet."""
        try:
            alive = self._ledger.alive(api, organization_id)
        except NotFound:
            return None
        return alive if any(key.id == key_id for key in alive) else None

    def _name_unknown_keys(
        self, alive: Iterable[ApiKey], order: Order, replacement: Replacement | None, reporter: Reporter
    ) -> None:
        """Say that a key with this mark is alive; only the engine knows whether it is about to be replaced."""
        known = self._memory.minted | (replacement.known_keys if replacement else frozenset())
        strays = find_strays(alive, order.identity, order.owner, known)
        if strays:
            reporter.warn(
                f"organization {order.organization_id} already has a key with this resource's mark: "
                f"{describe_keys(strays, self._clock.now())}. If this run replaces it, it is revoked at the end; if "
                f"not, it is left from an interrupted run: look with {look_command(order.organization_id)}"
            )

    def _name_strays(self, alive: Iterable[ApiKey], state: KeyState, reporter: Reporter) -> None:
        """Say which keys carry this resource's mark and are in no record."""
        known = self._memory.minted | {state.key_id}
        strays = find_strays(alive, state.record.identity, state.record.owner, known)
        if strays:
            organization_id = state.record.settings.organization_id
            reporter.warn(
                f"organization {organization_id} has a key with this resource's mark that is not its current key: "
                f"{describe_keys(strays, self._clock.now())}. Perhaps it waits for its deletion, then the next "
                f"`pulumi up` revokes it; otherwise it is left from an interrupted run: "
                f"{revoke_command(organization_id, strays[0].id)}"
            )

    @contextmanager
    def _naming(self, organization_id: str, key_id: str) -> Iterator[None]:
        """Name the key that may be alive in every error, and the way to end it by hand."""
        try:
            yield
        except AllomiaError as problem:
            problem.message = f"key {key_id} of organization {organization_id} was not revoked: {problem.message}"
            raise problem.with_hint(f"By hand: {revoke_command(organization_id, key_id)}.") from None


@contextmanager
def _stored_configuration() -> Iterator[None]:
    """Add that a read or delete may run on an old configuration to errors that another configuration could mend."""
    try:
        yield
    except (SetupError, Unreachable, UnexpectedAnswer) as problem:
        raise problem.with_hint(STORED_CONFIGURATION) from None


def _known(news: Mapping[str, Any]) -> tuple[Inputs, Settings]:
    """Read inputs that check has let through and that are all known by now."""
    inputs, failures = parse_inputs(news)
    if inputs is None:
        raise SetupError("; ".join(failure.reason for failure in failures))
    values = (inputs.organization_id, inputs.name, inputs.tenant_key_ref, inputs.rotation_triggers)
    if any(isinstance(value, Unknown) for value in values):
        raise SetupError("an input is still unknown, so nothing was done", "Run `pulumi up` again.")
    wire = inputs.tenant_key_ref.to_wire() if isinstance(inputs.tenant_key_ref, VaultReference) else None
    settings = Settings(organization_id=str(inputs.organization_id), name=str(inputs.name), tenant_key_ref=wire)
    return inputs, settings


def _first_state(minted: MintedKey, inputs: Inputs, record: Record, reason: Reason) -> KeyState:
    triggers = inputs.rotation_triggers
    return KeyState(
        key_id=minted.id,
        key_name=minted.name,
        created_at=minted.created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        secret=minted.key,
        secret_fingerprint=fingerprint(minted.key),
        rotation_reason=reason,
        triggers_hash=hash_triggers(None if isinstance(triggers, Unknown) else triggers),
        record=record,
    )
