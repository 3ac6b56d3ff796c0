"""Write files so that who is killed while writing leaves no half of one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def place(target: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name only when it is full: who is killed leaves no half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
        out = Path(scratch) / "full"
        out.mkdir()
        yield out
        out.rename(target)


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """The file, whole or not at all; `mode` holds from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=mode, exist_ok=False)
    scratch.write_text(content)
    scratch.rename(path)
