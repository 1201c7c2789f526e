"""The functions as a program calls them, against a real sandbox over real HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pulumi
import pytest
from pydantic.alias_generators import to_camel

from allomia_pulumi.contracts.values import OrganizationInfo
from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from allomia_pulumi.errors import InvalidInput, NotFound
from allomia_pulumi.ground.singleflight import SingleFlight
from allomia_pulumi.program import functions
from allomia_pulumi.provider.dynamic import containers
from tests.fakes import LINEAGE
from tools.engine.processes import Child
from tools.engine.sandbox import Sandbox, Tenant

READY = r"(?m)^AlloMia sandbox on (http://\S+)$"
TEXTS = {
    name: name.upper()
    for name in (
        *("city", "country", "timezone", "email", "address", "stateProvince", "postalCode", "phoneNumber"),
        *("tenantId", "createdBy", "image", "ownerId", "lastModifiedBy"),
    )
}
MOMENTS = dict.fromkeys(("createdAt", "updatedAt", "deletedAt"), "2026-11-25T12:00:00Z")
INFORMING = (*TEXTS, *MOMENTS, "isActive")
COMMANDS = {
    "module": [sys.executable, "-m", "allomia_pulumi.sandbox", "--port", "0"],
    "command line": [Path(sys.executable).with_name("allomia"), "sandbox", "--port", "0"],
}


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    tenant: Tenant

    def add(self, name: str) -> str:
        return self.sandbox.add_organization(self.tenant.id, name)

    def seen(self, since: int) -> list[str]:
        return [event.type for event in self.sandbox.events(since)]


@pytest.fixture
def scene(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    tenant = sandbox.add_tenant("clinics")
    monkeypatch.setattr(containers, "_containers", SingleFlight())
    monkeypatch.delenv("ALLOMIA_TENANT_KEY_REF", raising=False)
    monkeypatch.setenv("ALLOMIA_TENANT_KEY", tenant.key)
    pulumi.runtime.set_all_config({"allomia:apiUrl": sandbox.address})
    yield Scene(sandbox, tenant)
    pulumi.runtime.set_all_config({})
    sandbox.settings(key_endpoints=True)
    sandbox.clear_faults()


def failure(function: str, **arguments: Any) -> pulumi.RunError:
    with pytest.raises(pulumi.RunError) as caught:
        getattr(functions, function)(**arguments)
    assert str(caught.value).startswith("allomia: ")
    assert str(caught.value).isprintable()
    return caught.value


def test_an_organization_is_found_by_id_and_by_exact_name(scene: Scene) -> None:
    organization = scene.add("Valley Health")
    scene.add("Valley Health Clinic")
    before = scene.sandbox.last_event()
    by_id = functions.get_organization(id=organization)
    assert scene.seen(before) == ["organization_read"]
    by_name = functions.get_organization(name="Valley Health")
    assert scene.seen(before) == ["organization_read", "organizations_listed", "organization_read"]
    assert by_id == by_name
    assert (by_id.id, by_id.name, by_id.city, by_id.country) == (organization, "Valley Health", "San Francisco", "USA")
    assert by_id.timezone == "America/Los_Angeles"
    assert by_id.created_at is not None
    assert by_id.created_at.endswith("Z")


def test_every_page_is_read_and_a_search_keeps_them_few(scene: Scene) -> None:
    ids = [scene.add(f"Clinic {number:03d}") for number in range(205)]
    before = scene.sandbox.last_event()
    assert sorted(each.id for each in functions.get_organizations()) == sorted(ids)
    assert scene.seen(before) == ["organizations_listed"] * 3
    before = scene.sandbox.last_event()
    assert functions.get_organization(name="Clinic 204").id == ids[204]
    assert [each.name for each in functions.get_organizations(search="CLINIC 20")] == [
        f"Clinic {number}" for number in range(200, 205)
    ]
    assert scene.seen(before) == ["organizations_listed", "organization_read", "organizations_listed"]
    assert "“Clinic 204” (id" in str(failure("get_organization", name="clinic 204"))


def test_a_list_whose_total_does_not_agree_is_read_again(scene: Scene) -> None:
    organization = scene.add("Valley")
    pagination = {"page": 1, "limit": 100, "total": 2, "totalPages": 1, "hasNextPage": False, "hasPreviousPage": False}
    body = {"organizations": [{"id": "other", "name": "Coast"}], "pagination": pagination}
    scene.sandbox.add_fault("status", method="GET", path="/api/organization", status=200, body=body)
    assert [each.id for each in functions.get_organizations()] == [organization]


@pytest.mark.parametrize("name", ["A & B?=#%2F", "Clinique de l'Été", "100 % Health+", "“Smart”"])
def test_any_name_can_be_searched_for(scene: Scene, name: str) -> None:
    organization = scene.add(name)
    assert functions.get_organization(name=name).id == organization


def test_an_ambiguous_name_lists_the_ids(scene: Scene) -> None:
    twins = [scene.add("Twin") for _ in range(2)]
    shown = failure("get_organization", name="Twin")
    assert isinstance(shown.__cause__, InvalidInput)
    assert all(twin in str(shown) for twin in twins)


def test_a_foreign_organization_is_not_there(scene: Scene) -> None:
    foreign = scene.sandbox.add_organization(scene.sandbox.add_tenant("others").id, "Foreign")
    for shown in (
        failure("get_organization", id=foreign),
        failure("get_organization", name="Foreign"),
        failure("get_organization_api_keys", organization_id=foreign),
    ):
        assert isinstance(shown.__cause__, NotFound)
        assert "environment variable ALLOMIA_TENANT_KEY" in str(shown)
    assert functions.get_organizations() == ()


def test_an_answer_about_another_organization_is_not_believed(scene: Scene) -> None:
    organization, other = scene.add("Valley"), scene.add("Coast")
    body = {"currentOrg": {"id": other, "name": "Coast"}, "userOrgs": []}
    scene.sandbox.add_fault("status", method="GET", path=f"*/{organization}", status=200, body=body)
    assert "answered with another organization" in str(failure("get_organization", id=organization))


@pytest.mark.parametrize(
    "said", [{}, dict.fromkeys(INFORMING), dict.fromkeys(INFORMING, 5.5), {name: ["a"] for name in INFORMING}]
)
def test_what_only_informs_may_be_absent_null_or_of_another_type(scene: Scene, said: dict[str, Any]) -> None:
    organization = scene.add("Valley")
    body = {"currentOrg": {"id": organization, "name": "Valley", "later": 1, **said}, "userOrgs": []}
    scene.sandbox.add_fault("status", method="GET", path=f"*/{organization}", status=200, body=body)
    found = functions.get_organization(id=organization)
    assert found == OrganizationInfo(organization, "Valley", None, None, None, None)


def test_all_that_is_documented_of_an_organization_is_told(scene: Scene) -> None:
    organization = scene.add("Valley")
    body = {"currentOrg": {"id": organization, "name": "Valley", "isActive": False, **TEXTS, **MOMENTS}, "userOrgs": []}
    scene.sandbox.add_fault("status", method="GET", path=f"*/{organization}", status=200, body=body)
    found = functions.get_organization(id=organization)
    told = {to_camel(name): value for name, value in asdict(found).items()}
    assert told == body["currentOrg"]


def test_keys_are_described_and_no_secret_is_shown(scene: Scene) -> None:
    organization = scene.add("Valley")
    mark = make_mark(Identity(project="p", stack="s", name="ehr"), "", LINEAGE)
    ours = scene.sandbox.make_key_by_hand(organization, mark.name("ehr"))
    by_hand = scene.sandbox.make_key_by_hand(organization, "by hand")
    assert scene.sandbox.key_status(organization, by_hand.key) == 200
    found = functions.get_organization_api_keys(organization)
    assert (found.organization_id, found.slots_used, found.slots) == (organization, 2, 5)
    first, second = found.keys
    assert (first.id, first.label, first.mark) == (ours.id, "ehr", f"{mark.stack}/{mark.resource}")
    assert (second.id, second.name, second.label, second.mark) == (by_hand.id, "by hand", "by hand", None)
    assert (first.last_used_at, second.last_used_at is None) == (None, False)
    assert first.age_seconds is not None
    assert 0 <= first.age_seconds < 600
    assert ours.key not in repr(found)
    assert by_hand.key not in repr(found)


def test_without_key_endpoints_organizations_are_still_there_and_keys_are_explained(scene: Scene) -> None:
    organization = scene.add("Valley")
    scene.sandbox.settings(key_endpoints=False)
    assert functions.get_organization(name="Valley").id == organization
    assert [each.id for each in functions.get_organizations()] == [organization]
    shown = failure("get_organization_api_keys", organization_id=organization)
    assert isinstance(shown.__cause__, NotFound)
    assert "key endpoints" in str(shown)
    assert "does not exist" not in str(shown)


def test_g5_a_refused_tenant_key_is_one_line_without_it(scene: Scene) -> None:
    scene.sandbox.rotate_tenant_key(scene.tenant.id)
    shown = str(failure("get_organizations"))
    assert "does not accept the key from environment variable ALLOMIA_TENANT_KEY" in shown
    assert scene.tenant.key not in shown


def test_a_program_that_uses_no_vault_loads_none(scene: Scene) -> None:
    code = (
        "import sys\n"
        "from allomia_pulumi.program.functions import get_organizations\n"
        "print(len(get_organizations()), sorted({'hvac', 'requests', 'httpx'} & set(sys.modules)))"
    )
    scene.add("Valley")
    environ = {"ALLOMIA_API_URL": scene.sandbox.address, "ALLOMIA_TENANT_KEY": scene.tenant.key}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert (shown.stdout, shown.stderr) == ("1 ['httpx']\n", "")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_sandbox_can_begin_without_the_assumed_endpoints(command: list[str | Path], tmp_path: Path) -> None:
    key_file = tmp_path / "tenant.key"
    words = [*command, "--no-key-endpoints", "--tenant-key-file", key_file]
    with Child("The sandbox", words, tmp_path / "log", environment={"PATH": os.environ["PATH"]}) as child:
        address = child.wait_for(READY).group(1)
        said = child.wait_for("The assumed key endpoints are off").string
        key = key_file.read_text()
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
            organizations = client.get("/api/organization").json()["organizations"]
            path = f"/api/organization/{organizations[0]['id']}/api-keys"
            assert client.get(path).status_code == 404
            assert client.post("/sandbox/reset").is_success
            assert client.post("/sandbox/settings", json={}).json()["keyEndpoints"] is False
    assert key not in said
    assert not key_file.exists()
