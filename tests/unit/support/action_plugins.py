"""Actions, made as Ansible makes them."""

from __future__ import annotations

from typing import Any, TypeVar
from unittest.mock import MagicMock

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.template import Templar

_Action = TypeVar("_Action", bound=ActionBase)


def plugin_of(action: type[_Action], options: dict[str, Any], **keywords: object) -> _Action:
    """An action for a task with these options and keywords, such as check_mode."""
    task = Task()
    task.args = options
    task.action = action.__module__.rpartition(".")[2]
    for name, value in {"check_mode": False, **keywords}.items():
        setattr(task, name, value)
    loader = DataLoader()
    plugin = action(task, MagicMock(), MagicMock(), loader, Templar(loader), MagicMock())
    plugin._load_name = task.action
    return plugin
