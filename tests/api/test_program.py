# SPDX-License-Identifier: Apache-2.0
"""The program as a process (program.md 2 to 4): starting, settings, stopping."""
import pathlib
import re
import signal
import socket
import subprocess
import time

import httpx
import pytest

from api.fixtures import need
from api.helpers import Site, eventually, ok
from harness import Program, find_binary, run

LISTENING = re.compile(r"listening http://127\.0\.0\.1:\d+")


@pytest.fixture
def binary():
    need("parley", "PARLEY_BIN")
    return find_binary("parley", "PARLEY_BIN")


@pytest.fixture
def program(binary, tmp_path):
    """A factory of `parley …` processes with a data directory, ended at the end of the test."""
    started = []

    def start(*arguments, env=None):
        one = Program([binary, *arguments], env=env, cwd=tmp_path)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        if one.running:
            one.kill()


def test_1_demo_answers_a_question(program, tmp_path):
    """program#1: what `make run` starts prints where to look, and a question with its answer from the sample data."""
    demo = program("demo", "--listen", "127.0.0.1:0", "--data", tmp_path / "demo")
    text = eventually(lambda: "/docs" in demo.stdout + demo.stderr and demo.stdout + demo.stderr, 30)
    text = eventually(lambda: (out := demo.stdout + demo.stderr) and "Halden" in out and out, 30)
    assert "/demo" in text and "curl" in text and demo.addresses[0] in text
    assert "USD" in text  # the answer came from the sample catalogue
    with httpx.Client(base_url=demo.addresses[0], trust_env=False) as client:
        assert client.post("/brands", json={"name": "x", "description": "y"},
                           headers={"Host": "localhost"}).status_code == 200
    demo.stop(0)


def test_2_one_listening_line(program, tmp_path):
    """program#2: one line per listener on standard output, and it answers from then on."""
    server = program("serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "d")
    reply = httpx.get(server.addresses[0] + "/health", trust_env=False)
    assert reply.status_code == 200
    body = reply.json()
    assert body["status"] == "ok" and body["success"] is True and isinstance(body["uptime"],
            (int, float)) and body["version"]
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700 and (tmp_path / "d" / "secret.key").stat(
        ).st_mode & 0o777 == 0o600
    server.stop(0)
    lines = server.stdout.splitlines()
    assert len(lines) == 1 and LISTENING.fullmatch(lines[0])


def test_several_listeners(program, tmp_path):
    path = tmp_path / "sock"
    server = program("serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--listen", f"unix:{path}",
                     "--data", tmp_path / "d")
    eventually(lambda: len(server.addresses) == 3)
    for address in server.addresses[:2]:
        assert httpx.get(address + "/health", trust_env=False).status_code == 200
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://localhost/health").status_code == 200
    server.stop(0)


@pytest.mark.parametrize("arguments, env, file, source, name", [
    (["--limits.chat", "-1"], {}, None, None, "limits.chat"), (["--nope", "1"], {}, None, None, "nope"),
    ([], {"PARLEY_LIMITS_CHAT": "x"}, None, "PARLEY_LIMITS_CHAT", "limits.chat"),
    ([], {}, "nope = 1\n", "parley.conf", "nope"), ([], {}, "[limits]\nchat = 1000001\n", "parley.conf", "limits.chat"),
    (["--limits.chat=x"], {}, None, None, "limits.chat"),
    (["--ws.idle_timeout", "0"], {}, None, None, "ws.idle_timeout"), (["--log.level", "loud"], {}, None, None,
                                                                      "log.level")])
def test_3_bad_settings(binary, tmp_path, arguments, env, file, source, name):
    """program#3: exit 2, one line with source, name and range, no data directory."""
    config = tmp_path / "parley.conf"
    if file:
        config.write_text(file, encoding="utf-8")
        arguments = ["--config", config]
    done = run([binary, "serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data", *arguments], env=env,
               cwd=tmp_path, timeout=20)
    assert done.returncode == 2 and done.stdout == "", done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and name in lines[0], lines
    if source:
        assert source in lines[0]
    if name == "limits.chat" and "x" not in str(arguments) + str(env):
        assert "0" in lines[0] and "1000000" in lines[0]  # the range
    assert not (tmp_path / "data").exists()


def test_precedence_of_settings(binary, tmp_path):
    """program 2: flag, environment, file, alias, default."""
    config = tmp_path / "own.conf"
    config.write_text("# comment\nlog.level = info\n[limits]\nchat = 3\nread = 3\nmanage = 3\n", encoding="utf-8")

    def shown(*arguments, env=None):
        done = run([binary, "settings", *arguments], env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "limits.chat" in shown() and "ws.idle_timeout" in shown()
    server = Program([binary, "serve", "--config", config, "--listen", "127.0.0.1:0", "--data", tmp_path / "d",
                      "--limits.read=1"],
                     env={"PARLEY_LIMITS_READ": "2", "PARLEY_LIMITS_CHAT": "2"}, cwd=tmp_path).start()
    try:
        with httpx.Client(base_url=server.addresses[0], trust_env=False) as client:
            assert client.get("/products?limit=1").headers["x-ratelimit-limit"] == "1"
            assert client.post("/chat", json={"message": "hi"}).headers["x-ratelimit-limit"] == "2"
    finally:
        server.stop(0)


def settings_table(binary):
    """name → the other columns of `parley settings --markdown`."""
    done = run([binary, "settings", "--markdown"])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    assert done.returncode == 0 and all(len(row) == 7 for row in rows)
    return {row[0].strip("`"): row[1:] for row in rows}


def test_6_every_setting_of_every_contract(binary):
    """program#6: each is there with default, range and help; those of no use yet say so."""
    found = settings_table(binary)
    lines = pathlib.Path(__file__).with_name("settings_of_contracts.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert len(names) > 100
    missing = [name for name in names if name not in found and not any(one.startswith(name + ".") for one in found)]
    assert missing == []
    for name, (default, values, unit, reload, alias, help) in found.items():
        assert default and values and len(help) > 5 and reload in ("yes", "no"), name
    listed = {line.split()[0] for line in run([binary, "settings"]).stdout.splitlines()}
    assert listed == set(found)
    unused = {name for name, row in found.items() if row[-1].endswith("(not used by this version)")}
    assert {"redis", "line.api_base_url"} <= unused and not {"limits.chat", "jobs.workers"} & unused


SECRETS = {"store": "postgresql://u:swordfish@h/d", "redis": "redis://:swordfish@h", "admin.password": "swordfish-11",
           "secret": "swordfish" * 4, "smtp.password": "swordfish", "metrics.token": "swordfish-token-11",
           "llm.providers.a.apiKey": "swordfish", "llm.providers.a.extraHeaders": "X-Key=swordfish",
           "llm.providers.a.proxy": "http://u:swordfish@h:1", "llm.providers.a.embeddingApiKey": "swordfish"}


def test_6_no_secret_is_shown(binary, tmp_path):
    """program#6: a secret's value never shows, by whatever source it came."""
    flags = [word for name, value in SECRETS.items() for word in (f"--{name}", value)]
    (tmp_path / "parley.conf").write_text("".join(f"{name} = {value}\n" for name, value in SECRETS.items()),
                                          encoding="utf-8")
    variables = {f"PARLEY_{name.upper().replace('.', '_')}": value for name, value in SECRETS.items()
                 if not name.startswith("llm.")}
    for arguments, env in ((flags, {}), (["--config", tmp_path / "parley.conf"], {}), ([], variables),
                           ([], {"OPENAI_API_KEY": "swordfish", "REDIS_URL": "redis://:swordfish@h"})):
        done = run([binary, "settings", *arguments], env=env, cwd=tmp_path / "..")
        assert done.returncode == 0 and "swordfish" not in done.stdout + done.stderr
        assert re.search(r"^redis +set ", done.stdout, re.M)


def test_settings_of_no_use_yet(binary, tmp_path, server):
    """They are checked as others are; one that is given is told of once, at the start and by `check`."""
    for name, value in (("ocr.provider", "guess"), ("limits.widget", "-1"), ("line.reply_window_ms", "999"),
                        ("widget.custom_js", "maybe"), ("retention.error_days", "0"), ("jobs.workers", "65")):
        done = run([binary, "settings", f"--{name}", value], cwd=tmp_path)
        assert done.returncode == 2 and name in done.stderr and len(done.stderr.splitlines()) == 1, done
    one = server(settings={"ocr.provider": "tesseract", "redis": "redis://:swordfish@h"})
    told = [line for line in one.stderr.splitlines() if "not used by this version" in line]
    assert len(told) == 2 and "ocr.provider" in told[1] and "redis" in told[0] and "swordfish" not in one.stderr
    done = run([binary, "check", "--data", tmp_path / "d", "--moderation.model", "m"], cwd=tmp_path)
    assert done.returncode == 0 and "moderation.model" in done.stdout
    assert "ocr" not in done.stdout


def test_4_term_during_an_answer(server, fake_llm):
    """program#4: the stream ends whole, exit 0 in time, no new connection meanwhile."""
    fake = fake_llm()
    fake.set(answer="count:40", deltaDelayMs=40)
    one = server(llm=fake, settings={"drain.seconds": 10})
    site = Site(one)
    brand, port = site.brand(), one.port
    with brand.socket() as chat:
        chat.send("chat", message="hi", conversation_id="c")
        first = chat.receive_until("chunk")
        one.signal(signal.SIGTERM)

        def refused():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
                    sock.sendall(b"GET /health/readiness HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = sock.recv(1000)
                    return answer == b"" or b" 503 " in answer
            except OSError:
                return True

        eventually(refused, 2)
        turn = chat.wait_complete()
        assert (first[-1]["data"]["content"] + turn.text).split() == [f"w{n}" for n in range(1, 41)]
        assert turn.complete["metadata"]["finish_reason"] == "stop"
        assert chat.close_code() == 1001
    assert one.process.wait(10) == 0  # not stop(): a second signal would end it at once
    one.restart()
    assert one.history(brand.id, "c")[1]["content"].split()[-1] == "w40"


def test_4_term_during_an_http_answer(server, fake_llm):
    """program#4: a running request is finished as well."""
    import threading
    fake = fake_llm()
    fake.set(answer="count:20", deltaDelayMs=40)
    one = server(llm=fake)
    site, got = Site(one), []
    brand = site.brand()
    thread = threading.Thread(target=lambda: got.append(brand.say("hi")))
    thread.start()
    eventually(lambda: fake.chats())
    one.stop(0)
    thread.join()
    assert got[0]["response"].split()[-1] == "w20"


def test_idle_sockets_do_not_hold_the_end(server):
    one = server()
    with one.socket() as chat:
        chat.receive(10)
        begin = time.monotonic()
        one.signal(signal.SIGTERM)
        assert chat.close_code() == 1001
    assert one.process.wait(10) == 0
    assert time.monotonic() - begin < 4  # not until drain.seconds are over


def test_drain_has_an_end(server, fake_llm):
    fake = fake_llm()
    fake.set(answer="count:5000", deltaDelayMs=50)
    one = server(llm=fake, settings={"drain.seconds": 1})
    with one.socket() as chat:
        chat.receive(10)
        chat.send("chat", message="hi", conversation_id="c")
        chat.receive_until("chunk")
        one.signal(signal.SIGTERM)
        assert chat.close_code(15) == 1001
    assert one.process.wait(10) == 0
    one.restart()
    assert one.history("techpro", "c")[0]["content"] == "hi" and one.history("techpro",
            "c")[1]["content"].startswith("w1")


def test_a_second_signal_ends_at_once(server, fake_llm):
    fake = fake_llm()
    fake.set(answer="count:5000", deltaDelayMs=50)
    one = server(llm=fake, settings={"drain.seconds": 60})
    with one.socket() as chat:
        chat.receive(10)
        chat.send("chat", message="hi")
        chat.receive_until("chunk")
        one.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            one.process.wait(0.3)
        one.signal(signal.SIGTERM)
        assert one.process.wait(5) == 1
    one.stop(1)


def test_5_one_process_a_directory(server, binary):
    """program#5: a second server is refused and names the first; after kill -9 the next start needs no help."""
    one = server()
    done = run([binary, "serve", "--listen", "127.0.0.1:0", "--data", one.data], timeout=20)
    assert done.returncode == 2 and str(one.pid) in done.stderr and "listening" not in done.stdout
    site = Site(one)
    brand = site.brand()
    brand.say("remember", conversation_id="c")
    one.kill()
    one.restart()
    assert one.history(brand.id, "c")[0]["content"] == "remember"


def test_a_port_in_use(server, binary, tmp_path):
    one = server()
    done = run([binary, "serve", "--listen", f"127.0.0.1:{one.port}", "--data", tmp_path / "d"], timeout=20)
    assert done.returncode == 2 and str(one.port) in done.stderr


def test_commands_and_help(binary, tmp_path):
    for arguments, code in ((["version"], 0), (["help"], 0), (["--help"], 0), (["help", "serve"], 0),
                            (["serve", "--help"], 0), (["openapi"], 0),
                            (["serv"], 2), (["serve", "--lisen", "x"], 2)):
        done = run([binary, *arguments], cwd=tmp_path, timeout=20)
        assert done.returncode == code, (arguments, done)
        assert done.stdout.strip() if code == 0 else "serve" in done.stderr or "listen" in done.stderr, (arguments,
                done)
    assert list(tmp_path.iterdir()) == []


def test_users_from_the_command_line(server, binary, tmp_path):
    """`parley user create` beside a running server; the account signs in at once."""
    one = server()
    password = tmp_path / "password"
    password.write_text("moss-and-heather-9\n", encoding="utf-8")
    done = run([binary, "user", "create", "--email", "new@fern.example", "--password-file", password, "--super-admin",
                "--data", one.data])
    assert done.returncode == 0, done.stderr
    assert "moss-and" not in done.stdout + done.stderr
    token = one.login("new@fern.example", "moss-and-heather-9")
    assert ok(one.client(token).get("/brands"))
    assert run([binary, "user", "create", "--email", "NEW@fern.example", "--password-file", password, "--data",
                one.data]).returncode == 1


def test_check(binary, tmp_path):
    done = run([binary, "check", "--data", tmp_path / "d"], cwd=tmp_path, timeout=30)
    assert done.returncode == 0 and done.stdout.strip()
    assert run([binary, "check", "--limits.chat", "-1", "--data", tmp_path / "d"], cwd=tmp_path,
               timeout=30).returncode in (1, 2)


def test_ask(binary, tmp_path):
    done = run([binary, "ask", "--data", tmp_path / "d", "What is your cheapest laptop?"],
               cwd=tmp_path, timeout=30)
    assert done.returncode == 0 and "899.00 USD" in done.stdout, done


def test_chat_client(server, binary):
    """001 18: one message, frames as lines; exit 1 when the brand is none, 3 when nobody listens."""
    one = server()
    url = "ws" + one.url[4:]
    done = run([binary, "chat", "--url", url, "--brand", "techpro", "--message", "What is your cheapest laptop?"],
               timeout=30)
    assert done.returncode == 0 and "899.00 USD" in done.stdout and "Norrby Quill 13" in done.stdout
    done = run([binary, "chat", "--url", url, "--message", "hi", "--json"], timeout=30)
    assert done.returncode == 0 and '"type":"complete"' in done.stdout
    assert run([binary, "chat", "--url", url, "--brand", "nope", "--message", "hi"], timeout=30).returncode == 1
    assert run([binary, "chat", "--nope"], timeout=30).returncode == 2
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert run([binary, "chat", "--url", f"ws://127.0.0.1:{port}", "--message", "hi"], timeout=60).returncode == 3
