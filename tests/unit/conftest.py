"""What unit tests share: a stand-in for a cluster's API server, a kubeconfig for it, and a way to run a module."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
import trustme
import yaml
from action_plugins import plugin_of
from ansible.errors import AnsibleActionFail
from ansible.module_utils.testing import patch_module_args
from api_server import TOKEN, ApiServer, serve

from ansible_collections.miribit.thanos.plugins.module_utils.kube import session
from ansible_collections.miribit.thanos.plugins.plugin_utils.cluster_action import ClusterAction
from ansible_collections.miribit.thanos.plugins.plugin_utils.polling import PollingAction

# Speed is measured in benchmarks: a busy machine is no failure.
hypothesis.settings.register_profile("unit", deadline=None)
hypothesis.settings.load_profile("unit")


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    stand_in = ApiServer()
    server = serve(stand_in)
    yield stand_in
    server.shutdown()
    server.server_close()


@pytest.fixture
def tls_api_server() -> Iterator[ApiServer]:
    """With a certificate that no kubeconfig of the tests trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    stand_in = ApiServer()
    server = serve(stand_in, context)
    yield stand_in
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What whoever runs the tests has set must not change them, above all not lead to a real cluster."""
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # Requests are repeated at once.
    monkeypatch.setattr(session, "_PAUSES", (0.0, 0.0))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., str]:
    """Write a kubeconfig with these contexts, all for one address, and return its path."""

    def write(server: str, contexts: tuple[str, ...] = ("cluster-01",), current: str | None = None) -> str:
        document: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in contexts],
        }
        if current:
            document["current-context"] = current
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(document))
        return str(file)

    return write


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module's main() with these options and return what it tells Ansible."""

    def run(module: ModuleType, options: dict[str, object]) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit) as ended:
            module.main()
        output = capsys.readouterr()
        result: dict[str, Any] = json.loads(output.out)
        # To Ansible itself, which ansible-core 2.22 lets hide these wherever something is shown.
        result.pop("_ansible_new_secrets", None)
        assert ended.value.code == (1 if result.get("failed") else 0)
        return result

    return run


@pytest.fixture
def run_action(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run an action with these options and return what it tells Ansible. One that waits looks only once.

    Keywords of the task can be given beside them: check_mode, no_log. `final` says that it is the last look.
    """

    def run(action: type[ClusterAction], options: dict[str, Any]) -> dict[str, Any]:
        given = dict(options)
        keywords = {name: given.pop(name) for name in ("check_mode", "no_log") if name in given}
        once = _once(action, final=given.pop("final", False))
        try:
            result = plugin_of(once, given, **keywords).run(task_vars={})
        except AnsibleActionFail as error:
            result = {"failed": True, "msg": str(error)}
        output = capsys.readouterr()
        shown = json.dumps(result) + output.out + output.err
        assert TOKEN not in shown
        assert "Traceback" not in shown
        found: dict[str, Any] = json.loads(json.dumps(result))
        return found

    return run


def _once(action: type[ClusterAction], *, final: bool) -> type[ClusterAction]:
    if not issubclass(action, PollingAction):
        return action

    class Once(action):  # type: ignore[misc, valid-type]
        __module__ = action.__module__

        def work(self, options: dict[str, Any]) -> dict[str, Any]:
            looked: dict[str, Any] = self.look(options, final=final)
            return looked

    return Once
