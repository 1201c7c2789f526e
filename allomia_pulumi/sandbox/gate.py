"""The pipeline of a request under `/api`: latency, fault, AlloMia, event, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from allomia_pulumi.sandbox.api import Subject, carry_out, describe
from allomia_pulumi.sandbox.connection import Connection, connection_of
from allomia_pulumi.sandbox.events import Event, undone_type
from allomia_pulumi.sandbox.exchange import ApiCall, Done
from allomia_pulumi.sandbox.faults import Answer, DelayFault, DripFault, DropFault, EditFault, Fault, TruncateFault
from allomia_pulumi.sandbox.records import timestamp

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from allomia_pulumi.sandbox.world import Pause, Sandbox, World

__all__ = ["Gate"]


class Gate:
    """The ASGI app under `/api`.

    A request is carried out and logged in one step, without a wait in between; a wait is before or after it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        world, pause = self._sandbox.world, self._sandbox.pause
        connection = connection_of(scope)
        call = await _read(Request(scope, receive), connection)
        if world.settings.latency_ms:
            await pause(world.settings.latency_ms / 1000)
        fault = world.faults.take(call.method, call.path)
        if isinstance(fault, DelayFault) and fault.kind == "delay_before":
            await pause(fault.seconds)
        subject = describe(world, call)
        done = carry_out(world, call) if fault is None or fault.is_carried_out else None
        answer = _answer(fault, done)
        seq = _record(world, call, subject, done, fault, answer)
        if isinstance(fault, DelayFault) and fault.kind == "delay_after":
            await pause(fault.seconds)
        if await _Delivery(connection, receive, send, pause).deliver(answer, fault):
            world.events.mark_answered(seq)


async def _read(request: Request, connection: Connection) -> ApiCall:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return ApiCall(
        method=request.method,
        path=request.scope["raw_path"].partition(b"?")[0].decode("ascii"),
        query=request.query_params,
        token=token.strip() if scheme.lower() == "bearer" else None,
        content_type=request.headers.get("content-type", ""),
        body=await request.body(),
        user_agent=request.headers.get("user-agent", ""),
        pid=connection.pid,
    )


def _answer(fault: Fault | None, done: Done | None) -> Answer | None:
    replacement = fault.replacement() if fault else None
    if replacement is None and done is not None:
        if isinstance(fault, EditFault):
            return Answer.of_json(done.status, fault.edit(done.body))
        return Answer.of_json(done.status, done.body)
    return replacement


def _record(
    world: World, call: ApiCall, subject: Subject, done: Done | None, fault: Fault | None, answer: Answer | None
) -> int:
    """Append the event of this request and return its number."""
    status = answer.status if answer else 0
    key = done.key if done else None
    event = Event(
        seq=world.events.last + 1,
        at=timestamp(world.clock.now(), "milliseconds"),
        type=done.type if done else undone_type(status),
        method=call.method,
        path=call.path,
        status=status,
        organization_id=done.organization.id if done and done.organization else subject.organization_id,
        organization_name=subject.organization_name,
        key_id=key.id if key else subject.key_id,
        key_name=key.name if key else subject.key_name,
        credential=subject.credential,
        records=done.records if done else None,
        user_agent=call.user_agent,
        pid=call.pid,
        fault=fault.kind if fault else None,
        answered=False,
    )
    world.events.append(event)
    return event.seq


class _Delivery:
    """The transmission of an answer to the client, as a fault wants it."""

    def __init__(self, connection: Connection, receive: Receive, send: Send, pause: Pause) -> None:
        self._connection = connection
        self._receive = receive
        self._send = send
        self._pause = pause

    async def deliver(self, answer: Answer | None, fault: Fault | None) -> bool:
        """Send the answer as the fault wants it, and return whether all of it went to an open connection."""
        if answer is None or isinstance(fault, DropFault):
            await self._connection.drop(self._receive, reset=isinstance(fault, DropFault) and fault.reset)
            return False
        await self._start(answer)
        if isinstance(fault, TruncateFault):
            await self._body(answer.body[: len(answer.body) // 2], is_last=False)
            await self._connection.drop(self._receive)
            return False
        rest = answer.body
        while isinstance(fault, DripFault) and len(rest) > 1 and not self._connection.is_gone:
            await self._body(rest[:1], is_last=False)
            rest = rest[1:]
            await self._pause(fault.seconds)
        is_open = not self._connection.is_gone
        await self._body(rest, is_last=True)
        return is_open

    async def _start(self, answer: Answer) -> None:
        headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def _body(self, chunk: bytes, *, is_last: bool) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": not is_last})
