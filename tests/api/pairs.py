# SPDX-License-Identifier: Apache-2.0
"""A server with two models: A is asked first, B goes on. No answer tells of either."""
import contextlib
import json

from api.fixtures import running
from harness import FakeLlm

NAMES = ("aardvark", "badger")


@contextlib.contextmanager
def pair_site(*rows, fakes=None, settings=None):
    """A Site with the doubles `site.a` and `site.b`; `rows` is what else their settings say."""
    fakes = [fake.start() for fake in fakes or (FakeLlm(), FakeLlm())]
    llm = {name: {"baseUrl": fake.url, "order": i, **row}
           for i, (name, fake, row) in enumerate(zip(NAMES, fakes, rows, strict=True))}
    try:
        with running(settings, llm=llm) as site:
            site.a, site.b, site.round = *fakes, 0
            yield site
    finally:
        for fake in fakes:
            fake.stop()


def forget(site):
    """Both providers as if they had never been asked: a changed row forgets what was learnt."""
    site.round += 1
    for name in NAMES:
        headers = {"extraHeaders": {"X-Round": str(site.round)}}
        reply = site.admin.put(f"/api/v1/admin/llm/providers/{name}", json=headers)
        assert reply.status_code == 200, reply.text


def turn_of(site, over, message, secrets=(), **fields):
    """(text, metadata) of one turn, "http" or by a socket; nothing in it tells of a provider or a secret."""
    if over == "http":
        reply = site.anon.post("/chat/techpro", json={"message": message, **fields})
        assert reply.status_code == 200, reply.text
        seen, result = reply.text, (reply.json()["response"], reply.json()["metadata"])
    else:
        with site.server.socket() as ws:
            turn = ws.turn(message, **fields)
        assert not turn.errors and turn.types.count("complete") == 1
        seen, result = json.dumps(turn.frames), (turn.text, turn.complete["metadata"])
    for word in (*NAMES, *secrets):
        assert word not in seen, word
    return result
