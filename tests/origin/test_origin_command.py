"""The command: the ready line, signals, certificates that are renewed, and friendly refusals."""

from __future__ import annotations

import asyncio
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from origin.certificate import make_pair
from origin.cli import main, parser
from origin.lab import PARAMETERS

READY = re.compile(r"origin ready http=(http://127\.0\.0\.1:\d+)(?: https=https://127\.0\.0\.1:(\d+))?\n")


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, re.Match[str]]]:
    """``python -m origin`` once it said that it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "origin", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        ready = READY.fullmatch(line)
        assert ready is not None, line + (await process.communicate())[1].decode()
        yield process, ready
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_sigterm_lets_a_request_finish_and_exits_0(connect):
    async with started() as (process, ready):
        assert ready[2] is None
        reader, writer = await connect(ready[1])
        writer.write(b"GET /lab?delay=0.2&body=finished HTTP/1.1\r\nHost: h\r\n\r\n")
        idle_reader, idle_writer = await connect(ready[1])
        await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await idle_reader.read() == b""
        assert (await reader.read()).endswith(b"finished")
        output, errors = await process.communicate()
        assert (process.returncode, output, errors) == (0, b"", b"")
        writer.close()
        idle_writer.close()


async def test_a_renewed_certificate_takes_effect_and_a_bad_one_does_not(tmp_path: Path, until):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def renew(name: str) -> None:
        for path, data in zip((cert, key), make_pair(name), strict=True):
            path.write_bytes(data)

    async def served(port: str) -> str:
        pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", int(port)))
        return x509.load_pem_x509_certificate(pem.encode()).subject.rfc4514_string()

    renew("first.example")
    async with started("--https", "0", "--cert", str(cert), "--key", str(key)) as (process, ready):
        assert await served(ready[2]) == "CN=first.example"
        renew("second.example")
        process.send_signal(signal.SIGHUP)

        async def renewed():
            return await served(ready[2]) == "CN=second.example"

        await until(renewed)
        key.write_bytes(make_pair("third.example")[1])
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert b"the certificate stays as it was" in await process.stderr.readline()
        assert await served(ready[2]) == "CN=second.example"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_it_leaves_with_the_process_that_started_it(connect):
    """The parent starts the witness, passes its ready line on, and goes."""
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'origin', '--exit-with-parent'], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), end='', flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=pipe, stdout=pipe)
    assert parent.stdout is not None
    ready = READY.fullmatch((await parent.stdout.readline()).decode())
    assert ready is not None
    reader, writer = await connect(ready[1])
    assert parent.stdin is not None
    parent.stdin.close()
    await parent.wait()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_a_signal_before_everything_answers_ends_it_too():
    arguments = ("--role", "balancer", "--node", "http://127.0.0.1:9")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "importtime", "-m", "origin", *arguments, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if line.rstrip().endswith(b"| origin.cli"):
            break
    await asyncio.sleep(0.2)  # from the import to the signal handlers
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors[-2000:]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--cert", "a.pem"], "--cert and --key go together"),
        (["--role", "balancer"], "add --node"),
        (["--node", "http://a:1"], "--nodes N"),
        (["--role", "node", "--https", "0"], "to the balancer"),
        (["--http", "70000"], "0 to 65535"),
        (["--nodes", "0"], "1 to 26"),
        (["--health-interval", "0"], "0.01 to 3600"),
        (["--role", "balancer", "--node", "site-a:9000"], "http://site-a:9000"),
        (["--role", "spare"], "invalid choice"),
        (["--role", "balancer", "--node", "http://a:1", "--signed-only"], "is for the nodes"),
        (["--signed-only", "private"], "a path begins with /"),
    ],
)
def test_flags_that_do_not_go_together(capsys, arguments, word):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert word in capsys.readouterr().err


def test_a_certificate_that_is_not_there(capsys, tmp_path):
    assert main(["--https", "0", "--cert", str(tmp_path / "a.pem"), "--key", str(tmp_path / "b.pem")]) == 1
    assert "cannot use" in capsys.readouterr().err


def test_the_help_tells_every_parameter_of_the_lab():
    text = parser().format_help()
    for name in (*PARAMETERS, "/_origin/requests", "SIGHUP", "--exit-with-parent"):
        assert name in text
