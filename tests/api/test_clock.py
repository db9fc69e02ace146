# SPDX-License-Identifier: Apache-2.0
"""What comes due by the clock alone, on a server whose clock is moved: nothing here sleeps through it."""
import contextlib
import threading
import time

import pytest

from api.fixtures import need, running
from api.helpers import eventually, unique
from api.people import People
from api.test_conversation import Bot, fault
from harness import FakeLlm
from harness.sse import events

SLOW = {"timeouts.firstTokenMs": 600000, "timeouts.interTokenMs": 600000, "timeouts.totalMs": 3600000, "retries": 0}


@contextlib.contextmanager
def slow_model(**settings):
    """A server whose model does not answer for a minute, and whose clock can be moved."""
    need("parley-clocked", "PARLEY_CLOCKED")
    need("parley-fake-llm", "PARLEY_FAKE_LLM")
    fake = FakeLlm().start()
    try:
        with running(settings, llm={"a": {"baseUrl": fake.url, **SLOW}}, clocked=True) as site:
            fake.set(answer="count:3", firstDelayMs=120000)
            site.llm = fake
            bot = Bot(site, People(site))
            reply = site.admin.put(bot.path, json={"configuration": {"responseTimeout": 300}})
            assert reply.status_code == 200, reply.text
            yield bot
    finally:
        fake.stop()


def stream(bot, message, **fields):
    client = bot.site.server.client(bot.site.server.token)
    return client.stream("POST", f"{bot.path}/conversation", json={"message": message, "stream": True, **fields})


def test_a_silent_stream_is_kept_alive():
    """003-platform 4.1: a comment after 15 s without an event, and another after the next; then the client leaves."""
    with slow_model() as bot:
        with stream(bot, "Say something") as reply:
            assert reply.status_code == 200
            lines = reply.iter_lines()
            seen = [next(lines) for _ in range(4)]
            assert seen[0] == "id: 1" and seen[1] == "event: start" and seen[3] == ""
            for _ in range(2):
                bot.site.server.pass_time(15.1)
                assert [next(lines), next(lines)] == [": keep-alive", ""]
            eventually(lambda: bot.site.llm.log())
            assert not bot.site.llm.log()[-1].get("clientClosedAt")
        eventually(lambda: bot.site.llm.log()[-1].get("clientClosedAt"))
        eventually(lambda: bot.rows("SELECT status, finish_reason FROM messages WHERE brand_id = ? AND role = "
                                    "'assistant'", bot.brand.id) == [("interrupted", "cancelled")])


def test_a_turn_waits_no_longer_than_30_seconds():
    """003-platform 4.1: behind another turn of its conversation, then 429 with Retry-After; nothing of it is stored."""
    with slow_model() as bot:
        session, replies = unique("s"), {}

        def plain():
            replies["plain"] = bot.ask("And I?", sessionId=session)

        def streamed():
            with stream(bot, "And I too?", sessionId=session) as reply:
                reply.read()
                replies["streamed"] = reply

        with stream(bot, "First", sessionId=session) as first:
            kinds = events(first)
            assert next(kinds).event == "start"
            waiting = [threading.Thread(target=one) for one in (plain, streamed)]
            for one in waiting:
                one.start()
            for _ in range(8):  # they may not have begun to wait the first time
                bot.site.server.pass_time(31)
                for one in waiting:
                    one.join(1)
                if not any(one.is_alive() for one in waiting):
                    break
            for one in waiting:
                one.join(30)
            for name in ("plain", "streamed"):
                fault(replies[name], 429, "RATE_LIMIT_EXCEEDED")
                assert replies[name].headers["retry-after"] == "1"
                assert replies[name].headers["content-type"].startswith("application/json")
            assert len(bot.site.llm.log()) == 1
            bot.site.llm.clear()
        shown = bot.history(sessionId=session).json()["data"]["messages"]
        assert [m["text"] for m in shown if m["sender"] == "user"] == ["First"]


@pytest.mark.parametrize("what", ["token", "key"])
def test_a_socket_ends_with_its_credential(what):
    """001-brands 10.6: what runs out while a socket is open closes it with 4401."""
    # The ping makes its loop look at the clock every second.
    with running({"ws.idle_timeout": 86400, "ws.ping_interval": 1}, clocked=True) as site:
        brand, people = site.brand(), People(site)
        email = people.user(brand)
        key = people.user_key(email, expires_at=int(time.time() * 1000) + 3600 * 1000)
        with brand.socket(token=people.token(email) if what == "token" else key) as socket:
            socket.send("ping")
            assert socket.receive(10)["type"] == "pong"
            site.server.pass_time(3601)
            assert socket.close_code() == 4401
