# SPDX-License-Identifier: Apache-2.0
"""Receivers of webhooks over TLS (003-platform 7, 14.3): chains and names are checked, and a delivery says why not."""
import shutil

import pytest

from api.fixtures import running
from api.helpers import eventually
from api.webhooks import HookDesk
from harness import Receiver
from harness.certificates import Authority

ADDRESS = "IP:127.0.0.1"


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here")
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def receivers(papers, tmp_path_factory):
    """What each shows: by the trusted authority for its address and for a name, and what must not be believed."""
    stranger = Authority(tmp_path_factory.mktemp("stranger"), "Nobody's authority")
    made = {
        "right": Receiver(certificate=papers.certificate(ADDRESS)),
        "named": Receiver(certificate=papers.certificate("DNS:localhost")),
        "other host": Receiver(certificate=papers.certificate("DNS:hooks.fern.example")),
        "self-signed": Receiver(certificate=papers.certificate(ADDRESS, own=True)),
        "stranger": Receiver(certificate=stranger.certificate(ADDRESS)),
        "expired": Receiver(certificate=papers.certificate(ADDRESS, days=-1)),
        "plain": Receiver(),
    }
    yield made
    for one in made.values():
        one.close()


def allowed(receivers):
    return [f"{host}:{one.port}" for one in receivers.values() for host in ("127.0.0.1", "[::1]")]


@pytest.fixture(scope="module")
def site(receivers, papers):
    settings = {"outbound.allow": allowed(receivers), "webhook.schedule": "1,1,1", "outbound.ca_file": papers.path}
    with running(settings) as site:
        site.receivers, site.taken = list(receivers.values()), 0
        yield site


@pytest.fixture
def desk(site):
    return HookDesk(site)


def tried(desk, url):
    """What a test call came to, as the reply and the kept delivery say it."""
    hook = desk.hook(url=url)
    reply = desk.act(hook, "test")
    assert reply.status_code == 200, reply.text
    data = reply.json()["data"]
    attempt, = desk.show(hook, "/deliveries")[0]["attempts"]
    assert (attempt["error"], attempt["statusCode"]) == (data["delivery"]["error"], data["delivery"]["statusCode"])
    assert data["success"] == data["delivery"]["success"]
    return data["success"], attempt["error"]


def test_a_private_authority_is_trusted(desk, receivers):
    """An event is delivered, to an address and to a name."""
    for kind, host in (("right", "127.0.0.1"), ("named", "localhost")):
        receiver = receivers[kind]
        hook = desk.hook(url=receiver.url(host=host), events=["chatbot.created"])
        desk.make()
        assert receiver.wait()[0].event == "chatbot.created"
        eventually(lambda hook=hook: desk.show(hook)["stats"]["successfulDeliveries"] == 1)
        desk.admin.delete(f"/api/v1/webhooks/{hook['id']}")


@pytest.mark.parametrize("kind, error", [
    ("other host", "certificate_wrong_host"), ("self-signed", "certificate_untrusted"),
    ("stranger", "certificate_untrusted"), ("expired", "certificate_expired")])
def test_what_is_not_believed(desk, receivers, kind, error):
    """Nothing is sent, and the delivery says why."""
    receiver = receivers[kind]
    assert tried(desk, receiver.url()) == (False, error)
    assert receiver.connections > 0 and receiver.seen == []


def test_a_name_that_the_certificate_does_not_have(desk, receivers):
    assert tried(desk, receivers["right"].url(host="localhost")) == (False, "certificate_wrong_host")
    assert tried(desk, receivers["named"].url(host="localhost")) == (True, None)


def test_no_tls_on_the_other_side(desk, receivers):
    assert tried(desk, f"https://127.0.0.1:{receivers['plain'].port}/hook") == (False, "tls_failed")


def test_a_failed_handshake_is_tried_again(desk, receivers):
    """Like any other failure: by the schedule, each attempt with its reason, then for good."""
    hook = desk.hook(url=receivers["stranger"].url(), events=["chatbot.created"],
                     retryConfig={"maxRetries": 1, "retryInterval": 1000})
    desk.make()
    eventually(lambda: desk.show(hook, "/deliveries")[0]["status"] == "failed", 20)
    delivery, = desk.show(hook, "/deliveries")
    assert [one["error"] for one in delivery["attempts"]] == ["certificate_untrusted"] * 2
    assert desk.show(hook)["stats"]["failedDeliveries"] == 1


def test_without_the_authority_nobody_private_is_trusted(receivers):
    with running({"outbound.allow": allowed(receivers)}) as site:
        site.receivers, site.taken = list(receivers.values()), 0
        assert tried(HookDesk(site), receivers["right"].url()) == (False, "certificate_untrusted")


def test_a_damaged_file_of_authorities_trusts_nobody(receivers, tmp_path):
    damaged = tmp_path / "ca.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nmoss\n")
    with running({"outbound.allow": allowed(receivers), "outbound.ca_file": damaged}) as site:
        site.receivers, site.taken = list(receivers.values()), 0
        success, error = tried(HookDesk(site), receivers["right"].url())
        assert not success and error in ("tls_failed", "certificate_untrusted")
