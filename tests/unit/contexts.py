"""A call's gRPC context without a server: how the call ends, and what it says."""

from __future__ import annotations

import grpc


class Aborted(Exception):
    pass


class Context:
    """The context of a call, which only ends once."""

    def __init__(self) -> None:
        self.trailers: dict[str, bytes] = {}

    def set_trailing_metadata(self, trailers: tuple[tuple[str, bytes], ...]) -> None:
        self.trailers = dict(trailers)

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        self.code, self.text = code, text
        raise Aborted
