"""Base classes of a declared resource in a program: its registration, and the outputs that all keys have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import pulumi

from allomia_pulumi.contracts.announcement import ANNOUNCEMENT
from allomia_pulumi.program.announcements import announcement, declare

__all__ = ["ApiKeyResource", "DeclaredResource"]


class DeclaredResource(pulumi.CustomResource, ABC):
    """A declared resource.

    A face says by `_registration` under which type it registers; a resource says what its inputs and outputs are.
    """

    _outputs: ClassVar[Sequence[str]]
    _secret_outputs: ClassVar[Sequence[str]] = ()
    _lists_keys: ClassVar[bool] = False

    def _declare(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None,
        declared: type[object],
        inputs: Mapping[str, Any],
    ) -> None:
        """Register the resource; `declared` has the wire names of its inputs."""
        type_, internal, aliases = self._registration(resource_name, opts)
        props = object.__new__(declared)
        props.__dict__.update(dict.fromkeys(self._outputs))
        given = {name: value for name, value in inputs.items() if value is not None}
        props.__dict__.update(given, **internal)
        announces = self._lists_keys and "organization_id" in given
        if announces:
            props.__dict__[ANNOUNCEMENT] = announcement(self)
        own = pulumi.ResourceOptions(additional_secret_outputs=list(self._secret_outputs), aliases=aliases)
        options = pulumi.ResourceOptions.merge(opts, own)
        super().__init__(type_, resource_name, cast("Mapping[str, Any]", props), options)
        if announces:
            declare(self, inputs.get("organization_id"), inputs.get("tenant_key_ref"))

    @abstractmethod
    def _registration(
        self, resource_name: str, opts: pulumi.ResourceOptions | None
    ) -> tuple[str, Mapping[str, Any], list[pulumi.Input[str | pulumi.Alias]]]:
        """Return the type, the face's own inputs, and what else the resource may have been known as."""


class ApiKeyResource(DeclaredResource):
    """A declared key."""

    _elsewhere: ClassVar[str] = "secret_in_state=False keeps the secret out of Pulumi: read it where vault_secret says"

    def _declare(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None,
        declared: type[object],
        inputs: Mapping[str, Any],
    ) -> None:
        self._is_secret_elsewhere = inputs.get("secret_in_state") is False
        super()._declare(resource_name, opts, declared, inputs)

    @property
    @pulumi.getter
    def secret(self) -> pulumi.Output[str]:
        """The key itself, always a Pulumi secret.

        Raises:
            AttributeError: `secret_in_state=False` keeps it out of Pulumi; it is in Vault, at `vault_secret`.
        """
        if self._is_secret_elsewhere:
            raise AttributeError(self._elsewhere)
        return pulumi.get(self, "secret")

    @property
    @pulumi.getter(name="rotateAt")
    def rotate_at(self) -> pulumi.Output[str | None]:
        """When `rotate_after` falls due, ISO 8601 in UTC."""
        return pulumi.get(self, "rotate_at")
