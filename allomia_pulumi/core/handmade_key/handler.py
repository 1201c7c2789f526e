"""The handler of `DashboardApiKey`: a key that a person makes in AlloMia's dashboard and writes to Vault.

Nothing is minted or revoked here. A new version in Vault is detected, proved, and handed on; the old one is remembered
by its version until a refresh sees AlloMia refuse it. Only documented endpoints are used, and no tenant key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.contracts.tenants import Sources
from allomia_pulumi.core.conversation import Conversation
from allomia_pulumi.core.forecast import Forecast
from allomia_pulumi.core.handler import Call, Checked, Preview
from allomia_pulumi.core.handmade_key.detect import Detector, Found
from allomia_pulumi.core.handmade_key.inputs import parse_dashboard_inputs
from allomia_pulumi.core.handmade_key.schedule import reschedule, with_next_action
from allomia_pulumi.core.handmade_key.state import (
    DashboardRecord,
    DashboardSettings,
    DashboardState,
    read_dashboard_outputs,
)
from allomia_pulumi.core.handmade_key.watch import Watcher
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.input_fields import require_checked, require_known
from allomia_pulumi.core.messages import DELETE_OLD_BY_HAND, MAKE_BY_HAND, explaining_configuration
from allomia_pulumi.core.model import Unknown
from allomia_pulumi.core.record import Owed, OwedStep, record_settings
from allomia_pulumi.errors import InvalidConfiguration, SetupError
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.moments import format_moment
from allomia_pulumi.ground.references import VaultReference

__all__ = ["DashboardKeys"]


@dataclass(frozen=True)
class DashboardChange:
    """The answer to diff."""

    has_changes: bool = False
    replaces: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


class DashboardKeys:
    """All keys of one process that are made by hand.

    Args:
        sources: Vault, and what proves keys.
        clock: Where time comes from.
    """

    def __init__(self, sources: Sources, clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._conversation: Conversation[bool] = Conversation()
        self._forecast = Forecast()

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Checked:
        """Validate inputs; for a new place also see that Vault has a key there.

        What is not certain to fail in create too is a warning here: create looks again.
        """
        if call.old_identity:
            self._conversation.forget_reads({call.old_identity})
        form, failures = parse_dashboard_inputs(news)
        checked = Checked(dict(news), tuple(failures))
        if form is None or isinstance(form.vault_secret, Unknown):
            return checked
        try:
            if self._sources.is_tenant_key(form.vault_secret):
                raise InvalidConfiguration(
                    f"Vault {form.vault_secret} is where the tenant key lies, which may manage every organization",
                    "Give the place of the organization's own key.",
                )
            if olds.get("vaultSecret") != news.get("vaultSecret"):
                with self._forecast.foretelling(call.reporter):
                    self._sources.store().read_versions(form.vault_secret)
                    self._sources.store().read_secret(form.vault_secret)
        except SetupError as problem:
            return checked.failing("vaultSecret", str(problem))
        return checked

    def diff(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> DashboardChange:
        """Decide by one metadata read whether Vault has a newer key, and say what a person has to do."""
        state, reporter = read_dashboard_outputs(outputs), call.reporter
        if self._conversation.take_read(_own(call.pulumi_id, state)):
            return DashboardChange(has_changes=bool(state.pending), causes=("unfinished.look",))
        inputs = require_checked(parse_dashboard_inputs(news))
        applied = state.record.settings
        if not isinstance(inputs.organization_id, Unknown) and inputs.organization_id != applied.organization_id:
            return DashboardChange(has_changes=True, replaces=("organizationId",))
        is_newer = self._detector(reporter).has_newer(inputs.vault_secret, state)
        if is_newer is not True:
            self._watcher(reporter).warn_of_age(state, inputs.rotate_after, self._clock.now())
        for owed in state.pending:
            reporter.warn(f"the last refresh found something wrong: {owed.why}")
        timed = reschedule(state, inputs)
        settings = record_settings(DashboardSettings, inputs, applied)
        is_unrecorded = (call.identity, settings, timed) != (state.record.identity, applied, state)
        found = {"rotation.found": bool(is_newer), "unfinished.look": bool(state.pending)}
        causes = tuple(name for name, is_so in found.items() if is_so)
        self._conversation.record_plan(_own(call.pulumi_id, state), not causes)
        has_changes = bool(causes) or is_unrecorded
        if not has_changes:
            self._watcher(reporter).remind(state, format_moment(self._clock.now()))
        return DashboardChange(has_changes=has_changes, causes=causes)

    def create(self, news: Mapping[str, Any], call: Call) -> tuple[str, DashboardState]:
        """Read the key from Vault, prove it, and hand it over with its Pulumi id.

        Raises:
            CredentialRejected: AlloMia does not accept the key.
            NotFound: Vault has no such secret, or the key is another organization's.
            AllomiaError: Nothing is known of the key.
        """
        inputs = require_known(parse_dashboard_inputs(news))
        settings = record_settings(DashboardSettings, inputs, None)
        found = self._find(call.reporter, settings.reference)
        self._detector(call.reporter).prove(settings.organization_id, found, is_new=True)
        state = DashboardState(
            secret=found.secret if settings.secret_in_state else None,
            secret_fingerprint=found.fingerprint,
            vault_secret_version=found.version,
            since=found.since,
            record=DashboardRecord(identity=call.identity, settings=settings, written_at=found.written),
        )
        return f"{settings.organization_id}/{found.fingerprint}", reschedule(state, inputs)

    def preview(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> Preview:
        """Tell what the update that the last diff decided will leave: with a newer key in Vault, nothing is known."""
        names = frozenset(str(field.alias) for field in DashboardState.model_fields.values())
        inputs, state = require_checked(parse_dashboard_inputs(news)), read_dashboard_outputs(outputs)
        own = _own(call.pulumi_id, state)
        is_settled = self._conversation.plan(own)
        self._conversation.forget_plan(own)
        if not is_settled:
            return Preview({}, names)
        settings = record_settings(DashboardSettings, inputs, state.record.settings)
        if settings.secret_in_state != state.record.settings.secret_in_state:
            return Preview({}, names)
        known = reschedule(state, inputs).to_outputs()
        return Preview({name: known.get(name) for name in names - {"record"}}, frozenset({"record"}))

    def read(self, pulumi_id: str, outputs: Mapping[str, Any], reporter: Reporter) -> DashboardState:
        """Prove the current key and the old ones; what is wrong with them is recorded, never dropped.

        Raises:
            AllomiaError: Nothing is proved; the engine keeps the state.
        """
        state = read_dashboard_outputs(outputs)
        with explaining_configuration(None):
            store, prover = self._sources.store(), self._sources.prover()
            owed = self._detector(reporter).examine(state)
            is_sighted = owed is None or owed.step is not OwedStep.DELIVER
            now = format_moment(self._clock.now())
            state = self._watcher(reporter).look(state, store, prover, now, is_sighted=is_sighted)
        if owed is not None:
            reporter.warn(f"{owed.why}. {_way_out(owed, state)}")
        state = state.model_copy(update={"pending": (owed,) if owed else ()})
        self._conversation.record_read(_own(pulumi_id, state), (state.record.identity,))
        return with_next_action(state, format_moment(self._clock.now()))

    def update(self, outputs: Mapping[str, Any], news: Mapping[str, Any], call: Call) -> DashboardState:
        """Take over what Vault has now, remember the key before it, and record the settings.

        Raises:
            AllomiaError: Nothing was changed: the new key is not proved, or Vault does not have it.
        """
        inputs, state = require_known(parse_dashboard_inputs(news)), read_dashboard_outputs(outputs)
        settings = record_settings(DashboardSettings, inputs, state.record.settings)
        detector = self._detector(call.reporter)
        found = self._find(call.reporter, settings.reference)
        is_new = found.is_other(state)
        if is_new or state.pending:
            detector.prove(settings.organization_id, found, is_new=is_new)
        now = format_moment(self._clock.now())
        state = detector.hand_over(_renamed(state, call.identity), found, settings, now)
        watcher = self._watcher(call.reporter)
        state = watcher.look(reschedule(state, inputs), self._sources.store(), None, now)
        watcher.remind(state, now)
        return with_next_action(state, now)

    def delete(self, outputs: Mapping[str, Any], reporter: Reporter) -> None:
        """Revoke nothing, since nothing of AlloMia's documented API could: say which keys to delete by hand."""
        state = read_dashboard_outputs(outputs)
        settings = state.record.settings
        keys = [(state.secret_fingerprint, state.describe())]
        keys += [(old.fingerprint, old.describe()) for old in state.previous_keys]
        for mark, described in keys:
            whose = f"the key of organization {settings.organization_id} that is {described}"
            if self._sources.is_managed(mark):
                reporter.info(f"{whose} was not revoked: an OrganizationApiKey holds it now")
            else:
                reporter.warn(f"no key was revoked. Of {whose}: {DELETE_OLD_BY_HAND}; its copy in Vault was left too")

    def _detector(self, reporter: Reporter) -> Detector:
        return Detector(self._sources.store(), self._sources.prover, self._clock, reporter)

    def _watcher(self, reporter: Reporter) -> Watcher:
        return Watcher(self._sources.is_managed, reporter)

    def _find(self, reporter: Reporter, place: VaultReference) -> Found:
        """Read the latest key; the tenant key is none that anybody should be handed."""
        found = self._detector(reporter).find(place)
        if self._sources.is_tenant_secret(found.secret):
            raise InvalidConfiguration(
                f"Vault {place} holds the tenant key, which may manage every organization",
                "Write the organization's own key there.",
            )
        return found


def _own(pulumi_id: str, state: DashboardState) -> str:
    """Return what this process remembers a resource by: those of one secret share their Pulumi id."""
    return f"{pulumi_id}\n{state.record.identity.model_dump_json()}"


def _renamed(state: DashboardState, identity: Identity) -> DashboardState:
    return state.model_copy(update={"record": state.record.model_copy(update={"identity": identity})})


def _way_out(owed: Owed, state: DashboardState) -> str:
    if owed.step is OwedStep.DELIVER:
        return "Put the key there again; until then `pulumi up` fails on this resource"
    where = state.record.settings.reference
    return f"{MAKE_BY_HAND[0].upper()}{MAKE_BY_HAND[1:]}, write it to Vault {where}, and run `pulumi up`"
