"""The inputs of an organization: what is refused, what is warned of, and what is left to AlloMia."""

from typing import Any

import pytest

from allomia_pulumi.contracts.timezones import TIMEZONES
from allomia_pulumi.core.model import UNKNOWN
from allomia_pulumi.core.organization import preflight
from allomia_pulumi.core.organization.inputs import SUPPORTED, OrganizationInputs, parse_organization_inputs
from allomia_pulumi.ground.spelling import Caller, spelled_for
from allomia_pulumi.ground.timezones import known_timezones
from tests.unit.organization.scenes import NEWS, Scene, line


def reasons(news: dict[str, Any]) -> list[str]:
    return [failure.reason for failure in parse_organization_inputs(news)[1]]


def test_every_field_is_required_and_all_that_is_missing_is_said_at_once() -> None:
    assert len(reasons({})) == len(NEWS)
    with spelled_for(Caller.PYTHON):
        said = line(reasons({name: value for name, value in NEWS.items() if name != "stateProvince"}))
    assert said == "state_province is missing. AlloMia requires it of every organization."


@pytest.mark.parametrize("name", [*NEWS, "externalId"])
@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u2028b", "a\ud800b"])
def test_control_and_bidi_characters_are_refused_and_not_repeated(name: str, value: str) -> None:
    said = line(reasons({**NEWS, name: value}))
    assert "control or bidi characters" in said
    assert value not in said


@pytest.mark.parametrize(
    "value", [" Valley ", "Hôpital\u00a0Sainte-Justine", "病院", "O'Brien & Sons, Ltd.", "a" * 5000]
)
def test_texts_are_trimmed_nowhere(value: str) -> None:
    inputs, failures = parse_organization_inputs({**NEWS, "name": value})
    assert inputs is not None
    assert (inputs.name, failures) == (value, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"city": 7}, "city is not a text"),
        ({"externalId": ["x"]}, "externalId is not a text"),
        ({"deactivateOnDestroy": "yes"}, "deactivateOnDestroy is neither true nor false"),
        ({"adopt": "a/b"}, "adopt is not an id"),
        ({"adopt": ""}, "adopt is not a text or is empty"),
        ({"duplicateOf": "org"}, "duplicateOf is not a list"),
        ({"duplicateOf": ["../org"]}, "an id in duplicateOf is not an id"),
        ({"tenantKeyRef": "no reference"}, "tenantKeyRef"),
        ({"isActive": False}, "`isActive` is not supported by this version"),
    ],
)
def test_what_is_of_the_wrong_kind_is_said(given: dict[str, Any], said: str) -> None:
    assert said in line(reasons({**NEWS, **given}))


def test_what_a_preview_does_not_know_is_no_failure() -> None:
    inputs, failures = parse_organization_inputs(dict.fromkeys(SUPPORTED, UNKNOWN))
    assert (inputs is not None, failures) == (True, [])


def test_switches_are_off_and_lists_empty_by_default() -> None:
    inputs, _ = parse_organization_inputs(NEWS)
    assert inputs is not None
    assert (inputs.deactivate_on_destroy, inputs.duplicate_of, inputs.adopt) == (False, (), None)
    assert {str(field.alias) for field in OrganizationInputs.model_fields.values()} == set(SUPPORTED)


def check(scene: Scene, olds: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    return [failure.reason for failure in scene.check({**NEWS, **changes}, olds).failures]


def test_an_empty_text_is_refused_unless_it_was_imported_so(scene: Scene) -> None:
    for value in ("", "  "):
        scene.restart()
        assert line(check(scene, city=value)) == "city is empty. AlloMia requires it of every organization."
        assert check(scene, {**NEWS, "city": value}, city=value) == []


def test_an_email_without_an_at_sign_is_only_warned_of_and_only_when_it_is_new(scene: Scene) -> None:
    assert check(scene, email="ops") == []
    assert "email has no @" in line(scene.listener.warnings)
    scene.listener.warnings.clear()
    assert check(scene, {**NEWS, "email": "ops"}, email="ops") == []
    assert scene.listener.warnings == []


class TestTimezones:
    """A time zone: documented, another one, none."""

    @pytest.mark.parametrize("timezone", TIMEZONES)
    def test_the_documented_ones_are_fine(self, scene: Scene, timezone: str) -> None:
        assert check(scene, timezone=timezone) == []
        assert scene.listener.warnings == []

    @pytest.mark.parametrize("timezone", ["Europe/Zurich", "UTC", "America/Montreal"])
    def test_of_another_one_allomia_decides(self, scene: Scene, timezone: str) -> None:
        assert check(scene, timezone=timezone) == []
        assert f"timezone {timezone} is none of the 21" in line(scene.listener.warnings)

    @pytest.mark.parametrize(
        ("timezone", "meant"),
        [
            ("America/New York", "America/New_York"),
            ("america/toronto", "America/Toronto"),
            ("Europe/Zürich", "Europe/Zurich"),
            ("Pacific/Aukland", "Pacific/Auckland"),
        ],
    )
    def test_what_is_no_zone_is_refused_with_the_nearest(self, scene: Scene, timezone: str, meant: str) -> None:
        assert f"is no time zone. Did you mean {meant}?" in line(check(scene, timezone=timezone))

    def test_what_is_like_no_zone_is_refused_with_an_example(self, scene: Scene) -> None:
        assert "Write its IANA name" in line(check(scene, timezone="PST8PDT4EVER"))

    def test_what_was_so_before_is_let_through(self, scene: Scene) -> None:
        assert check(scene, {**NEWS, "timezone": "Nowhere"}, timezone="Nowhere") == []

    def test_a_machine_without_a_list_refuses_nothing(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preflight, "known_timezones", frozenset)
        assert check(scene, timezone="America/New York") == []
        assert "this machine has no list of time zones" in line(scene.listener.warnings)

    def test_this_machine_has_a_list_or_none(self) -> None:
        assert set(TIMEZONES) <= known_timezones() or not known_timezones()
