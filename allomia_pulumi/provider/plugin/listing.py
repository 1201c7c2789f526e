"""Listings: what a `List` asks of the core, and the stream that answers it."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from pulumi.runtime.proto import provider_pb2

from allomia_pulumi.core.listing import Page, PageRequest

__all__ = ["page_request", "to_stream"]


def page_request(request: provider_pb2.ListRequest, context: grpc.ServicerContext) -> PageRequest:
    """Return the page that a request asks for, wanted as long as its caller waits."""
    return PageRequest(request.limit, request.page_size, request.continuation_token, context.is_active)


def to_stream(page: Page | None) -> Iterator[provider_pb2.ListResponse]:
    """Yield a page's entries and its token; without a page, that the query is not known yet."""
    if page is None:
        yield provider_pb2.ListResponse(computed=provider_pb2.ListResponse.Computed())
        return
    for entry in page.entries:
        yield provider_pb2.ListResponse(result=provider_pb2.ListResponse.Result(id=entry.pulumi_id, name=entry.name))
    if page.token:
        yield provider_pb2.ListResponse(
            continuation=provider_pb2.ListResponse.Continuation(continuation_token=page.token)
        )
