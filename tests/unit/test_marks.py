"""The mark is a wire format: what stands in AlloMia today must be read for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allomia_pulumi.core.identity import Identity
from allomia_pulumi.core.marks import LONGEST_LABEL, Mark, clean_label, draw_lineage, make_mark, parse_mark
from allomia_pulumi.ground.identifiers import BASE32, is_lineage
from tests.fakes import LINEAGE

identities = st.builds(Identity, project=st.text(), stack=st.text(), parents=st.text(), name=st.text())
EHR = Identity(project="clinic", stack="prod", name="ehr-sync")


@pytest.mark.catalogue(52)
def test_the_wire_format_is_the_one_of_the_first_release() -> None:
    mark = make_mark(EHR, "", LINEAGE)
    assert (mark.stack, mark.resource) == ("4vvc3e", "7hat8h")
    made = Mark(stack="4vvc3e", resource="7hat8h", lineage="000000", nonce="00000000")
    assert made.name("ehr") == "ehr--p14vvc3e7hat8h00000000000000x"


@given(identities, st.text(), st.text(min_size=1))
def test_every_mark_is_read_back_from_the_end_of_a_name(identity: Identity, owner: str, label: str) -> None:
    mark = make_mark(identity, owner, LINEAGE)
    assert parse_mark(mark.name(label)) == mark


@given(st.text())
def test_a_name_made_by_hand_is_no_mark(name: str) -> None:
    assert parse_mark(name) is None


def test_a_wrong_check_character_is_no_mark() -> None:
    name = make_mark(EHR, "", LINEAGE).name("ehr")
    wrong = [name[:-1] + character for character in BASE32 if character != name[-1]]
    assert [parse_mark(changed) for changed in wrong] == [None] * 31


def test_text_after_a_mark_makes_it_none() -> None:
    assert parse_mark(make_mark(EHR, "", LINEAGE).name("ehr") + "\n") is None
    assert parse_mark(make_mark(EHR, "", LINEAGE).name("ehr") + " copy") is None


def test_attempts_differ_and_belong_together() -> None:
    first, second = make_mark(EHR, "", LINEAGE), make_mark(EHR, "", LINEAGE)
    assert first != second
    assert first.declared == second.declared


def test_owner_stack_parent_and_name_tell_keys_apart() -> None:
    marks = [
        make_mark(EHR, "", LINEAGE),
        make_mark(EHR, "another person", LINEAGE),
        make_mark(EHR.model_copy(update={"stack": "dev"}), "", LINEAGE),
        make_mark(EHR.model_copy(update={"parents": "my:Clinic"}), "", LINEAGE),
        make_mark(EHR.model_copy(update={"name": "ehr"}), "", LINEAGE),
    ]
    assert not any(one.declared == other.declared for index, one in enumerate(marks) for other in marks[index + 1 :])


def test_a_lineage_is_drawn_anew_and_the_same_one_from_the_same_seed() -> None:
    assert draw_lineage() != draw_lineage()
    assert draw_lineage(b"saved plan") == draw_lineage(b"saved plan") != draw_lineage(b"another")
    assert all(map(is_lineage, (draw_lineage(), draw_lineage(b"saved plan"))))


def test_a_default_label_is_cleaned_and_cut() -> None:
    assert clean_label("ehr\u202e\nsync ") == "ehrsync"
    assert clean_label("x" * 100) == "x" * LONGEST_LABEL
    assert clean_label("\x00") == "key"
