# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audit finds: the table of all findings. Each is explained in docs/audit.md.

What is not known never makes a finding, and never hides one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.miribit.thanos.plugins.module_utils.report import delivery, state, waste
from ansible_collections.miribit.thanos.plugins.module_utils.report.cluster import Hit
from ansible_collections.miribit.thanos.plugins.module_utils.report.fleet import Fleet

#: Critical: samples are lost, or nothing arrives. High: default credentials, data that will be lost, what breaks the
#: migration. Medium: waste and duplicates. Low: drift, old versions. Info: worth to know.
SEVERITIES = ("critical", "high", "medium", "low", "info")

# What ends a finding, where it is a phase of the migration.
PHASE_1, PHASE_2, PHASE_3 = "phase1", "phase2", "phase3"


@dataclass(frozen=True)
class Rule:
    id: str
    severity: str
    title: str
    find: Callable[[Fleet], Iterator[Hit]]
    why: str
    #: A phase, or what to do.
    ends_with: str


RULES = (
    # Critical
    Rule(
        "agent-delivers-nothing",
        "critical",
        "An agent delivers nothing",
        delivery.delivers_nothing,
        "What an agent cannot send, it keeps for some hours (a busy one: 40 minutes), then loses it without counting.",
        PHASE_2,
    ),
    Rule(
        "agent-drops-samples",
        "critical",
        "A sender loses samples",
        delivery.drops_samples,
        "What the receiver refuses is not sent again. Of what it answered with 409, it may have stored a part.",
        "read the status in the sender's log; with 409 compare clocks and labels, with 413 the receiver's limits",
    ),
    Rule(
        "agent-not-running",
        "critical",
        "An agent does not run",
        delivery.agent_not_running,
        "While no agent runs, nothing that only it scrapes is recorded.",
        "see why with kubectl describe, and correct what it names",
    ),
    Rule(
        "agent-remote-write-unresolvable",
        "critical",
        "An agent writes to an address that leads nowhere",
        delivery.remote_write_unresolvable,
        "Names of Services, single labels and another cluster's domain resolve in one cluster only.",
        PHASE_2,
    ),
    Rule(
        "identity-collision",
        "critical",
        "Two senders cannot be told apart",
        delivery.identity_collision,
        "Of two samples of one series, the receiver refuses the second one; in a bucket, their blocks overlap.",
        "give each its own external labels: variable fleet_cluster_label",
    ),
    Rule(
        "no-receiver",
        "critical",
        "There is no Thanos Receive",
        delivery.no_receiver,
        "Edges write to one, so nothing of what they send can arrive.",
        PHASE_1,
    ),
    Rule(
        "receiver-not-running",
        "critical",
        "Thanos Receive does not run",
        delivery.receiver_not_running,
        "Nothing that edges send is stored. Agents keep it for some hours (busy ones: 40 minutes).",
        "see why with kubectl describe, and correct what it names",
    ),
    # High
    Rule(
        "agent-lags",
        "high",
        "A sender is behind",
        delivery.lags,
        "Queries and alerts see old values, and a backlog of hours is lost (of a busy agent: of 40 minutes).",
        "see docs/remote-write.md for more shards, and whether the receiver answers with 5xx",
    ),
    Rule(
        "agent-owner-gitops",
        "high",
        "GitOps owns an agent that phase 2 has to change",
        waste.agent_owner_gitops,
        "What phase 2 changes in the cluster, the next synchronisation changes back.",
        "make the change where Argo CD or Flux reads it, or take the agent out of what it owns",
    ),
    Rule(
        "cluster-unreachable",
        "high",
        "Nothing could be seen of a cluster",
        state.unreachable,
        "Whether anything is wrong with it is not known, and no phase can begin there.",
        "correct what the evidence names, and run the audit again",
    ),
    Rule(
        "default-credentials",
        "high",
        "Default credentials are in use",
        state.default_credentials,
        "They stand in public documentation, so who reaches the address is in.",
        "set other ones where they are configured, then restart what reads them",
    ),
    Rule(
        "edge-without-agent",
        "high",
        "An edge has no agent",
        delivery.edge_without_agent,
        "Nothing there can write to Thanos Receive.",
        PHASE_2,
    ),
    Rule(
        "history-only-local",
        "high",
        "The history of an edge is in its own volume only",
        waste.history_only_local,
        "When the Full Prometheus and its volume are gone, so is what it stores. Phase 3 begins with a backup.",
        PHASE_3,
    ),
    Rule(
        "kubernetes-too-old",
        "high",
        "A cluster is too old for the migration",
        state.kubernetes_too_old,
        "Kubernetes before 1.25 lacks what the phases use, and they refuse to begin.",
        "update the cluster to 1.25 or later",
    ),
    Rule(
        "label-cluster-mismatch",
        "high",
        "The label cluster is not the one of the inventory",
        delivery.label_mismatch,
        "By it queries, dashboards and alerts tell clusters apart: one cluster looks like two, or two like one.",
        "set fleet_cluster_label to the value to keep; phase 2 then gives it to the agent",
    ),
    Rule(
        "node-not-ready",
        "high",
        "A node is not ready",
        state.node_not_ready,
        "What runs there is not replaced everywhere, and no phase can finish on it.",
        "see why with kubectl describe node",
    ),
    Rule(
        "owner-gitops",
        "high",
        "GitOps owns what phase 3 takes away",
        waste.owner_gitops,
        "What is removed in the cluster only, the next synchronisation brings back.",
        "set prometheus.enabled, alertmanager.enabled and grafana.enabled to false where Argo CD or Flux reads them",
    ),
    Rule(
        "readers-of-full",
        "high",
        "Somebody reads from what phase 3 takes away",
        waste.readers_of_full,
        "Without it they get no data: scaling stops, and dashboards are empty.",
        "let them read from Thanos Query, before phase 3",
    ),
    Rule(
        "remote-write-errors",
        "high",
        "A remote write loses samples or shows a secret, or will",
        delivery.remote_write_errors,
        "Each cause is explained in docs/remote-write.md.",
        PHASE_2,
    ),
    Rule(
        "rules-on-edge",
        "high",
        "Rules are evaluated by the Full Prometheus of an edge",
        waste.rules_on_edge,
        "An agent evaluates none, so without it these alerts never fire.",
        "move them to the Thanos Ruler of the central cluster, before phase 3",
    ),
    Rule(
        "targets-only-full",
        "high",
        "Targets are scraped by the Full Prometheus only",
        state.targets_only_full,
        "Their series end with it, and so do alerts and dashboards that need them.",
        "let the agent scrape them, too (extra jobs, or the operator's form of the agent), before phase 3",
    ),
    # Medium
    Rule(
        "alertmanager-on-edge",
        "medium",
        "An edge runs an Alertmanager",
        waste.alertmanager,
        "The central one sends all alerts once the rules are there.",
        PHASE_3,
    ),
    Rule(
        "claims-without-workload",
        "medium",
        "Volume claims belong to nothing that exists",
        waste.claims_without_workload,
        "They take up storage, and may hold data that somebody wants: nothing else says that they are there.",
        "look at what they hold, then kubectl delete pvc; phase 3 leaves those of a Full Prometheus for the way back",
    ),
    Rule(
        "duplicate-scraping",
        "medium",
        "Targets are scraped twice in one cluster",
        state.duplicate_scraping,
        "Exporters, network and memory carry each of these series twice.",
        PHASE_3,
    ),
    Rule(
        "full-prometheus-on-edge",
        "medium",
        "An edge runs a Full Prometheus",
        waste.full_prometheus,
        "It keeps on the edge what Thanos Receive keeps for all.",
        PHASE_3,
    ),
    Rule(
        "grafana-on-edge",
        "medium",
        "An edge runs a Grafana",
        waste.grafana,
        "The central one shows all clusters.",
        PHASE_3,
    ),
    Rule(
        "not-ready",
        "medium",
        "Pods of the monitoring are not ready",
        state.not_ready,
        "What they do is not done, or by fewer than it should be.",
        "see why with kubectl describe, and correct what it names",
    ),
    Rule(
        "receiver-single-replica",
        "medium",
        "Thanos Receive has a single replica",
        delivery.receiver_single_replica,
        "Each restart interrupts every edge, and an ingestor's loss is the loss of what is not yet in the bucket.",
        "ansible-playbook -i inventories/<environment> miribit.thanos.scale_receivers",
    ),
    Rule(
        "remote-scraping",
        "medium",
        "A cluster scrapes targets of another one",
        state.remote_scraping,
        "Once the agents deliver, the same series arrive twice, under different labels.",
        "take these jobs out of the scraping Prometheus (additionalScrapeConfigs) when the agents of phase 2 deliver",
    ),
    Rule(
        "targets-down",
        "medium",
        "Targets cannot be scraped",
        state.targets_down,
        "Their series have gaps, and it is not the migration that made them.",
        "correct what the error names, or take the target away",
    ),
    Rule(
        "volumes-delete-policy",
        "medium",
        "Volumes of what phase 3 takes away are deleted with their claims",
        waste.volumes_delete_policy,
        "With the reclaim policy Delete, a deleted claim cannot be undone. Phase 3 deletes none unless it is asked to.",
        "set persistentVolumeReclaimPolicy of the volume to Retain, if the data is to outlive its claim",
    ),
    # Low
    Rule(
        "leftover-pods",
        "low",
        "Failed pods are left over",
        waste.leftover_pods,
        "Nothing replaces them, and they stay in every list of what is broken.",
        PHASE_3,
    ),
    Rule(
        "old-versions",
        "low",
        "A Thanos is older than 0.42.3",
        state.old_versions,
        "Before, a receiver that ends does not upload what it holds.",
        "update it",
    ),
    Rule(
        "owner-none",
        "low",
        "Nobody owns what phase 3 takes away",
        waste.owner_none,
        "The objects themselves are removed, and nothing but the migration's own record could bring them back.",
        PHASE_3,
    ),
    Rule(
        "remote-write-warnings",
        "low",
        "A remote write could lose samples",
        delivery.remote_write_warnings,
        "Each cause is explained in docs/remote-write.md.",
        PHASE_2,
    ),
    # Info
    Rule(
        "agent-flags-of-2",
        "info",
        "An agent has the flags of Prometheus 2",
        state.agent_flags_of_2,
        "Prometheus 3 does not start with them: --enable-feature=agent has become --agent.",
        "change the flags together with the image",
    ),
    Rule(
        "sidecar-uploads",
        "info",
        "The history of an edge is in the bucket",
        waste.sidecar_uploads,
        "Its sidecar uploads it, so only the newest hours are to be saved before phase 3.",
        PHASE_3,
    ),
    Rule(
        "unseen-facts",
        "info",
        "Not all could be seen",
        state.unseen,
        "What is not known is in no finding; the list of what could not be seen says what that hides.",
        "give the permissions or the answers that are missing, and run the audit again",
    ),
)


@dataclass(frozen=True)
class Finding:
    """A rule, and where it applies."""

    rule: Rule
    hits: tuple[Hit, ...]

    @property
    def clusters(self) -> list[str]:
        return sorted({hit.cluster.name for hit in self.hits})


def find(fleet: Fleet) -> list[Finding]:
    """All findings, the worst first."""
    found = [Finding(rule, tuple(rule.find(fleet))) for rule in RULES]
    some = [finding for finding in found if finding.hits]
    return sorted(some, key=lambda finding: (SEVERITIES.index(finding.rule.severity), finding.rule.id))
