from __future__ import annotations

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError

FIRST = Problem("ring a", "it has no endpoints", "give at least one")
SECOND = Problem("ring b", "it has no name", "name it")


def test_a_problem_reads_as_what_why_and_what_to_do() -> None:
    assert str(FIRST) == "ring a: it has no endpoints. Fix: give at least one."


def test_one_problem_is_the_message_itself() -> None:
    assert str(ProblemError([FIRST])) == str(FIRST)


def test_several_problems_are_counted_and_listed() -> None:
    assert str(ProblemError([FIRST, SECOND])) == f"2 problems:\n- {FIRST}\n- {SECOND}"


def test_programs_get_the_parts_of_every_problem() -> None:
    assert ProblemError([FIRST, SECOND]).as_dicts() == [
        {"subject": "ring a", "cause": "it has no endpoints", "fix": "give at least one"},
        {"subject": "ring b", "cause": "it has no name", "fix": "name it"},
    ]
