"""The course of the benchmark on the real engine, with few keys: all run it, and those that compare do the same."""

from __future__ import annotations

import pytest

from benchmarks.contenders import CAREFUL, CONTENDERS, OURS, Contender
from benchmarks.course import CHAINS, measure
from benchmarks.samples import Sample, Unit
from benchmarks.scene import Servers
from tools.engine.build import Engine

pytestmark = pytest.mark.long

KEYS = 5
WITHOUT_PROGRAM = {"refresh", "destroy"}
WITHOUT_CALLS = {"no-op up", "preview"}
# The careful provider revokes a predecessor without asking whether the current key lives.
ASKED_ALIKE = {"first up", "refresh", "rotate all", "rotate in place", "destroy"} | WITHOUT_CALLS


def run(contender: Contender, servers: Servers, engine: Engine) -> dict[str, Sample]:
    """Run both chains of a contender, which also looks whether as many keys were made and ended as have to be."""
    samples = [
        sample
        for chain in CHAINS
        for sample in measure(Unit(contender.name, KEYS, 0, chain, 1), contender, servers, engine)
    ]
    return {sample.operation: sample for sample in samples}


def test_every_contender_runs_the_course_and_the_careful_one_asks_what_we_ask(engine: Engine) -> None:
    with Servers.start() as servers:
        courses = {contender: run(contender, servers, engine) for contender in CONTENDERS}
    for contender, course in courses.items():
        for operation, sample in course.items():
            where = f"{operation} of {contender.name}"
            assert sample.cpu_seconds > 0.05, where
            assert (sample.program_cpu_seconds > 0.05) is (operation not in WITHOUT_PROGRAM), where
            assert bool(sample.allomia) is (contender.talks and operation not in WITHOUT_CALLS), where
    for ours in OURS:
        assert courses[CAREFUL].keys() == courses[ours].keys()
        for operation in ASKED_ALIKE:
            assert courses[CAREFUL][operation].allomia == courses[ours][operation].allomia, operation
            assert courses[CAREFUL][operation].vault <= courses[ours][operation].vault, operation
