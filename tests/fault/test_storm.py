# SPDX-License-Identifier: Apache-2.0
"""Everything at once: many clients chat, stop, resume and vanish while brands come and go and a catalogue changes.

Who gets through must be served rightly: an answer is the model's whole one or a beginning of it, histories hold each
message once, nothing is a 5xx where the brand is there, and the server ends with 0 in the middle of it. Under a
sanitizer the same run looks for races and for memory used after its end (the report fails the test).

PARLEY_STORM_SECONDS and PARLEY_STORM_CLIENTS make it longer and wilder.
"""

import contextlib
import os
import random
import signal
import threading
import time

import httpx
import pytest
from websockets.exceptions import WebSocketException

from harness import ChatSocket, run

SECONDS = float(os.environ.get("PARLEY_STORM_SECONDS", "8"))
CLIENTS = int(os.environ.get("PARLEY_STORM_CLIENTS", "32"))
CONVERSATIONS = 6  # few: turns meet in their lanes
WORDS = 25
WHOLE = " ".join(f"w{i}" for i in range(1, WORDS + 1))
LOST = (httpx.TransportError, WebSocketException, OSError, TimeoutError, EOFError)


def product(i, round_):
    return {
        "id": f"sku-{i}", "name": f"Lantern {i}", "category": f"Light {i % 5}", "price": f"{10 + round_}.50",
        "description": f"A lantern for round {round_}, warm light and a handle", "availability": True,
        "features": ["folds flat", f"{i} hours"], "specifications": {"round": str(round_)},
    }


class Storm:
    def __init__(self, server, main):
        self.server, self.main = server, main
        self.until = time.monotonic() + SECONDS
        self.ending = False
        self.faults, self.counts, self.lock = [], {}, threading.Lock()

    def on(self):
        return not self.ending and time.monotonic() < self.until

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def check(self, truth, text):
        if not truth and not self.ending:
            with self.lock:
                self.faults.append(text)

    def client(self, token=None, timeout=30):
        head = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.server.url, trust_env=False, timeout=timeout, headers=head)


def check_answer(storm, who, text, reason):
    storm.check(WHOLE.startswith(text.rstrip()), f"{who}: no part of the model's answer: {text!r}")
    storm.check(reason != "stop" or text == WHOLE, f"{who}: whole, but {text!r}")
    storm.count(f"{who} {reason}")


def http_chats(storm, chance):
    with storm.client() as client:
        while storm.on():
            body = {"message": f"lantern {chance.randrange(20)} please"}
            if chance.random() < 0.7:
                body["conversation_id"] = f"shared-{chance.randrange(CONVERSATIONS)}"
            vanish = chance.random() < 0.25
            try:
                patience = chance.uniform(0.01, 0.2) if vanish else 60
                reply = client.post(f"/chat/{storm.main}", json=body, timeout=patience)
            except httpx.TimeoutException:
                storm.check(vanish, "http: no answer within a minute")
                storm.count("http vanished")
                continue
            storm.check(reply.status_code in (200, 429), f"http: {reply.status_code} {reply.text[:200]}")
            if reply.status_code == 200:
                check_answer(storm, "http", reply.json()["response"], reply.json()["metadata"]["finish_reason"])


def lose(ws):
    with contextlib.suppress(OSError):  # closed already
        ws.drop()


def read_turn(ws):
    text = ""
    while (frame := ws.receive(60))["type"] != "complete":
        text += frame["data"]["content"] if frame["type"] == "chunk" else ""
    return text, frame["data"]["metadata"].get("finish_reason")


def socket_chats(storm, chance):
    url = "ws" + storm.server.url[4:] + f"/ws/chat/{storm.main}"
    while storm.on():
        ws = ChatSocket(url)
        try:
            storm.check(ws.receive(30)["type"] == "welcome", "ws: no welcome")
            while storm.on():
                name, act = f"shared-{chance.randrange(CONVERSATIONS)}", chance.random()
                ws.send("chat", message=f"lantern {chance.randrange(20)}", conversation_id=name)
                if act < 0.15:
                    ws.send("cancel")
                elif act < 0.3:
                    ws.receive(60)
                    ws.send("cancel")
                elif act < 0.45:
                    for _ in range(chance.randrange(3)):
                        ws.receive(60)
                    lose(ws)
                    storm.count("ws dropped")
                    break
                elif act < 0.5:
                    ws.close()
                    break
                text, reason = read_turn(ws)
                check_answer(storm, "ws", text, reason)
                if act > 0.9:
                    ws.send("resume", conversation_id=name, offset=0)
                    read_turn(ws)
                    storm.count("ws resumed")
        finally:
            lose(ws)


def intrude(storm, name):
    """Writes into a brand until it is not there any more."""
    with contextlib.suppress(*LOST), storm.client(storm.server.token) as client:
        for number in range(10**6):
            reply = client.post(f"/brands/{name}/products/bulk", json=[product(1000 + number, 0)])
            if reply.status_code != 200:
                storm.check(reply.status_code == 404, f"intruder: {reply.status_code} {reply.text[:200]}")
                return


def brands(storm, chance):
    name = f"brief-{chance.randrange(10**9)}"
    url = "ws" + storm.server.url[4:] + f"/ws/chat/{name}"
    with storm.client(storm.server.token) as client:
        while storm.on():
            made = client.post("/brands", json={"name": "Brief", "description": "gone soon", "brand_id": name})
            if made.status_code == 400 and "already exists" in made.text:  # being erased still
                time.sleep(0.02)
                continue
            storm.check(made.status_code == 200, f"brand: {made.status_code} {made.text[:200]}")
            there = client.get(f"/brands/{name}/products")
            storm.check(there.json() == [], f"brand: a new one has {there.text[:200]}")
            added = client.post(f"/brands/{name}/products/bulk", json=[product(i, 0) for i in range(20)])
            storm.check(added.status_code == 200, f"bulk: {added.status_code} {added.text[:200]}")
            sockets = [ChatSocket(url) for _ in range(2)]
            for ws in sockets:
                ws.send("chat", message="lantern 3")
            found = client.post(f"/brands/{name}/products/search", json={"query": "lantern"})
            storm.check(found.status_code == 200, f"search: {found.status_code} {found.text[:200]}")
            if chance.random() < 0.5:
                for active in (False, True):
                    done = client.put(f"/brands/{name}", json={"is_active": active})
                    storm.check(done.status_code == 200, f"active: {done.status_code} {done.text[:200]}")
            late = threading.Thread(target=intrude, args=(storm, name), daemon=True)
            late.start()
            gone = client.delete(f"/brands/{name}")
            storm.check(gone.status_code == 200, f"delete: {gone.status_code} {gone.text[:200]}")
            after = client.post(f"/chat/{name}", json={"message": "still there?"})
            storm.check(after.status_code in (404, 403), f"after delete: {after.status_code} {after.text[:200]}")
            late.join(60)
            for ws in sockets:
                storm.check(ws.close_code(30) in (4404, 1006), "ws: not closed with its brand")
                lose(ws)
            storm.count("brand")


def catalogue(storm, chance):
    round_ = 0
    with storm.client(storm.server.token) as client:
        while storm.on():
            round_ += 1
            picks = chance.sample(range(200), 20)
            for i in picks[:5]:
                reply = client.delete(f"/brands/{storm.main}/products/sku-{i}")
                storm.check(reply.status_code in (200, 404), f"remove: {reply.status_code} {reply.text[:200]}")
            reply = client.post(f"/brands/{storm.main}/products/bulk", json=[product(i, round_ % 80) for i in picks])
            storm.check(reply.status_code == 200, f"bulk: {reply.status_code} {reply.text[:200]}")
            reply = client.post(f"/brands/{storm.main}/products/search", json={"query": f"lantern {picks[0]}"})
            storm.check(reply.status_code == 200, f"search: {reply.status_code} {reply.text[:200]}")
            storm.count("catalogue")


def conversations(storm, chance):
    with storm.client(storm.server.token) as client:
        while storm.on():
            name = f"shared-{chance.randrange(CONVERSATIONS)}"
            reply = client.get(f"/chat/{storm.main}/history/{name}")
            storm.check(reply.status_code == 200, f"history: {reply.status_code} {reply.text[:200]}")
            if reply.status_code == 200:
                ids = [m["message_id"] for m in reply.json()["messages"]]
                storm.check(len(set(ids)) == len(ids), f"history: an id twice in {name}")
            if chance.random() < 0.2:
                reply = client.delete(f"/chat/{storm.main}/{name}")
                storm.check(reply.status_code in (200, 404), f"clear: {reply.status_code} {reply.text[:200]}")
            time.sleep(0.02)


def outside(storm, chance):
    """Another process writes: what the server keeps in memory may be stale from then on."""
    while storm.on():
        program, data = storm.server.arguments[0], str(storm.server.data)
        asked = run([program, "ask", "--data", data, "--brand", storm.main, "lantern 3"])
        storm.check(asked.returncode == 0 and "antern" in asked.stdout, f"ask: {asked.returncode} {asked.stderr[:300]}")
        storm.count("outside")
        time.sleep(0.5)


def guarded(storm, task, seed):
    chance = random.Random(seed)
    while storm.on():
        try:
            task(storm, chance)
        except LOST as lost:
            storm.check(storm.ending, f"{task}: {lost!r}")
            storm.count(f"lost {type(lost).__name__}")
        except Exception as fault:
            storm.check(False, f"{task}: {fault!r}")
            return


@pytest.mark.timeout(max(180, SECONDS * 4 + 120))
@pytest.mark.parametrize("vectors", [False, True], ids=["words", "vectors"])
def test_storm(server, llm, vectors):
    """Sixty seconds of everything, shortened: no wrong answer, no 5xx, no report, exit 0 while it still goes on."""
    llm.set(answer=f"count:{WORDS}", firstDelayMs=5, deltaDelayMs=4, prefill="ignore")
    provider = {"baseUrl": llm.url, "maxConcurrent": 100, "retries": 0}
    if vectors:
        provider |= {"embeddingModel": "test-embedding"}
    s = server({"drain.seconds": 1, "log.level": "error"}, llm={"a": provider})
    often = {"chat_settings": {"messages_per_minute": 600}}
    main = s.brand(products=[product(i, 0) for i in range(200)], config=often)
    storm = Storm(s, main)
    tasks = [outside, brands, brands, catalogue, catalogue, conversations]
    tasks += [http_chats if i % 2 else socket_chats for i in range(CLIENTS)]
    threads = [threading.Thread(target=guarded, args=(storm, task, i), daemon=True) for i, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    while time.monotonic() < storm.until - 1:
        time.sleep(0.2)  # the storm's own length, not a wait for something
        os.kill(s.process.pid, signal.SIGHUP)  # settings are read again
        if storm.faults or not s.running:
            break
    storm.ending = True  # in the middle of it
    s.stop(0)
    for thread in threads:
        thread.join(30)
    print(sorted(storm.counts.items()))
    assert not storm.faults, "\n".join(storm.faults[:20])
    wanted = [f"ws {what}" for what in ("stop", "cancelled", "resumed", "dropped")]
    for done in (*wanted, "http stop", "http vanished", "brand", "catalogue", "outside"):
        assert storm.counts.get(done), f"nothing of: {done}"
