"""One key made by hand in one stack: a person writes it to Vault, and every command is a new process."""

from __future__ import annotations

import json
from typing import Any

from allomia_pulumi.core.handler import Call
from allomia_pulumi.core.handmade_key.handler import DashboardKeys
from allomia_pulumi.core.identity import Identity
from tests.fakes import FakeClock, FakeShelf, FakeSources, Listener

IDENTITY = Identity(project="clinic", stack="prod", name="ehr")
PLACE = "secret/allomia/ehr#api_key"
OTHER_PLACE = "secret/allomia/moved#api_key"
HOUR = 3600
DAY = 24 * HOUR
STILL_ALIVE = "AlloMia still accepts an old key"
NOT_LOOKED = "no refresh has looked yet whether AlloMia still accepts it; `pulumi refresh` looks"


class Stack:
    """One declared key in one stack; every command is a new process, as the engine's is, unless `process` is set."""

    def __init__(self, kv_version: int = 2) -> None:
        self.clock = FakeClock()
        self.shelf = FakeShelf(self.clock, kv_version)
        self.sources = FakeSources(self.shelf)
        self.inputs: dict[str, Any] = {"organizationId": "org", "vaultSecret": PLACE}
        self.id = ""
        self.outputs: dict[str, Any] = {}
        self.said = Listener()
        self.process: DashboardKeys | None = None

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
            assert keys.check({}, self.inputs, Call(IDENTITY, self.said)).failures == ()
            self.id, state = keys.create(self.inputs, Call(IDENTITY, self.said))
            self.outputs = state.to_outputs()
            return True
        has_changes = self._diff(keys)
        if has_changes:
            self.outputs = keys.update(self._stored(), self.inputs, Call(IDENTITY, self.said, self.id)).to_outputs()
        return has_changes

    def refresh(self) -> bool:
        """Refresh; tell whether the diff that belongs to the read reports a change."""
        keys = self._process()
        self.outputs = keys.read(self.id, self._stored(), self.said).to_outputs()
        return keys.diff(self._stored(), self.inputs, Call(IDENTITY, self.said, self.id)).has_changes

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
        return self.process or DashboardKeys(self.sources, self.clock)

    def _diff(self, keys: DashboardKeys) -> bool:
        checked = keys.check(self.inputs, self.inputs, Call(IDENTITY, self.said, old_identity=IDENTITY))
        assert checked.failures == ()
        change = keys.diff(self._stored(), checked.inputs, Call(IDENTITY, self.said, self.id))
        assert change.replaces == ()
        return change.has_changes

    def _stored(self) -> dict[str, Any]:
        """Return the outputs as a state file brings them back."""
        return json.loads(json.dumps(self.outputs))  # type: ignore[no-any-return]


def settles(stack: Stack) -> bool:
    """Tell whether a further `up` finds nothing to do and leaves the outputs alone."""
    before = stack.outputs
    return not stack.up() and stack.outputs is before


def first_fingerprint(stack: Stack) -> str:
    """Return the first key's fingerprint, which the Pulumi id keeps."""
    return stack.id.removeprefix("org/")
