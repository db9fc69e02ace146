# SPDX-License-Identifier: Apache-2.0
"""The way to a provider (upstream-llm 6): TLS with a private authority and a client's certificate, HTTP/2 and its
resets behind nginx, proxies that tunnel (CONNECT, SOCKS5) and that ask for a password."""
import base64
import contextlib
import shutil
import socket
import subprocess
import threading
import time

import pytest

from api.chat_fakes import pump
from api.fixtures import running
from harness import FakeLlm


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """An authority, and what it has signed: a server's certificate for 127.0.0.1 and a client's."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here")
    here = tmp_path_factory.mktemp("papers")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=Fern CA", "-keyout",
            here / "ca.key", "-out", here / "ca.pem")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", here / f"{name}.key", "-out",
                here / f"{name}.csr")
        (here / "extension").write_text(extension, encoding="utf-8")
        openssl("x509", "-req", "-in", here / f"{name}.csr", "-CA", here / "ca.pem", "-CAkey", here / "ca.key",
                "-CAcreateserial", "-days", "1", "-extfile", here / "extension", "-out", here / f"{name}.pem")
    return here


@pytest.fixture
def fake():
    double = FakeLlm().start()
    yield double
    double.stop()


@pytest.fixture
def front(papers, fake, tmp_path):
    """nginx with TLS and HTTP/2 before the double, which learns of both by headers; its address."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program:
        pytest.skip("nginx is not here")
    port = free_port()
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(
        f"""daemon off; user root; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
events {{}}
http {{ access_log off; {temporary}
  server {{ listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {papers}/server.pem; ssl_certificate_key {papers}/server.key;
    ssl_client_certificate {papers}/ca.pem; ssl_verify_client on;
    location / {{ proxy_pass http://127.0.0.1:{fake.port}; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header X-Seen-Protocol $server_protocol; proxy_set_header X-Seen-Connection $connection;
      proxy_set_header X-Seen-Name $ssl_client_s_dn; }} }} }}
""", encoding="utf-8")
    process = subprocess.Popen([program, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"],
                               stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, process.stderr.read().decode()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
    yield f"https://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait(20)


def chats(fake):
    return [entry for entry in fake.log() if entry["path"].endswith("/chat/completions")]


def shown(papers, **fields):
    return {"retries": 0, "tls.caFile": papers / "ca.pem", "tls.clientCert": papers / "client.pem",
            "tls.clientKey": papers / "client.key", **fields}


def ask(site):
    return site.anon.post("/chat/techpro", json={"message": "Tell me a story"})


def test_http2_with_a_clients_certificate(front, papers, fake):
    """Answers at once, and one after another over a connection that is kept; each side's certificate is checked."""
    fake.set(answer="count:10", deltaDelayMs=30)
    with running(llm={"a": shown(papers, baseUrl=front)}) as site:
        for _ in range(3):
            assert ask(site).json()["response"].startswith("w1 ")
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(site.server.socket()) for _ in range(4)]
            for ws in sockets:
                ws.send("chat", message="Hello there")
            assert {ws.wait_complete().text for ws in sockets} == {" ".join(f"w{i}" for i in range(1, 11))}
    seen = [entry["headers"] for entry in chats(fake)]
    assert len(seen) == 7 and {head["x-seen-protocol"] for head in seen} == {"HTTP/2.0"}
    assert len({head["x-seen-connection"] for head in seen[:3]}) == 1
    assert len({head["x-seen-connection"] for head in seen}) <= 4
    assert {head["x-seen-name"] for head in seen} == {"CN=client"}


def test_http2_cancel_resets_the_stream(front, papers, fake):
    """upstream-llm#12: with HTTP/2 too `cancel` reaches the provider, with no further request to push it."""
    fake.set(answer="count:1000", deltaDelayMs=20)
    with running(llm={"a": shown(papers, baseUrl=front)}) as site, site.server.socket() as ws:
        ws.send("chat", message="Count")
        ws.receive_until("chunk")
        ws.send("cancel")
        assert ws.wait_complete(5).complete["metadata"]["finish_reason"] == "cancelled"
        deadline = time.monotonic() + 10
        while not chats(fake)[0]["clientClosedAt"]:
            assert time.monotonic() < deadline, "the double still writes"
            time.sleep(0.02)
        fake.set(answer="count:2")
        assert ws.turn("Again").text == "w1 w2"


def test_http2_can_be_switched_off(front, papers, fake):
    with running(llm={"a": shown(papers, baseUrl=front, http2=False)}) as site:
        assert ask(site).status_code == 200
    assert chats(fake)[-1]["headers"]["x-seen-protocol"] == "HTTP/1.1"


@pytest.mark.parametrize("without", ["tls.caFile", "tls.clientCert"])
def test_certificates_that_lack(front, papers, fake, without):
    """upstream-llm#23: no answer from there, over HTTP and over the socket; the next provider is asked."""
    second = FakeLlm().start().set(answer="fixed:From the second.")
    try:
        rows = shown(papers, baseUrl=front, order=1)
        for name in [without, "tls.clientKey"] if without == "tls.clientCert" else [without]:
            del rows[name]
        with running(llm={"a": rows, "b": {"baseUrl": second.url, "order": 2}}) as site:
            assert ask(site).json()["response"] == "From the second."
            with site.server.socket() as ws:
                assert ws.turn("Hello there").text == "From the second."
        assert chats(fake) == []
    finally:
        second.stop()


# ---- proxies --------------------------------------------------------------------------------------------------------


class Proxy:
    """A proxy for CONNECT or SOCKS5 that wants fern:moss and leads every name to one port; what it was asked for."""

    def __init__(self, port):
        self.port, self.asked, self.refused = port, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.at = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(30)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError, AssertionError):
            if self.greet(sock):
                server = socket.create_connection(("127.0.0.1", self.port), 10)
                server.settimeout(30)
                threading.Thread(target=pump, args=(sock, server), daemon=True).start()
                pump(server, sock)
                return
        sock.close()


class Connect(Proxy):
    def greet(self, sock):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(65536)
        lines = head.decode().split("\r\n")
        right = "Basic " + base64.b64encode(b"fern:moss").decode()
        if f"Proxy-Authorization: {right}" not in lines:
            self.refused += 1
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                         b"Proxy-Authenticate: Basic realm=\"x\"\r\n\r\n")
            return False
        self.asked.append(lines[0])
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True


class Socks(Proxy):
    def greet(self, sock):
        version, n = sock.recv(2)
        assert version == 5 and 2 in sock.recv(n)
        sock.sendall(b"\5\2")
        assert sock.recv(1) == b"\1"
        user = sock.recv(sock.recv(1)[0])
        word = sock.recv(sock.recv(1)[0])
        if (user, word) != (b"fern", b"moss"):
            self.refused += 1
            sock.sendall(b"\1\1")
            return False
        sock.sendall(b"\1\0")
        _, command, _, kind = sock.recv(4)
        assert command == 1
        size = {1: 4, 4: 16}.get(kind) or sock.recv(1)[0]
        self.asked.append((kind, sock.recv(size), int.from_bytes(sock.recv(2), "big")))
        sock.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        return True


@pytest.fixture
def secret_fake(tmp_path):
    double = FakeLlm("--tls", "--cert-host", "llm.fern.example", "--cert-out", str(tmp_path / "cert.pem")).start()
    yield double, tmp_path / "cert.pem"
    double.stop()


def test_connect_proxy(secret_fake):
    """upstream-llm#24: the name is the proxy's to look up, TLS goes through it, its password is never shown."""
    double, certificate = secret_fake
    double.set(answer="fixed:Through the tunnel.")
    with Connect(double.port) as proxy:
        row = {"baseUrl": "https://llm.fern.example/v1", "tls.caFile": certificate, "retries": 0,
               "proxy": f"http://fern:moss@{proxy.at}"}
        with running(llm={"a": row}) as site:
            assert ask(site).json()["response"] == "Through the tunnel."
            with site.server.socket() as ws:
                assert ws.turn("Hello there").text == "Through the tunnel."
            kept = site.admin.get("/api/v1/admin/llm/providers/a").json()["data"]
            assert kept["proxy"] == f"http://***@{proxy.at}"
            wrong = site.admin.put("/api/v1/admin/llm/providers/a", json={"proxy": f"http://fern:spruce@{proxy.at}"})
            assert wrong.status_code == 200 and "spruce" not in wrong.text
            assert site.admin.post("/api/v1/admin/llm/providers/a/test").json()["data"]["ok"] is False
        assert set(proxy.asked) == {"CONNECT llm.fern.example:443 HTTP/1.1"} and proxy.refused
    assert "proxy-authorization" not in chats(double)[0]["headers"]


def test_socks_proxy(fake):
    fake.set(answer="fixed:Through the sock.")
    with Socks(fake.port) as proxy:
        row = {"baseUrl": "http://127.0.0.1:9/v1", "retries": 0, "proxy": f"socks5://fern:moss@{proxy.at}"}
        with running(llm={"a": row}) as site:
            assert ask(site).json()["response"] == "Through the sock."
            with site.server.socket() as ws:
                assert ws.turn("Hello there").text == "Through the sock."
        assert set(proxy.asked) == {(1, b"\x7f\0\0\1", 9)}


def test_proxy_of_the_environment(secret_fake):
    """upstream-llm#24: HTTPS_PROXY is used, NO_PROXY respected."""
    double, certificate = secret_fake
    double.set(answer="fixed:Here.")
    with Connect(double.port) as proxy:
        env = {"HTTPS_PROXY": f"http://fern:moss@{proxy.at}", "NO_PROXY": "127.0.0.1"}
        row = {"baseUrl": "https://llm.fern.example/v1", "tls.caFile": certificate, "retries": 0}
        with running(llm={"a": row}, env=env) as site:
            assert ask(site).json()["response"] == "Here."
        assert len(proxy.asked) == 1
        row = {"baseUrl": double.url, "tls.verify": False, "retries": 0}
        with running(llm={"a": row}, env=env) as site:
            assert ask(site).json()["response"] == "Here."
        assert len(proxy.asked) == 1
