# SPDX-License-Identifier: Apache-2.0
"""deploy/nginx.conf as it stands (but for names, ports and certificate) in front of the real server."""

import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time

import httpx
import pytest
from websockets.sync.client import connect

from harness import Turn

CONF = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def nginx(tmp_path):
    """A factory: nginx with our file in front of a server; its address."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program or not shutil.which("openssl"):
        pytest.skip("nginx or openssl is not here")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=chat.fern.example",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    started = []

    def start(server):
        port = free_port()
        text = CONF.read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        text = re.sub(r"listen \[::\]:\d+[^;]*;", "", text)
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
        text = text.replace("/etc/ssl/chat.fern.example/fullchain.pem", str(tmp_path / "cert.pem"))
        text = text.replace("/etc/ssl/chat.fern.example/privkey.pem", str(tmp_path / "key.pem"))
        (tmp_path / "parley.conf").write_text(text, encoding="utf-8")
        temporary = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; user root; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\nevents {{}}\n"
            f"http {{ access_log off; {temporary} include {tmp_path}/parley.conf; }}\n", encoding="utf-8")
        process = subprocess.Popen(
            [program, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"], stderr=subprocess.PIPE)
        started.append(process)
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, process.stderr.read().decode()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                assert time.monotonic() < deadline, "nginx does not listen"
                time.sleep(0.05)

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def trusting():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_requests_and_sockets_through_nginx(server, llm, nginx):
    llm.set(answer="count:20", deltaDelayMs=50)
    s = server({"trusted_proxies": "127.0.0.1", "public_url": "https://chat.fern.example"}, llm=llm)
    brand = s.brand()
    port = nginx(s)
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting(), trust_env=False, timeout=30) as client:
        assert client.get("/health").json()["status"] == "ok"
        reply = client.post(f"/chat/{brand}", json={"message": "Hello there"})
        assert reply.status_code == 200 and reply.json()["response"].endswith("w20")
        assert client.post(f"/chat/{brand}", content=b"x" * (13 << 20)).status_code == 413

    frames, at = [], []
    with connect(f"wss://127.0.0.1:{port}/ws/chat/{brand}", ssl=trusting(), compression=None, proxy=None) as ws:
        ws.send('{"type":"chat","data":{"message":"Count"}}')
        while not frames or frames[-1]["type"] != "complete":
            frames.append(json.loads(ws.recv(30)))
            at.append(time.monotonic())
    assert Turn(frames).text.endswith("w20")
    # Nothing was held back: a second of deltas came in many pieces, the first long before the last.
    chunks = [when for frame, when in zip(frames, at) if frame["type"] == "chunk"]
    assert len(chunks) >= 5 and chunks[-1] - chunks[0] > 0.3


def test_a_visitor_cannot_choose_an_address(server, nginx):
    """What a visitor writes into X-Forwarded-For is replaced: the limit counts the real address."""
    s = server({"trusted_proxies": "127.0.0.1", "limits.chat": 2})
    port = nginx(s)
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusting(), trust_env=False, timeout=30) as client:
        codes = []
        for i in range(4):
            head = {"X-Forwarded-For": f"192.0.2.{i}"}
            codes.append(client.post("/chat/techpro", json={"message": "Hello"}, headers=head).status_code)
    assert codes == [200, 200, 429, 429]
