"""The schema is what the models say, and lists only what works."""

import json

from allomia_pulumi import __version__
from allomia_pulumi.keys.inputs import SUPPORTED
from tools.schema import SCHEMA_FILE, build_schema


def test_the_committed_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == build_schema(), "run `make schema`"


def test_the_schema_lists_exactly_what_works() -> None:
    schema = build_schema()
    resource = schema["resources"]["allomia:index:OrganizationApiKey"]
    assert sorted(resource["inputProperties"]) == sorted(SUPPORTED)
    assert resource["requiredInputs"] == ["organizationId"]
    assert {name for name, output in resource["properties"].items() if output.get("secret")} == {
        "previousSecret",
        "secret",
        "triggersHash",
    }
    assert schema["version"] == __version__
    assert all(declared["description"] for declared in resource["inputProperties"].values())
    assert all(declared["description"] for declared in resource["properties"].values())
