"""What a program sees of the functions: what they load, both forms, one line for an error."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from allomia_pulumi.container import Container
from allomia_pulumi.errors import AllomiaError, InvalidConfiguration, InvalidInput
from allomia_pulumi.ground.redaction import guard
from allomia_pulumi.ground.singleflight import SingleFlight
from allomia_pulumi.program import functions
from allomia_pulumi.program.functions import OrganizationInfo
from allomia_pulumi.provider.dynamic import containers, queries

ORGANIZATION = OrganizationInfo(
    id="org", name="Valley", city=None, country=None, timezone=None, created_at="2026-11-25T12:00:00Z"
)
FORMS = ("get_organization", "get_organizations", "get_organization_api_keys")


@pytest.fixture(autouse=True)
def _own_configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("ALLOMIA_API_URL", "ALLOMIA_TENANT_KEY", "ALLOMIA_TENANT_KEY_REF"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(containers, "_containers", SingleFlight())
    pulumi.runtime.set_all_config({}, [])
    yield
    pulumi.runtime.set_all_config({}, [])


class StandIn:
    """A function behind `get_organization`, with what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, problem: Exception | None = None) -> None:
        self.asked: list[tuple[object, object]] = []
        self._problem = problem
        monkeypatch.setattr(queries, "find_organization", self)

    def __call__(self, organization_id: object, name: object) -> OrganizationInfo:
        self.asked.append((organization_id, name))
        if self._problem:
            raise self._problem
        return ORGANIZATION


def failure(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> pulumi.RunError:
    def fail(*_: object) -> Container:
        raise problem

    monkeypatch.setattr(containers, "Container", fail)
    with pytest.raises(pulumi.RunError) as caught:
        functions.get_organization(id="org")
    return caught.value


def test_the_functions_load_nothing_before_they_are_called_and_no_edge_without_a_tenant_key() -> None:
    code = (
        "import sys, pulumi\n"
        "from allomia_pulumi.program import functions\n"
        "def heavy(): return sorted({'httpx', 'hvac', 'pydantic', 'tenacity', 'requests'} & set(sys.modules))\n"
        "print(heavy())\n"
        "try: functions.get_organization()\n"
        "except pulumi.RunError: pass\n"
        "print(heavy())"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={})
    assert shown.stdout.splitlines() == ["[]", "['pydantic']"]


def test_what_is_exported_is_there_and_documented() -> None:
    for name in functions.__all__:
        assert inspect.getdoc(getattr(functions, name)), name


@pytest.mark.parametrize("name", FORMS)
def test_both_forms_take_the_same_arguments(name: str) -> None:
    plain, later = (inspect.signature(getattr(functions, each)) for each in (name, f"{name}_output"))
    shapes = [[(each.name, each.kind, each.default) for each in form.parameters.values()] for form in (plain, later)]
    assert shapes[0] == shapes[1]


def test_the_stack_configuration_counts_secret_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOMIA_API_URL", "https://environment.example")
    values = {"apiUrl": "http://127.0.0.1:1", "owner": "ann", "vault": '{"address": "https://vault.example"}'}
    config = {f"allomia:{name}": value for name, value in values.items()}
    pulumi.runtime.set_all_config({**config, "clinic:owner": "bob"}, ["allomia:owner"])
    started: list[dict[str, str]] = []

    def start(stack: dict[str, str], *_: object) -> Container:
        started.append(stack)
        raise InvalidConfiguration("enough is known")

    monkeypatch.setattr(containers, "Container", start)
    with pytest.raises(pulumi.RunError, match="enough is known"):
        functions.get_organizations()
    assert started == [values]


def test_one_container_serves_a_process_and_each_configuration_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOMIA_TENANT_KEY", "alm_tenant")
    at_exit: list[Any] = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    first = queries._directory()
    assert queries._directory() is first
    pulumi.runtime.set_all_config({"allomia:apiUrl": "https://other.example"})
    assert queries._directory() is not first
    assert len(at_exit) == 2
    for close in at_exit:
        close()


def test_g5_an_error_is_one_line_with_the_next_step_and_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = InvalidInput("something happened", "Do this.")
    shown = failure(monkeypatch, problem)
    assert str(shown) == "allomia: something happened. Do this."
    assert type(shown.__cause__) is InvalidInput


def test_g3_an_error_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    guard("alm_tenant_planted")
    shown = failure(monkeypatch, AllomiaError("the key alm_tenant_planted is bad"))
    assert str(shown) == "allomia: the key [secret] is bad"


def test_g3_a_fault_of_ours_shows_where_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = failure(monkeypatch, ValueError("alm_tenant_planted"))
    assert str(shown).startswith("allomia: internal error: ValueError at test_functions.py:")
    assert "planted" not in str(shown)
    assert "\n" not in str(shown)
    assert shown.__cause__ is None


def test_g5_without_any_tenant_key_the_line_has_the_next_step() -> None:
    with pytest.raises(pulumi.RunError, match=r"^allomia: no tenant key is configured\. Put .* into Vault"):
        functions.get_organizations()


@pytest.mark.parametrize(
    ("arguments", "text"), [({}, "neither was given"), ({"id": "a", "name": "b"}, "both were given")]
)
def test_g5_exactly_one_of_id_and_name_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], text: str
) -> None:
    monkeypatch.setenv("ALLOMIA_TENANT_KEY", "alm_tenant")
    with pytest.raises(pulumi.RunError, match=text) as caught:
        functions.get_organization(**arguments)
    assert isinstance(caught.value.__cause__, InvalidInput)


@pytest.mark.parametrize(
    ("function", "argument"),
    [("get_organization", "id"), ("get_organizations", "search"), ("get_organization_api_keys", "organization_id")],
)
def test_g5_an_output_in_the_plain_form_names_the_other_form(
    monkeypatch: pytest.MonkeyPatch, function: str, argument: str
) -> None:
    monkeypatch.setenv("ALLOMIA_TENANT_KEY", "alm_tenant")

    async def program() -> None:
        output = pulumi.Output.from_input("org")
        with pytest.raises(pulumi.RunError, match=f"Use {function}_output instead"):
            getattr(functions, function)(**{argument: output})
        with pytest.raises(pulumi.RunError, match="is not a text"):
            getattr(functions, function)(**{argument: 5})
        await output.future()

    asyncio.run(program())


def test_the_output_form_waits_for_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn(monkeypatch)

    async def program() -> OrganizationInfo | None:
        found = functions.get_organization_output(id=pulumi.Output.from_input("org"))
        assert await found.name.future() == "Valley"
        assert not await found.is_secret()
        return await found.future()

    assert asyncio.run(program()) == ORGANIZATION
    assert stand_in.asked == [("org", None)]


def test_the_output_form_stays_unknown_without_a_call_and_secret_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn(monkeypatch)

    async def program() -> None:
        unknown: Any = pulumi.Output.from_input("").apply(lambda _: pulumi.UNKNOWN)
        found = functions.get_organization_output(name=unknown)
        assert not await found.is_known()
        assert stand_in.asked == []
        found = functions.get_organization_output(name=pulumi.Output.secret("Valley"))
        assert await found.is_known()
        assert await found.is_secret()

    asyncio.run(program())


def test_calls_in_the_output_form_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=30)

    def meet(_: object) -> tuple[OrganizationInfo, ...]:
        together.wait()
        return (ORGANIZATION,)

    monkeypatch.setattr(queries, "list_organizations", meet)

    async def program() -> None:
        found = [functions.get_organizations_output(search=each) for each in ("a", "b", "c")]
        assert [await each.future() for each in found] == [(ORGANIZATION,)] * 3

    asyncio.run(program())


def test_the_output_form_fails_with_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn(monkeypatch, pulumi.RunError("allomia: no"))

    async def program() -> None:
        with pytest.raises(pulumi.RunError, match="allomia: no"):
            await functions.get_organization_output(id="org").future()

    asyncio.run(program())
