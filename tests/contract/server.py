"""A server to be asked: its own process, port and data folder, the owner's token and a browser's login."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

CONFIG = """\
[pickup]
max_workers = 1
every = "1s"
retry_backoff = "10ms"
stop_grace = "1s"
[orchestrator]
driver = "headless"
digests = {digests}
"""
PASSWORD = "a long enough password"


class Answer:
    def __init__(self, path, status, headers, body):
        self.path, self.status, self.headers, self.body = path, status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """Stopped, with all that it started, and its folder removed, at the end."""

    def __init__(self, program):
        self.program = program
        self.cookie = None

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="mc-contract-"))
        self.data = self.dir / "data"
        self.data.mkdir(mode=0o700)
        self.begin(digests="false")
        return self

    def begin(self, digests):
        """Starts the program; what is reported to Luci waits, or comes to her as digests."""
        (self.data / "config.toml").write_text(CONFIG.format(digests=digests))
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MC_", "XDG_", "TELEGRAM_", "GIT_"))}
        env |= {"HOME": str(self.dir), "TZ": "UTC", "MC_DEMO_PACE_MS": "1", "MC_DEMO_STATE": str(self.dir / "demo")}
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--data", self.data, "serve", "--demo", "--listen", "127.0.0.1:0"],
                env=env, cwd=self.dir, stdout=log, stderr=log,
            )
        try:
            self.wait("the server is there", lambda: "Mission Control is at" in self.log())
            local = json.loads((self.data / "local.json").read_text())
            self.url, self.token = local["url"], local["token"]
            self.port = urllib.parse.urlsplit(self.url).port
            if not self.cookie:
                self.log_in()
        except BaseException:
            self.__exit__()
            raise

    def restart(self, digests):
        self.end()
        self.begin(digests)

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.dir, ignore_errors=True)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def log_in(self):
        secret = re.search(r"login\?token=(\w+)", self.log()).group(1)
        answer = self.request("POST", "/login", form={"token": secret, "password": PASSWORD}, login=None)
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def wait(self, what, so, seconds=60):
        end = time.monotonic() + seconds
        while True:
            found = so()
            if found:
                return found
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"waited in vain: {what}\n{self.log()[-3000:]}")
            time.sleep(0.03)

    def request(self, method, path, body=None, form=None, login="token", headers=None, htmx=False, raw=None):
        """`login` is "token", "cookie", a token's text, or none. Of a stream the first message is read."""
        sent = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        data = raw
        if body is not None:
            sent["Content-Type"], data = "application/json", json.dumps(body).encode()
        if form is not None:
            sent["Content-Type"], data = "application/x-www-form-urlencoded", urllib.parse.urlencode(form, doseq=True).encode()
        if login == "cookie" or (form is not None and login == "token"):
            sent["Cookie"] = self.cookie
        elif login:
            sent["Authorization"] = f"Bearer {self.token if login == 'token' else login}"
        if form is not None or login == "cookie":
            sent = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", **sent}
        if htmx:
            sent["HX-Request"], sent["HX-Request-Type"] = "true", "partial"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            kept = {name.lower(): value for name, value in response.getheaders()}
            return Answer(path, response.status, kept, self.read(response, kept, connection))
        finally:
            connection.close()

    @staticmethod
    def read(response, headers, connection):
        if "event-stream" not in headers.get("content-type", ""):
            return response.read()
        text = b""
        if connection.sock:
            connection.sock.settimeout(3)
        try:
            while b"\n\n" not in text or b"data:" not in text.split(b"\n\n")[0]:
                text = text.split(b"\n\n", 1)[1] if b"\n\n" in text else text
                line = response.readline()
                if not line:
                    break
                text += line
        except TimeoutError:
            return b"data: (nothing within three seconds)\n\n"
        return text

    def get(self, path):
        return self.request("GET", path).json()

    def post(self, path, body):
        answer = self.request("POST", path, body=body)
        if answer.status >= 300:
            raise SystemExit(f"POST {path} {body}: {answer.status} {answer.body.decode()}")
        return answer.json()
