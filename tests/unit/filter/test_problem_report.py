"""The filter problem_report."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.miribit.thanos.plugins.filter._problem_report import FilterModule, problem_report

FIRST = {"subject": "b", "cause": "it is broken", "fix": "mend it"}
SECOND = {"subject": "a", "cause": "it is gone", "fix": "bring it back"}


def test_one_problem_is_the_text_itself() -> None:
    assert problem_report([FIRST]) == "b: it is broken. Fix: mend it."


def test_several_are_counted_and_keep_their_order() -> None:
    assert problem_report([FIRST, SECOND]) == (
        "2 problems:\n- b: it is broken. Fix: mend it.\n- a: it is gone. Fix: bring it back."
    )


def test_what_several_hosts_have_in_common_is_told_once() -> None:
    assert problem_report([FIRST, SECOND, dict(FIRST)]) == problem_report([FIRST, SECOND])


def test_without_problems_there_is_nothing_to_tell() -> None:
    assert problem_report([]) == ""


@pytest.mark.parametrize("problems", [None, "text", [None], ["text"], [{"subject": 1}], [{"color": "red"}]])
def test_what_is_no_list_of_problems_is_refused(problems: object) -> None:
    with pytest.raises(AnsibleFilterError, match="problem_report"):
        problem_report(problems)


def test_the_filter_is_found_by_its_name() -> None:
    assert FilterModule().filters() == {"_problem_report": problem_report}
