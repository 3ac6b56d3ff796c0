# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thanos' configuration of a bucket: its form, as far as it can be known without the bucket.

From client/factory.go and providers/ of github.com/thanos-io/objstore at 71d60dfee488, which Thanos 0.42.4 has. No
value is shown but the type.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Collection, Iterator, Mapping

from ansible_collections.miribit.thanos.plugins.module_utils.base.problems import Problem, ProblemError
from ansible_collections.miribit.thanos.plugins.module_utils.base.reader import kind

with contextlib.suppress(ImportError):
    # Ansible needs it itself. Only ansible-test imports this where it is missing.
    import yaml

#: Without FILESYSTEM, see below. Thanos reads them in any case.
TYPES = ("S3", "GCS", "AZURE", "SWIFT", "COS", "ALIYUNOSS", "BOS", "OCI", "OBS")
_KEYS = ("type", "config", "prefix")

_HTTP = ("http_config", "max_retries")
#: Keys of config. One that is unknown here may be new, so only what is near one of these is taken for a typing error.
_CONFIG_KEYS: dict[str, tuple[str, ...]] = {
    "S3": (
        "bucket",
        "endpoint",
        "region",
        "disable_dualstack",
        "aws_sdk_auth",
        "access_key",
        "insecure",
        "signature_version2",
        "secret_key",
        "session_token",
        "put_user_metadata",
        "trace",
        "list_objects_version",
        "bucket_lookup_type",
        "send_content_md5",
        "disable_multipart",
        "part_size",
        "sse_config",
        "sts_endpoint",
        *_HTTP,
    ),
    "GCS": ("bucket", "service_account", "use_grpc", "grpc_conn_pool_size", "chunk_size_bytes", "no_auth", *_HTTP),
    "AZURE": (
        "az_tenant_id",
        "client_id",
        "client_secret",
        "storage_account",
        "storage_account_key",
        "storage_connection_string",
        "storage_create_container",
        "container",
        "endpoint",
        "user_assigned_id",
        "reader_config",
        "pipeline_config",
        "msi_resource",
        *_HTTP,
    ),
    "COS": ("bucket", "region", "app_id", "endpoint", "secret_key", "secret_id", *_HTTP),
    "ALIYUNOSS": ("endpoint", "bucket", "access_key_id", "access_key_secret"),
    "BOS": ("bucket", "endpoint", "access_key", "secret_key"),
    "OBS": ("bucket", "endpoint", "access_key", "secret_key", *_HTTP),
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    "S3": ("bucket", "endpoint"),
    "GCS": ("bucket",),
    "AZURE": ("storage_account", "container"),
    "SWIFT": ("container_name",),
    "ALIYUNOSS": ("endpoint", "bucket", "access_key_id", "access_key_secret"),
    "BOS": ("bucket", "endpoint", "access_key", "secret_key"),
    "OBS": ("bucket", "endpoint", "access_key", "secret_key"),
}
_FORMS = {"bucket": "the name of the bucket", "endpoint": "host:port, without https://"}
_NEAR = 0.8


def parsed(text: str, place: str) -> object:
    """Read the YAML of a configuration. Raises ProblemError where it is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        # Not the library's text: it quotes the line, which can be the one with the key.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ProblemError([Problem(place, f"it is not YAML{where}", "correct the text")]) from None


def bucket_problems(content: object, place: str) -> Iterator[Problem]:
    """Only the form: the probe shows whether the values are right."""
    if not isinstance(content, dict):
        cause = f"it is {kind(content)}, not a mapping"
        yield Problem(place, cause, "write it with the keys type and config")
        return
    for key in content:
        if key not in _KEYS:
            hint = _hint(str(key), _KEYS, 0.6)
            yield Problem(place, f"there is no key {key!r}", f"use only {', '.join(_KEYS)}{hint}")
    config = content.get("config")
    if not isinstance(config, dict):
        yield Problem(place, f"config is {kind(config)}, not a mapping", "write under it what the provider asks for")
    provider = str(content.get("type", "")).upper()
    if provider == "FILESYSTEM":
        cause = "a folder (type FILESYSTEM) is another one in each pod, and blocks in it reach no other component"
        yield Problem(place, cause, f"use one of {', '.join(TYPES)}")
    elif provider not in TYPES:
        hint = _hint(provider, TYPES, 0.6)
        yield Problem(place, f"there is no type {provider!r}", f"use one of {', '.join(TYPES)}{hint}")
    elif isinstance(config, dict):
        yield from _config_problems(provider, config, place)


def _config_problems(provider: str, config: Mapping[str, object], place: str) -> Iterator[Problem]:
    known = _CONFIG_KEYS.get(provider, ())
    for key in config:
        if key not in known and (hint := _hint(str(key), known, _NEAR)):
            yield Problem(place, f"config has the unknown key {key!r}", f"correct it{hint}")
    for key in _REQUIRED.get(provider, ()):
        if not config.get(key):
            fix = f"give {key}: {_FORMS[key]}" if key in _FORMS else f"give {key}"
            yield Problem(place, f"config has no {key}, which {provider} asks for", fix)
    if provider == "S3":
        yield from _s3_problems(config, place)


def _s3_problems(config: Mapping[str, object], place: str) -> Iterator[Problem]:
    if "://" in str(config.get("endpoint")):
        cause = "config.endpoint is a URL, and Thanos takes host and port only"
        yield Problem(place, cause, "leave http:// or https:// out, and set insecure: true for http")
    if bool(config.get("access_key")) != bool(config.get("secret_key")):
        there, missing = ("access_key", "secret_key") if config.get("access_key") else ("secret_key", "access_key")
        fix = f"add {missing}, or remove both, so that the environment or IAM gives them"
        yield Problem(place, f"config has {there} without {missing}", fix)
    if config.get("aws_sdk_auth") is True and config.get("access_key"):
        yield Problem(place, "config has aws_sdk_auth and access_key, which exclude each other", "remove one of them")
    for key in ("insecure", "signature_version2", "aws_sdk_auth"):
        if isinstance(config.get(key), str):
            yield Problem(place, f"config.{key} is a string, and Thanos reads no boolean from it", "remove the quotes")


def _hint(word: str, known: Collection[str], cutoff: float) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f" (did you mean {near[0]}?)" if near else ""
