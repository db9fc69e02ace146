# SPDX-License-Identifier: Apache-2.0
"""Halves of surrogate pairs in bodies (003-platform 1.1, 001-brands 2.2)."""
import pytest

from api.helpers import unique


@pytest.fixture
def chatbot(site):
    client = site.client(site.server.token, X_Brand_Id=site.brand(chat={"public_access": True}).id)
    return client, client.post("/api/v1/chatbots", json={"name": unique("bot")}).json()["data"]["id"]


def send(client, method, path, body):
    return client.request(method, path, content=body, headers={"Content-Type": "application/json"})


def test_a_message_keeps_going(chatbot):
    """In a message each becomes U+FFFD, a whole pair stays, and control characters go."""
    client, id = chatbot
    path = f"/api/v1/chatbots/{id}/conversation"
    reply = send(client, "POST", path, rb'{"message":"a\ud800b\udc00c\ud83d\ude00\u0000d","sessionId":"halves"}')
    assert reply.status_code in (200, 503), reply.text
    found = client.get(f"{path}/history", params={"sessionId": "halves"}).json()["data"]["messages"][0]
    assert found["text"] == "a\ufffdb\ufffdc\U0001f600d"


@pytest.mark.parametrize("body, field", [
    (rb'{"name":"a\ud800"}', "name"), (rb'{"name":"a","tags":["\udc00"]}', "tags[0]"),
    (rb'{"name":"a","\ud800":1}', None)])
def test_elsewhere_it_is_a_fault(chatbot, body, field):
    client, _ = chatbot
    reply = send(client, "POST", "/api/v1/chatbots", body)
    assert reply.status_code == 400 and reply.json()["code"] == "VALIDATION_ERROR"
    assert not field or reply.json()["details"][0]["field"] == field, reply.text


def test_beside_a_message(chatbot):
    client, id = chatbot
    reply = send(client, "POST", f"/api/v1/chatbots/{id}/conversation", rb'{"message":"\ud800","userId":"\ud800"}')
    assert reply.status_code == 400 and reply.json()["details"][0]["field"] == "userId"


def test_the_brands_refuse_it_whole(site):
    """001-brands 2.2: no JSON."""
    reply = send(site.anon, "POST", "/chat/techpro", rb'{"message":"a\ud800"}')
    assert reply.status_code == 422 and reply.json()["detail"][0]["type"] == "json_invalid"
