"""The action plugin fleet_plan: what it reads of an inventory, what it tells, and how a playbook gets its result."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template
from ansible.utils.display import Display
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.miribit.thanos.plugins.action import fleet_plan
from ansible_collections.miribit.thanos.plugins.module_utils.migration import processes
from ansible_collections.miribit.thanos.plugins.modules import fleet_plan as stub

ROOT = Path(__file__).parents[3]
SECRET = "word-that-must-stay-secret"
ADDRESS = "thanos_receiver_load_balancer: {address: 192.168.101.210}"
TLS = f"{ADDRESS}\nthanos_receiver_tls: true\nthanos_receiver_tls_secret: certificate"
TASK: dict[str, Any] = {"miribit.thanos.fleet_plan": None, "run_once": True, "register": "fleet"}


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., Path]:
    """Write an inventory of a central cluster and two edges, with these lines as variables."""

    def write(everywhere: str = "", central: str = ADDRESS, edge: str = "") -> Path:
        for group, text in {"all": everywhere, "central": central, "edge": edge}.items():
            file = tmp_path / "group_vars" / f"{group}.yml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        groups = {"central": {"hosts": {"cluster-01": {}}}, "edge": {"hosts": {"cluster-02": {}, "cluster-03": {}}}}
        hosts = tmp_path / "hosts.yml"
        hosts.write_text(yaml.safe_dump(groups))
        return hosts

    return write


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run the plugin for the first edge of an inventory, with what a play adds to the variables."""
    monkeypatch.setattr(Display, "warning", lambda *_arguments, **_named: None)

    def run(
        file: Path, args: dict[str, object] | None = None, environment: object = None, **of_play: object
    ) -> dict[str, Any]:
        loader = DataLoader()
        hosts = InventoryManager(loader=loader, sources=[str(file)])
        manager = VariableManager(loader=loader, inventory=hosts)
        HostVars(hosts, manager, loader)
        variables = {**manager.get_vars(host=hosts.get_host("cluster-02")), **of_play}
        task = Task()
        task.args = args or {}
        task.environment = environment or []
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=""))
        plugin = fleet_plan.ActionModule(
            task, connection, None, loader, Templar(loader=loader, variables=variables), None
        )
        result: dict[str, Any] = plugin.run(task_vars=variables)
        assert SECRET not in json.dumps(result)
        return result

    return run


# What it refuses to run in.


@pytest.mark.parametrize(
    "name",
    [
        "K8S_AUTH_HOST",
        "K8S_AUTH_API_KEY",
        "K8S_AUTH_VERIFY_SSL",
        "K8S_AUTH_PROXY",
        "HELM_KUBEAPISERVER",
        "HELM_KUBETOKEN",
    ],
)
def test_an_environment_that_leads_kubernetes_core_or_helm_elsewhere_is_refused_by_name(
    inventory: Callable[..., Path],
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(name, SECRET)
    made = run(inventory())
    assert made["failed"] is True
    assert made["msg"].startswith(f"Environment variable {name}: ")


@pytest.mark.parametrize("environment", [[{"K8S_AUTH_HOST": SECRET}, {"A": "b"}], [trust_as_template("{{ access }}")]])
def test_the_environment_of_a_play_counts_as_well(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], environment: object
) -> None:
    made = run(inventory(), environment=environment, access={"K8S_AUTH_HOST": SECRET})
    assert [problem["subject"] for problem in made["problems"]] == ["Environment variable K8S_AUTH_HOST"]


def test_a_keyword_of_plays_has_no_effect_in_the_inventory(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = inventory("fleet_serial: 5")
    (problem,) = run(file)["problems"]
    assert (problem["subject"], problem["fix"]) == ("fleet_serial", "take it out there, and give it with --extra-vars")
    monkeypatch.setattr(fleet_plan, "load_extra_vars", lambda _loader: {"fleet_serial": 5})
    assert "failed" not in run(file)


@pytest.mark.parametrize("batches", ["0", "[1, 0]", "half", "[]", "true", "1.5", "120%"])
def test_a_number_of_edges_at_a_time_that_is_none_is_refused(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, batches: str
) -> None:
    monkeypatch.setattr(fleet_plan, "load_extra_vars", lambda _loader: {"fleet_serial": 0})
    assert "must be how many edges are changed at a time" in run(inventory(f"fleet_serial: {batches}"))["msg"]


@pytest.mark.parametrize("batches", ["3", "'3'", "10%", "[1, 5, 10%]"])
def test_batches_of_edges_are_as_a_play_takes_them(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, batches: str
) -> None:
    monkeypatch.setattr(fleet_plan, "load_extra_vars", lambda _loader: {"fleet_serial": 0})
    assert "failed" not in run(inventory(f"fleet_serial: {batches}"))


def test_an_environment_that_names_kubeconfig_and_context_is_fine(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "KUBECONFIG", "HELM_KUBECONTEXT", "HELM_DEBUG"):
        monkeypatch.setenv(name, "a")
    assert run(inventory())["changed"] is False


def test_where_clusters_are_only_read_such_an_environment_is_a_warning(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", SECRET)
    (warning,) = run(inventory(), {"purpose": "read"})["plan_warnings"]
    assert warning.startswith("Environment variable K8S_AUTH_HOST: it is not used here, and phases 1 and 2 refuse it.")


# What it reads.


def test_the_variables_of_all_hosts_are_read_with_their_templates(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    everywhere = """
fleet_kubeconfig: "/fleet/{{ inventory_hostname }}"
fleet_external_labels: {region: "{{ region }}", beside: "{{ hostvars['cluster-01'].fleet_kubeconfig }}"}
region: north
"""
    made = run(inventory(everywhere))
    assert made["changed"] is False
    assert (made["central"], made["edges"], made["plan_warnings"]) == ("cluster-01", ["cluster-02", "cluster-03"], [])
    cluster = made["clusters"]["cluster-03"]
    assert cluster["kubeconfig"] == "/fleet/cluster-03"
    assert cluster["external_labels"] == {"cluster": "cluster-03", "region": "north", "beside": "/fleet/cluster-01"}


def test_of_credentials_only_the_keys_are_kept(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    edge = f"""
prometheus_agent_credentials:
  ca: "{{{{ authority }}}}"
  username: edge
  password: "{{{{ word }}}}"
authority: {SECRET}
word: {SECRET}
"""
    made = run(inventory(central=TLS, edge=edge))
    assert made["clusters"]["cluster-02"]["credentials"] == {"secret": None, "keys": ["ca", "password"]}


def test_variables_that_say_nothing_where_they_stand_are_not_templated(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    everywhere = 'prometheus_agent_tenant: "{{ tenant }}"\nthanos_receiver_routers: "{{ routers }}"'
    made = run(inventory(everywhere, central=f"{ADDRESS}\nrouters: 3", edge="tenant: a"))
    assert made["receiver"]["routers"] == 3
    assert made["receiver"]["tenants"] == ["a"]


def test_variables_of_roles_are_known(
    inventory: Callable[..., Path],
    run: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "roles/thanos_store/meta/argument_specs.yml"
    file.parent.mkdir(parents=True)
    file.write_text("argument_specs: {main: {options: {thanos_store_replicas: {type: int}}}, other: {}}")
    monkeypatch.setattr(fleet_plan, "ROLES", tmp_path / "roles")
    assert not run(inventory("thanos_store_replicas: 2")).get("failed")
    assert "Fix: write thanos_store_replicas" in run(inventory("thanos_store_replica: 2"))["msg"]


def test_the_roles_of_the_collection_are_where_they_are_looked_for() -> None:
    assert (fleet_plan.ROLES / "fleet/meta/argument_specs.yml").is_file()


# What it tells.


def test_all_problems_are_one_failure(inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]) -> None:
    failed = run(inventory("fleet_namspace: a", edge="fleet_context: same"))
    assert failed["failed"] is True
    assert [problem["subject"] for problem in failed["problems"]] == [
        "Hosts cluster-01, cluster-02 and cluster-03, fleet_namspace",
        "Hosts cluster-02 and cluster-03, fleet_context",
    ]
    assert failed["msg"].startswith("2 problems:\n- Hosts cluster-01, cluster-02 and cluster-03, fleet_namspace: ")


@pytest.mark.parametrize(
    ("edge", "subject", "cause"),
    [
        ('fleet_context: "{{ nobody }}"', "fleet_context", "its template fails: 'nobody' is undefined"),
        ('fleet_context: "{{ 1 +"', "fleet_context", "its template fails: "),
        (
            'prometheus_agent_credentials: {password: "{{ nobody }}"}',
            "prometheus_agent_credentials",
            "its template fails: 'nobody' is undefined",
        ),
        (
            f"prometheus_agent_credentials: {{password: \"{{{{ {{}}['{SECRET}'] }}}}\"}}",
            "prometheus_agent_credentials",
            "its template fails",
        ),
        (
            f"prometheus_agent_credentials: \"{{{{ '{SECRET}' | ansible.builtin.mandatory(msg=x) }}}}\"\nx: '{SECRET}'",
            "prometheus_agent_credentials",
            "must be a mapping, not a string",
        ),
    ],
)
def test_a_template_that_fails_is_told_without_a_secret(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], edge: str, subject: str, cause: str
) -> None:
    (problem,) = run(inventory(edge=edge))["problems"]
    assert problem["subject"] == f"Hosts cluster-02 and cluster-03, {subject}"
    assert problem["cause"].startswith(cause)


def test_variables_of_all_roles_are_validated_with_their_templates(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    central = f"""{ADDRESS}
days: 2
thanos_receiver_retention: "{{{{ days }}}} days"
thanos_query_replicas: "{{{{ days }}}}"
object_storage_config: "type: S3\\nconfig: {{bucket: a, endpoint: 'https://{SECRET}'}}"
"""
    found = run(inventory(central=central, edge="edge_exporters_rollout_timeout: 5m"))["problems"]
    assert [(problem["subject"], problem["cause"]) for problem in found] == [
        (
            "Host cluster-01, object_storage_config",
            "config.endpoint is a URL, and Thanos takes host and port only",
        ),
        ("Host cluster-01, thanos_receiver_retention", "must be a duration, not '2 days'"),
        (
            "Hosts cluster-02 and cluster-03, edge_exporters_rollout_timeout",
            "must be an integer, not the string '5m'",
        ),
    ]


def test_templates_may_use_defaults_of_roles_and_what_tasks_make_of_the_plan(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    central = f"""{ADDRESS}
thanos_query_extra_args: ["--retention={{{{ thanos_receiver_retention }}}}"]
thanos_query_ingress_annotations: {{receiver: "{{{{ fleet.receiver.name }}}}"}}
"""
    assert not run(inventory(central=central)).get("failed")


def test_a_variable_that_the_play_changes_is_refused(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    file = inventory("fleet_namespace: a")
    assert not run(file, fleet_namespace="a", fleet_storage_class="longhorn", other="b").get("failed")
    assert run(file, fleet_namespace="b")["msg"].startswith("fleet_namespace: it is set in the play")
    assert run(file, fleet_storage_class="b")["msg"].startswith("fleet_storage_class: it is set in the play")


def test_warnings_are_shown_and_returned(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _self, text, **_named: shown.append(text))
    made = run(inventory("fleet_thanos_version: 0.42.2"))
    (warning,) = made["plan_warnings"]
    assert warning.startswith("Host cluster-01, fleet_thanos_version: uploads at shutdown")
    assert warning in shown


def test_a_plan_to_read_clusters_needs_no_address(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    made = run(inventory(central=""), args={"purpose": "read"})
    assert made["clusters"]["cluster-02"]["access"] == {"context": "cluster-02"}
    assert "(phases 1 and 2 refuse this)" in made["plan_warnings"][0]


def test_an_inventory_without_a_group_is_refused(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("central: {hosts: {cluster-01: }}\nedges: {hosts: {cluster-02: }}")
    (problem,) = run(hosts)["problems"]
    assert problem["subject"] == "Group edge"
    assert problem["cause"].endswith("has only the groups central and edges")


def test_other_options_are_refused(inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]) -> None:
    for args, words in (({"namespace": "a"}, "namespace"), ({"purpose": "write"}, "change, read")):
        with pytest.raises(AnsibleActionFail, match=words):
            run(inventory(), args=args)


# The run.


def test_a_run_is_the_process_that_started_the_worker(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]]
) -> None:
    first, second = run(inventory())["run"], run(inventory())["run"]
    assert first == second
    assert first["pid"] == os.getppid()
    assert first["started"] == processes.started(os.getppid())
    assert first["owner"].endswith(f"@{first['host']}")
    assert len(first["id"]) == 8


def test_without_proc_the_start_is_what_ps_says(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ps = tmp_path / "bin/ps"
    ps.parent.mkdir()
    ps.write_text("#!/bin/sh\necho '  Thu Jan  1 00:00:00 2026 '\n")
    ps.chmod(0o755)
    monkeypatch.setattr(processes, "PROC", tmp_path)
    monkeypatch.setenv("PATH", f"{ps.parent}:{os.environ['PATH']}")
    assert run(inventory())["run"]["started"] == "/Thu Jan 1 00:00:00 2026"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(inventory())["run"]["started"] == ""


def test_a_user_without_a_name_is_a_number(
    inventory: Callable[..., Path], run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run(inventory())["run"]["owner"].startswith(f"{os.getuid()}@")


# In a playbook.


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., tuple[int, str, int]]:
    """Run a playbook; its status, its output, and the number of its process."""

    def play(file: Path, plays: list[dict[str, Any]], *arguments: str) -> tuple[int, str, int]:
        playbook = tmp_path / "play.yml"
        playbook.write_text(yaml.safe_dump([{"gather_facts": False, **each} for each in plays]))
        command = [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            file,
            playbook,
            "-e",
            "ansible_connection=local",
        ]
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **settings},
        )
        output, _nothing = process.communicate()
        return process.returncode, output, process.pid

    return play


def check(*conditions: str) -> dict[str, Any]:
    return {"ansible.builtin.assert": {"that": list(conditions)}}


def vaulted(text: str) -> str:
    """As it stands in an inventory."""
    vault = VaultLib([("default", VaultSecret(b"password of the vault"))])
    lines = vault.encrypt(text.encode()).decode().splitlines()
    return "\n".join(["!vault |", *(f"      {line}" for line in lines)])


def test_vaulted_values_are_values_and_stay_secret(
    inventory: Callable[..., Path], play: Callable[..., tuple[int, str, int]], tmp_path: Path
) -> None:
    edge = f"fleet_cluster_domain: {vaulted('edge.local')}\nprometheus_agent_credentials:\n  token: {vaulted(SECRET)}"
    file = inventory(central=TLS, edge=edge)
    of_edge = "fleet.clusters['cluster-02']"
    as_planned = check(f"{of_edge}.cluster_domain == 'edge.local'", f"{of_edge}.credentials['keys'] == ['token']")
    plays = [{"hosts": "edge", "tasks": [TASK, as_planned]}]
    password = tmp_path / "password"
    password.write_text("password of the vault")
    status, output, _process = play(file, plays, "--vault-password-file", str(password), "-vvv")
    assert status == 0, output
    assert SECRET not in output
    password.write_text("another one")
    status, output, _process = play(file, plays, "--vault-password-file", str(password))
    assert status != 0
    of_edges = "Hosts cluster-02 and cluster-03"
    why = "it cannot be decrypted, because the vault password is wrong"
    assert f"{of_edges}, prometheus_agent_credentials: {why}. Fix" in output, output
    assert f"{of_edges}, fleet_cluster_domain: {why}. Fix" in output, output


#: Variable -> its value, and why it cannot be had.
CANNOT_BE_HAD = {
    "object_storage_config": (
        "{{ lookup('miribit.missing.vault', word) }}",
        (
            "its template fails: the lookup plugin miribit.missing.vault is not installed. "
            "Fix: run ansible-galaxy collection install miribit.missing."
        ),
    ),
    "thanos_receiver_tls_files": (
        {"key": "{{ lookup('file', '/missing/tls.key') }}"},
        "its template fails: the file /missing/tls.key is missing. Fix: create the file, or correct the path.",
    ),
    "thanos_receiver_limits": (
        "{{ lookup('template', file) }}",
        "its template fails: a file is missing. Fix: create the file, or correct the path.",
    ),
    "thanos_receiver_ingress_annotations": (
        {"a": "{{ secrets.nothing }}"},
        "its template fails: 'nothing' is undefined. Fix: define nothing, or correct its name.",
    ),
    "thanos_receiver_service_annotations": (
        {"a": "{{ secrets[word] }}"},
        "its template fails. Fix: correct the template, or set what it uses.",
    ),
    "thanos_receiver_node_selector": (
        {"a": "{{ word | from_json }}"},
        "its template fails: the plugin from_json reports an error. Fix: check its arguments and what it reads.",
    ),
    "thanos_receiver_tolerations": (
        "{{ word | ansible.builtin.mandatory(msg=word) | no_such }}",
        (
            "its template fails: the plugin no_such is not installed. "
            "Fix: correct its name, or install its collection with ansible-galaxy."
        ),
    ),
    "thanos_query_node_selector": (
        "{{ lookup('env', 'MIRIBIT_MISSING', default=undef()) }}",
        "its template fails: the environment variable MIRIBIT_MISSING is not set. Fix: export MIRIBIT_MISSING.",
    ),
    "thanos_query_tolerations": (
        "{{ word + }}",
        "its template fails: its syntax is invalid. Fix: correct the template.",
    ),
    "thanos_query_extra_args": (
        "{{ thanos_query_extra_args }}",
        "its template fails: it refers to itself. Fix: remove the loop.",
    ),
    "thanos_query_resources": (
        "{{ encrypted }}",
        (
            "it cannot be decrypted, because no vault password was given. "
            "Fix: add --ask-vault-pass, or set ANSIBLE_VAULT_PASSWORD_FILE."
        ),
    ),
}


def test_a_secret_that_cannot_be_had_is_reported_with_its_cause_and_nothing_else(
    inventory: Callable[..., Path], play: Callable[..., tuple[int, str, int]]
) -> None:
    given = {name: value for name, (value, _words) in CANNOT_BE_HAD.items()}
    others = {"word": SECRET, "secrets": {"other": SECRET}, "file": f"/missing/{SECRET}"}
    central = f"{ADDRESS}\n{yaml.safe_dump({**given, **others})}\nencrypted: {vaulted(SECRET)}"
    status, output, _process = play(inventory(central=central), [{"hosts": "central", "tasks": [TASK]}], "-vvv")
    assert status != 0
    for name, (_value, words) in CANNOT_BE_HAD.items():
        assert f"- Host cluster-01, {name}: {words}" in output, output
    # Ansible itself shows the path of a file that it does not find.
    assert SECRET not in re.sub(r"\[WARNING\]: Unable to find '/missing/[^']*'[^\[]*", "", output)


def test_every_host_of_a_play_or_batch_gets_the_plan_of_the_whole_fleet(
    inventory: Callable[..., Path], play: Callable[..., tuple[int, str, int]]
) -> None:
    shape = check(
        "fleet.edges == ['cluster-02', 'cluster-03']", "fleet.clusters[inventory_hostname].name == inventory_hostname"
    )
    same = check("other.run == fleet.run", "other.clusters == fleet.clusters")
    pid = {"ansible.builtin.debug": {"msg": "process {{ fleet.run.pid }}"}}
    first = {"hosts": "central:edge", "tasks": [TASK, shape, pid]}
    batches = {"hosts": "edge", "serial": 1, "tasks": [{**TASK, "register": "other"}, same]}
    status, output, process = play(inventory(), [first, batches], "--check", "--diff")
    assert status == 0, output
    assert output.count(f"process {process}") == 3
    assert "changed=0" in output
    assert "changed=1" not in output


def test_a_limit_leaves_the_validation_whole(
    inventory: Callable[..., Path], play: Callable[..., tuple[int, str, int]]
) -> None:
    alone = check("'fleet' not in hostvars['cluster-02']", "fleet.central == 'cluster-01'")
    plays = [{"hosts": "edge", "tasks": [TASK, alone]}]
    status, output, _process = play(inventory(), plays, "--limit", "cluster-03")
    assert status == 0, output
    status, output, _process = play(inventory(central=""), plays, "--limit", "cluster-03")
    assert status != 0
    assert "Hosts cluster-02 and cluster-03, prometheus_agent_remote_write_via: the address" in output


def test_a_failure_ends_the_play_for_every_host_and_shows_no_secret(
    inventory: Callable[..., Path], play: Callable[..., tuple[int, str, int]]
) -> None:
    edge = f"prometheus_agent_credentials: {{token: {SECRET}}}"
    after = {"ansible.builtin.debug": {"msg": "must not be reached"}}
    plays: list[dict[str, Any]] = [{"hosts": "all", "tasks": [TASK, after]}]
    status, output, _process = play(inventory(edge=edge), [*plays, {"hosts": "all", "tasks": [after]}], "-vvv")
    assert status != 0
    assert "the token would go over plain http" in output
    assert "must not be reached" not in output
    assert "Traceback" not in output
    assert SECRET not in output


def test_the_module_itself_says_that_it_is_an_action(run_module: Callable[..., dict[str, Any]]) -> None:
    assert "run it as a task of a playbook" in run_module(stub, {})["msg"]
