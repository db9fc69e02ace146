# SPDX-License-Identifier: Apache-2.0
"""Chat over HTTP, history, clearing (001 section 9), the model's faults (8.6), isolation of conversations (15)."""
import contextlib
import json
import threading
import time

import httpx
import pytest

from api.fixtures import running
from api.helpers import (TIME, Site, UUID, UUID4, eventually, fault, faults, not_or_inactive, ok, product, refused,
                         unique)
from api.people import People


def post(brand, **body):
    return brand.site.anon.post(f"/chat/{brand.id}", json=body)


@pytest.fixture(scope="module")
def shop(site):
    return site.brand([product("a", name="Quokka lamp")])


def test_a_conversation(site):
    brand = site.brand([product("a", name="Quokka lamp")])
    first = brand.say("quokka?", user_id="u-1")
    assert UUID4.fullmatch(first["conversation_id"])
    second = brand.say("Hello", conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    reply = ok(site.anon.get(f"/chat/{brand.id}/history/{first['conversation_id']}"))
    assert set(reply) == {"conversation_id", "brand_id", "messages"}
    assert (reply["conversation_id"], reply["brand_id"]) == (first["conversation_id"], brand.id)
    messages = reply["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant"]
    assert [m["content"] for m in messages] == ["quokka?", first["response"], "Hello", second["response"]]
    for message in messages:
        assert set(message) == {"role", "content", "timestamp", "message_id"}
        assert TIME.fullmatch(message["timestamp"]) and UUID.fullmatch(message["message_id"])
    assert messages[1]["message_id"] == first["metadata"]["message_id"]
    assert [m["timestamp"] for m in messages] == sorted(m["timestamp"] for m in messages)
    assert brand.say("x")["conversation_id"] != first["conversation_id"]


def test_own_ids_are_kept(shop):
    for id in ("c-1", "A", "z" * 128, "a.b_c:d~e-f", unique("c")):
        assert shop.say("Hello", conversation_id=id)["conversation_id"] == id
    for absent in ("", None):
        assert UUID4.fullmatch(shop.say("Hello", conversation_id=absent)["conversation_id"])


def test_issued_ids_only(site):
    """4.2 `conversation_ids` issued: a foreign id is answered in a new conversation with an issued one."""
    brand = site.brand(chat={"conversation_ids": "issued"})
    first = brand.say("one", conversation_id="mine")["conversation_id"]
    assert first != "mine" and UUID4.fullmatch(first)
    assert brand.say("two", conversation_id=first)["conversation_id"] == first
    assert len(brand.history(first)) == 4 and brand.history("mine") == []


@pytest.mark.parametrize("fields, loc, type, msg", [
    ({"message": ...}, "message", "missing", "Field required"), ({"message": ""}, "message", "string_too_short", None),
    ({"message": " \t\n\u3000"}, "message", "string_too_short", None),
    ({"message": "x" * 2001}, "message", "string_too_long", "String should have at most 2000 characters"),
    ({"message": "😀" * 2001}, "message", "string_too_long", None), ({"message": 5}, "message", "string_type",
                                                                    "Input should be a valid string"),
    ({"message": ["x"]}, "message", "string_type", None), ({"message": True}, "message", "string_type", None),
    ({"message": "a\0b"}, "message", "string_invalid", "String should not contain NUL"),
    ({"conversation_id": "x" * 129}, "conversation_id", "string_too_long", "String should have at most 128 characters"),
    ({"conversation_id": "a b"}, "conversation_id", "string_pattern_mismatch", None),
    ({"conversation_id": "ä"}, "conversation_id", "string_pattern_mismatch", None),
    ({"conversation_id": "a/b"}, "conversation_id", "string_pattern_mismatch", None),
    ({"conversation_id": 5}, "conversation_id", "string_type", None),
    ({"user_id": "x" * 129}, "user_id", "string_too_long", None), ({"user_id": 5}, "user_id", "string_type", None),
    ({"voice": "perhaps"}, "voice", "bool_parsing", None), ({"voice": []}, "voice", "bool_type",
                                                            "Input should be a valid boolean")])
def test_faults(shop, fields, loc, type, msg):
    body = {key: value for key, value in {"message": "x", **fields}.items() if value is not ...}
    fault(post(shop, **body), ["body", loc], type, msg)


def test_borders_that_hold(shop):
    for fields in ({"message": "x" * 2000}, {"message": "😀" * 2000}, {"message": "  " + "x" * 2000 + "\n"},
                   {"message": "x", "user_id": ""},
                   {"message": "x", "user_id": "u" * 128, "voice": "off", "unknown": {}},
                   {"message": "x", "voice": None, "user_id": None}):
        ok(post(shop, **fields))


def test_messages_are_stored_trimmed(shop):
    id = unique("c")
    shop.say("  two  words \n", conversation_id=id)
    assert shop.history(id)[0]["content"] == "two  words"


def test_setting_of_the_longest_message():
    with running({"limits.message_chars": 5}) as site:
        brand = site.brand()
        brand.say("12345")
        fault(post(brand, message="123456"), ["body", "message"], "string_too_long",
              "String should have at most 5 characters")


def test_text_survives(shop):
    text = "Ünï ก็ 日本 😀👩‍👩‍👧 \u202e <b>&amp;</b> \\n \" ' `"
    id = unique("c")
    shop.say(text, conversation_id=id)
    assert shop.history(id)[0]["content"] == text


def test_31_unknown_and_cleared(model):
    """001-brands#31: unknown is empty, clearing forgets, also for the model."""
    brand = model.brand()
    assert brand.history("never") == []
    refused(brand.clear("never"), 404, "Conversation not found")
    brand.say("heliotrope", conversation_id="c")
    assert ok(brand.clear("c")) == {"message": "Conversation cleared successfully"}
    assert brand.history("c") == []
    refused(brand.clear("c"), 404, "Conversation not found")
    model.llm.clear()
    brand.say("anything?", conversation_id="c")
    assert "heliotrope" not in json.dumps(model.llm.chats())
    assert [m["content"] for m in brand.history("c")] == ["anything?", "anything?"]


def test_32_one_id_at_two_brands(site):
    """001-brands#32: the same conversation id at two brands never meets."""
    a, b = site.brand(), site.brand()
    a.say("alpha text", conversation_id="c-1")
    b.say("beta text", conversation_id="c-1")
    assert a.history("c-1")[0]["content"] == "alpha text" and b.history("c-1")[0]["content"] == "beta text"
    assert len(a.history("c-1")) == len(b.history("c-1")) == 2
    ok(a.clear("c-1"))
    assert a.history("c-1") == [] and len(b.history("c-1")) == 2


def test_history_limit(site):
    brand = site.brand()
    for n in range(3):
        brand.say(f"m{n}", conversation_id="c")
    whole = brand.history("c")
    assert len(whole) == 6 and brand.history("c", limit=1) == whole[-1:] and brand.history("c", limit=4) == whole[-4:]
    assert brand.history("c", limit=1000) == whole
    path = f"/chat/{brand.id}/history/c"
    fault(site.anon.get(path, params={"limit": 0}), ["query", "limit"], "greater_than_equal")
    fault(site.anon.get(path, params={"limit": 1001}), ["query", "limit"], "less_than_equal")
    fault(site.anon.get(path, params={"limit": "x"}), ["query", "limit"], "int_parsing")


def test_only_the_external_id_opens_a_conversation(site):
    """9.2: an anonymous caller finds it by its id alone; case counts, the stored prefix is nothing."""
    brand = site.brand()
    brand.say("secret", conversation_id="Case-Id")
    message_id = brand.history("Case-Id")[0]["message_id"]
    for id in ("case-id", "brand:Case-Id", message_id, "Case-Id%00", "Case-I", "%25"):
        reply = site.anon.get(f"/chat/{brand.id}/history/{id}")
        assert "secret" not in reply.text and reply.status_code in (200, 404, 422)


def test_8_active_conversations(site):
    """001-brands#8: statistics of the sample brand (counted on a server of its own) and of conversations."""
    with running() as own:
        stats = ok(own.admin.get("/brands/techpro/stats"))
        assert (stats["total_products"], stats["available_products"], stats["categories"]) == (24, 22, 6)
        assert stats["category_list"] == ["Accessories", "Audio", "Laptops", "Monitors", "Phones", "Tablets"]
        assert stats["brand_name"] == "TechPro" and stats["active_conversations"] == 0 and stats[
            "last_activity"] is None
        assert stats["average_confidence"] is None
        id = ok(own.anon.post("/chat/techpro", json={"message": "hi"}))["conversation_id"]
        stats = ok(own.admin.get("/brands/techpro/stats"))
        assert (stats["active_conversations"], stats["total_conversations"], stats["total_messages"]) == (1, 1, 2)
        assert TIME.fullmatch(stats["last_activity"])
        ok(own.anon.delete(f"/chat/techpro/{id}"))
        stats = ok(own.admin.get("/brands/techpro/stats"))
        assert (stats["active_conversations"], stats["total_conversations"], stats["total_messages"]) == (0, 1, 2)


def test_statistics_of_a_brand(site):
    brand = site.brand([product("a", name="Quokka", category="b"), product("b", category="A", availability=False)])
    brand.say("buy quokka")
    brand.say("hello")
    stats = brand.stats
    assert (stats["total_products"], stats["available_products"], stats["category_list"]) == (2, 1, ["A", "b"])
    assert (stats["average_confidence"], stats["open_connections"], stats["total_conversations"]) == (1, 0, 2)
    with brand.socket(), brand.socket():
        assert brand.stats["open_connections"] == 2
    eventually(lambda: brand.stats["open_connections"] == 0)


def test_two_turns_of_one_conversation_wait_for_each_other(model):
    """9.1: in order of arrival, whatever connection they come from."""
    brand = model.brand()
    model.llm.set(answer="echo", firstDelayMs=400)
    first = threading.Thread(target=brand.say, args=("one",), kwargs={"conversation_id": "c", "client": model.client()})
    first.start()
    eventually(lambda: model.llm.chats())
    brand.say("two", conversation_id="c", client=model.client())
    first.join()
    assert [m["content"] for m in brand.history("c")] == ["one", "one", "two", "two"]
    assert [m["content"] for m in model.llm.chats()[1]["messages"] if m["role"] != "system"] == ["one", "one", "two"]


@pytest.mark.slow
def test_a_turn_waits_thirty_seconds_at_most(server, fake_llm):
    """9.1: over HTTP a turn waits at most 30 s for those before it, then 429 with Retry-After: 1. (A turn itself is
    bounded by 30 s as well, so two stand before the one that gives up.)"""
    fake = fake_llm()
    fake.set(answer="echo", firstDelayMs=50000)
    site = Site(server({"drain.seconds": 0}, llm={"a": {"baseUrl": fake.url, "timeouts.firstTokenMs": 60000}}))
    brand = site.brand()

    def ask(message, client):
        return client.post(f"/chat/{brand.id}", json={"message": message, "conversation_id": "c"}, timeout=90)

    def ask_in_vain(message, client):
        with contextlib.suppress(httpx.HTTPError):  # the server ends before it is answered
            ask(message, client)

    for message in ("one", "two"):
        threading.Thread(target=ask_in_vain, args=(message, site.client()), daemon=True).start()
        eventually(fake.chats)
        time.sleep(0.3)  # nothing shows that the second one waits in its place
    reply = ask("three", site.client())
    assert reply.status_code == 429 and reply.headers["retry-after"] == "1"
    assert "three" not in [m["content"] for m in brand.history("c")]


def test_clearing_while_a_turn_runs(model):
    """9.3: the running turn still streams but is not stored."""
    brand = model.brand()
    model.llm.set(answer="count:20", deltaDelayMs=30)
    with brand.socket() as socket:
        socket.send("chat", message="hi", conversation_id="c")
        socket.receive_until("chunk")
        ok(brand.clear("c"))
        turn = socket.wait_complete()
    assert turn.complete["metadata"]["finish_reason"] in ("stop", "cancelled")
    assert brand.history("c") == []


def test_a_client_that_goes_away_cancels_its_turn(model):
    """9.1: what had come is stored as interrupted; the provider's connection is closed."""
    brand = model.brand()
    model.llm.set(answer="count:2000", deltaDelayMs=20)
    with pytest.raises(Exception):
        model.client().post(f"/chat/{brand.id}", json={"message": "hi", "conversation_id": "c"}, timeout=0.5)
    eventually(lambda: model.llm.log() and model.llm.log()[-1].get("clientClosedAt"))
    messages = eventually(lambda: len(brand.history("c")) == 2 and brand.history("c"))
    assert messages[1]["content"].startswith("w1 w2") and "w2000" not in messages[1]["content"]


# ---- the model fails ------------------------------------------------------------------------------------------------


def failing(server, fake_llm, **knobs):
    fake = fake_llm()
    fake.set(**knobs)
    site = Site(server(llm={"a": {"baseUrl": fake.url, "retries": 0}}))
    site.llm = fake
    return site


def test_28_cut_after_some_text_http(server, fake_llm):
    """001-brands#28: over HTTP a broken answer is a 200 with what came."""
    site = failing(server, fake_llm, answer="script:" + json.dumps(["Partial", " and more"]), cutAfter=1, cutHow="fin")
    brand = site.brand()
    reply = brand.say("hi", conversation_id="c")
    assert reply["response"] == "Partial" and reply["metadata"]["finish_reason"] == "error"
    assert [m["content"] for m in brand.history("c")] == ["hi", "Partial"]


def test_28_the_model_down_and_nothing_to_quote(server, fake_llm):
    """001-brands#28: 503 with Retry-After, the customer's message stays; without any model the same is a 200."""
    site = failing(server, fake_llm, status=500)
    brand = site.brand()
    reply = refused(post(brand, message="Where is the moon?", conversation_id="c"), 503,
                    "The assistant is temporarily unavailable")
    assert reply.headers["retry-after"] == "5"
    assert [m["content"] for m in brand.history("c")] == ["Where is the moon?"]


def test_28_no_model_at_all(site):
    """001-brands#28: without a model the same question is answered."""
    brand = site.brand()
    assert brand.say("Where is the moon?")["metadata"]["mode"] == "quoted"


def test_the_model_down_and_something_to_quote(server, fake_llm):
    """8.6: quoted, degraded, with the reason, and no word of the provider."""
    site = failing(server, fake_llm, status=500, errorBody="secret provider text sk-test-a-0000")
    brand = site.brand([product("a", name="Quokka", price=7)])
    reply = brand.say("price of the quokka")
    assert "Quokka: 7.00 USD, in stock." in reply["response"]
    metadata = reply["metadata"]
    assert (metadata["mode"], metadata["degraded"], metadata["reason"], metadata["finish_reason"]) == ("quoted", True,
            "all_failed", "stop")
    assert "secret" not in json.dumps(reply) and "sk-" not in json.dumps(reply)


def test_a_slow_model_is_a_timeout(server, fake_llm):
    fake = fake_llm()
    fake.set(answer="echo", firstDelayMs=20000)
    site = Site(server(llm={"a": {"baseUrl": fake.url, "retries": 0, "timeouts.firstTokenMs": 300}}))
    brand = site.brand([product("a", name="Quokka", price=7)])
    metadata = brand.say("price of the quokka")["metadata"]
    assert metadata["mode"] == "quoted" and metadata["reason"] in ("timeout",
                                                                   "all_failed") and metadata["degraded"] is True


# ---- voice ----------------------------------------------------------------------------------------------------------


def test_30_voice_over_http(model):
    """001-brands#30: one plain sentence."""
    brand = model.brand()
    model.llm.set(answer="fixed:The Halden Slate 14 costs 1.349,00 USD. It also has a long battery life!")
    reply = brand.say("hi", voice=True, conversation_id="c")
    assert reply["response"] == "The Halden Slate 14 costs 1.349,00 USD." and reply["metadata"]["voice"] is True
    assert brand.history("c")[1]["content"] == reply["response"]


@pytest.mark.parametrize("answer, spoken", [
    ("**Yes!** See https://x.example", "Yes!"), ("Dr. Smith has 4.5 stars. More.", "Dr. Smith has 4.5 stars."),
    ("- one item\n- two items", None), ("It is e.g. red and approx. 3 metres. Ok.",
                                        "It is e.g. red and approx. 3 metres."),
    ("See [our page](https://x.example/y) now. Bye", "See our page now."), ("Nice 😀 thing! Really", "Nice thing!"),
    ("好的。还有。", "好的。"), ("Is it? Yes.", "Is it?"), ("no end mark", "no end mark."),
    ("ครับ ยินดี\nบรรทัดสอง", "ครับ ยินดี"),
    ("`code` works. X", "code works."), ("# Heading works. X", "Heading works."),
    ("Mr. A. Jones came… then", "Mr. A. Jones came…")])
def test_voice_text(model, answer, spoken):
    """Section 11: no marks, cut after the first sentence end, always with an end."""
    brand = model.brand()
    model.llm.set(answer=f"fixed:{answer}")
    said = brand.say("hi", voice=True)["response"]
    if spoken is not None:
        assert " ".join(said.split()) == spoken  # how many spaces a dropped sign leaves is not said
    assert "\n" not in said and "*" not in said and "http" not in said and "`" not in said


def test_long_voice_answers_are_cut_at_a_word(model):
    brand = model.brand()
    model.llm.set(answer="fixed:" + "verylong " * 60)
    said = brand.say("hi", voice=True)["response"]
    assert len(said) <= 301 and said.endswith("verylong.")


def test_voice_without_a_model(site):
    brand = site.brand([product("a", name="Skarv 2", price=5, description="Two-person tent. More.")])
    said = brand.say("skarv price", voice=True)
    assert said["response"] == "Skarv 2: 5.00 USD, in stock." and said["metadata"]["voice"] is True


# ---- who finds what -------------------------------------------------------------------------------------------------


def test_a_closed_brand(site):
    """2.1: without public access only keys and members; others get what an unknown brand gives."""
    brand = site.brand(chat={"public_access": False})
    refused(post(brand, message="x"), 404, not_or_inactive(brand.id))
    people = People(site)
    for client in (people.client(brand, "user"), people.key_client(brand), site.admin):
        assert ok(client.post(f"/chat/{brand.id}",
                              json={"message": "hi", "conversation_id": "c"}))["conversation_id"] == "c"
    assert len(brand.history("c", people.client(brand, "user"))) == 6
    other = people.client(site.brand(), "admin")
    assert other.post(f"/chat/{brand.id}", json={"message": "x"}).status_code == 404
    refused(site.anon.get(f"/chat/{brand.id}/history/c"), 404, not_or_inactive(brand.id))


def test_faults_come_after_the_brand(site):
    """Order of checks: brand before body."""
    name = unique("no")
    refused(site.anon.post(f"/chat/{name}", json={}), 404, not_or_inactive(name))
    assert faults(site.anon.post("/chat/techpro", json={}))[0]["type"] == "missing"
