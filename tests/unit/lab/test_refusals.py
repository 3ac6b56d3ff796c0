"""What the lab cannot do is said in one line, with what to do about it."""

from __future__ import annotations

import os
import platform
import shutil

import pytest

from lab import cgroups, cli, host, sandbox, tools
from lab.errors import LabError


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"takes root; run it as root \(sudo\)"):
        host.ensure()


def test_on_another_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(LabError, match="this machine is aarch64"):
        host.ensure()


def test_on_a_system_without_apt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(LabError, match="apt-get: not found"):
        host.ensure()


def test_without_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(LabError, match=r"go: not found on PATH.*install Go 1\.26"):
        tools.ensure()


def test_exec_while_the_lab_is_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cgroups, "init", lambda: None)
    assert cli.main(["exec", "true"]) == 1
    assert capsys.readouterr().err.startswith("lab: the lab is not up; `make lab-up`")


def test_exec_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exec"]) == 1
    assert "no command given; for example" in capsys.readouterr().err


def test_changing_the_lab_from_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "is_inside", lambda: True)
    with pytest.raises(LabError, match="leave `lab exec` first"), sandbox.exclusive("down"):
        pass
