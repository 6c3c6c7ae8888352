"""A real browser without a window, driven through its DevTools protocol; a WebSocket of a few lines is all that it takes."""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",
)
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "ArrowUp": 38, "ArrowDown": 40, "Backspace": 8, "=": 187, "u": 85, "3": 51}


class Browser:
    """One page of a browser of its own."""

    def __init__(self, folder: Path, *, dark: bool = False) -> None:
        assert CHROMIUM is not None
        folder.mkdir(parents=True, exist_ok=True)
        scheme = ("--force-dark-mode",) if dark else ()
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([CHROMIUM, *FLAGS, *scheme, f"--user-data-dir={folder}", "about:blank"], stderr=log, stdout=log)
        endpoint = until(lambda: (folder / "DevToolsActivePort").read_text().split() if (folder / "DevToolsActivePort").is_file() else None)
        self.socket = _WebSocket(f"ws://127.0.0.1:{endpoint[0]}{endpoint[1]}")
        self.last = 0
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.last += 1
        content = {"id": self.last, "method": method, "params": params}
        session = getattr(self, "session", None)
        self.socket.send(json.dumps(content | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, url: str) -> None:
        self.call("Page.enable")
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def press(self, key: str) -> None:
        about = {"key": key, "windowsVirtualKeyCode": KEYS[key], **({"text": key} if len(key) == 1 else {})}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=KEYS[key])

    def picture(self, path: Path, *, width: int = 1000, height: int = 720, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def until(answer, seconds: float = 60) -> Any:
    """What `answer()` gives as soon as it is not None or False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = answer()
        if found is not None and found is not False:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


class _WebSocket:
    """RFC 6455, as far as one client needs it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade")
        lines += (f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")
        self.connection.sendall("\r\n".join(lines).encode())
        self.stream = self.connection.makefile("rb")
        assert b"101" in self.stream.readline()
        while self.stream.readline() != b"\r\n":
            pass

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        assert len(data) < 1 << 16
        self.connection.sendall(b"\x81" + size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def receive(self) -> str:
        text = b""
        while True:
            first, second = self.stream.read(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
            text += self.stream.read(size)
            if first & 0x80:
                return text.decode()
