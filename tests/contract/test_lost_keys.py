"""The leak is bounded: a first creation beside lost keys, with every way out, and keys that are not this resource's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import make_mark
from tests.contract.faces import FACES, Face, FaceError
from tests.contract.scenes import ONE, Scene
from tests.fakes import LINEAGE
from tools.engine.sandbox import Sandbox

NextRun = Callable[[], Scene]


@pytest.fixture(params=FACES, ids=lambda face: face.__name__)
def next_run(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[NextRun]:
    """Return a function that begins another run: a process that knows only what its calls bring."""
    tenant = sandbox.add_tenant("clinics")
    organization = sandbox.add_organization(tenant.id, "Valley Health")
    make: Callable[..., Face] = request.param
    with ExitStack() as runs:

        def begin() -> Scene:
            face = runs.enter_context(make({"apiUrl": sandbox.address}, {"ALLOMIA_TENANT_KEY": tenant.key}))
            return Scene(sandbox, tenant, organization, face)

        yield begin


def lose(scene: Scene, count: int = 1, *, stack: str = "prod", owner: str = "") -> list[str]:
    """Leave keys behind as runs do whose record could not be written."""
    identity = Identity(project="clinic", stack=stack, name=scene.face.name)
    names = [make_mark(identity, owner, LINEAGE).name(identity.name) for _ in range(count)]
    return [scene.sandbox.make_key_by_hand(scene.organization, name).id for name in names]


@pytest.mark.catalogue(67)
def test_g1_a_creation_beside_two_lost_keys_makes_no_further_one(next_run: NextRun) -> None:
    scene = next_run()
    lost = lose(scene, 2)
    with pytest.raises(FaceError) as caught:
        scene.face.up(scene.news(ONE))
    text = str(caught.value)
    for each in [*lost, "--revoke", "allomia orphans", "allomia:owner", "waiting for deletion", "`pulumi up`"]:
        assert each in text
    assert "\n" not in text.strip()
    assert scene.alive() == lost

    scene.sandbox.revoke_by_hand(scene.organization, lost[0])
    scene = next_run()
    _, outputs = scene.face.up(scene.news(ONE))
    assert scene.alive() == [lost[1], outputs["keyId"]]
    assert any(lost[1] in each for each in scene.face.warnings)


def test_g1_keys_of_others_do_not_count_as_lost(next_run: NextRun) -> None:
    scene = next_run()
    theirs = [*lose(scene, stack="staging"), *lose(scene, owner="another person")]
    theirs.append(scene.sandbox.make_key_by_hand(scene.organization, "by hand").id)
    _, outputs = scene.face.up(scene.news(ONE))
    assert scene.alive() == [*theirs, outputs["keyId"]]
