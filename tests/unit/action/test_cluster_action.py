"""The frame of an action that works on clusters: keywords and environment of its task, its options, its failures."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import pytest
from action_plugins import plugin_of
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.utils.display import Display

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction, FailedError, Spec

Result = dict[str, Any]

SECRET = "word-that-must-stay-secret"
PROBLEM = Problem("It", "it is broken", "mend it")


class Working(ClusterAction):
    """Its work is what a test says."""

    spec: ClassVar[Spec] = {
        "name": {"type": "str", "required": True},
        "password": {"type": "str"},
        "seconds": {"type": "int", "default": 5},
        "items": {"type": "list", "elements": "dict"},
    }
    worked: ClassVar[list[Result]] = []

    def hidden(self, options: Result) -> Iterable[str]:
        yield options["password"]

    def work(self, options: Result) -> Result:
        self.worked.append(options)
        return self.does(options)

    def does(self, _options: Result) -> Result:
        return {}


@pytest.fixture(autouse=True)
def worked() -> Iterator[list[Result]]:
    """With which options it has worked."""
    Working.worked.clear()
    yield Working.worked
    Working.worked.clear()


def working(does: Callable[[Result], Result] | None = None, **given: Any) -> Working:
    """One with these options, among which can be keywords of its task."""
    names = ("delegate_to", "become", "async_val", "environment", "check_mode")
    keywords = {name: given.pop(name) for name in names if name in given}
    action = plugin_of(Working, {"name": "a", **given}, **keywords)
    if does:
        action.does = does  # type: ignore[method-assign]
    return action


def run(does: Callable[[Result], Result] | None = None, **given: Any) -> Result:
    return working(does, **given).run(task_vars={})


def raising(error: Exception) -> Callable[[Result], Result]:
    def does(_options: Result) -> Result:
        raise error

    return does


# Keywords of the task.


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [("delegate_to", "elsewhere", "delegate_to"), ("become", True, "become"), ("async_val", 60, "async")],
)
def test_a_keyword_that_leads_elsewhere_is_refused(
    worked: list[Result], keyword: str, value: object, name: str
) -> None:
    result = run(**{keyword: value})
    (problem,) = result["problems"]
    assert result["failed"]
    assert problem["subject"].startswith(f"Keyword {name} of a task with ")
    assert problem["fix"].startswith(f"leave {name} out; ")
    assert worked == []


def test_all_such_keywords_are_refused_at_once() -> None:
    result = run(delegate_to="elsewhere", become=True, async_val=60)
    names = [problem["subject"].split()[1] for problem in result["problems"]]
    assert names == ["delegate_to", "become", "async"]
    assert result["msg"].startswith("3 problems:\n- Keyword delegate_to")


def test_keywords_that_say_no_are_as_none() -> None:
    assert run(become=False, async_val=0) == {"changed": False}


# The environment of the task.


def test_the_environment_of_the_task_is_there_only_while_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_BOTH", "before")
    monkeypatch.delenv("OF_THE_TASK", raising=False)
    before = dict(os.environ)
    environment = [{"OF_BOTH": "play", "NUMBER": 5}, {"OF_BOTH": "task", "OF_THE_TASK": "there"}]
    names = ("OF_BOTH", "OF_THE_TASK", "NUMBER", "HOME")
    result = run(lambda _options: {"seen": {name: os.environ[name] for name in names}}, environment=environment)
    assert result["seen"] == {"OF_BOTH": "task", "OF_THE_TASK": "there", "NUMBER": "5", "HOME": before["HOME"]}
    assert dict(os.environ) == before


@pytest.mark.parametrize("error", [ProblemError([PROBLEM]), ValueError(), AnsibleError("no")])
def test_it_is_gone_after_a_failure_too(error: Exception) -> None:
    before = dict(os.environ)
    with contextlib.suppress(AnsibleError):
        run(raising(error), environment=[{"OF_THE_TASK": "there"}])
    assert dict(os.environ) == before


def test_options_read_the_environment_of_the_task(worked: list[Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Working, "spec", {**Working.spec, **session.access_spec()})
    run(environment=[{"K8S_AUTH_CONTEXT": "cluster-02"}])
    assert worked[0]["context"] == "cluster-02"


# Its options.


def test_options_have_their_types_and_defaults(worked: list[Result]) -> None:
    run(seconds="7", items=[{"a": 1}])
    assert worked == [{"name": "a", "password": None, "seconds": 7, "items": [{"a": 1}]}]


class MarkedText(str):
    """As Ansible has texts, with where they come from. YAML writes no such thing down."""

    __slots__ = ()


class MarkedMapping(dict[str, Any]):
    pass


class MarkedList(list[Any]):
    pass


def test_options_that_ansible_has_marked_are_plain(worked: list[Result]) -> None:
    marked = MarkedMapping({MarkedText("key"): MarkedList([MarkedText("value")])})
    run(name=MarkedText("a"), items=MarkedList([marked]))
    (options,) = worked
    (item,) = options["items"]
    ((key, values),) = item.items()
    kinds = [type(one) for one in (options["name"], options["items"], item, key, values, values[0])]
    assert kinds == [str, list, dict, str, list, str]


@pytest.mark.parametrize(("options", "named"), [({"seconds": "soon"}, "seconds"), ({"nmae": "a"}, "nmae")])
def test_an_option_that_is_wrong_or_does_not_exist_is_refused(
    worked: list[Result], options: Result, named: str
) -> None:
    with pytest.raises(AnsibleActionFail, match=named):
        run(**options)
    assert worked == []


def test_an_option_that_is_missing_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="name"):
        plugin_of(Working, {}).run(task_vars={})


# What it tells.


def test_what_it_returns_is_the_result() -> None:
    assert run(lambda options: {"answer": options["name"]}) == {"changed": False, "answer": "a"}
    assert run(lambda _options: {"changed": True}) == {"changed": True}


def test_problems_are_the_failure_of_the_task() -> None:
    result = run(raising(ProblemError([PROBLEM])))
    assert result == {"failed": True, "msg": "It: it is broken. Fix: mend it.", "problems": [PROBLEM.as_dict()]}


def test_a_failure_can_have_a_result_and_words_of_its_own() -> None:
    result = run(raising(FailedError([PROBLEM], {"changed": True}, "in other words")))
    wanted = {"failed": True, "changed": True, "msg": "in other words", "problems": [PROBLEM.as_dict()]}
    assert result == wanted
    assert run(raising(FailedError([PROBLEM], {})))["msg"] == "It: it is broken. Fix: mend it."


def test_of_a_failure_that_nobody_knows_no_text_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(Display, "vvv", lambda _self, text, *_more: lines.append(text))
    result = run(raising(KeyError(SECRET)))
    assert result["failed"]
    assert "it has met what it does not know (KeyError at test_cluster_action.py:" in result["msg"]
    assert "report it" in result["problems"][0]["fix"]
    # Where it was is there for who looks for it.
    assert any("in does" in line for line in lines)
    assert SECRET not in json.dumps(result) + "".join(lines)


def test_what_ansible_itself_refuses_is_left_to_it() -> None:
    with pytest.raises(AnsibleError, match="as Ansible says it"):
        run(raising(AnsibleError("as Ansible says it")))


def test_a_controller_without_the_kubernetes_library_is_told_what_to_install(
    worked: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HAS_KUBERNETES", False)
    assert "Failed to import the required Python library (kubernetes)" in run()["msg"]
    assert worked == []


def test_warnings_are_told_after_a_failure_too() -> None:
    action = working()

    def does(_options: Result) -> Result:
        action.warn([PROBLEM])
        raise ProblemError([PROBLEM])

    action.does = does  # type: ignore[method-assign]
    result = action.run(task_vars={})
    assert (result["failed"], result["warnings"]) == (True, ["It: it is broken. Fix: mend it."])


# What must be shown nowhere.


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_hidden_is_masked_wherever_it_stands(fails: bool) -> None:
    action = working(password=SECRET)

    def does(options: Result) -> Result:
        text = f"it has {options['password']} in it"
        action.warn([text])
        shown = {"answer": [text], "diff": [{"before": "", "after": text}]}
        if fails:
            raise FailedError([Problem(text, text, text)], shown)
        return shown

    action.does = does  # type: ignore[method-assign]
    result = action.run(task_vars={})
    assert SECRET not in json.dumps(result)
    masked = "it has ******** in it"
    assert (result["answer"], result["diff"][0]["after"], result["warnings"]) == ([masked], masked, [masked])
    assert result.get("failed", False) is fails


@pytest.mark.parametrize("password", ["", None])
def test_nothing_hides_nothing(password: str | None) -> None:
    assert run(lambda _options: {"answer": "a b"}, password=password)["answer"] == "a b"
