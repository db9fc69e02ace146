# SPDX-License-Identifier: Apache-2.0
"""`parley chat` (001-brands 18): lists of brands, addresses, TLS and proxies, and the real server."""

import json
import re
import ssl
import subprocess

import pytest

from api.chat_fakes import Bare, Scripted, cut, echo, tunnel


@pytest.fixture
def chat(parley):
    """Runs `parley chat --url …` to its end."""

    def call(fake, *arguments, **options):
        return parley("chat", "--url", fake if isinstance(fake, str) else fake.url, *arguments, **options)

    return call


# ---- brands ----

BRANDS = [{"id": "techpro", "name": "TechPro"}, {"id": "nope", "name": "N\x1bope"}]


def test_list(chat):
    with Scripted(echo, {"/brands/active": (200, BRANDS)}) as fake:
        done = chat(fake, "--list")
        assert done.returncode == 0 and done.stdout == "techpro  TechPro\nnope  Nope\n"
        assert json.loads(chat(fake, "--list", "--json").stdout.splitlines()[1]) == BRANDS[1]


@pytest.mark.parametrize("status", [401, 403])
def test_list_of_what_anybody_may_see(chat, status):
    with Scripted(echo, {"/brands/active": (status, {"detail": "no"}), "/": (200, {"brands": BRANDS[:1]})}) as fake:
        assert chat(fake, "--list").stdout == "techpro  TechPro\n"
        assert [path for path, _ in fake.requests] == ["/brands/active", "/"]


@pytest.mark.parametrize("pages", [
    {"/brands/active": (500, {})},
    {"/brands/active": (200, b"no json")},
    {"/brands/active": (200, {"brands": 5})},
    {"/brands/active": (401, {}), "/": (200, b"<html>")},
    {"/brands/active": (401, {}), "/": (503, {})},
])
def test_list_of_nothing_useful(chat, pages):
    with Scripted(echo, pages) as fake:
        done = chat(fake, "--list")
    assert done.returncode == 1 and done.stderr.startswith("parley: 127.0.0.1:") and not done.stdout


def test_list_of_a_server_that_never_answers(chat):
    with Bare(lambda sock, request: None) as fake:
        assert chat(fake, "--list", "--timeout", "1").returncode == 3


def test_all_brands(chat):
    async def script(peer):
        if peer.ws.request.path.endswith("/nope"):
            await peer.send("error", message="Brand 'nope' not found or inactive", code="brand_unavailable")
            return await peer.close(4404)
        await echo(peer)

    with Scripted(script, {"/brands/active": (200, [BRANDS[1], BRANDS[0]])}) as fake:
        done = chat(fake, "--all-brands")
        assert done.returncode == 1 and "Brand 'nope' not found or inactive" in done.stderr
        assert done.stdout.startswith("--- nope\n--- techpro\nYou said: ") and len(fake.frames) == 1
        assert "You said: My question" in chat(fake, "--all-brands", "--message", "My question").stdout


# ---- below a path, over TLS, through a proxy ----


def test_below_a_path(chat):
    with Scripted(echo, {"/shop/brands/active": (200, BRANDS[:1])}) as fake:
        assert chat(fake.url + "/shop/", "--list").stdout == "techpro  TechPro\n"
        chat(fake.url + "/shop/ws", "--message", "x")
    assert fake.requests[-1][0] == "/shop/ws/ws/chat/techpro"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out",
         cert],
        check=True, capture_output=True, timeout=30)
    return key, cert


def test_tls(chat, certificate):
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Scripted(echo, {"/brands/active": (200, BRANDS[:1])}, tls=context) as fake:
        done = chat(fake, "--message", "x" * 50000, env={"SSL_CERT_FILE": str(cert)})
        assert done.returncode == 0 and done.stdout == f"You said: {'x' * 50000}\n", done.stderr
        assert chat(fake, "--list", env={"SSL_CERT_FILE": str(cert)}).stdout == "techpro  TechPro\n"
        assert chat(fake, "--message", "x").returncode == 3  # nobody vouches for it
        assert chat(fake.url.replace("wss", "ws"), "--message", "x", "--timeout", "2").returncode == 3
    with Scripted(echo) as fake:
        assert chat(fake.url.replace("ws", "wss"), "--message", "x", "--timeout", "2").returncode == 3


def test_proxy(chat):
    with Scripted(echo) as fake, tunnel(fake.port) as proxy:
        env = {"http_proxy": proxy.url.replace("ws", "http")}
        assert chat("ws://chat.example", "--message", "x", env=env).stdout == "You said: x\n"
        assert proxy.asked == ["CONNECT chat.example:80 HTTP/1.1"]
        assert chat(fake, "--message", "x", env=env).stdout == "You said: x\n"  # this machine needs none
        assert len(proxy.asked) == 1


# ---- the real server ----


def test_real_server(shared, chat):
    """001-brands#19 from the client's side"""
    questions = ["--message", "What is your cheapest laptop?", "--message", "Hello"]
    done = chat(shared.url, *questions, "--conversation", "chat-real-1")
    assert done.returncode == 0 and "899.00 USD" in done.stdout, done.stderr
    assert done.stdout.index("  * Norrby Quill 13: 899.00\n") < done.stdout.index("  * Halden Slate 14: 1,349.00\n")
    messages = shared.history("techpro", "chat-real-1")
    assert [m["role"] for m in messages] == ["user", "assistant"] * 2
    assert done.stdout.startswith(messages[1]["content"])


def test_real_server_interactive(shared, chat):
    done = chat(shared.url, "--conversation", "chat-real-2", stdin="Which laptop is good for video editing?\nbye\n")
    assert done.returncode == 0 and done.stdout.startswith("TechPro: Welcome to TechPro")
    assert "  * Halden Forge 16: 2,899.00\n" in done.stdout and re.search(r"  confidence 0\.\d+\n$", done.stdout)


def test_real_server_json(shared, chat):
    done = chat(shared.url, "--json", "--message", "Hello")
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types == ["welcome", "typing", "chunk", "typing", "complete"] and done.returncode == 0


def test_real_server_refuses(shared, chat):
    done = chat(shared.url, "--brand", "nope", "--message", "x")
    assert done.returncode == 1 and "Brand 'nope' not found or inactive" in done.stderr
    done = chat(shared.url, "--message", "x" * 2001)
    assert done.returncode == 1 and "2000" in done.stderr and not done.stdout
    done = chat(shared.url, "--api-key", "sk_wrong", "--message", "x")
    assert done.returncode == 1 and "Could not validate credentials" in done.stderr
    done = chat(shared.url, "--message", "x" * 70000)
    assert done.returncode == 1 and "(1009)" in done.stderr


def test_real_server_brands(shared, chat):
    assert "techpro  TechPro\n" in chat(shared.url, "--list").stdout
    everyone = chat(shared.url, "--list", "--api-key", shared.token)
    assert everyone.returncode == 0 and "techpro  TechPro\n" in everyone.stdout
    done = chat(shared.url, "--all-brands", "--message", "What is your cheapest laptop?")
    assert done.returncode == 0 and "--- techpro\n" in done.stdout and "899.00 USD" in done.stdout


def test_real_server_voice(shared, chat):
    """001-brands#30 from the client's side"""
    done = chat(shared.url, "--voice", "--message", "What is your cheapest laptop?")
    assert done.returncode == 0 and done.stdout.splitlines()[0].count(".") <= 3 and "\n  * " in done.stdout


def test_real_server_lost_in_the_middle(server, llm, chat):
    """001-brands#29: the line is cut while the model streams; the answer comes whole, and is stored once"""
    words = " ".join(f"word{i}" for i in range(60))
    llm.set(answer=f"fixed:{words}", deltaDelayMs=50)
    real = server(llm=llm)
    with cut(real.port, lambda seen: b"word9" in seen) as line:
        done = chat(line, "--json", "--message", "Tell me", "--conversation", "chat-cut-1")
    frames = [json.loads(one) for one in done.stdout.splitlines()]
    text = "".join(f["data"]["content"] for f in frames if f["type"] == "chunk")
    assert done.returncode == 0 and text == words and line.connections == 2, done.stderr
    messages = real.history("techpro", "chat-cut-1")
    assert [m["content"] for m in messages] == ["Tell me", words]


def test_real_server_lost_before_it_said_anything(server, llm, chat):
    llm.set(answer="fixed:Here it is.", firstDelayMs=3000)
    real = server(llm=llm)
    with cut(real.port, lambda seen: b'"typing"' in seen) as line:
        done = chat(line, "--message", "Tell me", "--conversation", "chat-cut-2")
    assert done.returncode == 0 and done.stdout == "Here it is.\n", done.stderr
    assert [m["content"] for m in real.history("techpro", "chat-cut-2")] == ["Tell me", "Here it is."]
