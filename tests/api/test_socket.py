# SPDX-License-Identifier: Apache-2.0
"""The chat socket (001 section 10): handshake, frames, guarantees, error codes, losing and finding the connection."""
import base64
import json
import os
import re
import threading
import time

import pytest
from websockets.exceptions import InvalidStatus

from api.fixtures import running
from api.helpers import (METADATA_KEYS, PRODUCT_KEYS, TIME, UUID4, Site, chunks, eventually, not_or_inactive, ok,
                         product, raw, unique)
from api.people import People


def in_order(turn):
    """Guarantee 2: typing true, chunks, error, typing false, complete; nothing else between but pong."""
    kinds = "".join({"typing": "T" if f["data"].get("is_typing") else "F", "chunk": "c", "error": "e", "complete": "C",
                     "pong": ""}[f["type"]] for f in turn.frames)
    assert re.fullmatch(r"T+c*e?FC|eC", kinds), (kinds, turn.frames)
    for data in chunks(turn):
        assert set(data) == {"content", "is_final", "conversation_id", "suggested_products", "confidence_score"}
        assert data["content"] and data["is_final"] is False and data["suggested_products"] is None and data[
            "confidence_score"] is None
    complete = turn.complete
    assert set(complete) == {"content", "is_final", "conversation_id", "suggested_products", "confidence_score",
                             "metadata"}
    assert complete["content"] == "" and complete["is_final"] is True and isinstance(complete["suggested_products"],
            list)
    assert {data["conversation_id"]
            for data in chunks(turn)} <= {complete["conversation_id"]} and complete["conversation_id"]
    return turn


def nothing_more(socket):
    """Nothing was left unread: the next frame is the answer to a ping sent now."""
    socket.send("ping")
    frame = socket.receive(10)
    assert frame["type"] == "pong", frame


def test_19_one_turn(site):
    """001-brands#19: welcome, then typing, chunks, typing, complete; the chunks are the stored answer."""
    with site.server.socket("techpro") as socket:
        welcome = socket.receive(10)
        assert welcome["type"] == "welcome" and set(welcome["data"]) == {"message", "brand_id", "brand_name"}
        assert (welcome["data"]["brand_id"], welcome["data"]["brand_name"]) == ("techpro", "TechPro")
        assert welcome["data"]["message"] == ok(site.admin.get("/brands/techpro/config"))["welcome_message"]
        turn = in_order(socket.turn("Which laptop is good for video editing?"))
        assert turn.types[0] == "typing" and turn.types[-2:] == ["typing", "complete"] and "chunk" in turn.types
        first, last = (f["data"] for f in turn.frames if f["type"] == "typing")
        assert first == {"conversation_id": turn.conversation_id, "is_typing": True}
        assert last == {"conversation_id": turn.conversation_id, "is_typing": False}
        assert turn.complete["suggested_products"][0]["id"] == "laptop-001"
        assert PRODUCT_KEYS <= set(turn.complete["suggested_products"][0]) and set(
            turn.complete["metadata"]) == METADATA_KEYS
        history = site.server.history("techpro", turn.conversation_id)
        assert history[-1]["content"] == turn.text and history[-1]["message_id"] == turn.complete["metadata"][
            "message_id"]


def test_20_ping(model):
    """001-brands#20: a ping before anything is read, and one during a slow turn."""
    brand = model.brand()
    with model.server.socket(brand.id) as socket:
        socket.send("ping")
        assert socket.receive(10)["type"] == "welcome"
        pong = socket.receive(10)
        assert pong["type"] == "pong" and set(pong["data"]) == {"timestamp"} and TIME.fullmatch(
            pong["data"]["timestamp"])
        model.llm.set(answer="count:10", firstDelayMs=300, deltaDelayMs=40)
        socket.send("chat", message="slow")
        socket.receive_until("typing")
        socket.send_text('{"type":"ping","data":"anything"}')
        frames = socket.receive_until("complete")
        assert [f["type"] for f in frames].index("pong") < len(frames) - 2
        in_order(type("T", (), {"frames": [{"type": "typing", "data": {"is_typing": True}}, *frames],
                                "complete": frames[-1]["data"]}))


def test_21_current_conversation(site):
    """001-brands#21: without an id the socket's conversation goes on; new_conversation starts another."""
    brand = site.brand()
    with brand.socket() as socket:
        first, second = socket.turn("one"), socket.turn("two")
        assert first.conversation_id == second.conversation_id and UUID4.fullmatch(first.conversation_id)
        assert len(brand.history(first.conversation_id)) == 4
        third = socket.turn("three", new_conversation=True)
        assert third.conversation_id != first.conversation_id
        assert socket.turn("four").conversation_id == third.conversation_id
        assert socket.turn("five", conversation_id="own").conversation_id == "own"
        assert socket.turn("six").conversation_id == "own" and len(brand.history("own")) == 4
    with brand.socket() as socket:
        assert socket.turn("seven").conversation_id not in (first.conversation_id, third.conversation_id, "own")


def test_22_unknown_brand_and_deactivation(site):
    """001-brands#22: 101, one error frame, close 4404; the same on an open socket when its brand is switched off."""
    with site.server.socket("nope") as socket:
        frame = socket.receive(10)
        assert frame["type"] == "error"
        assert (frame["data"]["message"], frame["data"]["code"]) == (not_or_inactive("nope"), "brand_unavailable")
        assert socket.close_code() == 4404
    brand = site.brand()
    with brand.socket() as socket:
        ok(site.admin.put(brand.path, json={"is_active": False}))
        frame = socket.receive(10)
        assert frame["type"] == "error"
        assert (frame["data"]["message"], frame["data"]["code"]) == (not_or_inactive(brand.id), "brand_unavailable")
        assert socket.close_code() == 4404


def test_deactivation_lets_the_running_turn_finish(model):
    brand = model.brand()
    model.llm.set(answer="count:20", deltaDelayMs=30)
    with brand.socket() as socket:
        socket.send("chat", message="hi")
        first = socket.receive_until("chunk")
        ok(model.admin.put(brand.path, json={"is_active": False}))
        frames = first + socket.receive_until("error")
        assert "".join(f["data"]["content"] for f in frames if f["type"] == "chunk").endswith("w20")
        assert [f["type"] for f in frames][-2:] == ["complete",
                                                    "error"] and frames[-1]["data"]["code"] == "brand_unavailable"
        assert socket.close_code() == 4404


def test_23_bad_frames(site):
    """001-brands#23: what is no frame, an unknown one, a message too short or too long."""
    brand = site.brand()
    with brand.socket() as socket:
        socket.send_text("not json")
        frame = socket.receive(10)
        assert frame["type"] == "error" and frame["data"]["code"] == "invalid_json"
        in_order(socket.turn("still here"))
        socket.send_text('{"type":"weather"}')
        nothing_more(socket)
        for message in ("", "x" * 2001):
            socket.send("chat", message=message)
            frame = socket.receive(10)
            assert frame["type"] == "error" and frame["data"]["code"] == "validation_error" and frame["data"]["message"]
            complete = socket.receive(10)
            assert complete["type"] == "complete"
            assert complete["data"]["suggested_products"] == [] and complete["data"]["confidence_score"] is None
            assert complete["data"]["metadata"] == {"finish_reason": "error", "error": "validation_error"}
        nothing_more(socket)


@pytest.mark.parametrize("text", ["", "{", "nul", "\x00", "{'type':'chat'}", '{"type":"chat"', "[" * 40 + "]" * 40])
def test_invalid_json(site, text):
    with site.socket() as socket:
        socket.send_text(text)
        assert socket.receive(10)["data"]["code"] == "invalid_json"
        nothing_more(socket)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"chat"', "true", "{}", '{"type":5}', '{"type":null,"data":{}}',
                                  '{"data":{"message":"x"}}'])
def test_invalid_message(site, text):
    with site.socket() as socket:
        socket.send_text(text)
        assert socket.receive(10)["data"]["code"] == "invalid_message"
        nothing_more(socket)


def test_ten_bad_frames_in_a_minute_close(site):
    with site.socket() as socket:
        for n in range(9):
            socket.send_text("[]" if n % 2 else "nonsense")
            assert socket.receive(10)["data"]["code"] == ("invalid_message" if n % 2 else "invalid_json")
        nothing_more(socket)
        socket.send_text("nonsense")
        assert socket.close_code() == 1008


@pytest.mark.parametrize("data", [
    None, [], "x", 5, {}, {"message": 5}, {"message": None}, {"message": " "}, {"message": "a\0b"},
    {"message": "x", "conversation_id": "a b"},
    {"message": "x", "conversation_id": "x" * 129}, {"message": "x", "conversation_id": 7},
    {"message": "x", "user_id": "u" * 129},
    {"message": "x", "voice": "perhaps"}, {"message": "x", "new_conversation": "perhaps"}])
def test_validation_errors(site, data):
    """10.5 and guarantee 5: an error, then one complete, with an id under which nothing is stored."""
    with site.socket() as socket:
        socket.send_text(json.dumps({"type": "chat", "data": data}))
        error, complete = socket.receive(10), socket.receive(10)
        assert error["type"] == "error" and error["data"]["code"] == "validation_error"
        assert complete["type"] == "complete" and complete["data"]["metadata"] == {"finish_reason": "error",
                "error": "validation_error"}
        id = complete["data"]["conversation_id"]
        assert isinstance(id, str) and id and site.server.history("techpro", id) == []
        nothing_more(socket)


def test_a_missing_data_member(site):
    with site.socket() as socket:
        socket.send_text('{"type":"chat"}')
        assert [socket.receive(10)["type"] for _ in range(2)] == ["error", "complete"]


def test_leniently_read_fields(site):
    """9.1's reading of values: text for booleans, null and "" for no id."""
    brand = site.brand()
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi", conversation_id=None, user_id=None, voice="no", new_conversation="false",
                                    unknown=[1]))
        assert turn.complete["metadata"]["voice"] is False
        assert socket.turn("hi", conversation_id="").conversation_id == turn.conversation_id
        assert socket.turn("hi", voice="yes").complete["metadata"]["voice"] is True


def test_26_rate_limit_of_a_socket(site):
    """001-brands#26: the first three of five are answered, the others refused; the socket stays open."""
    brand = site.brand(chat={"messages_per_minute": 3})
    with brand.socket() as socket:
        for n in range(5):
            socket.send("chat", message=f"m{n}", conversation_id="c")
        turns = [socket.wait_complete() for _ in range(5)]
        for turn in turns[:3]:
            assert not turn.errors and turn.text
        for turn in turns[3:]:
            assert turn.types == ["error", "complete"]
            assert turn.errors[0]["code"] == "rate_limited" and 1 <= turn.errors[0]["retry_after"] <= 60
            assert turn.complete["metadata"] == {"finish_reason": "error", "error": "rate_limited"}
        nothing_more(socket)
    assert [m["content"] for m in brand.history("c") if m["role"] == "user"] == ["m0", "m1", "m2"]


def test_ten_refused_in_a_row_close(site):
    brand = site.brand(chat={"messages_per_minute": 1})
    with brand.socket() as socket:
        assert not socket.turn("one").errors
        for _ in range(9):
            assert socket.turn("more").errors[0]["code"] == "rate_limited"
        socket.send("chat", message="the tenth")
        assert socket.close_code() == 4429


def test_queued_frames(model):
    """10.5: up to 8 further chat frames wait while a turn runs; one more closes with 4429."""
    brand = model.brand()
    model.llm.set(answer="echo", firstDelayMs=500)
    with brand.socket() as socket:
        socket.send("chat", message="m0", conversation_id="c")
        socket.receive_until("typing")
        model.llm.set(answer="echo")
        for n in range(1, 9):
            socket.send("chat", message=f"m{n}")
        texts = [in_order(socket.wait_complete()).text if n else socket.wait_complete().text for n in range(9)]
        assert texts == [f"m{n}" for n in range(9)]
        model.llm.set(answer="echo", firstDelayMs=1000)
        for n in range(10):
            socket.send("chat", message=f"n{n}")
        assert socket.close_code() == 4429


def test_too_many_frames_close(site):
    with site.socket() as socket:
        for _ in range(620):
            try:
                socket.send("typing")
            except Exception:
                break
        assert socket.close_code() == 4429


def test_27_idle():
    """001-brands#27: an idle socket is closed with 4408, one that pings stays."""
    with running({"ws.idle_timeout": 2}) as site:
        begin, done = time.monotonic(), threading.Event()
        with site.socket() as idle, site.socket() as busy:

            def chatter():
                while not done.wait(0.5):
                    busy.send("ping")
                    assert busy.receive(10)["type"] == "pong"

            thread = threading.Thread(target=chatter)
            thread.start()
            try:
                assert idle.close_code(12) == 4408
                assert 1.9 <= time.monotonic() - begin <= 10
                while time.monotonic() - begin < 10:  # as long as the statement says
                    assert thread.is_alive()
                    done.wait(0.2)
            finally:
                done.set()
                thread.join()
            nothing_more(busy)


def failing(server, fake_llm, **knobs):
    fake = fake_llm()
    fake.set(**knobs)
    return Site(server(llm={"a": {"baseUrl": fake.url, "retries": 0}}))


def test_28_model_breaks_off(server, fake_llm):
    """001-brands#28: chunk, error, complete; the history holds what came."""
    site = failing(server, fake_llm, answer="script:" + json.dumps(["Partial", " and more"]), cutAfter=1, cutHow="fin")
    brand = site.brand()
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi", conversation_id="c"))
        assert turn.text == "Partial" and turn.errors[0]["code"] == "model_error"
        assert turn.complete["metadata"]["finish_reason"] == "error"
        nothing_more(socket)
    assert [m["content"] for m in brand.history("c")] == ["hi", "Partial"]


def test_28_model_down(server, fake_llm):
    """001-brands#28: on a socket an error frame and complete; the user's message is kept, no answer is."""
    site = failing(server, fake_llm, status=500)
    brand = site.brand()
    with brand.socket() as socket:
        turn = in_order(socket.turn("Where is the moon?", conversation_id="c"))
        assert turn.text == "" and turn.errors[0]["code"] == "model_error" and turn.complete["suggested_products"] == []
        nothing_more(socket)
    assert [m["content"] for m in brand.history("c")] == ["Where is the moon?"]


def test_29_resume(model):
    """001-brands#29: the turn goes on without its socket; resume gives the text and one complete."""
    brand = model.brand()
    model.llm.set(answer="count:30", deltaDelayMs=20)
    whole = " ".join(f"w{n}" for n in range(1, 31))
    socket = brand.socket()
    socket.send("chat", message="hi", conversation_id="c")
    socket.receive_until("chunk")
    socket.drop()
    eventually(lambda: len(brand.history("c")) == 2 and brand.history("c")[1]["content"] == whole)
    with brand.socket() as socket:
        socket.send("resume", conversation_id="c")
        turn = socket.wait_complete()
        assert turn.text == whole and len([f for f in turn.frames if f["type"] == "complete"]) == 1
        assert turn.complete["metadata"]["finish_reason"] == "stop" and turn.conversation_id == "c"
        socket.send("resume", conversation_id="c", offset=6)
        turn = socket.wait_complete()
        assert turn.text == whole[6:] and len(chunks(turn)) == 1
        socket.send("resume", conversation_id="c", offset=len(whole))
        assert socket.wait_complete().text == ""
        nothing_more(socket)


def test_resume_of_a_running_turn(model):
    """10.7: the text from the offset on as one chunk, the rest as it comes; the socket that asked streams too."""
    brand = model.brand()
    model.llm.set(answer="count:40", deltaDelayMs=20)
    whole = " ".join(f"w{n}" for n in range(1, 41))
    with brand.socket() as asking, brand.socket() as second:
        asking.send("chat", message="hi", conversation_id="c")
        first = asking.receive_until("chunk")
        second.send("resume", conversation_id="c", offset=3)
        resumed, asked = second.wait_complete(), asking.wait_complete()
        assert resumed.text == whole[3:] and len(chunks(resumed)) > 1
        assert first[-1]["data"]["content"] + asked.text == whole
        assert resumed.complete["metadata"]["message_id"] == asked.complete["metadata"]["message_id"]


def test_resume_counts_code_points(model):
    brand = model.brand()
    model.llm.set(answer="fixed:😀é日本")
    with brand.socket() as socket:
        socket.turn("hi", conversation_id="c")
        for offset in range(5):
            socket.send("resume", conversation_id="c", offset=offset)
            assert socket.wait_complete().text == "😀é日本"[offset:]


@pytest.mark.parametrize("data, code", [
    ({"conversation_id": "never"}, "nothing_to_resume"), ({}, "validation_error"),
    ({"conversation_id": ""}, "validation_error"),
    ({"conversation_id": 5}, "validation_error"), ({"conversation_id": "c", "offset": -1}, "validation_error"),
    ({"conversation_id": "c", "offset": "x"}, "validation_error")])
def test_nothing_to_resume(site, data, code):
    with site.socket() as socket:
        socket.send_text(json.dumps({"type": "resume", "data": data}))
        error, complete = socket.receive(10), socket.receive(10)
        assert error["type"] == "error" and error["data"]["code"] == code
        assert complete["type"] == "complete" and complete["data"]["metadata"] == {"finish_reason": "error",
                "error": code}
        nothing_more(socket)


def test_resume_of_another_brands_conversation(site):
    a, b = site.brand(), site.brand()
    a.say("secret", conversation_id="c")
    with b.socket() as socket:
        socket.send("resume", conversation_id="c")
        assert socket.wait_complete().errors[0]["code"] == "nothing_to_resume"


def test_cancel(model):
    """10.2: the text so far is stored, complete says cancelled, the provider's connection is closed."""
    brand = model.brand()
    with brand.socket() as socket:
        socket.send("cancel")  # nothing runs: ignored
        nothing_more(socket)
        model.llm.set(answer="count:2000", deltaDelayMs=20)
        socket.send("chat", message="hi", conversation_id="c")
        first = socket.receive_until("chunk")
        socket.send("cancel")
        turn = socket.wait_complete()
        assert turn.complete["metadata"]["finish_reason"] == "cancelled" and not turn.errors
        text = first[-1]["data"]["content"] + turn.text
        assert brand.history("c")[1]["content"] == text and "w2000" not in text
        eventually(lambda: model.llm.log()[-1].get("clientClosedAt"))
        model.llm.set(answer="echo")
        assert in_order(socket.turn("again")).text == "again"


def test_several_sockets_of_one_conversation(model):
    """10.7: each turn streams to the socket that asked alone."""
    brand = model.brand()
    with brand.socket() as one, brand.socket() as two:
        assert one.turn("from one", conversation_id="c").text == "from one"
        nothing_more(two)
        assert two.turn("from two", conversation_id="c").text == "from two"
        nothing_more(one)
    assert len(brand.history("c")) == 4


def test_chunks_never_split_a_character(model):
    brand = model.brand()
    text = "😀é日本👩‍👩‍👧ก็" * 20
    model.llm.set(answer=f"fixed:{text}", split=1)
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi"))
        assert turn.text == text and "\ufffd" not in turn.text


def test_a_fast_model_does_not_make_a_frame_a_token(model):
    """10.3.3: text within `ws.flush_ms` of the last chunk goes with the next one."""
    brand = model.brand()
    model.llm.set(answer="count:500")
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi"))
        assert len(turn.text.split()) == 500 and len(chunks(turn)) < 100


def test_typing_is_repeated(model):
    """10.4: every 5 s until the first chunk."""
    brand = model.brand()
    model.llm.set(answer="echo", firstDelayMs=5600)
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi"))
        assert turn.types[:3] == ["typing", "typing", "chunk"]


def test_typing_frames_off(model):
    brand = model.brand(chat={"typing_frames": False})
    with brand.socket() as socket:
        assert set(socket.turn("hi").types) == {"chunk", "complete"}


def test_configuration_reaches_an_open_socket(site):
    brand = site.brand([product("a", name="Quokka")])
    with brand.socket() as socket:
        assert len(socket.turn("buy quokka").complete["suggested_products"]) == 1
        brand.configure(chat_settings={"suggestions": False, "typing_frames": False})
        turn = socket.turn("buy quokka")
        assert turn.complete["suggested_products"] == [] and turn.complete[
            "confidence_score"] is None and "typing" not in turn.types


def test_30_voice(model):
    """001-brands#30: the first sentence in one chunk, on either path."""
    brand = model.brand()
    model.llm.set(answer="fixed:The Halden Slate 14 costs 1.349,00 USD. It also has a long battery life!")
    with brand.socket() as socket:
        turn = in_order(socket.turn("hi", voice=True))
        assert turn.text == "The Halden Slate 14 costs 1.349,00 USD." and len(chunks(turn)) == 1
        assert turn.complete["metadata"]["voice"] is True
    with brand.socket(path="/ws/voice/{}") as socket:
        turn = in_order(socket.turn("hi", voice=False))
        assert turn.text == "The Halden Slate 14 costs 1.349,00 USD." and turn.complete["metadata"]["voice"] is True
        model.llm.set(answer="fixed:**Yes!** See https://x.example")
        assert socket.turn("hi").text == "Yes!"


# ---- handshake ------------------------------------------------------------------------------------------------------

KEY = base64.b64encode(os.urandom(16)).decode()
FIELDS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}


def handshake(site, changes=None, path="/ws/chat/techpro", method="GET"):
    fields = {"Host": "localhost", **FIELDS, **(changes or {})}
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return raw(site, ("\r\n".join(lines) + "\r\n\r\n").encode(), want_close=False)


@pytest.mark.parametrize("changes", [{"Upgrade": None}, {"Upgrade": "h2c"}, {"Upgrade": None, "Connection": None}])
def test_no_upgrade(site, changes):
    reply = handshake(site, changes)
    assert reply.status == 426 and reply.json == {"detail": "WebSocket upgrade required"} and reply.headers[
        "upgrade"].lower() == "websocket"


@pytest.mark.parametrize("version", [None, "8", "14", "x"])
def test_other_versions(site, version):
    reply = handshake(site, {"Sec-WebSocket-Version": version})
    assert reply.status == 426 and reply.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("key", [None, "", "short", base64.b64encode(b"x" * 15).decode(),
                                 base64.b64encode(b"x" * 17).decode(), "!" * 24])
def test_malformed_key(site, key):
    reply = handshake(site, {"Sec-WebSocket-Key": key})
    assert reply.status == 400 and reply.json == {"detail": "Bad WebSocket handshake"}


def test_the_good_handshake(site):
    for changes in ({}, {"Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade"}):
        reply = handshake(site, changes)
        assert reply.status == 101
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & set(reply.headers)


def test_subprotocols_and_extensions(site):
    reply = handshake(site, {"Sec-WebSocket-Protocol": "chat, parley.v1",
                             "Sec-WebSocket-Extensions": "permessage-deflate"})
    assert reply.status == 101 and reply.headers[
        "sec-websocket-protocol"] == "parley.v1" and "sec-websocket-extensions" not in reply.headers
    assert "sec-websocket-protocol" not in handshake(site, {"Sec-WebSocket-Protocol": "chat, other"}).headers


def test_25_origins(site):
    """001-brands#25: whose pages may open a socket, refused before any upgrade."""
    brand = site.brand(chat={"allowed_domains": ["shop.example"]})
    for origin, status in (("https://evil.example", 403), ("https://www.shop.example", 101),
                           ("http://localhost:5173", 101), (None, 101),
                           ("https://notshop.example", 403), ("null", 403), ("https://shop.example:8443", 101),
                           ("https://shop.example.evil.test", 403)):
        reply = handshake(site, {"Origin": origin} if origin else {}, f"/ws/chat/{brand.id}")
        assert reply.status == status, origin
        if status == 403:
            assert reply.json == {"detail": "Origin not allowed"}


@pytest.mark.parametrize("how", ["header", "bearer", "query"])
def test_wrong_credentials_are_refused_before_the_upgrade(site, how):
    changes, path = {}, "/ws/chat/techpro"
    if how == "header":
        changes["X-API-Key"] = "ck_wrong"
    elif how == "bearer":
        changes["Authorization"] = "Bearer nonsense"
    else:
        path += "?api_key=ck_wrong"
    reply = handshake(site, changes, path)
    assert reply.status == 401 and reply.json == {
        "detail": "Could not validate credentials"} and "www-authenticate" in reply.headers


def test_credentials_open_a_closed_brand(site):
    """10.1, 2.1: a key or token in any of the three places; otherwise the brand is unknown."""
    brand, people = site.brand(chat={"public_access": False}), People(site)
    key, token = people.chatbot_key(brand), people.token(people.user(brand, "user"))
    for path, headers in (("/ws/chat/{}", {"X-API-Key": key}), ("/ws/chat/{}", {"Authorization": f"Bearer {key}"}),
                          ("/ws/chat/{}", {"Authorization": f"Bearer {token}"}), ("/ws/chat/{}?api_key=" + key, {})):
        with site.socket(brand.id, path, headers=headers) as socket:
            assert socket.turn("hi").text
    for headers in ({}, {"Authorization": f"Bearer {people.token(people.user(site.brand(), 'admin'))}"},
                    {"X-API-Key": people.chatbot_key(site.brand())}):
        with site.server.socket(brand.id, headers=headers) as socket:
            frame = socket.receive(10)
            assert frame["data"]["message"] == not_or_inactive(brand.id) and socket.close_code() == 4404


def test_the_brand_in_any_spelling(site):
    brand = site.brand()
    with site.server.socket(brand.id.upper().replace("-", "_")) as socket:
        assert socket.receive(10)["data"]["brand_id"] == brand.id


def test_too_many_connections_of_an_address():
    with running({"ws.max_connections_per_address": 2}) as site:
        with site.socket(), site.socket():
            reply = handshake(site)
            assert reply.status == 429 and reply.json == {"detail": "Too many connections"} and reply.headers[
                "retry-after"] == "5"
        eventually(lambda: handshake(site).status == 101)


def test_too_many_connections_of_a_brand():
    with running({"ws.max_connections_per_brand": 1}) as site:
        brand = site.brand()
        with site.socket():
            reply = handshake(site)
            assert reply.status == 429 and reply.json == {"detail": "Too many connections"}
            assert handshake(site, path=f"/ws/chat/{brand.id}").status == 101


def test_a_method_that_is_none(site):
    reply = handshake(site, method="POST")
    assert reply.status == 405 and reply.headers["allow"]


def test_unknown_socket_path(site):
    assert handshake(site, path="/ws/chat").status == 404 and handshake(site, path="/ws/other/techpro").status == 404


def test_the_library_client_sees_the_refusal(site):
    brand = site.brand(chat={"allowed_domains": []})
    with pytest.raises(InvalidStatus) as refused:
        brand.socket(origin="https://a.example")
    assert refused.value.response.status_code == 403


def test_no_slow_reader_holds_the_others(site):
    """A socket that asks and never reads takes nothing from the next."""
    lazy = [site.socket() for _ in range(5)]
    for socket in lazy:
        for _ in range(5):
            socket.send("chat", message="Which laptop is good for video editing?")
    with site.socket() as socket:
        assert socket.turn(f"hello {unique()}").text
    for socket in lazy:
        socket.drop()
