"""The servers under comparison, each with its access log on, in front of one small origin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from bench.processes import LOAD_CPU, SERVER_CPU, Process, answers, free_port, pinned, wait_until
from edgesim.tls.authority import CertificateAuthority

SIZES = {"1k": 1_000, "100k": 100_000, "10m": 10_000_000}
CACHEABLE = "public, max-age=86400"

_NGINX = """
{user}worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log error.log crit;
events {{ worker_connections 8192; }}
http {{
  types {{ text/html html; application/octet-stream bin; }}
  default_type application/octet-stream;
  sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_timeout 75s; keepalive_requests 100000000;
  server_tokens off;
  log_format combined_again '$remote_addr - $remote_user [$time_local] "$request" '
                            '$status $body_bytes_sent "$http_referer" "$http_user_agent"';
{temporary}
{http}
}}
"""

_ORIGIN = """
  access_log off;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {root};
    location /o/ {{ add_header Cache-Control "{cacheable}"; try_files /1k.bin =404; }}
    location /miss {{ add_header Cache-Control "no-store"; try_files /1k.bin =404; }}
    location / {{ add_header Cache-Control "{cacheable}"; try_files $uri.bin =404; }}
  }}
"""

_PROXY = """
  access_log access.log {log};
  {extra}
  proxy_cache_path cache levels=1:2 keys_zone=bench:64m max_size=2g inactive=1d use_temp_path=off;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{http_port} backlog=4096;
    listen 127.0.0.1:{https_port} ssl backlog=4096;
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    add_header X-Cache-Status $upstream_cache_status;
    add_header X-Request-Id $request_id;
    location /miss {{ proxy_pass http://origin; }}
    location / {{ proxy_pass http://origin; proxy_cache bench; proxy_cache_lock on; }}
  }}
"""

_VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{origin}"; }}
sub vcl_recv {{ if (req.url ~ "^/miss") {{ return (pass); }} }}
"""

_WORLD = """
name: bench
latency: {{ mode: {latency} }}
front: {{ default_place: {place} }}
edges: [{{ pop: London, cache: 1 GB }}]
regional_caches: false
logs: {{ access: access.log }}
origins:
  small: {{ url: "http://127.0.0.1:{origin}", protocol: http-only }}
distributions:
  - name: bench
    aliases: [www.bench.test, localhost, 127.0.0.1]
    behaviors:
      - {{ path: "/miss*", origin: small, cache_policy: CachingDisabled }}
    default_behavior:
      origin: small
      ttl: {{ min: 0, default: 1 day, max: 365 days }}
      key: {{ query: all }}
"""


class Server:
    """One server as the rows see it: where it listens, what it has used, how to end it."""

    name = ""

    def __init__(self) -> None:
        self.http = self.https = 0
        self.processes: list[Process] = []
        self.counted: list[Process] = []

    def cpu(self) -> float:
        """Seconds of CPU time of the serving processes."""
        return sum(process.cpu() for process in self.counted)

    def beside(self) -> float:
        """Seconds of CPU time of what only writes its log."""
        return sum(process.cpu() for process in self.processes if process not in self.counted)

    def url(self, secure: bool = False) -> str:
        """Scheme, host and port."""
        return f"https://127.0.0.1:{self.https}" if secure else f"http://127.0.0.1:{self.http}"

    def stop(self) -> None:
        """End all its processes."""
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()


def _nginx_config(http: str) -> str:
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=False).stderr
    names = ["client_body", "proxy"]
    names += [name for name in ("fastcgi", "uwsgi", "scgi") if f"--without-http_{name}_module" not in built]
    temporary = "\n".join(f"  {name}_temp_path temp_{name};" for name in names)
    user = "user root;\n" if os.geteuid() == 0 else ""
    return _NGINX.format(user=user, temporary=temporary, http=http)


def _start_nginx(where: Path, config: str, port: int, cpu: str) -> Process:
    (where / "nginx.conf").write_text(config)
    command = ["nginx", "-p", str(where), "-c", str(where / "nginx.conf"), "-e", "error.log", "-g", "daemon off;"]
    process = Process(pinned(command, cpu), where / "output.log", cwd=where)
    wait_until(lambda: answers(port), process)
    process.settle()
    return process


class Origin(Server):
    """A small nginx with files of 1 kB, 100 kB and 10 MB, on the CPU of the load."""

    name = "origin"

    def __init__(self, where: Path) -> None:
        super().__init__()
        self.http = free_port()
        root = where / "files"
        root.mkdir(parents=True)
        for name, size in SIZES.items():
            (root / f"{name}.bin").write_bytes(os.urandom(size))
        http = _ORIGIN.format(port=self.http, root=root, cacheable=CACHEABLE)
        self.processes = self.counted = [_start_nginx(where, _nginx_config(http), self.http, LOAD_CPU)]


class Nginx(Server):
    """nginx with proxy_cache on disk and one worker. ``tuned`` buffers the log and keeps files open."""

    name = "nginx"

    def __init__(self, where: Path, origin: int, *, tuned: bool = False) -> None:
        super().__init__()
        where.mkdir()
        self.http, self.https = free_port(), free_port()
        authority = CertificateAuthority.load_or_create(where / "authority", time.time())  # noqa: TID251
        issued = authority.issue(["localhost", "127.0.0.1"], now=time.time())  # noqa: TID251
        (where / "cert.pem").write_bytes(issued.chain_pem)
        (where / "key.pem").write_bytes(issued.key_pem)
        http = _PROXY.format(
            log="combined_again buffer=64k flush=1s" if tuned else "combined_again",
            extra="open_file_cache max=20000 inactive=1h;" if tuned else "",
            origin=origin,
            http_port=self.http,
            https_port=self.https,
        )
        self.processes = self.counted = [_start_nginx(where, _nginx_config(http), self.http, SERVER_CPU)]


class Varnish(Server):
    """Varnish with its usual settings, its objects in memory; varnishncsa writes the log and is counted apart."""

    name = "varnish"

    def __init__(self, where: Path, origin: int) -> None:
        super().__init__()
        where.mkdir()
        self.http = free_port()
        (where / "bench.vcl").write_text(_VCL.format(origin=origin))
        instance = str(where / "instance")
        command = ["varnishd", "-F", "-j", "none", "-n", instance, "-a", f"127.0.0.1:{self.http}"]
        command += ["-f", str(where / "bench.vcl"), "-s", "malloc,512m", "-T", "none"]
        daemon = Process(pinned(command, SERVER_CPU), where / "output.log")
        self.processes, self.counted = [daemon], [daemon]
        wait_until(lambda: answers(self.http), daemon, 40)
        log = ["varnishncsa", "-n", instance, "-w", str(where / "access.log")]
        self.processes.append(Process(pinned(log, SERVER_CPU), where / "ncsa.log"))
        time.sleep(0.3)
        for process in self.processes:
            process.settle()


class Floor(Server):
    """Constant bytes from uvloop: what reading a request and writing an answer costs, and nothing else."""

    name = "floor"

    def __init__(self, where: Path) -> None:
        super().__init__()
        where.mkdir()
        self.http = free_port()
        command = [sys.executable, "-m", "bench.floor", str(self.http)]
        process = Process(pinned(command, SERVER_CPU), where / "output.log")
        self.processes = self.counted = [process]
        wait_until(lambda: answers(self.http), process)


class Edgesim(Server):
    """``edgesim up`` with one edge; log, metrics and verdicts on. ``real`` puts the viewers in Sydney, and waits."""

    name = "edgesim"

    def __init__(self, where: Path, origin: int, *, real: bool = False) -> None:
        super().__init__()
        where.mkdir()
        world = _WORLD.format(
            origin=origin, latency="real" if real else "reported", place="Sydney" if real else "London"
        )
        (where / "world.yaml").write_text(world)
        command = [sys.executable, "-m", "edgesim", "up", str(where / "world.yaml"), "--state", str(where / "state")]
        command += ["--http", "0", "--https", "0", "--control", "0"]
        process = Process(pinned(command, SERVER_CPU), where / "output.log")
        self.processes = self.counted = [process]
        found = ready_line(process)
        self.http, self.https = found
        process.settle()


def ready_line(process: Process, seconds: float = 20.0) -> tuple[int, int]:
    """Wait for edgesim to say that it is ready; its ports."""
    pattern = re.compile(r"edgesim ready http=http://[^:]+:(\d+) https=https://[^:]+:(\d+) ")
    wait_until(lambda: pattern.search(process.log.read_text()) is not None, process, seconds)
    match = pattern.search(process.log.read_text())
    assert match is not None
    return int(match[1]), int(match[2])


class Park:
    """The servers of one run, each started when first asked for."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._servers: dict[str, Server] = {}

    def get(self, name: str) -> Server:
        """The server of that name."""
        if name not in self._servers:
            self._servers[name] = self._start(name)
        return self._servers[name]

    def _start(self, name: str) -> Server:
        server = self._make(name)
        server.name = name
        return server

    def _make(self, name: str) -> Server:
        where = self._where / name
        if name == "origin":
            return Origin(where)
        if name == "floor":
            return Floor(where)
        origin = self.get("origin").http
        match name:
            case "nginx" | "nginx-tuned":
                return Nginx(where, origin, tuned=name == "nginx-tuned")
            case "varnish":
                return Varnish(where, origin)
            case "edgesim" | "edgesim-real" | "edgesim-memory":
                return Edgesim(where, origin, real=name == "edgesim-real")
        raise ValueError(f"no server is called {name}")

    def drop(self, name: str) -> None:
        """End one of them."""
        if name in self._servers:
            self._servers.pop(name).stop()

    def close(self) -> None:
        """End all of them."""
        for name in list(reversed(self._servers)):
            self.drop(name)
