"""The course of the benchmark on the real engine, with few keys: all run it, and those that compare do the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.contenders import CAREFUL, CONTENDERS, DYNAMIC, PLUGIN, Contender
from benchmarks.course import CHAINS, measure
from benchmarks.samples import Sample, Unit
from benchmarks.scene import Servers
from tools.engine.build import Engine

pytestmark = pytest.mark.long

KEYS = 5
WITHOUT_PROGRAM = ("refresh", "destroy")


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers.start() as started:
        yield started


def run(contender: Contender, servers: Servers, engine: Engine) -> dict[str, Sample]:
    samples = [
        sample
        for chain in CHAINS
        for sample in measure(Unit(contender.name, KEYS, 0, chain, 1), contender, servers, engine)
    ]
    return {sample.operation: sample for sample in samples}


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda each: each.name)
def test_every_contender_runs_the_course_and_notes_what_its_processes_used(
    contender: Contender, servers: Servers, engine: Engine
) -> None:
    for operation, sample in run(contender, servers, engine).items():
        assert sample.cpu_seconds > 0.05, operation
        assert (sample.program_cpu_seconds > 0.05) is (operation not in WITHOUT_PROGRAM), operation
        assert sample.at_once >= 4
        assert bool(sample.allomia) is (contender.talks and operation not in {"no-op up", "preview"}), operation


def test_the_careful_provider_asks_of_allomia_and_vault_what_we_ask(servers: Servers, engine: Engine) -> None:
    careful = run(CAREFUL, servers, engine)
    for ours in (run(DYNAMIC, servers, engine), run(PLUGIN, servers, engine)):
        assert careful.keys() == ours.keys()
        for operation in ("first up", "no-op up", "preview", "refresh", "rotate all", "rotate in place", "destroy"):
            assert careful[operation].allomia == ours[operation].allomia, operation
            assert careful[operation].vault <= ours[operation].vault, operation
