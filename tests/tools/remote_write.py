"""Remote Write 1.0: bodies of requests, and series that are hard to get right."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

#: A series: its labels in the order in which they are sent.
Labels = tuple[tuple[str, str], ...]

_FIELD = descriptor_pb2.FieldDescriptorProto
#: The part of Prometheus' remote.proto and types.proto that a float sample needs: (name, number, type) of each field.
_MESSAGES = {
    "Label": (("name", 1, _FIELD.TYPE_STRING), ("value", 2, _FIELD.TYPE_STRING)),
    "Sample": (("value", 1, _FIELD.TYPE_DOUBLE), ("timestamp", 2, _FIELD.TYPE_INT64)),
    "TimeSeries": (("labels", 1, "Label"), ("samples", 2, "Sample")),
    "WriteRequest": (("timeseries", 1, "TimeSeries"),),
}


def _schema() -> descriptor_pb2.FileDescriptorProto:
    schema = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = schema.message_type.add(name=name)
        for field, number, kind in fields:
            if isinstance(kind, str):
                repeated = {"type": _FIELD.TYPE_MESSAGE, "type_name": f".prometheus.{kind}"}
                message.field.add(name=field, number=number, label=_FIELD.LABEL_REPEATED, **repeated)
            else:
                message.field.add(name=field, number=number, label=_FIELD.LABEL_OPTIONAL, type=kind)
    return schema


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_schema())
_WriteRequest = message_factory.GetMessageClass(_pool.FindMessageTypeByName("prometheus.WriteRequest"))


def body(series: Iterable[Labels], timestamp: int, value: float = 1) -> bytes:
    """One sample of each series, at this time in milliseconds, all with this value."""
    request = _WriteRequest()
    for labels in series:
        entry = request.timeseries.add()
        for name, text in labels:
            entry.labels.add(name=name, value=text)
        entry.samples.add(value=value, timestamp=timestamp)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def post(url: str, content: bytes, tenant: str, timeout: float = 30) -> tuple[int, str]:
    """The status of the answer, and the beginning of its text."""
    # urllib writes headers in Latin-1; an ingestor panics over a tenant that is not UTF-8.
    request = urllib.request.Request(url, content, {"THANOS-TENANT": tenant.encode().decode("latin-1")})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read(500).decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read(500).decode(errors="replace")


def awkward_series(number: int, seed: int) -> Iterator[Labels]:
    """Different series with few or many, short or very long labels, and characters of every kind."""
    chance = random.Random(seed)
    alphabet = [*map(chr, range(1, 0x250)), "\0", "\n", '"', "\\", "é", "名", "\u2028", "\ufffd", "\U0001f600"]
    for ordinal in range(number):
        labels = {"n": str(ordinal)}
        (more,) = chance.choices((0, 1, 3, 8, 60), weights=(6, 6, 4, 3, 1))
        for size in chance.choices(range(1, 40), weights=[38] + [1] * 38, k=more):
            labels["".join(chance.choices(alphabet, k=size))] = "".join(chance.choices(alphabet, k=size))
        if ordinal % 50 == 0:
            # Around 1 KiB Thanos goes over from one way of hashing to another.
            labels["long"] = chance.choice(alphabet) * chance.choice((900, 1000, 1024, 1100, 20_000))
        # Like bytes of UTF-8, which is the order of senders, Python orders texts by code points.
        yield tuple(sorted(labels.items()))
