# Copyright (c) 2026, miribit.thanos contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are more than a type: durations, networks, hosts, arguments, certificates."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from ansible_collections.miribit.thanos.plugins.module_utils.base.durations import milliseconds
from ansible_collections.miribit.thanos.plugins.module_utils.base.names import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    HIGHEST_PORT,
    LABEL_NAME,
)
from ansible_collections.miribit.thanos.plugins.module_utils.fleet.options import Flaw, shown

#: Checks the value of a variable, which has the right type.
Check = Callable[[object], Iterator[Flaw]]

_WORDS = {
    "y": r"y(?:ears?|rs?)?",
    "w": r"w(?:eeks?)?",
    "d": r"d(?:ays?)?",
    "h": r"h(?:ours?|rs?)?",
    "m": r"m(?:in(?:ute)?s?)?",
    "s": r"s(?:ec(?:ond)?s?)?",
}
_IN_WORDS = re.compile(
    r"\s*" + "".join(rf"(?:(?P<{unit}>[0-9]+)\s*{word}\s*)?" for unit, word in _WORDS.items()), re.IGNORECASE
)


def duration(value: object) -> Iterator[Flaw]:
    text = str(value)
    if milliseconds(text) is not None:
        return
    if text.isdigit():
        yield Flaw(f"{shown(text)} has no unit", f"write {text}s for seconds, or another unit: y, w, d, h, m, s, ms")
        return
    match = _IN_WORDS.fullmatch(text)
    meant = "".join(f"{number}{unit}" for unit, number in match.groupdict().items() if number) if match else ""
    form = "write whole numbers with the units y, w, d, h, m, s or ms, the largest first, such as 2d or 1h30m"
    yield Flaw(
        f"must be a duration, not {shown(text)}",
        f"write {meant}" if meant and milliseconds(meant) is not None else form,
    )


def interval(value: object) -> Iterator[Flaw]:
    """A duration above zero."""
    yield from duration(value)
    if milliseconds(str(value)) == 0:
        yield Flaw(f"must be more than {value}", "write a duration such as 30s")


def at_least(least: int) -> Check:
    def check(value: object) -> Iterator[Flaw]:
        if isinstance(value, int | float) and value < least:
            yield Flaw(f"must be {least} or more, not {value:g}", f"write {least} or more")

    return check


_BATCH = re.compile(r"[1-9][0-9]{0,4}|100%|[1-9][0-9]?%")


def batches(value: object) -> Iterator[Flaw]:
    """A play's `serial`: how many hosts at a time, or a list of that, each a number or a part of all."""
    several = value if isinstance(value, list) and value else [value]
    for each in several:
        if isinstance(each, bool) or not _BATCH.fullmatch(str(each)):
            form = "write a number of edges, a part of them such as 10%, or a list of these"
            yield Flaw(f"must be how many edges are changed at a time, not {shown(str(each))}", form)


# Networks and hosts.


def networks(value: object) -> Iterator[Flaw]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        yield from _network(str(each), f"[{number}]")


def _network(text: str, at: str) -> Iterator[Flaw]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield Flaw(f"must be a network in CIDR notation, not {shown(text)}", "write one such as 192.0.2.0/24", at)
        return
    if "/" not in text:
        yield Flaw(f"{shown(text)} has no prefix length", f"write {network}, or the prefix length of the network", at)
    elif network.network_address != ipaddress.ip_interface(text).ip:
        yield Flaw(f"{shown(text)} has bits set after its prefix", f"write {network}", at, certain=False)


def host(value: object) -> Iterator[Flaw]:
    """A host of an Ingress, or nothing."""
    text = str(value)
    if text and not DNS_SUBDOMAIN.fullmatch(text.removeprefix("*.")):
        fix = "write a DNS name in lower case, without scheme, port and path"
        yield Flaw(f"must be a host name, not {shown(text)}", fix)


def url(value: object) -> Iterator[Flaw]:
    text = str(value)
    if text and urlsplit(text).scheme not in {"http", "https", "oci"}:
        # Without the text: it may hold a password.
        yield Flaw("must be a URL", "write one such as https://charts.example.com")


def endpoints(value: object) -> Iterator[Flaw]:
    """Entries of Thanos' endpoint file."""
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, dict) and isinstance(each.get("address"), str):
            yield from _endpoint(each["address"], f"[{number}].address")


def _endpoint(address: str, at: str) -> Iterator[Flaw]:
    scheme, plus, rest = address.rpartition("+")
    if plus and scheme not in {"dns", "dnssrv", "dnssrvnoa"}:
        cause = f"{shown(address)} has an unknown lookup {scheme!r}"
        yield Flaw(cause, "write dns+HOST:PORT, dnssrv+NAME, dnssrvnoa+NAME or HOST:PORT", at)
    elif "/" in address:
        yield Flaw(f"must be HOST:PORT, not {shown(address)}", "remove the scheme and the path", at)
    elif not scheme.startswith("dnssrv"):
        _name, colon, port = rest.rpartition(":")
        if not (colon and port.isdigit() and 1 <= int(port) <= HIGHEST_PORT):
            yield Flaw(f"{shown(address)} has no port", "append the port of the StoreAPI, such as :10901", at)


# Names.


def object_name(value: object) -> Iterator[Flaw]:
    """A name of an object, or nothing. Not shown: it may be the secret itself."""
    if value and not DNS_SUBDOMAIN.fullmatch(str(value)):
        yield Flaw("is not a name of an object", "use lower case letters, digits, '-' and dots")


def workload_name(value: object) -> Iterator[Flaw]:
    if value and not DNS_LABEL.fullmatch(str(value)):
        yield Flaw(f"{shown(str(value))} is not a name of a workload", "use lower case letters, digits and '-'")


_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def data_key(value: object) -> Iterator[Flaw]:
    if not _KEY.fullmatch(str(value)):
        yield Flaw("is not a key of a Secret", "use letters, digits, '-', '_' and dots")


def label_names(value: object) -> Iterator[Flaw]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if not LABEL_NAME.fullmatch(str(each)):
            yield Flaw(f"{shown(str(each))} is not a label name", "use letters, digits and '_'", f"[{number}]")


_IMAGE = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9._:/]*(@sha256:[0-9a-f]{64})?")


def image(value: object) -> Iterator[Flaw]:
    if not _IMAGE.fullmatch(str(value)) or "://" in str(value):
        yield Flaw(f"{shown(str(value))} is not an image", "write REGISTRY/REPOSITORY:TAG, without https://")


# Lists of flags and jobs.


def arguments(value: object) -> Iterator[Flaw]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        text, at = str(each), f"[{number}]"
        flag, space, _rest = text.partition(" ")
        # Without the values, which may be secrets.
        if not text.startswith("--"):
            yield Flaw("is not a flag", "write it as --name=value, one flag per entry", at)
        elif space and "=" not in flag:
            yield Flaw(f"{flag} is separated from its value by a space", f"write {flag}=value", at)


def scrape_configs(value: object) -> Iterator[Flaw]:
    names: dict[str, int] = {}
    for number, each in enumerate(value if isinstance(value, list) else ()):
        name = each.get("job_name") if isinstance(each, dict) else None
        if not isinstance(name, str) or not name:
            yield Flaw("missing job_name", "add job_name", f"[{number}]")
        elif (first := names.setdefault(name, number)) != number:
            yield Flaw(f"has the same job_name as [{first}], {name}", "write another job_name", f"[{number}]")


# Certificates.

_FILE_NAME = re.compile(r"[~./][^\n]*|[^\n]*\.(?:crt|pem|key|cer)")


def pem_texts(value: object) -> Iterator[Flaw]:
    """PEM texts by name. Nothing of them is shown."""
    for key, text in value.items() if isinstance(value, dict) else ():
        if isinstance(text, str) and _FILE_NAME.fullmatch(text.strip()):
            fix = "read the file: {{ lookup('ansible.builtin.file', PATH) }}"
            yield Flaw("is the name of a file, not its content", fix, f".{key}")
