# SPDX-License-Identifier: Apache-2.0
"""Sockets whose credential ends while they are open: closed with 4401, whoever ended it; others stay."""
import time

import pytest

from api.chatbots import PATH, Desk
from api.helpers import eventually, ok
from harness import ADMIN_PASSWORD

AUTH, USERS = "/api/v1/auth", "/api/v1/admin/users"
DEAD, GONE = 4401, 4404


@pytest.fixture
def desk(site):
    return Desk(site)


def opened(desk, credential=None):
    """An open socket on the desk's brand, as this credential."""
    return desk.brand.socket(token=credential) if credential else desk.brand.socket()


def lives(socket):
    socket.send("ping")
    return socket.receive(10)["type"] == "pong"


def done(reply):
    assert reply.status_code in (200, 201), reply.text
    return reply.json().get("data")


def test_a_chatbots_key_is_replaced(desk):
    """000-management#4: the socket that used the old key closes; those of other keys, and of nobody, do not."""
    bot = desk.make()
    other = desk.people.chatbot_key(desk.brand)
    with opened(desk, bot["apiKey"]) as socket, opened(desk, other) as second, opened(desk) as nobody:
        assert lives(socket)
        fresh = done(desk.post(bot, "/regenerate-token"))["apiKey"]
        assert socket.close_code() == DEAD
        assert lives(second) and lives(nobody)
        with opened(desk, fresh) as third:
            assert lives(third)


def test_a_key_in_its_grace_ends_by_the_clock(desk):
    bot = desk.make()
    with opened(desk, bot["apiKey"]) as socket:
        done(desk.post(bot, "/regenerate-token", graceSeconds=2))
        assert lives(socket)
        assert socket.close_code() == DEAD
    with opened(desk, done(desk.post(bot, "/regenerate-token"))["apiKey"]) as socket:
        done(desk.post(bot, "/regenerate-token", graceSeconds=3600))
        assert lives(socket)
        done(desk.post(bot, "/regenerate-token", revokeAll=True))  # takes the grace away
        assert socket.close_code() == DEAD


def test_the_chatbot_of_a_key_is_deleted(desk):
    bot = desk.make()
    with opened(desk, bot["apiKey"]) as socket:
        done(desk.admin.delete(f"{PATH}/{bot['id']}"))
        assert socket.close_code() == DEAD


def test_a_key_is_revoked_by_another_process(desk):
    key = desk.people.chatbot_key(desk.brand)
    with opened(desk, key) as socket:
        desk.people.revoke(key)
        assert socket.close_code() == DEAD


def test_a_users_key_is_revoked(desk):
    client = desk.site.client(desk.people.token(desk.email))
    keys = [done(client.post(f"{AUTH}/api-key", json={"name": name})) for name in ("one", "two")]
    with opened(desk, keys[0]["apiKey"]) as socket, opened(desk, keys[1]["apiKey"]) as second:
        done(client.delete(f"{AUTH}/api-keys/{keys[0]['id']}"))
        assert socket.close_code() == DEAD
        assert lives(second)


def test_a_users_key_expires(desk):
    key = desk.people.user_key(desk.email, expires_at=int(time.time() * 1000) + 2000)
    with opened(desk, key) as socket:
        assert lives(socket)
        assert socket.close_code() == DEAD


def test_a_token_ends_with_its_sign_in(desk):
    token, other = desk.people.token(desk.email), desk.people.token(desk.email)
    with opened(desk, token) as socket, opened(desk, other) as second:
        done(desk.site.client(token).post(f"{AUTH}/logout", json={}))
        assert socket.close_code() == DEAD
        assert lives(second)
        done(desk.site.client(other).put(f"{AUTH}/me", json={"newPassword": "heron-and-thistle-7",
                                                             "currentPassword": ADMIN_PASSWORD}))
        assert lives(second)  # the sign-in that changed the password goes on
        done(desk.site.client(other).post(f"{AUTH}/logout", json={"allDevices": True}))
        assert second.close_code() == DEAD


def test_a_user_is_disabled(desk):
    """003-platform 2.4: active false ends a user's credentials, those of open sockets too."""
    email = desk.people.user(desk.brand, "user")
    key, token = desk.people.user_key(email), desk.people.token(email)
    with opened(desk, key) as one, opened(desk, token) as two, opened(desk, desk.people.user_key(desk.email)) as other:
        done(desk.site.admin.put(f"{USERS}/{desk.people.user_id(email)}", json={"active": False}))
        assert (one.close_code(), two.close_code()) == (DEAD, DEAD)
        assert lives(other)


def test_a_user_is_deleted(desk):
    email = desk.people.user(desk.brand, "user")
    with opened(desk, desk.people.user_key(email)) as socket:
        done(desk.site.admin.delete(f"{USERS}/{desk.people.user_id(email)}"))
        assert socket.close_code() == DEAD


def test_a_membership_ends(site):
    """Who is no member of a closed brand any more finds it gone, as at the handshake; the credential itself holds."""
    desk = Desk(site, chat={"public_access": False})
    email = desk.people.user(desk.brand, "user")
    with opened(desk, desk.people.user_key(email)) as socket:
        assert lives(socket)
        admin = desk.site.client(desk.people.token(desk.email))  # a key does not administer
        done(admin.delete(f"{USERS}/{desk.people.user_id(email)}", headers={"X-Brand-Id": desk.brand.id}))
        frame = socket.receive(10)
        assert (frame["type"], frame["data"]["code"]) == ("error", "brand_unavailable")
        assert socket.close_code() == GONE


def test_the_brand_is_deactivated(desk):
    bot = desk.make()
    with opened(desk, bot["apiKey"]) as socket:
        ok(desk.site.admin.put(desk.brand.path, json={"is_active": False}))
        assert socket.receive(10)["data"]["code"] == "brand_unavailable"
        assert socket.close_code() == GONE


def test_the_running_turn_is_stored(model):
    """The socket closes at once; its turn goes on, as when a connection is lost."""
    desk = Desk(model)
    bot = desk.make()
    model.llm.set(answer="count:30", deltaDelayMs=30)
    with opened(desk, bot["apiKey"]) as socket:
        socket.send("chat", message="slow", conversation_id="c-1")
        socket.receive_until("chunk")
        done(desk.post(bot, "/regenerate-token"))
        assert socket.close_code() == DEAD
    eventually(lambda: [m["content"][-3:] for m in desk.brand.history("c-1")[1:]] == ["w30"])
