"""Where the lab keeps what."""

from __future__ import annotations

import os
from pathlib import Path

LAB = Path(__file__).resolve().parent
CHECKOUT = LAB.parent

#: What is built once and used again: tools, images. Kept by `lab down`.
CACHE = Path(os.environ.get("LAB_CACHE") or Path.home() / ".cache" / "miribit-thanos-lab")

#: What one lab writes while it exists. There is one lab on a machine, so there is one such place.
STATE = Path("/var/lib/miribit-lab")

#: The checkout that the state belongs to.
OWNER = STATE / "checkout"

#: Held by whatever changes the lab; kept outside STATE, which comes and goes.
LOCK = Path("/var/lock/miribit-lab")

#: A file system that exists inside the lab only: sockets, kubeconfigs. Outside, this path is not there.
INSIDE = Path("/run/miribit-lab")
KUBECONFIG = INSIDE / "kubeconfig"
