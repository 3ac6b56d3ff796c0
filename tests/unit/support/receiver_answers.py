"""What receivers of Thanos 0.42.4 say: taken from running ones, and cut."""

from __future__ import annotations

RING = 47663494464828
# When it was loaded, and as the gauge prints it.
LOADED = 1767268710.1321793

_ROUTER = """\
# HELP thanos_receive_config_hash Hash of the currently loaded hashring configuration file.
# TYPE thanos_receive_config_hash gauge
thanos_receive_config_hash {hash}
# HELP thanos_receive_config_last_reload_success_timestamp_seconds Timestamp of the last successful reload.
# TYPE thanos_receive_config_last_reload_success_timestamp_seconds gauge
thanos_receive_config_last_reload_success_timestamp_seconds {loaded}
# TYPE thanos_receive_config_last_reload_successful gauge
thanos_receive_config_last_reload_successful 1
# TYPE thanos_receive_hashrings_file_errors_total counter
thanos_receive_hashrings_file_errors_total {errors}
# TYPE thanos_receive_write_samples histogram
thanos_receive_write_samples_bucket{{code="200",tenant="default-tenant",le="+Inf"}} 2
thanos_receive_write_samples_sum{{code="200",tenant="default-tenant"}} 4.8e+04
thanos_receive_write_samples_count{{code="200",tenant="default-tenant"}} 2
thanos_receive_write_samples_sum{{code="409",tenant="default-tenant"}} 12
thanos_receive_write_samples_sum{{code="200",tenant="tenant-a"}} 7
"""

INGESTOR = """\
# TYPE prometheus_tsdb_head_series gauge
prometheus_tsdb_head_series{tenant="default-tenant"} 1204
prometheus_tsdb_head_series{tenant="tenant-a"} 3
# TYPE thanos_shipper_upload_failures_total counter
thanos_shipper_upload_failures_total{tenant="default-tenant"} 1
# TYPE thanos_shipper_uploads_total counter
thanos_shipper_uploads_total{tenant="default-tenant"} 12
"""

# The goroutine that sets up rings waits for the next one (line 652) ...
WAITS = """\
goroutine profile: total 53
1 @ 0x48ef2e 0x46aee5 0x288dd6f 0x2943d05 0x654589 0x496ca1
#\t0x288dd6e\tgithub.com/thanos-io/thanos/pkg/receive.ConfigFromWatcher+0x1ae\tpkg/receive/config.go:374
#\t0x2943d04\tmain.setupHashring.func1+0x24\t\t\t\t\tcmd/thanos/receive.go:615
#\t0x654588\tgithub.com/oklog/run.(*Group).Run.func1+0x28\t\t\tgithub.com/oklog/run@v1.2.0/group.go:38

1 @ 0x48ef2e 0x46aee5 0x2943725 0x654589 0x496ca1
#\t0x2943724\tmain.setupHashring.func5+0x184\t\t\tcmd/thanos/receive.go:652
#\t0x654588\tgithub.com/oklog/run.(*Group).Run.func1+0x28\tgithub.com/oklog/run@v1.2.0/group.go:38
"""
# ... and builds one that cannot be built, for ever.
BUILDS = """\
goroutine profile: total 54
1 @ 0x289f557 0x289f1fd 0x28a3750 0x28a328b 0x294379c 0x654589 0x496ca1
#\t0x289f556\tgithub.com/thanos-io/thanos/pkg/receive.calculateSectionReplicas+0x256\tpkg/receive/hashring.go:216
#\t0x28a328a\tgithub.com/thanos-io/thanos/pkg/receive.NewMultiHashring+0x24a\t\tpkg/receive/hashring.go:708
#\t0x294379b\tmain.setupHashring.func5+0x1fb\t\t\t\t\t\tcmd/thanos/receive.go:662

1 @ 0x48ef2e 0x46aee5 0x288dd6f 0x2943d05 0x654589 0x496ca1
#\t0x288dd6e\tgithub.com/thanos-io/thanos/pkg/receive.ConfigFromWatcher+0x1ae\tpkg/receive/config.go:374
#\t0x2943d04\tmain.setupHashring.func1+0x24\t\t\t\t\tcmd/thanos/receive.go:615
"""

SET_UP = (
    "ts=2026-01-01T11:58:30.135297415Z caller=receive.go:667 level=info component=receive "
    'msg="Set up hashring for the given hashring config."\n'
)
SET_UP_JSON = (
    '{"caller":"receive.go:667","component":"receive","level":"info","msg":"Set up hashring for the given hashring '
    'config.","ts":"2026-01-01T11:58:30.135297415Z"}\n'
)
REFUSED = (
    "ts=2026-01-01T11:58:35.97450726Z caller=config.go:338 level=error component=receive component=config-watcher "
    'msg="failed to load configuration file" err="failed to parse configuration file: unexpected end of JSON input: '
    'configuration file is not parsable" path=/etc/thanos/hashrings.json\n'
)


def router(config_hash: int = RING, loaded: float = LOADED, errors: int = 0) -> str:
    """The metrics of a router, numbers as Go prints them."""
    return _ROUTER.format(hash=f"{config_hash:.14e}", loaded=f"{loaded:.16e}", errors=errors)
