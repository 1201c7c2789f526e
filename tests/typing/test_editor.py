"""What an editor shows of the classes, their arguments and their outputs is this package's text, and not Pulumi's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allomia_pulumi.contracts.timezones import TIMEZONES
from tests.typing.language_server import Editor

KEY = "An API key of one AlloMia organization: minted on create, rotated by triggers or age, and revoked on delete."
DECLARED = "Declare an API key of one AlloMia organization, to be minted, rotated and revoked."
CLINIC = "Declare an organization of AlloMia's, to be created and kept as declared."
BY_HAND = "Declare an API key of one AlloMia organization that a person made in the dashboard and put into Vault."
OUTPUTS = {
    "key.created_at": "When AlloMia made the current key, ISO 8601 in UTC.",
    "key.secret": "The key itself, always a Pulumi secret.",
    "key.rotation_reason": "How the current key came: `created`, `imported`, `trigger`, `schedule`, `renamed` or",
    "clinic.is_active": "Whether it is active; false once a refresh has seen that it was deactivated",
    "clinic.state_province": "The state or province of its address, as AlloMia has it; None where AlloMia says",
    "by_hand.since": "When the current key was written to Vault (KV v1: noticed there), ISO 8601 in UTC.",
}
PROGRAM = """
from allomia_pulumi import (
    DashboardApiKey, Organization, OrganizationApiKey, VaultSecretArgs, get_organization_output
)
clinic = Organization(
    "valley", name="Valley", email="ops@valley.example", address="1 Main Street", city="Chur", state_province="GR",
    postal_code="7000", country="CHE", phone_number="+14155551234", timezone="")
key = OrganizationApiKey("ehr", organization_id="org", overlap="1d")
by_hand = DashboardApiKey("by-hand", organization_id="org", vault_secret="secret/a#b")
place: VaultSecretArgs = {"mount": "secret", "path": "a", "field": "b"}
found = get_organization_output(id="org")
"""
PROVIDED = """
from allomia_pulumi.native import Provider
tenant = Provider("second", api_url="https://allomia.example")
"""


@pytest.fixture(scope="module", params=["allomia_pulumi", "allomia_pulumi.native"])
def editor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    program = PROGRAM.replace("from allomia_pulumi import", f"from {request.param} import") + "\n".join(OUTPUTS)
    with Editor(tmp_path_factory.mktemp("user") / "program.py", program + PROVIDED) as editor:
        yield editor


def test_an_imported_class_says_what_it_is(editor: Editor) -> None:
    shown = editor.hover("    DashboardApiKey", "OrganizationApiKey")
    assert KEY in shown
    assert ":param" not in shown


@pytest.mark.parametrize(
    ("line", "word", "said", "arguments"),
    [
        ("key = ", "OrganizationApiKey", DECLARED, {"overlap": "Duration, shorter than `rotate_after`: how long the"}),
        (
            "clinic = ",
            "Organization",
            CLINIC,
            {"timezone": "Its time zone by its IANA name, or a `Timezone`. AlloMia"},
        ),
        ("by_hand = ", "DashboardApiKey", BY_HAND, {"vault_secret": "Where in Vault the key lies: `mount/path#field`"}),
        ("tenant = ", "Provider", "Declare the settings of one tenant", {"owner": "Tells apart people who use the"}),
        ("found = ", "get_organization_output", "Look up one organization as", {"id": "AlloMia's id of it."}),
        (
            "place: ",
            "VaultSecretArgs",
            "Where in Vault a key is also written to",
            {"take_over": "Accept a secret that is there already"},
        ),
    ],
)
def test_a_call_says_what_it_does_and_what_each_argument_means(
    editor: Editor, line: str, word: str, said: str, arguments: dict[str, str]
) -> None:
    shown = editor.hover(line, word)
    assert said in shown
    assert all(f"\n    {name}: {text}" in shown for name, text in arguments.items()), shown


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_says_what_it_is(editor: Editor, output: str) -> None:
    assert OUTPUTS[output] in editor.hover(f"\n{output}", output.rpartition(".")[2])


@pytest.mark.parametrize(
    ("line", "argument", "said"),
    [
        ("key = ", "organization_id=", "Id of the AlloMia organization that the key belongs to."),
        ("clinic = ", "state_province=", "The state or province of its address, such as `CA`."),
        ("by_hand = ", "vault_secret=", "Where in Vault the key lies"),
        ("tenant = ", "api_url=", "AlloMia's base URL; http only on loopback."),
        ("found = ", "id=", "AlloMia's id of it."),
    ],
)
def test_while_an_argument_is_typed_it_says_what_it_means(editor: Editor, line: str, argument: str, said: str) -> None:
    assert said in editor.active_argument(line, argument)


def test_a_time_zone_is_chosen_from_the_documented_ones(editor: Editor) -> None:
    offered = {label.strip("\"'") for label in editor.completions("clinic = ", 'timezone="')}
    assert set(TIMEZONES) <= offered
