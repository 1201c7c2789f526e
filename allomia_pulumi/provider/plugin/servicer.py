"""Servicer of the plugin: the engine's calls, translated to the core and back; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from allomia_pulumi._version import __version__
from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from allomia_pulumi.contracts.tokens import kind_of
from allomia_pulumi.core.handler import Abandons, Call, Foresees, Imports, Lists, Outputs, Previews, Resource
from allomia_pulumi.core.input_fields import Failure
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.read_ahead import take_announcement
from allomia_pulumi.core.record import SECRET_OUTPUTS
from allomia_pulumi.errors import InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock
from allomia_pulumi.ground.config import load_settings
from allomia_pulumi.provider.engine import EngineLog
from allomia_pulumi.provider.plugin.codec import decode, encode
from allomia_pulumi.provider.plugin.failures import ends_with_status
from allomia_pulumi.provider.plugin.handlers import Handlers, registration_of
from allomia_pulumi.provider.plugin.imports import ImportWatch
from allomia_pulumi.provider.plugin.invokes import invoke
from allomia_pulumi.provider.plugin.listing import page_request, to_stream
from allomia_pulumi.provider.plugin.responses import (
    OperationReporter,
    changed_inputs,
    to_diff,
    to_failures,
    to_finished,
    to_properties,
)
from allomia_pulumi.provider.plugin.settings import setting_sources, unknown_arguments
from allomia_pulumi.provider.plugin.stateless import require_state
from allomia_pulumi.provider.urn import identity_of, kind_in

__all__ = ["Provider"]


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serve one configured provider; any number of threads.

    Args:
        log: The engine's log.
        environ: The process environment.
        clock: Where time comes from.
        cancellation: What `Cancel` requests.
        has_engine: An engine started this process; otherwise one may attach to it.
    """

    def __init__(
        self,
        log: EngineLog,
        environ: Mapping[str, str],
        clock: Clock,
        cancellation: Cancellation,
        *,
        has_engine: bool = False,
    ) -> None:
        self.log = log
        self._environ = environ
        self._clock = clock
        self._cancellation = cancellation
        self._has_engine = has_engine
        self._imports = ImportWatch()
        self._handlers = Handlers(environ, clock, cancellation)

    def close(self) -> None:
        """Close the connections to AlloMia and Vault."""
        self._handlers.close()

    @ends_with_status
    def Handshake(
        self, _request: provider_pb2.ProviderHandshakeRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    @ends_with_status
    def Attach(self, request: plugin_pb2.PluginAttach, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        if self._has_engine:
            raise InvalidConfiguration(
                "this provider serves the engine that started it, and no other one may attach to it",
                "Start pulumi-resource-allomia by hand and name its port in PULUMI_DEBUG_PROVIDERS.",
            )
        self.log = EngineLog(request.address)
        self._handlers.forget_configuration()
        return empty_pb2.Empty()

    @ends_with_status
    def GetPluginInfo(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=__version__)

    @ends_with_status
    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        if request.version:
            raise InvalidInput(f"there is no schema of version {request.version}", "Ask for version 0.")
        schema = resources.files("allomia_pulumi.provider.plugin").joinpath("schema.json").read_text(encoding="utf-8")
        return provider_pb2.GetSchemaResponse(schema=schema)

    @ends_with_status
    def CheckConfig(
        self, request: provider_pb2.CheckRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        failures = []
        try:
            load_settings(*setting_sources(request.urn, request.news, self._environ))
        except InvalidConfiguration as problem:
            failures.append(Failure("", str(problem)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=to_failures(failures))

    @ends_with_status
    def DiffConfig(
        self, request: provider_pb2.DiffRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        # No setting moves a key, so none replaces: a replaced provider replaces every resource.
        return to_diff(bool(changed_inputs(decode(request.old_inputs), decode(request.news))))

    @ends_with_status
    def Configure(
        self, request: provider_pb2.ConfigureRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        if self._handlers.configure(setting_sources(request.urn, request.args, self._environ)):
            warning = self._handlers.container.warning
            for text in filter(None, (warning, *unknown_arguments(request.urn, request.args))):
                self.log.warn(text, request.urn)  # noqa: G010 - it is the engine's log
        return provider_pb2.ConfigureResponse(supportsPreview=True, acceptSecrets=False)

    @ends_with_status
    def Check(self, request: provider_pb2.CheckRequest, _context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        identity, olds = identity_of(request.urn), decode(request.olds)
        news, announced = take_announcement(decode(request.news, keeping=(ANNOUNCEMENT,)))
        reporter = OperationReporter(self.log, request.urn)
        old_identity = identity if olds else None
        call = Call(
            identity,
            reporter,
            old_identity=old_identity,
            seed=request.randomSeed,
            announced=announced,
            is_foreseen=True,
        )
        checked = self._resource(request.urn).check(olds, news, call)
        if hint := self._imports.take_hint(request.urn, request.olds, request.news):
            reporter.info(hint)
        return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=to_failures(checked.failures))

    @ends_with_status
    def Diff(self, request: provider_pb2.DiffRequest, _context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        news = decode(request.news)
        call = Call(identity_of(request.urn), OperationReporter(self.log, request.urn), request.id)
        change = self._resource(request.urn).diff(decode(request.olds), news, call)
        return to_diff(change.has_changes, change, changed_inputs(decode(request.old_inputs), news))

    @ends_with_status
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        require_state(request.urn)
        resource, reporter = self._resource(request.urn), OperationReporter(self.log, request.urn)
        call = Call(identity_of(request.urn), reporter, keeps_unfinished=True)
        if request.preview:
            if isinstance(resource, Foresees):
                resource.foresee(decode(request.properties), call)
            return provider_pb2.CreateResponse(properties=struct_pb2.Struct())
        pulumi_id, outputs = resource.create(decode(request.properties), call)
        _abandon_unheard(resource, context, {}, outputs, reporter)
        return provider_pb2.CreateResponse(id=pulumi_id, properties=to_finished(pulumi_id, outputs, reporter))

    @ends_with_status
    def Read(self, request: provider_pb2.ReadRequest, _context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        resource, reporter = self._resource(request.urn), OperationReporter(self.log, request.urn)
        outputs = decode(request.properties)
        # A state that has lost its record is no import: its id names the first key, which may be the predecessor.
        if outputs.keys().isdisjoint({"record", "keyId"}):
            if not isinstance(resource, Imports):
                raise registration_of(kind_in(request.urn)).refuse_import()
            found, inputs = resource.import_(request.id, identity_of(request.urn), reporter)
            self._imports.note_read(request.urn)
            return provider_pb2.ReadResponse(id=request.id, properties=to_properties(found), inputs=encode(inputs))
        state = resource.read(request.id, outputs, reporter)
        if state is None:
            return provider_pb2.ReadResponse()
        inputs = decode(request.inputs)
        return provider_pb2.ReadResponse(id=request.id, properties=to_properties(state), inputs=encode(inputs))

    @ends_with_status
    def List(
        self, request: provider_pb2.ListRequest, context: grpc.ServicerContext
    ) -> Iterator[provider_pb2.ListResponse]:
        kind = kind_of(request.token) or request.token
        registration, resource = registration_of(kind), self._handlers.of(kind)
        if not isinstance(resource, Lists):
            raise registration.refuse_list()
        # Whole before its first entry is sent: what fails in the middle shows nothing that could be taken for all.
        page = resource.list_page(
            decode(request.query), page_request(request, context), OperationReporter(self.log, "")
        )
        return to_stream(page)

    @ends_with_status
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        require_state(request.urn)
        resource, olds, news = self._resource(request.urn), decode(request.olds), decode(request.news)
        reporter = OperationReporter(self.log, request.urn)
        call = Call(identity_of(request.urn), reporter, request.id)
        if request.preview:
            if not isinstance(resource, Previews):
                return provider_pb2.UpdateResponse(properties=struct_pb2.Struct())
            preview = resource.preview(olds, news, call)
            expected = {**preview.outputs, **dict.fromkeys(preview.unknown, UNKNOWN)}
            return provider_pb2.UpdateResponse(properties=encode(expected, secret=SECRET_OUTPUTS))
        outputs = resource.update(olds, news, call)
        _abandon_unheard(resource, context, olds, outputs, reporter)
        return provider_pb2.UpdateResponse(properties=to_finished(request.id, outputs, reporter))

    @ends_with_status
    def Delete(self, request: provider_pb2.DeleteRequest, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        require_state(request.urn)
        self._resource(request.urn).delete(decode(request.properties), OperationReporter(self.log, request.urn))
        return empty_pb2.Empty()

    @ends_with_status
    def Invoke(
        self, request: provider_pb2.InvokeRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        now, warn = self._clock.now(), OperationReporter(self.log, "").warn
        result = invoke(request.tok, decode(request.args), lambda: self._handlers.container.open(None), now, warn)
        answer = provider_pb2.InvokeResponse()
        if result is not None:
            # The field's name is a keyword of Python's.
            getattr(answer, "return").CopyFrom(encode(result))
        return answer

    @ends_with_status
    def Cancel(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        # It comes at the end of every run too, when nothing is under way any more.
        self._cancellation.request()
        return empty_pb2.Empty()

    def _resource(self, urn: str) -> Resource:
        return self._handlers.of(kind_in(urn))


def _abandon_unheard(
    resource: Resource,
    context: grpc.ServicerContext,
    before: Mapping[str, Any],
    outputs: Outputs,
    reporter: OperationReporter,
) -> None:
    """Undo what was made when the engine is gone, so that nobody takes the answer."""
    if not context.is_active() and isinstance(resource, Abandons):
        resource.abandon(before, outputs, reporter)
