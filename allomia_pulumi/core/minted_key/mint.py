"""The mint of a key that is shown once: no answer that is lost loses a key.

The steps, in order: send one POST; if nobody knows what became of it, settle that from AlloMia's list by the nonce in
the name; check the answer. From the POST on, a key is handed over, or revoked, or named in an error. Only a key that
AlloMia shows with the mark of the attempt is revoked: what an answer says alone may be about somebody else's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from allomia_pulumi.contracts.allomia import KeyApi
from allomia_pulumi.contracts.api_keys import KEY_LIMIT, ApiKey, IssuedKey, MintAnswer
from allomia_pulumi.contracts.reporter import Reporter
from allomia_pulumi.core.marks import Mark, make_mark, parse_mark
from allomia_pulumi.core.messages import look_command, revoke_command
from allomia_pulumi.core.minted_key.issuance import KeyRequest
from allomia_pulumi.core.minted_key.mint_answers import CheckedKey, Doubt, check_answer
from allomia_pulumi.core.minted_key.undo import Undo
from allomia_pulumi.core.quota import Quota, organization_full
from allomia_pulumi.core.verification import revoke_for_good
from allomia_pulumi.errors import (
    AccessDenied,
    AllomiaError,
    CredentialRejected,
    Interrupted,
    KeyLeftBehind,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnexpectedAnswer,
)
from allomia_pulumi.ground.cancellation import Cancellation
from allomia_pulumi.ground.clock import Clock

__all__ = ["Minter"]

ATTEMPTS = 2
SETTLE_PAUSES = (0.0, 0.5, 1.5)
RATE_LIMIT_SECONDS = 60.0
SHORTEST_PAUSE = 0.5


@dataclass(frozen=True)
class _Ids:
    """Ids that a new key cannot have."""

    quota: Quota
    known: frozenset[str]

    def is_old(self, key_id: str) -> bool:
        return key_id in self.known or self.quota.knows(key_id)

    def claim(self, key_id: str) -> bool:
        return key_id not in self.known and self.quota.claim(key_id)


class Minter:
    """Mint keys through one tenant's AlloMia.

    Args:
        api: AlloMia.
        clock: Where time comes from.
        reporter: Hears of what needs care.
        cancellation: Tells whether the run is being stopped.
        quota: What this process has seen of the organizations: no new key has an id from there.
        known: Keys that this process made or met in records: nor from here.
    """

    def __init__(
        self,
        api: KeyApi,
        clock: Clock,
        reporter: Reporter,
        cancellation: Cancellation,
        quota: Quota | None = None,
        known: Collection[str] = (),
    ) -> None:
        self._api = api
        self._clock = clock
        self._reporter = reporter
        self._cancellation = cancellation
        self._ids = _Ids(quota or Quota(clock), frozenset(known))
        self._undo_mint = Undo(api, clock, reporter, self._ids.is_old)

    def mint(self, request: KeyRequest) -> IssuedKey:
        """Make a key; a request whose answer was lost is settled, and tried once more under a new nonce.

        Raises:
            OrganizationFull: The organization's list shows five keys, whatever AlloMia's code said.
            KeyLeftBehind: A key was made whose value is unknowable, and it could not be revoked.
            UnexpectedAnswer: The answer cannot be true, or no answer came twice; what was made is revoked.
            OutcomeUnknown: AlloMia may still make a key; the message has the exact name to look for.
            AllomiaError: No key was made.
        """
        unsettled: list[str] = []
        try:
            return self._attempt(request, unsettled)
        except AllomiaError as problem:
            if unsettled:
                self._explain_unsettled(request.organization_id, unsettled, problem)
            raise

    def _attempt(self, request: KeyRequest, unsettled: list[str]) -> IssuedKey:
        """Try twice, unless the run is being stopped; note the names of requests that may still be carried out."""
        if self._cancellation.is_requested:
            raise Interrupted("the run was interrupted before a key was asked for", "Run `pulumi up` again.")
        lost: list[OutcomeUnknown] = []
        while len(lost) < ATTEMPTS and not (lost and self._cancellation.is_requested):
            mark = make_mark(request.identity, request.owner, request.lineage)
            name = mark.name(request.label)
            try:
                made = self._make(request.organization_id, name, mark)
            except OutcomeUnknown as problem:
                unsettled.append(name)
                lost.append(problem)
                try:
                    if self._settle(request.organization_id, mark, problem):
                        unsettled.remove(name)
                except KeyLeftBehind:
                    unsettled.remove(name)
                    raise
                continue
            except AllomiaError as problem:
                raise self._decide_refusal(request.organization_id, problem) from None
            if isinstance(made, Doubt):
                raise self._undo_mint.undo_answer(request.organization_id, name, mark, made)
            self._revoke_late_keys(request.organization_id, unsettled)
            return made
        raise self._give_up(request.organization_id, unsettled, lost)

    @contextmanager
    def revoking_on_failure(self, organization_id: str, minted: IssuedKey) -> Iterator[None]:
        """Revoke the key when it cannot be handed over, once AlloMia shows by its mark that it is this one.

        Raises:
            KeyLeftBehind: It could not be revoked either.
        """
        try:
            yield
        except KeyLeftBehind:
            # It says already why the key lives on.
            raise
        except Exception as problem:
            done = self._undo(organization_id, minted, f"{_message(problem)}, and the key cannot be handed over")
            if isinstance(problem, AllomiaError):
                problem.message += done
            raise

    def _undo(self, organization_id: str, minted: IssuedKey, why: str) -> str:
        """Revoke a key as `Undo` does; after a fault of ours the error names it all the same."""
        try:
            return self._undo_mint.undo_key(organization_id, minted, why)
        except AllomiaError:
            raise
        except Exception as problem:  # noqa: BLE001 - see above
            broken = type(problem).__name__
        raise KeyLeftBehind(
            f"key {minted.id} may be alive in organization {organization_id} and nobody holds it: {why}, and while it "
            f"was to be revoked this package itself broke ({broken})",
            f"Revoke it with {revoke_command(organization_id, minted.id)}.",
            organization_id=organization_id,
            key_id=minted.id,
        )

    def _make(self, organization_id: str, name: str, mark: Mark) -> CheckedKey | Doubt:
        """Send the POST, and check the answer before anything else; whoever raises has no answer in a variable."""
        return check_answer(
            self._api,
            self._send(organization_id, name),
            organization_id,
            mark,
            self._ids.claim,
            self._reporter.warn,
        )

    def _send(self, organization_id: str, name: str) -> MintAnswer:
        """Send the POST once; only a 429 is followed by another, since it says that nothing was made."""
        end = self._clock.monotonic() + RATE_LIMIT_SECONDS
        pause = SHORTEST_PAUSE
        while True:
            try:
                return self._mint_once(organization_id, name)
            except RateLimited as problem:
                wait = max(SHORTEST_PAUSE, pause if problem.retry_after is None else problem.retry_after)
                if self._clock.monotonic() + wait > end:
                    raise
                self._clock.sleep(wait)
                if self._cancellation.is_requested:
                    raise
                pause *= 2

    def _mint_once(self, organization_id: str, name: str) -> MintAnswer:
        """Send the POST; after a fault of ours nobody knows whether AlloMia carried it out."""
        try:
            return self._api.mint_key(organization_id, name)
        except AllomiaError:
            raise
        except Exception as problem:  # noqa: BLE001 - see above
            broken = f"this package itself broke ({type(problem).__name__}) while making key {name}"
        raise OutcomeUnknown(broken, "Please report it with this line.")

    def _settle(self, organization_id: str, mark: Mark, problem: OutcomeUnknown) -> bool:
        """Find out what became of a lost answer; a key that exists is ours, and its value is unknowable: revoke it.

        Returns:
            Whether it is settled for good; False if the key is absent and may still come.
        """
        alive: tuple[ApiKey, ...] = ()
        for pause in SETTLE_PAUSES:
            self._clock.sleep(pause)
            try:
                alive = tuple(self._api.list_keys(organization_id))
            except AllomiaError as second:
                raise OutcomeUnknown(
                    f"{problem.message}, and the list that would settle it failed ({second.message})"
                ) from None
            for key in alive:
                if parse_mark(key.name) == mark and not self._ids.is_old(key.id):
                    self._undo_mint.revoke(organization_id, key.id, "the answer that showed it was lost")
                    return True
        if len(alive) >= KEY_LIMIT:
            raise organization_full(organization_id, alive, self._clock)
        return False

    def _decide_refusal(self, organization_id: str, problem: AllomiaError) -> AllomiaError:
        """Decide from the list, not from the code, whether the organization is full: a sixth key has no known code."""
        if isinstance(problem, (AccessDenied, CredentialRejected, NotFound, RateLimited, RequestRefused)):
            try:
                alive = tuple(self._api.list_keys(organization_id))
            except AllomiaError:
                return problem
            if len(alive) >= KEY_LIMIT:
                return organization_full(organization_id, alive, self._clock)
        return problem

    def _revoke_late_keys(self, organization_id: str, names: list[str]) -> None:
        """Look once more, after a success, for requests that AlloMia carried out late."""
        if not names:
            return
        try:
            self._revoke_by_name(organization_id, names)
        except Exception as problem:  # noqa: BLE001 - the key that was made goes on, also after a fault of ours
            self._reporter.warn(
                f"a key that nobody holds may exist, and looking for it failed ({_message(problem)}). "
                f"{_look_for(organization_id, names)}"
            )

    def _explain_unsettled(self, organization_id: str, names: list[str], problem: AllomiaError) -> None:
        """Look once more after a failure, and add to the error what came of it and what may still come."""
        try:
            found = self._revoke_by_name(organization_id, names)
        except AllomiaError:
            found = set()
        if found:
            problem.message += "; a key that came of it was revoked"
        left = [name for name in names if name not in found]
        if left:
            problem.with_hint(f"AlloMia may still carry a request out. {_look_for(organization_id, left)}")

    def _revoke_by_name(self, organization_id: str, names: list[str]) -> set[str]:
        """Revoke the keys of these attempts, recognised by their marks; return the names that were found."""
        found = set()
        for key in self._api.list_keys(organization_id):
            for name in names:
                if parse_mark(key.name) == parse_mark(name) and not self._ids.is_old(key.id):
                    revoke_for_good(self._api, self._clock, organization_id, key.id, self._reporter.warn)
                    found.add(name)
        return found

    def _give_up(self, organization_id: str, unsettled: list[str], lost: list[OutcomeUnknown]) -> AllomiaError:
        if unsettled:
            return OutcomeUnknown(f"{lost[-1].message}, and no key appeared in organization {organization_id}")
        times = "twice" if len(lost) == ATTEMPTS else "and the run was interrupted then"
        return UnexpectedAnswer(
            f"{lost[-1].message}: the key was made and revoked again, {times}, since its value was lost",
            "Nothing was left behind; check what stands between here and AlloMia, then run again.",
        )

    def revoke_left_behind(self, organization_id: str, key_id: str) -> None:
        """Revoke a key that an earlier attempt of this process made and left, or name it in the error.

        Raises:
            KeyLeftBehind: It could not be revoked.
        """
        self._undo_mint.revoke(organization_id, key_id, "an earlier attempt of this run could not hand it over")


def _look_for(organization_id: str, names: list[str]) -> str:
    return (
        f"Before the next run look with {look_command(organization_id)} for {' and '.join(names)}, and revoke what you "
        f"find with {revoke_command(organization_id, 'KEY_ID')}."
    )


def _message(problem: Exception) -> str:
    return problem.message if isinstance(problem, AllomiaError) else "an unexpected error came up"
