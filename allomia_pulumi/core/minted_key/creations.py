"""Creating declared keys, and going on where an earlier call of the same creation ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.marks import draw_lineage
from allomia_pulumi.core.messages import explain, orphans_command
from allomia_pulumi.core.minted_key.conversation import Replacement
from allomia_pulumi.core.minted_key.create import Creation
from allomia_pulumi.core.minted_key.first_record import Kept
from allomia_pulumi.core.minted_key.inputs import known_inputs, lineage_of
from allomia_pulumi.core.minted_key.mint import Order
from allomia_pulumi.core.minted_key.operations import Builder
from allomia_pulumi.core.minted_key.plan import make_plan
from allomia_pulumi.core.minted_key.record import settings_of
from allomia_pulumi.core.minted_key.repeats import Outcome, digest
from allomia_pulumi.core.minted_key.state import Identity, Inputs, KeyState, Origin, OwedStep
from allomia_pulumi.core.minted_key.strays import Strays
from allomia_pulumi.errors import KeyLeftBehind

__all__ = ["Creations"]


class Creations:
    """Create the declared keys of one process, each once however often the engine asks."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._tenants = builder.tenants
        self._clock = builder.clock
        self._ledger = builder.ledger
        self._memory = builder.memory

    def create(
        self, news: Mapping[str, Any], identity: Identity, reporter: Reporter, *, keeps_unfinished: bool
    ) -> tuple[str, KeyState]:
        """Mint a key, or adopt one, and return its Pulumi id and record; or what an earlier call left."""
        inputs = known_inputs(news)
        settings = settings_of(inputs)
        api = self._tenants.open(settings.reference)
        if (repeated := self._repeat_creation(news, inputs, identity, api, reporter)) is not None:
            return repeated
        replacement = self._memory.replacement(identity)
        lineage = lineage_of(news) or draw_lineage()
        owner = self._tenants.owner or (replacement.owner if replacement else "")
        order = Order(settings.organization_id, settings.name, identity, owner, lineage)
        creation = Creation(
            inputs=inputs,
            settings=settings,
            order=order,
            replacement=replacement,
            adopter=self._builder.adopter(api, identity, reporter),
            maker=self._builder.maker(api, identity, reporter),
            clock=self._clock,
            reporter=reporter,
            kept=Kept(self._tenants.service, replacement.former if replacement else ()),
            left_behind=self._memory.left_behind(identity),
            keeps_unfinished=keeps_unfinished,
        )
        if creation.adoption is None:
            self._look_for_strays(api, order, replacement, reporter)
        try:
            state = creation.run()
        except KeyLeftBehind as left:
            if left.is_ours:
                self._memory.remember_left_behind(identity, left.organization_id, left.key_id)
            raise
        # From here on the new key is what counts: whatever goes wrong, also a fault of ours, must not lose it.
        try:
            if creation.adoption is None:
                self._memory.remember_minted(state.key_id)
            return self._remember_creation(news, state, identity)
        except Exception as problem:  # noqa: BLE001 - see above
            reporter.warn(
                f"key {state.key_id} exists and works; this run does not remember it for a repeated call: "
                f"{explain(problem)}"
            )
            return f"{state.record.settings.organization_id}/{state.key_id}", state

    def is_repeated(
        self, pulumi_id: str, outputs: Mapping[str, Any], news: Mapping[str, Any], identity: Identity
    ) -> bool:
        """Tell whether an update repeats a creation of this run: so the engine does when that ended half-way."""
        creation = self._memory.creation(identity)
        if creation is None or creation.is_complete or creation.pulumi_id != pulumi_id:
            return False
        return creation.is_of(news, {}) and creation.state.key_id == outputs.get("keyId")

    def _look_for_strays(self, api: KeyApi, order: Order, replacement: Replacement | None, reporter: Reporter) -> None:
        """Name keys with this resource's mark that nobody knows, before another is made.

        Raises:
            TooManyUnknownKeys: So many live that no further one is made.
        """
        strays = Strays(
            organization_id=order.organization_id,
            today=Origin(identity=order.identity, owner=order.owner),
            former=replacement.former if replacement else (),
            lineage=replacement.lineage if replacement else order.lineage,
            known=(replacement.known_keys if replacement else frozenset()) | self._memory.keys,
            clock=self._clock,
            reporter=reporter,
        )
        alive = self._ledger.alive(api, order.organization_id)
        strays.refuse_further_keys(alive)
        strays.name_before_creation(alive)

    def _repeat_creation(
        self, news: Mapping[str, Any], inputs: Inputs, identity: Identity, api: KeyApi, reporter: Reporter
    ) -> tuple[str, KeyState] | None:
        """Return what an earlier call of this creation left, after what it owed; None if there is nothing to keep."""
        earlier = self._memory.creation(identity)
        if earlier is None:
            return None
        state = earlier.state
        if not earlier.is_of(news, {}):
            reporter.warn(
                f"an earlier call of this run made key {state.key_id} with other inputs, and nobody may have it: look "
                f"with {orphans_command()}"
            )
            return None
        if any(owed.step is not OwedStep.DELIVER for owed in state.pending):
            # Nobody can use that key: the new creation ends it first.
            return None
        if state.pending:
            now = self._clock.now()
            today = self._builder.today(state, identity)
            plan = make_plan(inputs, state, now, today=today, has_slot=False)
            state = self._builder.update(inputs, today, now, api, reporter).run(state, plan)
        return self._remember_creation(news, state, identity, earlier.pulumi_id)

    def _remember_creation(
        self, news: Mapping[str, Any], state: KeyState, identity: Identity, pulumi_id: str = ""
    ) -> tuple[str, KeyState]:
        """Note what a creation left, and return it with its Pulumi id."""
        pulumi_id = pulumi_id or f"{state.record.settings.organization_id}/{state.key_id}"
        self._memory.remember_keys(pulumi_id, identity, state.key_ids)
        self._memory.hold(identity, () if self._memory.has_minted(state.key_id) else state.key_ids)
        outcome = Outcome(pulumi_id, digest(news), "", state, is_complete=not state.pending)
        self._memory.remember_creation(identity, outcome)
        for owed in state.pending:
            if owed.step is OwedStep.REVOKE and owed.key_id:
                self._memory.remember_left_behind(identity, state.record.settings.organization_id, owed.key_id)
        return pulumi_id, state
