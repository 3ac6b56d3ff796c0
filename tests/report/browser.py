"""A real browser for the tests: Debian's Chromium, unpacked instead of installed, spoken to through a pipe.

It runs in a network namespace of its own, where not even loopback is up: what a page asks of a network cannot be had.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.files import place
from lab.paths import CACHE

#: The browser; and what it writes with: Latin, and Korean as in the names of the sample.
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-nanum")
BINARY = Path("usr/lib/chromium/chromium")
#: libpulse has a folder of its own, which its loader would look for on the system.
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio", "lib/x86_64-linux-gnu")
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    # It is root's, in a namespace without network, and opens nothing but files that a test wrote.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
)
TIMEOUT = 30.0

Scheme = Literal["light", "dark"]


class BrowserError(Exception):
    """What is wrong with the browser, in words for the person at the terminal."""


# How a machine gets it.


def ensure() -> Path:
    """The folder with the unpacked packages; fetched where it is not there yet."""
    release = platform.freedesktop_os_release()
    recipe = hashlib.sha256("\n".join((*PACKAGES, *LIBRARIES, FONTS)).encode()).hexdigest()[:16]
    folder = CACHE / "browser" / f"{release['ID']}-{release.get('VERSION_ID', '0')}-{recipe}"
    if folder.is_dir():
        return folder
    if platform.machine() != "x86_64" or shutil.which("apt-get") is None:
        raise BrowserError("the browser is taken from Debian's packages for x86_64; run these tests on such a machine")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with place(folder) as out:
                _fetch(out)
    return folder


def _fetch(out: Path) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        wanted = _missing()
        print(f"browser: fetching {len(wanted)} packages", flush=True)
        _apt("download", "-qq", *wanted, folder=scratch)
        archives = sorted(Path(scratch).glob("*.deb"))
        for archive in archives:
            subprocess.run(["dpkg-deb", "--extract", archive, out], check=True)
        size = sum(archive.stat().st_size for archive in archives) // 1_000_000
    (out / "fonts.conf").write_text(FONTS)
    done = subprocess.run(["ldd", out / BINARY], env=_environment(out), capture_output=True, text=True, check=True)
    lost = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
    if lost:
        raise BrowserError(f"{BINARY.name} needs {', '.join(lost)}; install the package that has it")
    print(f"browser: {size} MB in {time.monotonic() - began:.0f} s", flush=True)


def _missing() -> list[str]:
    """The packages, and what they need that the machine does not have, as "apt-get install" sees it."""
    lines = _apt("install", "--simulate", "--no-install-recommends", *PACKAGES).splitlines()
    # "Inst NAME (VERSION ARCHIVE ...)"; a package that is to be replaced has its old version in brackets before.
    needed = {words[1] for line in lines if (words := line.split()) and words[0] == "Inst"}
    return sorted({*needed, *PACKAGES})


def _apt(*arguments: str, folder: str | None = None) -> str:
    """apt-get, a second time with fresh lists where the first fails (a new machine has none, an old one stale ones)."""
    command = ["apt-get", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    for attempt in ("update", "give up"):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
        if attempt == "update":
            subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
    raise BrowserError(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": ":".join(str(folder / name) for name in LIBRARIES),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "LANG": "C.UTF-8",
    }


# How a test speaks to it: the DevTools protocol.


@dataclass
class Page:
    """One page, opened and laid out. What it said and what it asked for is kept."""

    browser: Browser
    session: str
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, as JSON can hold it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def screenshot(self, file: Path) -> None:
        """The whole page, however long."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(answer["data"]))


class Browser:
    """A running browser; see `running`."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, of: int) -> None:
        self._process = process
        self._to, self._of = to, of
        self._rest = b""
        self._number = 0
        self._pages: dict[str, Page] = {}
        self._loaded: set[str] = set()
        self._answers: dict[int, dict[str, Any]] = {}

    def open(self, url: str, *, width: int, height: int, scheme: Scheme = "light", media: str = "screen") -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        page.call("Emulation.setDeviceMetricsOverride", **size)
        wishes = [{"name": "prefers-color-scheme", "value": scheme}]
        page.call("Emulation.setEmulatedMedia", media=media, features=wishes)
        page.call("Page.setLifecycleEventsEnabled", enabled=True)
        answer = page.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        # Of this document: the blank page before it has events, too.
        self._until(lambda: answer["loaderId"] in self._loaded, f"{url} to load")
        return page

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self._until(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def _until(self, is_done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + TIMEOUT
        while not is_done():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._of], [], [], left)[0]:
                raise BrowserError(f"the browser did not answer within {TIMEOUT:.0f} s: {what}")
            received = os.read(self._of, 1 << 20)
            if not received:
                raise BrowserError(f"the browser ended ({self._process.wait(5)}): {what}")
            *messages, self._rest = (self._rest + received).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self._hear(message)

    def _hear(self, event: Mapping[str, Any]) -> None:
        session, parameters = event.get("sessionId", ""), event.get("params", {})
        page = self._pages.get(session)
        if page is None:
            return
        match event["method"]:
            case "Page.lifecycleEvent" if parameters["name"] == "load":
                self._loaded.add(parameters["loaderId"])
            case "Network.requestWillBeSent":
                page.requests.append(parameters["request"]["url"])
            case "Runtime.consoleAPICalled":
                page.console.append(f"{parameters['type']}: {json.dumps(parameters['args'])}")
            case "Runtime.exceptionThrown":
                page.console.append(f"exception: {json.dumps(parameters['exceptionDetails'])}")
            case "Log.entryAdded":
                page.console.append(f"{parameters['entry']['level']}: {parameters['entry']['text']}")


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser for the time of a test run, with a profile of its own."""
    folder = ensure()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as scratch:
        commands, to = os.pipe()
        of, answers = os.pipe()
        # The pipe's ends are file descriptors 3 and 4 to the browser. It is gone when we are, however we end.
        wrapped = [
            *("bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "browser"),
            *("unshare", "--net", *(() if os.geteuid() == 0 else ("--map-root-user",))),
            *("setpriv", "--pdeathsig", "KILL"),
            *(str(folder / BINARY), *FLAGS, f"--user-data-dir={scratch}/profile", "about:blank"),
        ]
        with (Path(scratch) / "log").open("wb") as log:
            process = subprocess.Popen(
                wrapped,
                env={**_environment(folder), "HOME": scratch, "TMPDIR": scratch},
                pass_fds=(commands, answers),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(commands)
        os.close(answers)
        try:
            browser = Browser(process, to, of)
            browser.call("Browser.getVersion")
            yield browser
        except BrowserError as error:
            words = (Path(scratch) / "log").read_text(errors="replace").strip()[-1000:]
            raise BrowserError(f"{error}\n{words}") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(to)
            os.close(of)
