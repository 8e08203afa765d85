"""A headless Chromium, driven over its DevTools protocol, for tests of pages and their pictures."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import websockets.sync.client

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--remote-debugging-port=0",
)
STARTED_WITHIN_S = 60
WAIT_S = 60


def find_chromium():
    """Path of Chromium, or None."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """One page of a browser of its own; a context manager."""

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="musqa-browser-")
        self._process = subprocess.Popen(
            [find_chromium(), *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.events = []
        self._n_sent = 0
        self._open = contextlib.ExitStack()
        try:
            self._channel = self._open.enter_context(
                websockets.sync.client.connect(
                    self._page_url(), max_size=None, open_timeout=STARTED_WITHIN_S
                )
            )
            for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
                self.send(f"{domain}.enable")
        except BaseException:
            self._end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end()

    def send(self, method, **parameters):
        """Send a command and return its result; events that come meanwhile are kept."""
        self._n_sent += 1
        own = self._n_sent
        self._channel.send(json.dumps({"id": own, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._channel.recv(timeout=WAIT_S))
            if message.get("id") == own:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self.events.append(message)

    def open(self, url, *, width=1400, height=900, dark=False):
        """Open a page, as a screen of some size and scheme shows it."""
        self.resize(width, height, dark=dark)
        self.send("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def resize(self, width, height, *, dark=False):
        """Change the screen under the open page."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, expression):
        """Evaluate JavaScript, awaiting a promise, and return its value."""
        found = self.send(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, expression, *, seconds=WAIT_S):
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < deadline, f"{expression} did not become true"
            time.sleep(0.1)

    def drop(self, paths, selector):
        """Drop a file or some on an element, as from a file manager."""
        x, y = self.centre(selector)
        files = [str(path) for path in (paths if isinstance(paths, list) else [paths])]
        data = {"items": [], "files": files, "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.send("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def choose(self, path, selector):
        """Choose a file in an input."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def centre(self, selector):
        """Return where the middle of an element is, scrolled into view."""
        box = f"document.querySelector({json.dumps(selector)})"
        return self.value(
            f"(() => {{ const e = {box}; e.scrollIntoView({{block: 'center'}}); "
            "const b = e.getBoundingClientRect(); "
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )

    def click(self, selector):
        """Click the middle of an element with the mouse."""
        x, y = self.centre(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key, *, code=None, text=None, modifiers=0):
        """Press and release a key; `modifiers` 8 is Shift."""
        common = {"key": key, "code": code or key, "modifiers": modifiers}
        self.send(
            "Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {})
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def requested(self):
        """Return the addresses of all requests since the start."""
        self.value("1")  # whatever was said before this is read now
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self):
        """Return errors of the console, the page and its content security policy."""
        self.value("1")
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"]["text"])
            if event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return found

    def picture(self, path, *, full=True):
        """Save a screenshot, of the whole page if wanted."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        path.write_bytes(base64.b64decode(found["data"]))

    def _page_url(self):
        port_file = Path(self._profile) / "DevToolsActivePort"
        deadline = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Chromium ended at once"
            if port_file.exists() and (lines := port_file.read_text().split()):
                with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                    pages = [page for page in json.load(answer) if page["type"] == "page"]
                if pages:
                    return pages[0]["webSocketDebuggerUrl"]
            time.sleep(0.1)
        raise AssertionError("Chromium did not start")

    def _end(self):
        self._open.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)
