"""Checks of Vault: reachable, unsealed, a login that lasts, and a policy that allows what is configured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from allomia_pulumi.cli.doctor.clocks import judge_clock
from allomia_pulumi.cli.doctor.steps import Finding, Step, care, failed, ok, shorten, skipped
from allomia_pulumi.cli.doctor.subject import Subject
from allomia_pulumi.core.messages import describe_length
from allomia_pulumi.edges.vault.diagnostics import Diagnostics, Health, Login, TokenLife
from allomia_pulumi.errors import AllomiaError
from allomia_pulumi.ground.cached_property import locked_cached_property
from allomia_pulumi.ground.references import VaultReference
from allomia_pulumi.ground.settings import TENANT_KEY_VARIABLE

__all__ = ["VaultChecks"]

SHORT_LIFE = timedelta(minutes=15)
SHORT_LOGIN = timedelta(minutes=2)
NO_VAULT = "nothing is configured that lies in Vault"
STANDBY_FIX = (
    "Set the address to the active node, or to a load balancer that forwards: a standby may answer with what was."
)


class VaultChecks:
    """Checks of one Vault; they share what they have found."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @locked_cached_property
    def _diagnostics(self) -> Diagnostics:
        return self._subject.container.store().diagnostics()

    @locked_cached_property
    def _health(self) -> Health:
        return self._diagnostics.health()

    @locked_cached_property
    def _login(self) -> Login:
        return self._diagnostics.login()

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        return [
            Step("vault.reachable", "Vault reachable", self._reach, needs=("configuration",)),
            Step("vault.unsealed", "Vault unsealed", self._unsealed, needs=("vault.reachable",)),
            Step("vault.clock", "Vault's clock", self._clock, needs=("vault.reachable",)),
            Step("vault.login", "Vault login", self._log_in, needs=("vault.unsealed",)),
            Step("vault.token", "Vault token's life", self._life, needs=("vault.login",)),
            Step("vault.policy", "Vault policy", self._policy, needs=("vault.login",)),
        ]

    def _reach(self) -> Finding:
        subject = self._subject
        if not subject.tenant_references and not any(key.delivery or key.reference for key in subject.keys):
            variable = subject.environ.get(TENANT_KEY_VARIABLE)
            return skipped(f"{NO_VAULT}: the tenant key comes from {TENANT_KEY_VARIABLE}" if variable else NO_VAULT)
        health = self._health
        found = f"{self._diagnostics.name} answers" + (f", version {health.version}" if health.version else "")
        return care(f"{found}, as a standby", STANDBY_FIX) if health.standby and not health.sealed else ok(found)

    def _unsealed(self) -> Finding:
        health = self._health
        if not health.initialized:
            return failed("it is not initialised", "Vault's operators have to initialise and unseal it.")
        return failed("it is sealed", "Vault's operators have to unseal it.") if health.sealed else ok("yes")

    def _clock(self) -> Finding:
        return judge_clock(self._health.moment, datetime.now(UTC))

    def _log_in(self) -> Finding:
        login = self._login
        self._subject.known["the Vault token"] = login.token
        return ok(f"with {'' if login.is_ours else 'the token from '}{login.source}")

    def _life(self) -> Finding:
        login = self._login
        if login.life is None:
            return skipped("no policy of the token lets it look at itself (auth/token/lookup-self)")
        return _judge(login.life, login)

    def _policy(self) -> Finding:
        readings = self._readings()
        places = list(dict.fromkeys(key.delivery for key in self._subject.keys if key.delivery))
        diagnostics = self._diagnostics
        wanted: dict[str, tuple[str, ...]] = {}
        problems: list[AllomiaError] = []
        calls = [
            partial(diagnostics.capabilities_to_read, reference, watches=watches) for reference, watches in readings
        ]
        for call in (*calls, *(partial(diagnostics.capabilities_to_deliver, place) for place in places)):
            try:
                wanted |= call()
            except AllomiaError as problem:
                problems.append(problem)
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            return failed(f"{problems[0].message}{more}", problems[0].hint)
        if lacks := diagnostics.missing_capabilities(wanted):
            found = shorten([f"{' and '.join(lack.capabilities)} on {lack.path}" for lack in lacks])
            return failed(f"it lacks {found}", f"Add to it: {' '.join(lack.line for lack in lacks)}")
        return ok(f"it allows what is configured: to read {len(readings)}, to deliver to {len(places)}")

    def _readings(self) -> list[tuple[VaultReference, bool]]:
        """Return what is read, and whether its metadata are looked at, too."""
        tenants = self._subject.tenant_references if self._subject.needs_tenant_key else []
        by_hand = [key.reference for key in self._subject.keys if key.reference is not None]
        return list(dict.fromkeys([*((one, False) for one in tenants), *((one, True) for one in by_hand)]))


def _judge(life: TokenLife, login: Login) -> Finding:
    """Tell a token that ends during an `up` from one that lasts."""
    if life.num_uses:
        return care(f"{life.num_uses} requests are left", "Use a token without a limit of uses.")
    if not life.ttl:
        root = " (a root token)" if "root" in life.policies else ""
        return ok(f"it does not expire{root}")
    left = timedelta(seconds=life.ttl)
    found = f"{describe_length(left)} left, {'' if life.renewable else 'not '}renewable"
    if login.is_ours:
        fix = "Let the role of the login give a longer life (token_ttl)."
        return care(found, fix) if left < SHORT_LOGIN else ok(f"{found}; each run logs in anew")
    fix = "Renew it (vault token renew), or log in again." if life.renewable else "Log in to Vault again."
    return care(found, fix) if left < SHORT_LIFE else ok(found)
