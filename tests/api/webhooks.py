# SPDX-License-Identifier: Apache-2.0
"""A server that may call receivers of webhooks, and a desk that makes webhooks on it."""
import contextlib

from api.chatbots import Desk
from api.fixtures import running
from api.people import People
from harness import Receiver

PATH = "/api/v1/webhooks"
RECEIVERS = 6
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwx0A1b2C3d4E="


@contextlib.contextmanager
def receivers(n=1):
    """Receivers and the settings that let the server call them."""
    made = [Receiver() for _ in range(n)]
    try:
        yield made, {"outbound.allow": [one.allow for one in made], "webhook.schedule": "1,1,1"}
    finally:
        for one in made:
            one.close()


@contextlib.contextmanager
def hook_site(conformance=None, n=RECEIVERS, **settings):
    """A Site with `site.receivers`, all of which it may call."""
    with receivers(n) as (made, allowed), running({**allowed, **settings}, conformance) as site:
        site.receivers, site.taken = made, 0
        yield site


class HookDesk(Desk):
    """A brand with its admin and a receiver of its own for the test."""

    def __init__(self, site, **brand):
        super().__init__(site, **brand)
        self.receiver = self.take()

    def take(self):
        receiver = self.site.receivers[self.site.taken % len(self.site.receivers)]
        self.site.taken += 1
        receiver.answer = 200
        receiver.answers.clear()
        receiver.clear()
        return receiver

    def hook(self, client=None, **body):
        """A new webhook as POST shows it, on the desk's receiver unless said otherwise."""
        reply = (client or self.admin).post(PATH, json={"url": self.receiver.url(), "events": ["*"], **body})
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]

    def show(self, hook, path=""):
        reply = self.admin.get(f"{PATH}/{self.id(hook)}{path}")
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def change(self, hook, **body):
        reply = self.admin.put(f"{PATH}/{self.id(hook)}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def act(self, hook, path, **body):
        return self.admin.post(f"{PATH}/{self.id(hook)}/{path}", json=body)


def counts_agree(site):
    """The kept counts of deliveries are those of the rows, whatever was done to them."""
    with People(site).rows() as database:
        kept = database.execute("SELECT brand_id, webhook_id, event, status, n FROM delivery_counts WHERE n <> 0"
                                " ORDER BY 1, 2, 3, 4").fetchall()
        there = database.execute("SELECT brand_id, webhook_id, event, status, COUNT(*) FROM deliveries"
                                 " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4").fetchall()
    assert kept == there
