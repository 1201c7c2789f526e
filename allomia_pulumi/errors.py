"""Every error of this package, split by what the reader can do next.

    AllomiaError
    ├── SetupError              mend the program, its configuration or a grant, then run again
    │   ├── InvalidInput            an argument of a resource or command
    │   ├── InvalidConfiguration    a stack configuration value or an environment variable
    │   ├── CredentialRejected      a credential is unknown, expired or revoked
    │   ├── AccessDenied            a credential is known and may not do this
    │   ├── NotFound                what was named does not exist
    │   ├── RequestRefused          the other side understood the request and said no
    │   └── SecretConflict          what stands in Vault was not written by us
    ├── OrganizationFull        free one of the organization's slots, then run again
    ├── TemporaryError          run again later; nothing has to be changed
    │   ├── Unreachable             no connection, or no answer in time
    │   ├── Unavailable             the other side says that it cannot serve now
    │   ├── RateLimited             the other side asks for patience
    │   └── Interrupted             the run is being stopped, and this was not begun
    ├── UnexpectedAnswer        look at what answers under the configured address
    └── Unsettled               act by hand: something may exist that no state records
        ├── OutcomeUnknown          a request may or may not have been carried out
        ├── KeyLeftBehind           a key is alive that nobody holds
        └── TooManyUnknownKeys      keys are alive that no record has, so no further one is made

An error has a *message* (what happened, and what now exists) and a *hint* (the next step), each one line. Neither
ever holds a body, a header or the value of a secret. Its class has a *code*, from which the exit codes of the command
line, the plugin's status codes and the documentation's table of messages are made.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

__all__ = [
    "AccessDenied",
    "AllomiaError",
    "CredentialRejected",
    "Interrupted",
    "InvalidConfiguration",
    "InvalidInput",
    "KeyLeftBehind",
    "NotFound",
    "OrganizationFull",
    "OutcomeUnknown",
    "RateLimited",
    "RequestRefused",
    "SecretConflict",
    "SetupError",
    "TemporaryError",
    "TooManyUnknownKeys",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "Unsettled",
]

Speaker = Literal["AlloMia", "Vault", "GitHub", "us"]


class AllomiaError(Exception):
    """Anything that this package reports to a person.

    Attributes:
        code: The class's own name for programs, the same in every version.
        message: What happened, and what now exists; one line without a closing full stop.
        hint: The next step, as a sentence; may be empty.
        said_by: Whose answer it words; what nobody answered, this package says itself (`us`).
        cause: What happened without what was being done, the same for everything that one cause ends; by default the
            message.
    """

    code: ClassVar[str] = "error"
    said_by: Speaker = "us"
    cause: str

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.cause = message

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message

    def __repr__(self) -> str:
        shown = {"code": self.code, "message": self.message, "said_by": self.said_by}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def copy(self) -> AllomiaError:
        """Copy the error: each thread that shares one raises, and adds hints to, its own."""
        own = type(self).__new__(type(self), *self.args)
        own.__dict__.update(self.__dict__)
        return own

    def with_hint(self, hint: str) -> AllomiaError:
        """Add a further step to the hint, unless it is empty, and return the same error."""
        self.hint = " ".join(filter(None, (self.hint, hint)))
        return self

    def because_of(self, cause: str) -> Self:
        """Record what everything that the same cause ends has in common, and return the same error."""
        self.cause = cause
        return self

    def as_said_by(self, speaker: Speaker) -> Self:
        """Record whose answer it words, and return the same error."""
        self.said_by = speaker
        return self


class SetupError(AllomiaError):
    """Something that the user wrote, configured or granted has to change."""

    code: ClassVar[str] = "setup"


class InvalidInput(SetupError):
    """An argument of a resource or of a command is not acceptable."""

    code: ClassVar[str] = "invalid-input"


class InvalidConfiguration(SetupError):
    """A stack configuration value or an environment variable is missing or not acceptable."""

    code: ClassVar[str] = "invalid-configuration"


class CredentialRejected(SetupError):
    """A credential is unknown, expired or revoked (HTTP 401, a refused login)."""

    code: ClassVar[str] = "credential-rejected"


class AccessDenied(SetupError):
    """A credential is accepted, and may not do this (HTTP 403)."""

    code: ClassVar[str] = "access-denied"


class NotFound(SetupError):
    """The thing that was named does not exist, or is not visible to this credential.

    Attributes:
        is_proved: Whether what should hold it was read and lacks it; otherwise it may be hidden, or made later.
    """

    code: ClassVar[str] = "not-found"

    def __init__(self, message: str, hint: str = "", *, is_proved: bool = False) -> None:
        super().__init__(message, hint)
        self.is_proved = is_proved


class RequestRefused(SetupError):
    """The other side understood the request and refused it, so nothing was done.

    Attributes:
        status: The HTTP status code of the answer.
    """

    code: ClassVar[str] = "request-refused"

    def __init__(self, message: str, hint: str = "", *, status: int) -> None:
        super().__init__(message, hint)
        self.status = status


class SecretConflict(SetupError):
    """What stands in Vault was not written by us, and nothing was overwritten."""

    code: ClassVar[str] = "secret-conflict"


class OrganizationFull(AllomiaError):
    """All of the organization's key slots are taken."""

    code: ClassVar[str] = "organization-full"


class TemporaryError(AllomiaError):
    """The same request may work later."""

    code: ClassVar[str] = "temporary"


class Unreachable(TemporaryError):
    """There was no connection, or no complete answer in time.

    Attributes:
        was_sent: Whether the request may have reached the other side.
    """

    code: ClassVar[str] = "unreachable"

    def __init__(self, message: str, hint: str = "", *, was_sent: bool = False) -> None:
        super().__init__(message, hint)
        self.was_sent = was_sent


class Unavailable(TemporaryError):
    """The other side answered that it cannot serve the request now (HTTP 5xx, a sealed Vault)."""

    code: ClassVar[str] = "unavailable"


class RateLimited(TemporaryError):
    """The other side asked to wait (HTTP 429).

    Attributes:
        retry_after: Seconds that the other side asked for, or None.
    """

    code: ClassVar[str] = "rate-limited"

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class Interrupted(TemporaryError):
    """The run is being stopped, and this was not begun."""

    code: ClassVar[str] = "interrupted"


class UnexpectedAnswer(AllomiaError):
    """An answer came that is not one of the documented or assumed API."""

    code: ClassVar[str] = "unexpected-answer"


class Unsettled(AllomiaError):
    """Something may exist that no state records."""

    code: ClassVar[str] = "unsettled"


class OutcomeUnknown(Unsettled):
    """A request was sent, and no answer tells whether it was carried out."""

    code: ClassVar[str] = "outcome-unknown"


class KeyLeftBehind(Unsettled):
    """A key may be alive whose secret nobody holds, and it could not be revoked.

    Attributes:
        organization_id: The organization that the key belongs to.
        key_id: The key; empty if its id may not be told.
        is_ours: Whether this operation is known to have made it. If not, it is a person's to look at: it may not be
            recorded as something to revoke.
    """

    code: ClassVar[str] = "key-left-behind"

    def __init__(
        self, message: str, hint: str = "", *, organization_id: str, key_id: str, is_ours: bool = True
    ) -> None:
        super().__init__(message, hint)
        self.organization_id = organization_id
        self.key_id = key_id
        self.is_ours = is_ours


class TooManyUnknownKeys(Unsettled):
    """Keys of a resource are alive that neither its record nor this process knows, so no further one is made."""

    code: ClassVar[str] = "too-many-unknown-keys"
