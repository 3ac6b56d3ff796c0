# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of pods and volumes that users write as Kubernetes has them: quantities, resources, tolerations, labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from ansible_collections.miribit.thanos.plugins.module_utils.base.names import DNS_SUBDOMAIN
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import (
    Converter,
    Flaw,
    Option,
    shown,
    unknown_keys,
    wording,
)

# ParseQuantity in pkg/api/resource/quantity.go of Kubernetes' apimachinery.
_FACTORS = {
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("n", "u", "m"), -3)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9}))((?P<power>[eE][+-]?[0-9]{1,2})|(?P<unit>[A-Za-z]*))"
)
#: What people write for bytes: 20 GB, 512mb, 1gi.
_BYTES = re.compile(r"\s*(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[kKmMgGtTpPeE])[iI]?[bB]?\s*")
_LEAST_BYTES = 2**20
_MANY_CPUS = 128
_RESOURCES = ("cpu", "memory", "ephemeral-storage")


def quantity(value: object) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if match is None or isinstance(value, bool) or (match["unit"] or "") not in _FACTORS:
        return None
    return Decimal(match["number"] + (match["power"] or "")) * _FACTORS[match["unit"] or ""]


def size(value: object, at: str = "", what: str = "storage") -> Iterator[Flaw]:
    """A number of bytes that something can be kept in."""
    amount = quantity(value)
    text = str(value)
    meant = _BYTES.fullmatch(text)
    proposal = f"{meant['number']}{meant['unit'].upper()}i" if meant else ""
    if amount is None:
        fix = f"write {proposal}" if proposal else "write one such as 20Gi"
        yield Flaw(f"must be a quantity, not {_described(value)}", fix, at)
    elif amount <= 0:
        yield Flaw(f"must be more than 0, not {text}", "write one such as 20Gi", at)
    elif amount < _LEAST_BYTES:
        fix = f"write {proposal}" if proposal else f"append a unit, such as {text}Gi"
        unit = "byte" if amount == 1 else "bytes"
        yield Flaw(f"{shown(text)} is {amount.normalize():f} {unit} of {what}", fix, at)


def cpu(value: object, at: str) -> Iterator[Flaw]:
    amount = quantity(value)
    if amount is None:
        yield Flaw(f"must be a quantity, not {_described(value)}", "write one such as 250m, or 2 for two CPUs", at)
    elif amount <= 0:
        yield Flaw(f"must be more than 0, not {value}", "write one such as 250m", at)
    elif amount > _MANY_CPUS:
        yield Flaw(f"{value} means {amount:f} CPUs", f"write {value}m for thousandths of a CPU", at, certain=False)


def resources(value: object) -> Iterator[Flaw]:
    """Requests and limits of a container."""
    if not isinstance(value, dict):
        return
    yield from unknown_keys(value, ("requests", "limits", "claims"))
    for part in ("requests", "limits"):
        amounts = value.get(part)
        if amounts is None:
            continue
        if not isinstance(amounts, dict):
            yield Flaw(f"must be a mapping, not {_described(amounts)}", "write {cpu: 250m, memory: 1Gi}", f".{part}")
            continue
        for name, amount in amounts.items():
            yield from _resource(str(name), amount, f".{part}")
    yield from _more_than_limit(value.get("requests"), value.get("limits"))


def _resource(name: str, amount: object, part: str) -> Iterator[Flaw]:
    at = f"{part}.{name}"
    if name == "cpu":
        yield from cpu(amount, at)
    elif name in _RESOURCES:
        yield from size(amount, at, name)
    elif "/" not in name and not name.startswith("hugepages-"):
        fix = wording(name, _RESOURCES, cutoff=0.6) or f"use {', '.join(_RESOURCES)}, or an extended resource"
        yield Flaw(f"unknown resource {name!r}", fix, part)
    elif quantity(amount) is None:
        yield Flaw(f"must be a quantity, not {_described(amount)}", "write one such as 1", at)


def _more_than_limit(requests: object, limits: object) -> Iterator[Flaw]:
    if not isinstance(requests, dict) or not isinstance(limits, dict):
        return
    for name, wanted in requests.items():
        amount, limit = quantity(wanted), quantity(limits.get(name))
        if amount is not None and limit is not None and amount > limit:
            cause = f"requests {wanted} of {name}, more than its limit {limits[name]}"
            yield Flaw(cause, "raise the limit or lower the request")


# Nodes.

_TOLERATION = Option(
    "dict",
    options={
        "key": Option(),
        "operator": Option(choices=("Exists", "Equal")),
        "value": Option(),
        "effect": Option(choices=("NoSchedule", "PreferNoSchedule", "NoExecute")),
        "tolerationSeconds": Option("int"),
    },
)


def tolerations(value: object) -> Iterator[Flaw]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        at = f"[{number}]"
        converter = Converter()
        converter.convert(_TOLERATION, each, at)
        yield from converter.flaws
        if not isinstance(each, dict) or converter.flaws:
            continue
        if each.get("operator") == "Exists" and each.get("value"):
            yield Flaw("has a value, which the operator Exists does not compare", "remove value, or write Equal", at)
        if not each.get("key") and each.get("operator") != "Exists":
            yield Flaw("missing key", "add key, or operator: Exists for all taints", at)
        if each.get("tolerationSeconds") is not None and each.get("effect") != "NoExecute":
            yield Flaw("has tolerationSeconds without effect: NoExecute", "add the effect, or remove it", at)
        yield from _texts({key: each.get(key) for key in ("key", "value")}, at)


# Labels and annotations.

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def labels(value: object) -> Iterator[Flaw]:
    for name, text in value.items() if isinstance(value, dict) else ():
        if isinstance(text, str) and text and not _NAME.fullmatch(text):
            fix = "use at most 63 letters, digits, '-', '_' and dots"
            yield Flaw(f"{shown(text)} is not a value of a label", fix, f".{name}")
    yield from annotation_texts(value)


def selector(value: object) -> Iterator[Flaw]:
    """A label selector, as Kubernetes has it."""
    if isinstance(value, dict):
        yield from unknown_keys(value, ("matchLabels", "matchExpressions"))
        for flaw in labels(value.get("matchLabels")):
            yield replace(flaw, at=f".matchLabels{flaw.at}")


def annotation_texts(value: object) -> Iterator[Flaw]:
    """Texts by qualified names."""
    if not isinstance(value, dict):
        return
    for name in value:
        prefix, slash, rest = str(name).rpartition("/")
        if not _NAME.fullmatch(rest) or (slash and not DNS_SUBDOMAIN.fullmatch(prefix)):
            yield Flaw(f"invalid key {str(name)!r}", "write NAME or PREFIX/NAME, such as example.com/name")
    yield from _texts(value)


def _texts(value: dict[str, object], at: str = "") -> Iterator[Flaw]:
    """YAML makes numbers and booleans of what Kubernetes wants as strings."""
    for name, text in value.items():
        if text is not None and not isinstance(text, str):
            yield Flaw(f"must be a string, not {_described(text)}", "put it in quotes", f"{at}.{name}")


def pull_secrets(value: object) -> Iterator[Flaw]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        name = each.get("name") if isinstance(each, dict) and set(each) == {"name"} else None
        if not isinstance(name, str) or not DNS_SUBDOMAIN.fullmatch(name):
            yield Flaw("is not a reference to a Secret", "write {name: NAME-OF-THE-SECRET}", f"[{number}]")


def _described(value: object) -> str:
    match value:
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return shown(value)
        case None:
            return "null"
    return "a mapping" if isinstance(value, dict) else "a list"
