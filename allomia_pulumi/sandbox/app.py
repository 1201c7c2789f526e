"""The whole sandbox as one ASGI app."""

from __future__ import annotations

import contextlib
from email.utils import format_datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from allomia_pulumi.sandbox.control import Control
from allomia_pulumi.sandbox.control_base import ControlError, explain
from allomia_pulumi.sandbox.gate import Gate
from allomia_pulumi.sandbox.guarding import is_from_here
from allomia_pulumi.sandbox.world import Sandbox

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SANDBOX_HEADER", "build_app"]

SANDBOX_HEADER = "X-AlloMia-Sandbox"


def build_app(sandbox: Sandbox | None = None) -> ASGIApp:
    """Build the app over a sandbox, by default an empty one."""
    sandbox = sandbox or Sandbox()
    app = Starlette(
        routes=Control(sandbox).routes(),
        exception_handlers={
            HTTPException: _not_found,
            ControlError: _bad_control_request,
            ValidationError: _bad_control_request,
        },
    )
    app.router.redirect_slashes = False
    return _Front(Gate(sandbox), app, sandbox)


class _Front:
    """Split AlloMia's side from the control side, and put the sandbox's clock and name on every answer.

    A request that a web page may have sent, or under another name than this machine's, ends here: it is neither logged
    nor carried out. A `Date` that a fault has set stays. The split looks at the path as on the wire: whatever an ID
    decodes to, a request under `/api/` reaches the gate and is logged.
    """

    def __init__(self, api: ASGIApp, control: ASGIApp, sandbox: Sandbox) -> None:
        self._api = api
        self._control = control
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("date", format_datetime(self._sandbox.world.clock.now(), usegmt=True))
                headers[SANDBOX_HEADER] = "1"
            await send(message)

        is_api = scope["raw_path"].startswith(b"/api/")
        if not is_from_here(Headers(scope=scope)):
            refusal = JSONResponse({"error": "This sandbox serves programs of this machine only"}, status_code=403)
            await refusal(scope, receive, stamped)
            return
        # A client that leaves before its request is complete has asked for nothing.
        with contextlib.suppress(ClientDisconnect):
            await (self._api if is_api else self._control)(scope, receive, stamped)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "Not found"}, status_code=404)


async def _bad_control_request(_request: Request, error: Exception) -> Response:
    text = explain(error) if isinstance(error, ValidationError) else str(error)
    return JSONResponse({"error": text}, status_code=422)
