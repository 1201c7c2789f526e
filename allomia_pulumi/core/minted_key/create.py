"""The creation of a minted key: adopt the one that the program names, or issue one; each once, however often asked."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import draw_lineage
from allomia_pulumi.core.messages import explain, orphans_command
from allomia_pulumi.core.minted_key.context import Context
from allomia_pulumi.core.minted_key.conversation import Outcome, Replacement
from allomia_pulumi.core.minted_key.inputs import Adoption, Declaration, Inputs
from allomia_pulumi.core.minted_key.issuance import Issuance, KeyRequest, Undelivered
from allomia_pulumi.core.minted_key.issue import Issuer
from allomia_pulumi.core.minted_key.plan import make_plan
from allomia_pulumi.core.minted_key.record import Provenance, record_issued_key, record_left_behind, settings_of
from allomia_pulumi.core.minted_key.state import KeyState, Reason, Settings
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.core.record import OwedStep
from allomia_pulumi.errors import AllomiaError, KeyLeftBehind, NotFound

__all__ = ["Creations"]

NEW_ORGANIZATION_PAUSES: Final = (0.0, 0.5, 1.5, 3.0, 5.0)


@dataclass(frozen=True)
class Creation:
    """One creation of one declared key.

    Attributes:
        replacement: What the diff before found out, if this is a rotation by replacement.
        provenance: What the record keeps beside the key.
        left_behind: Keys of earlier calls of this creation that could not be revoked, by organization and id.
        keeps_unfinished: Whether a key that exists without being finished is returned, and the reporter told what is
            owed; otherwise it is revoked, or an error names it.
    """

    context: Context
    api: KeyApi
    reporter: Reporter
    inputs: Inputs
    settings: Settings
    request: KeyRequest
    replacement: Replacement | None
    provenance: Provenance
    left_behind: Collection[tuple[str, str]]
    keeps_unfinished: bool

    @property
    def adoption(self) -> Adoption | None:
        """Return the key to adopt; a replacement mints whatever the program says: that has done its work before."""
        wanted = self.inputs.adopt
        return wanted if isinstance(wanted, Adoption) and self.replacement is None else None

    def run(self) -> KeyState:
        """Return the record of the new key.

        Raises:
            KeyLeftBehind: A key was made and can neither be handed over nor revoked; the message names it.
            AllomiaError: No key exists.
        """
        issuer = self.context.issuer(self.api, self.request.identity, self.reporter)
        clock, provenance = self.context.clock, self.provenance
        if self.adoption is None:
            self._look_for_strays()
        try:
            issuer.revoke_left_behind(self.left_behind)
            issued = self._adopt_or_issue(issuer)
            with issuer.revoking_on_failure(self.request, issued) if self.adoption is None else nullcontext():
                state = record_issued_key(
                    issued, self.request, self.settings, self.inputs, self._reason, clock.now(), provenance
                )
        except KeyLeftBehind as problem:
            if not self.keeps_unfinished or not problem.is_ours:
                raise
            self.reporter.warn_unfinished(f"{problem} The next `pulumi up` tries again.")
            return record_left_behind(problem, self.request, self.settings, clock.now(), provenance)
        for owed in state.pending:
            self.reporter.warn_unfinished(
                f"key {state.key_id} exists and works, and {owed.why}. The next `pulumi up` tries again."
            )
        return state

    def _look_for_strays(self) -> None:
        """Name keys with this resource's mark that nobody knows, before another is made.

        Raises:
            TooManyUnknownKeys: So many live that no further one is made.
        """
        replacement, request = self.replacement, self.request
        strays = Strays(
            organization_id=request.organization_id,
            today=request.origin,
            former=replacement.former if replacement else (),
            lineage=replacement.lineage if replacement else request.lineage,
            known=self._known_keys | self.context.conversation.keys,
            clock=self.context.clock,
            reporter=self.reporter,
        )
        alive = self.context.quota.alive(self.api, request.organization_id)
        strays.refuse_further_keys(alive)
        strays.warn_before_creation(alive)

    @property
    def _known_keys(self) -> frozenset[str]:
        return self.replacement.known_keys if self.replacement else frozenset()

    def _adopt_or_issue(self, issuer: Issuer) -> Issuance:
        identity = self.request.identity
        if self.adoption is not None:
            adopter = self.context.adopter(self.api, identity, self.reporter)
            return adopter.adopt(self.adoption, self.request, self.settings)
        is_kept = self.keeps_unfinished and self.settings.secret_in_state
        issued = issuer.issue(
            self.request,
            self.settings,
            identity,
            self._known_keys,
            former=self.provenance.former,
            undelivered=Undelivered.KEEP if is_kept else Undelivered.REVOKE,
        )
        return replace(issued, has_made_place=issued.has_made_place or self._goes_on_at_a_made_place)

    @property
    def _goes_on_at_a_made_place(self) -> bool:
        """Tell whether the key goes where the one that it replaces had made the secret."""
        before = self.replacement.made_place if self.replacement else None
        place = self.settings.vault_secret
        return before is not None and place is not None and place.is_same(before)

    @property
    def _reason(self) -> Reason:
        if self.replacement is not None:
            return self.replacement.reason or Reason.CREATED
        return Reason.CREATED if self.adoption is None else Reason.IMPORTED


class Creations:
    """The creations of one process: each declared key is created once, and a repeated call goes on."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._conversation = context.conversation

    def create(
        self, declaration: Declaration, identity: Identity, reporter: Reporter, *, keeps_unfinished: bool
    ) -> tuple[str, KeyState]:
        """Issue a key, or adopt one, and return its Pulumi id and record; or what an earlier call left."""
        tenants = self._context.tenants
        settings = settings_of(declaration.inputs)
        api = tenants.open(settings.reference)
        if (repeated := self._repeat(declaration, identity, api, reporter)) is not None:
            return repeated
        replacement = self._conversation.replacement(identity)
        lineage = declaration.lineage or draw_lineage()
        owner = tenants.owner or (replacement.owner if replacement else "")
        creation = Creation(
            context=self._context,
            api=api,
            reporter=reporter,
            inputs=declaration.inputs,
            settings=settings,
            request=KeyRequest(settings.organization_id, settings.name, identity, owner, lineage),
            replacement=replacement,
            provenance=Provenance(tenants.service, replacement.former if replacement else ()),
            left_behind=self._conversation.left_behind(identity),
            keeps_unfinished=keeps_unfinished,
        )
        self._await_organization(api, settings.organization_id)
        try:
            state = creation.run()
        except KeyLeftBehind as left:
            if left.is_ours:
                self._conversation.record_left_behind(identity, left.organization_id, left.key_id)
            raise
        # From here on the new key is what counts: whatever goes wrong, also a fault of ours, must not lose it.
        try:
            if creation.adoption is None:
                self._conversation.record_minted(state.key_id)
            return self._record(declaration, state, identity)
        except Exception as problem:  # noqa: BLE001 - see above
            reporter.warn(
                f"key {state.key_id} exists and works; this run does not remember it for a repeated call: "
                f"{explain(problem)}"
            )
            return _pulumi_id(state), state

    def _await_organization(self, api: KeyApi, organization_id: str) -> None:
        """Give AlloMia a few seconds to show an organization that this run made, before a key is asked for in it."""
        if not self._context.tenants.has_made_organization(organization_id):
            return
        for pause in NEW_ORGANIZATION_PAUSES:
            self._context.clock.sleep(pause)
            try:
                self._context.quota.alive(api, organization_id)
            except NotFound as problem:
                if problem.is_proved:
                    return
            except AllomiaError:
                return
            else:
                return

    def is_repeated(self, pulumi_id: str, key_id: object, declaration: Declaration, identity: Identity) -> bool:
        """Tell whether an update repeats a creation of this run: so the engine does when that ended half-way."""
        creation = self._conversation.creation(identity)
        if creation is None or creation.is_complete or creation.pulumi_id != pulumi_id:
            return False
        return creation.is_of(declaration.digest) and creation.state.key_id == key_id

    def _repeat(
        self, declaration: Declaration, identity: Identity, api: KeyApi, reporter: Reporter
    ) -> tuple[str, KeyState] | None:
        """Return what an earlier call of this creation left, after what it owed; None if there is nothing to keep."""
        earlier = self._conversation.creation(identity)
        if earlier is None:
            return None
        state = earlier.state
        if not earlier.is_of(declaration.digest):
            reporter.warn(
                f"an earlier call of this run made key {state.key_id} with other inputs, and nobody may have it: look "
                f"with {orphans_command()}"
            )
            return None
        if any(owed.step is not OwedStep.DELIVER for owed in state.pending):
            # Nobody can use that key: the new creation ends it first.
            return None
        if state.pending:
            now, inputs = self._context.clock.now(), declaration.inputs
            today = self._context.today(state, identity)
            plan = make_plan(inputs, state, now, today=today, has_slot=False)
            state = self._context.update(inputs, today, now, api, reporter).run(state, plan)
        return self._record(declaration, state, identity, earlier.pulumi_id)

    def _record(
        self, declaration: Declaration, state: KeyState, identity: Identity, pulumi_id: str = ""
    ) -> tuple[str, KeyState]:
        """Record what a creation left, and return it with its Pulumi id."""
        pulumi_id = pulumi_id or _pulumi_id(state)
        conversation = self._conversation
        conversation.record_keys(pulumi_id, identity, state.key_ids)
        conversation.record_kept(identity, () if conversation.has_minted(state.key_id) else state.key_ids)
        outcome = Outcome(pulumi_id, declaration.digest, "", state, is_complete=not state.pending)
        conversation.record_creation(identity, outcome)
        for owed in state.pending:
            if owed.step is OwedStep.REVOKE and owed.key_id:
                conversation.record_left_behind(identity, state.record.settings.organization_id, owed.key_id)
        return pulumi_id, state


def _pulumi_id(state: KeyState) -> str:
    return f"{state.record.settings.organization_id}/{state.key_id}"
