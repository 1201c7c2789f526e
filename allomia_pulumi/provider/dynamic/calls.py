"""The dynamic face: Pulumi's calls in the provider process, translated to the core and back.

It decides nothing: see `allomia_pulumi.core`.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown as PulumiUnknown
from pulumi.runtime.rpc import wrap_rpc_secret

from allomia_pulumi.container import Container
from allomia_pulumi.contracts.tokens import dynamic_token
from allomia_pulumi.core.handler import Call, Outputs, Resource
from allomia_pulumi.core.identity import Identity, recorded_identity
from allomia_pulumi.core.input_fields import is_internal
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.read_ahead import take_announcement
from allomia_pulumi.ground.clock import Clock, SystemClock
from allomia_pulumi.ground.config import unknown_settings
from allomia_pulumi.ground.redaction import scrub
from allomia_pulumi.ground.settings import NAMESPACE
from allomia_pulumi.ground.spelling import Caller
from allomia_pulumi.provider.dynamic.containers import open_container
from allomia_pulumi.provider.dynamic.host import end_with_engine, engine_log, widen_thread_pool
from allomia_pulumi.provider.engine import EngineLog, ResourceReporter
from allomia_pulumi.provider.last_guard import Ending, Shown, guarded, log_frames

__all__ = ["HandlerProvider"]

IDENTITY = "__identity"


def _raise_line(ending: Ending, *_: object) -> NoReturn:
    raise Shown(ending.line)


_guarded = guarded(_raise_line, log_frames(lambda *_: engine_log()), caller=Caller.PYTHON)


class HandlerProvider(ResourceProvider):
    """Serve one kind of resource to the dynamic plugin; one instance and many threads per process.

    Args:
        kind: The resource's name.
        build: Builds its handler.
    """

    serialize_as_secret_always = False

    _log: EngineLog
    _handler: Resource

    def __init__(self, kind: str, build: Callable[[Container, Clock], Resource]) -> None:
        super().__init__()
        self.kind = kind
        self._build = build

    def configure(self, req: ConfigureRequest) -> None:
        """Set the process up; wrong configuration is not an error yet, check reports it for each resource."""
        sys.tracebacklimit = 0
        self._log = engine_log()
        widen_thread_pool(self._log)
        # What is loaded by now stays, so no search for garbage need look at it.
        gc.freeze()
        end_with_engine()
        own = f"{NAMESPACE}:"
        container = open_container(lambda name: req.config.get(own + name), self._log.warn, _unknown_settings(req))
        self._handler = self._build(container, SystemClock())

    @_guarded
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate inputs and add the default label."""
        identity, before = _identity(news), _identity(_olds) if IDENTITY in _olds else None
        news, announced = take_announcement(news)
        call = Call(identity, self._reporter(identity), old_identity=before, announced=announced)
        checked = self._handler.check(_wire(_olds), _wire(news), call)
        added = {name: value for name, value in checked.inputs.items() if news.get(name) is None}
        # The property stays empty: the engine then shows the reason alone, which names the input itself.
        failures = [CheckFailure("", scrub(failure.reason)) for failure in checked.failures]
        return CheckResult({**news, **added}, failures)

    @_guarded
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare the record with what the program asks for."""
        plan = self._handler.diff(_olds, _wire(_news), self._call(_news, _id))
        return DiffResult(changes=plan.has_changes, replaces=list(plan.replaces), delete_before_replace=False)

    @_guarded
    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make it exist."""
        pulumi_id, state = self._handler.create(_wire(props), self._call(props))
        return CreateResult(pulumi_id, _outputs(state))

    @_guarded
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Look whether it still exists; outputs travel on, inputs cannot be rebuilt from them."""
        state = self._handler.read(id_, props, self._reporter(recorded_identity(props)))
        return ReadResult("", {}) if state is None else ReadResult(id_, _outputs(state))

    @_guarded
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Do what the diff planned."""
        state = self._handler.update(_olds, _wire(_news), self._call(_news, _id))
        return UpdateResult(_outputs(state))

    def _call(self, props: Mapping[str, Any], pulumi_id: str = "") -> Call:
        identity = _identity(props)
        return Call(identity, self._reporter(identity), pulumi_id)

    def _reporter(self, identity: Identity | None) -> ResourceReporter:
        return ResourceReporter(self._log, _urn(self.kind, identity) if identity else "")

    @_guarded
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """End it."""
        self._handler.delete(_props, self._reporter(recorded_identity(_props)))


def _urn(kind: str, identity: Identity) -> str:
    parents = f"{identity.parents}$" if identity.parents else ""
    return f"urn:pulumi:{identity.stack}::{identity.project}::{parents}{dynamic_token(kind)}::{identity.name}"


def _unknown_settings(request: ConfigureRequest) -> list[str]:
    """Say which values of our namespace are no settings; the names lie in a private part of Pulumi's class."""
    names = getattr(request.config, "_props", {})
    project = getattr(request.config, "_project_name", "")
    own = f"{NAMESPACE}:"
    return unknown_settings((name.removeprefix(own) for name in names if name.startswith(own)), project)


def _identity(props: Mapping[str, Any]) -> Identity:
    """Read the identity that the resource class passes along."""
    return Identity.model_validate(props[IDENTITY])


def _wire(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs without the engine's and this face's internal ones, unknowns as the core knows them."""
    return {name: _with_unknowns(value) for name, value in props.items() if not is_internal(name)}


def _with_unknowns(value: Any) -> Any:  # noqa: ANN401 - property values are of any type
    if isinstance(value, PulumiUnknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {name: _with_unknowns(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_unknowns(item) for item in value]
    return value


def _outputs(state: Outputs) -> dict[str, Any]:
    """Return every output, the secret ones marked: the engine keeps the mark only if each answer repeats it."""
    outputs, secrets = state.to_outputs(), state.secret_outputs
    return {name: wrap_rpc_secret(value) if name in secrets else value for name, value in outputs.items()}
