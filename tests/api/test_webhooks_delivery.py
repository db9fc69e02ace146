# SPDX-License-Identifier: Apache-2.0
"""What reaches a receiver, and what becomes of what does not (003-platform 14.2, 14.3)."""
import base64
import datetime
import hashlib
import hmac
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from api.chatbots import error
from api.fixtures import running
from api.helpers import TIME, UUID, UUID4, eventually
from api.webhooks import PATH, HookDesk, counts_agree, hook_site, receivers
from harness import Receiver, closed_port, reply

TURN = ["conversation.started", "message.received", "message.sent"]
OLD_KEY = "a-secret-of-the-first-generation"


@pytest.fixture(scope="module")
def hooks(conformance):
    with hook_site(conformance) as site:
        yield site


@pytest.fixture
def desk(hooks):
    yield HookDesk(hooks)
    counts_agree(hooks)


def standard(secret, delivery):
    """Verified by a library that is not ours; it wants what a secret means as base64."""
    return Webhook(secret).verify(delivery.raw, delivery.headers)


def legacy(secret, delivery):
    mac = hmac.new(secret.encode(), delivery.raw, hashlib.sha256).hexdigest()
    return delivery.headers["x-chatbots-signature"] == f"sha256={mac}"


def deliveries(desk, hook, **query):
    answer = desk.admin.get(f"{PATH}/{hook['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def settled(desk, hook, n=1):
    """The deliveries of the webhook once n have ended, oldest first."""
    def ended():
        rows = deliveries(desk, hook)
        return [*reversed(rows)] if len([r for r in rows if r["status"] != "pending"]) >= n else None

    return eventually(ended, 20)


def stats(desk, hook):
    return desk.show(hook)["stats"]


# ---- what is sent ---------------------------------------------------------------------------------------------------


def test_a_turn_gives_three_events(desk):
    """003-platform#34"""
    hook = desk.hook(headers={"X-Team": "shop", "X-Empty": ""})
    said = desk.brand.say("Hello there", conversation_id="c1")
    got = desk.receiver.wait(3)
    assert [(d.event, d.body["sequence"]) for d in got] == [(name, i + 1) for i, name in enumerate(TURN)]
    for d in got:
        assert standard(hook["secret"], d) and legacy(hook["secret"], d)
        assert set(d.body) == {"id", "type", "event", "timestamp", "brandId", "sequence", "data"}
        assert d.body["type"] == d.event == d.headers["x-chatbots-event"] and d.body["brandId"] == desk.brand.id
        assert d.body["id"] == d.id and d.id.startswith("msg_") and TIME.fullmatch(d.body["timestamp"])
        assert b"\n" not in d.raw and d.body["data"]["id"] and d.body["data"]["chatbotId"] == desk.default
        assert UUID4.fullmatch(d.headers["x-chatbots-delivery"])
        assert d.headers["content-type"] == "application/json" and d.headers["user-agent"] == "Parley-Webhooks/1"
        assert (d.headers["x-team"], d.headers["x-empty"]) == ("shop", "")
        assert abs(int(d.headers["webhook-timestamp"]) - time.time()) < 60
        with pytest.raises(WebhookVerificationError):
            Webhook(hook["secret"]).verify(d.raw + b" ", d.headers)
    assert got[1].body["data"]["content"] == "Hello there"
    assert len({d.id for d in got}) == len({d.headers["x-chatbots-delivery"] for d in got}) == 3
    assert said["conversation_id"] == "c1"
    rows = settled(desk, hook, 3)
    assert [r["event"] for r in rows] == TURN and {r["status"] for r in rows} == {"delivered"}
    assert [r["payload"] for r in rows] == [d.body for d in got] and [r["eventId"] for r in rows] == [d.id for d in got]
    (attempt,) = rows[0]["attempts"]
    assert (attempt["statusCode"], attempt["error"], attempt["responseExcerpt"]) == (200, None, "ok")
    assert attempt["id"] == got[0].headers["x-chatbots-delivery"] and rows[0]["nextAttemptAt"] is None
    shown = stats(desk, hook)
    assert {k: shown[k] for k in ("totalDeliveries", "successfulDeliveries", "failedDeliveries", "pending")} == {
        "totalDeliveries": 3, "successfulDeliveries": 3, "failedDeliveries": 0, "pending": 0}
    assert shown["lastDeliveryAttempt"] == shown["lastSuccessfulDelivery"] and shown["lastFailedDelivery"] is None


def test_a_secret_without_the_prefix_signs_as_it_stands(desk):
    desk.hook(secret=OLD_KEY)
    desk.brand.say("Hello")
    for d in desk.receiver.wait(3):
        assert standard(base64.b64encode(OLD_KEY.encode()).decode(), d) and legacy(OLD_KEY, d)


def test_only_what_it_wants(desk):
    other = desk.take()
    desk.hook(events=["message.sent"], filterConfig={"conditions": {"data.channel": "api", "sequence": 3}})
    desk.hook(url=other.url(), filterConfig={"conditions": {"data.channel": "email"}})
    desk.hook(url=other.url(), active=False)
    desk.hook(url=other.url(), chatbotId=desk.make()["id"], events=["message.sent", "message.received"])
    last = desk.hook(url=other.url("/last"), events=["message.sent"])
    desk.brand.say("Hello", conversation_id="c1")
    desk.brand.say("Again", conversation_id="c1")
    assert [d.body["sequence"] for d in other.wait(2, where=lambda d: d.path == "/last")] == [3, 5]
    assert {d.path for d in other.seen} == {"/last"}
    settled(desk, last, 2)
    assert [d.body["sequence"] for d in desk.receiver.seen] == [3]


def test_one_made_later_gets_nothing_earlier(desk):
    desk.brand.say("Before", conversation_id="c1")
    hook = desk.hook()
    desk.brand.say("After", conversation_id="c1")
    assert [d.body["sequence"] for d in desk.receiver.wait(2)] == [4, 5]
    assert stats(desk, hook)["totalDeliveries"] == 2


def test_nothing_for_an_inactive_one(desk):
    hook = desk.hook(active=False)
    desk.brand.say("Unheard")
    assert stats(desk, hook)["totalDeliveries"] == 0
    assert desk.change(hook, active=True)["active"] is True
    desk.brand.say("Heard")
    assert len(desk.receiver.wait(3)) == 3


def test_the_installation_hears_of_all_brands(desk):
    other = HookDesk(desk.site)
    made = desk.site.admin.post(PATH, json={"url": desk.receiver.url(), "events": ["message.sent"],
                                            "scope": "installation"}, headers={"X-Brand-Id": desk.brand.id})
    assert made.status_code == 201, made.text
    other.brand.say("Hello")
    desk.brand.say("Hello")
    path = f"{PATH}/{made.json()['data']['id']}"
    try:
        brands = desk.receiver.wait(2, where=lambda d: d.body["brandId"] in (other.brand.id, desk.brand.id))
        assert {d.body["brandId"] for d in brands} == {other.brand.id, desk.brand.id}
        eventually(lambda: desk.site.admin.get(path).json()["data"]["stats"]["pending"] == 0)
        rows = desk.site.admin.get(f"{path}/deliveries").json()["data"]
        assert {other.brand.id, desk.brand.id} <= {row["payload"]["brandId"] for row in rows}
    finally:
        assert desk.site.admin.delete(path).status_code == 204


# ---- what fails -----------------------------------------------------------------------------------------------------


def test_retries_keep_the_id_and_the_order(desk):
    """003-platform#35, #34: later events of that conversation wait, another conversation's do not."""
    first = []

    def answer(delivery, handler):
        conversation = delivery.body["data"].get("sessionId") or delivery.body["data"]["conversationId"]
        if "slow" in str(delivery.body["data"]) and len(first) < 2:
            first.append(conversation)
            reply(handler, 500)
        else:
            reply(handler, 200)

    desk.receiver.answer = answer
    hook = desk.hook()
    desk.brand.say("slow", conversation_id="slow-one")
    desk.receiver.wait(1)
    desk.brand.say("quick", conversation_id="quick-one")
    got = desk.receiver.wait(8)
    slow = [d for d in got if "slow-one" in d.raw.decode()]
    assert [d.body["sequence"] for d in slow] == [1, 1, 1, 2, 3]
    assert len({d.id for d in slow[:3]}) == 1 and len({d.headers["x-chatbots-delivery"] for d in slow}) == 5
    assert slow[0].raw == slow[2].raw
    quick = [d for d in got if "quick-one" in d.raw.decode()]
    assert [d.body["sequence"] for d in quick] == [1, 2, 3] and quick[-1].at < slow[2].at
    for d in slow:
        assert standard(hook["secret"], d)
    rows = settled(desk, hook, 6)
    assert [[a["statusCode"] for a in r["attempts"]] for r in rows if r["payload"]["sequence"] == 1] == [
        [500, 500, 200], [200]]
    assert rows[0]["attempts"][0]["error"] == "http_500"


def test_without_order_nobody_waits(desk):
    held = []

    def answer(delivery, handler):
        if delivery.event == "conversation.started" and not held:
            held.append(1)
            reply(handler, 500)
        else:
            reply(handler, 200)

    desk.receiver.answer = answer
    desk.hook(ordering="none")
    desk.brand.say("Hello")
    got = desk.receiver.wait(4)
    assert sorted(d.event for d in got[:3]) == sorted(TURN) and got[3].event == "conversation.started"


def test_it_gives_up(desk):
    """The last attempt failed for good: the next of the conversation goes."""
    desk.receiver.answers.extend([500] * 4)
    hook = desk.hook(events=["conversation.started", "message.received"])
    desk.brand.say("Hello")
    desk.receiver.wait(5)
    rows = settled(desk, hook, 2)
    assert [(r["status"], len(r["attempts"])) for r in rows] == [("failed", 4), ("delivered", 1)]
    shown = stats(desk, hook)
    assert (shown["failedDeliveries"], shown["successfulDeliveries"]) == (1, 1) and shown["lastFailedDelivery"]


def test_a_schedule_of_its_own(desk):
    desk.receiver.answer = 500
    hook = desk.hook(events=["message.sent"], retryConfig={"maxRetries": 1, "retryInterval": 1000})
    desk.brand.say("Hello")
    (row,) = settled(desk, hook)
    assert (row["status"], len(row["attempts"])) == ("failed", 2)
    first, second = [datetime.datetime.fromisoformat(a["at"].replace("Z", "+00:00")) for a in row["attempts"]]
    assert (second - first).total_seconds() >= 0.9


@pytest.mark.parametrize("answer, code, problem", [
    (302, 302, "http_302"),
    (404, 404, "http_404"),
    (lambda d, h: h.wfile.write(b"nonsense\r\n\r\n") or setattr(h, "close_connection", True), None, "invalid_answer"),
    (lambda d, h: setattr(h, "close_connection", True), None, "connection_lost"),
])
def test_what_is_no_success(desk, answer, code, problem):
    """003-platform#35: a redirect is a failure, and is not followed."""
    def redirect(delivery, handler):
        reply(handler, answer, Location=desk.receiver.url("/elsewhere"))

    desk.receiver.answer = redirect if isinstance(answer, int) else answer
    hook = desk.hook(events=["message.sent"], retryConfig={"maxRetries": 0, "retryInterval": 1000})
    desk.brand.say("Hello")
    (row,) = settled(desk, hook)
    assert (row["status"], row["attempts"][0]["statusCode"], row["attempts"][0]["error"]) == ("failed", code, problem)
    assert [d.path for d in desk.receiver.seen] == ["/hook"]


def test_a_reply_without_end(desk):
    """The status has come and 1 KiB of the body: that is all that is read."""
    def stream(delivery, handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"\x00\xffx" * 1000)
        except OSError:
            handler.close_connection = True

    desk.receiver.answer = stream
    hook = desk.hook(events=["message.sent"])
    desk.brand.say("Hello")
    (row,) = settled(desk, hook)
    assert row["status"] == "delivered"
    assert 0 < len(row["attempts"][0]["responseExcerpt"].encode()) <= 1024


def test_retry_after_holds_the_webhook(desk):
    """003-platform#35"""
    desk.receiver.answers.append(lambda d, h: reply(h, 429, Retry_After=3))
    hook = desk.hook(events=["message.received"])
    desk.brand.say("first", conversation_id="one")
    desk.receiver.wait(1)
    eventually(lambda: deliveries(desk, hook)[0]["attempts"])
    desk.brand.say("second", conversation_id="two")
    got = desk.receiver.wait(3)
    assert got[1].at - got[0].at >= 2.9 and got[2].at - got[0].at >= 2.9


def test_gone(desk):
    """003-platform#35"""
    desk.receiver.answer = 410
    hook = desk.hook()
    desk.brand.say("Hello")
    rows = settled(desk, hook, 3)
    assert [r["status"] for r in rows] == ["failed", "cancelled", "cancelled"]
    shown = desk.show(hook)
    assert (shown["active"], shown["disabledReason"], shown["stats"]["pending"]) == (False, "gone", 0)
    desk.brand.say("Unheard")
    assert stats(desk, hook)["totalDeliveries"] == 3
    desk.receiver.answer = 200
    assert desk.change(hook, active=True)["disabledReason"] is None
    desk.brand.say("Heard again", conversation_id="again")
    assert len(desk.receiver.wait(1, where=lambda d: "Heard again" in d.raw.decode())) == 1


def test_waiting_ones_go_on(desk):
    desk.receiver.answer = 500
    hook = desk.hook(events=["message.sent"], retryConfig={"maxRetries": 3, "retryInterval": 3600000})
    desk.brand.say("Hello")
    eventually(lambda: deliveries(desk, hook) and deliveries(desk, hook)[0]["attempts"])
    (row,) = deliveries(desk, hook, status="pending")
    assert TIME.fullmatch(row["nextAttemptAt"])
    desk.change(hook, active=False)
    desk.receiver.answer = 200
    again = desk.act(hook, f"deliveries/{row['id']}/replay")
    assert again.status_code == 202 and again.json()["data"]["id"] == row["id"]


def test_deleting_drops_what_waits(desk):
    desk.receiver.answer = 500
    hook = desk.hook()
    desk.brand.say("Hello")
    desk.receiver.wait(1)
    assert desk.admin.delete(f"{PATH}/{hook['id']}").status_code == 204

    def rows():
        with desk.people.rows() as database:
            return [database.execute(f"SELECT COUNT(*) FROM {table} WHERE brand_id = ?", (desk.brand.id,)).fetchone()[0]
                    for table in ("deliveries", "attempts")]

    eventually(lambda: rows() == [0, 0])


def test_a_deleted_chatbot_sends_nothing_more(desk):
    desk.receiver.answer = 500
    chatbot = desk.make()
    hook = desk.hook(events=["message.received"], retryConfig={"maxRetries": 5, "retryInterval": 1000})
    with desk.people.rows() as database:
        database.execute("UPDATE chatbots SET status = 'active' WHERE id = ?", (chatbot["id"],))
    said = desk.post(chatbot, "/conversation", message="Hello")
    assert said.status_code == 200, said.text
    desk.receiver.wait(1)
    assert desk.admin.delete(f"/api/v1/chatbots/{chatbot['id']}").status_code == 200
    (row,) = settled(desk, hook)
    assert row["status"] == "cancelled"


def test_an_address_that_is_blocked_when_it_is_called(desk):
    """What was allowed when it was saved is judged again at each call."""
    hook = desk.hook(events=["message.sent"], retryConfig={"maxRetries": 0, "retryInterval": 1000})
    with desk.people.rows() as database:
        database.execute("UPDATE webhooks SET url = ? WHERE id = ?", (f"http://127.0.0.1:{closed_port()}/", hook["id"]))
    desk.brand.say("Hello")
    (row,) = settled(desk, hook)
    assert (row["status"], row["attempts"][0]["error"]) == ("failed", "blocked_address")


# ---- secrets, tests, replays ----------------------------------------------------------------------------------------


def test_two_signatures_while_a_secret_is_replaced(desk):
    """003-platform#36"""
    hook = desk.hook(events=["message.sent"])
    rotated = desk.act(hook, "regenerate-secret").json()["data"]
    until = datetime.datetime.fromisoformat(rotated["previousValidUntil"].replace("Z", "+00:00"))
    assert 23.9 < (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 3600 < 24.1
    assert rotated["secret"] != hook["secret"] and desk.show(hook)["secretHint"] == rotated["secret"][-4:]
    desk.brand.say("Hello", conversation_id="one")
    (both,) = desk.receiver.wait(1)
    assert [part[:3] for part in both.headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    assert standard(hook["secret"], both) and standard(rotated["secret"], both)
    assert legacy(rotated["secret"], both) and not legacy(hook["secret"], both)
    at_once = desk.act(hook, "regenerate-secret", overlapHours=0).json()["data"]
    assert at_once["previousValidUntil"] is None
    desk.brand.say("Hello", conversation_id="two")
    one = desk.receiver.wait(2)[1]
    assert standard(at_once["secret"], one) and " " not in one.headers["webhook-signature"]
    assert desk.act(hook, "regenerate-secret", overlapHours=169).status_code == 400


def test_a_test(desk):
    """003-platform#36: of a dead URL too, and of an inactive webhook."""
    hook = desk.hook(active=False)
    done = desk.act(hook, "test").json()["data"]
    assert done["success"] is True and set(done["delivery"]) == {"id", "success", "statusCode", "duration", "error"}
    assert (done["delivery"]["statusCode"], done["delivery"]["error"]) == (200, None)
    (got,) = desk.receiver.seen
    assert got.event == "webhook.test" and standard(hook["secret"], got) and legacy(hook["secret"], got)
    assert got.body["data"]["id"] and got.body["sequence"] == 0
    (row,) = deliveries(desk, hook)
    assert (row["id"], row["event"], row["status"]) == (done["delivery"]["id"], "webhook.test", "delivered")
    assert row["payload"] == got.body
    desk.receiver.answer = 500
    failed = desk.act(hook, "test").json()["data"]
    assert (failed["success"], failed["delivery"]["error"]) == (False, "http_500") and len(desk.receiver.seen) == 2
    shown = stats(desk, hook)
    assert (shown["totalDeliveries"], shown["failedDeliveries"], shown["pending"]) == (2, 1, 0)


def test_a_test_of_a_dead_address():
    """003-platform#36"""
    port = closed_port()
    with running({"outbound.allow": f"127.0.0.1:{port}"}) as site:
        site.receivers, site.taken = [Receiver()], 0
        desk = HookDesk(site)
        hook = desk.hook(url=f"http://127.0.0.1:{port}/")
        done = desk.act(hook, "test")
        site.receivers[0].close()
    assert done.status_code == 200
    assert done.json()["data"]["success"] is False
    assert done.json()["data"]["delivery"]["error"] == "connection_failed"
    assert done.json()["data"]["delivery"]["statusCode"] is None


def test_replays(desk):
    """003-platform#36: same webhook-id, same body."""
    desk.receiver.answers.extend([500])
    hook = desk.hook(events=["message.received", "message.sent"], retryConfig={"maxRetries": 0, "retryInterval": 1000})
    desk.brand.say("Hello")
    failed, sent = settled(desk, hook, 2)
    assert (failed["status"], sent["status"]) == ("failed", "delivered")
    again = desk.act(hook, f"deliveries/{sent['id']}/replay")
    assert again.status_code == 202 and again.json()["data"]["status"] == "pending"
    repeated = desk.receiver.wait(3)
    assert repeated[2].id == repeated[1].id and repeated[2].raw == repeated[1].raw
    assert repeated[2].headers["x-chatbots-delivery"] != repeated[1].headers["x-chatbots-delivery"]
    settled(desk, hook, 2)
    many = desk.act(hook, "replay")
    assert many.status_code == 202 and many.json()["data"] == {"queued": 1}
    assert desk.receiver.wait(4)[3].id == repeated[0].id
    rows = settled(desk, hook, 2)
    assert [(r["status"], len(r["attempts"])) for r in rows] == [("delivered", 2), ("delivered", 2)]
    assert desk.act(hook, "replay", status="all").json()["data"] == {"queued": 2}
    desk.receiver.wait(6)
    eventually(lambda: stats(desk, hook)["pending"] == 0)
    shown = stats(desk, hook)
    assert (shown["totalDeliveries"], shown["successfulDeliveries"], shown["failedDeliveries"]) == (2, 2, 0)
    one, two = "2000-01-01T00:00:00Z", "2000-01-02T00:00:00Z"
    assert desk.act(hook, "replay", **{"from": one, "to": two, "status": "all"}).json()["data"] == {"queued": 0}
    assert desk.act(hook, "replay", **{"from": two, "to": one}).status_code == 400


def test_lists_of_deliveries(desk):
    hook, other = desk.hook(), HookDesk(desk.site)
    desk.brand.say("Hello")
    rows = settled(desk, hook, 3)
    newest = deliveries(desk, hook)
    assert [r["id"] for r in newest] == [r["id"] for r in reversed(rows)]
    assert [r["event"] for r in deliveries(desk, hook, event="message.sent")] == ["message.sent"]
    assert deliveries(desk, hook, status="failed") == []
    assert deliveries(desk, hook, to=rows[0]["createdAt"]) == []
    assert len(deliveries(desk, hook, limit=2, page=2)) == 1 and deliveries(desk, hook, limit=2, page=3) == []
    assert deliveries(desk, hook, **{"from": rows[0]["createdAt"], "status": "delivered"}) == newest
    assert deliveries(desk, hook, **{"from": "2100-01-01T00:00:00Z"}) == []
    assert deliveries(desk, hook, to="1971-01-01T00:00:00Z") == []
    for query, total in (({}, 3), ({"status": "delivered"}, 3), ({"status": "pending"}, 0), ({"event": TURN[0]}, 1),
                         ({"event": TURN[0], "status": "delivered"}, 1), ({"from": "2020-01-01T00:00:00Z"}, 3),
                         ({"from": "2020-01-01T00:00:00Z", "event": TURN[1], "status": "delivered"}, 1)):
        answer = desk.admin.get(f"{PATH}/{hook['id']}/deliveries", params={"limit": 2, **query}).json()
        assert answer["pagination"] == {"total": total, "pages": (total + 1) // 2, "page": 1, "limit": 2}, query
        assert answer["count"] == min(total, 2)
    assert desk.show(hook, f"/deliveries/{rows[0]['id']}") == rows[0]
    assert UUID.fullmatch(rows[0]["id"]) and rows[0]["webhookId"] == hook["id"]
    for path in ("/deliveries/none", f"/deliveries/{hook['id']}"):
        error(desk.admin.get(f"{PATH}/{hook['id']}{path}"), 404, "NOT_FOUND")
    error(other.admin.get(f"{PATH}/{hook['id']}/deliveries/{rows[0]['id']}"), 404, "NOT_FOUND")
    mine = other.hook()
    error(other.admin.get(f"{PATH}/{mine['id']}/deliveries/{rows[0]['id']}"), 404, "NOT_FOUND")
    assert desk.admin.get(f"{PATH}/{hook['id']}/deliveries", params={"status": "x"}).status_code == 400


# ---- bounds ---------------------------------------------------------------------------------------------------------


def test_four_connections_at_most():
    """One that hangs holds up neither others nor itself for longer than an attempt may take."""
    with receivers(2) as ((hanging, quick), allowed), running({**allowed, "webhook.timeout": 1}) as site:
        site.receivers, site.taken = [hanging, quick], 0
        desk = HookDesk(site)
        hanging.answer = None
        hook = desk.hook(events=["message.received"], retryConfig={"maxRetries": 0, "retryInterval": 1000})
        desk.hook(url=quick.url(), events=["message.received"])
        for i in range(9):
            desk.brand.say("Hello", conversation_id=f"c{i}")
        assert len(quick.wait(9)) == 9
        assert len(hanging.seen) <= 8
        rows = settled(desk, hook, 9)
        assert {(r["status"], r["attempts"][0]["error"]) for r in rows} == {("failed", "timeout")}
        moments = sorted(d.at for d in hanging.seen)
        assert all(moments[i + 4] - moments[i] > 0.7 for i in range(len(moments) - 4))


def test_what_has_failed_for_five_days_is_disabled():
    """The webhook's row is made older than it is; what counts is read from it."""
    with hook_site(n=1) as site:
        desk = HookDesk(site)
        desk.receiver.answer = 500
        hook = desk.hook(events=["message.sent"], retryConfig={"maxRetries": 0, "retryInterval": 1000})
        desk.brand.say("Hello", conversation_id="one")
        settled(desk, hook)
        assert desk.show(hook)["active"] is True
        with desk.people.rows() as database:
            database.execute("UPDATE webhooks SET active_since = active_since - 6 * 86400000")
        desk.brand.say("Hello", conversation_id="two")
        eventually(lambda: desk.show(hook)["disabledReason"] == "failing")
        assert desk.show(hook)["active"] is False
        assert "webhook_disabled" in str(desk.brand.audit())
        mail, = eventually(lambda: [*(site.server.data / "mail").glob("*.eml")])
        text = mail.read_text(encoding="utf-8")
        assert f"To: <{desk.email}>" in text and "switched off" in text and hook["secretHint"] not in text
        assert desk.change(hook, active=True)["disabledReason"] is None


def test_thirty_days_are_kept():
    with hook_site(n=1) as site:
        desk = HookDesk(site)
        hook = desk.hook()
        desk.brand.say("Hello")
        settled(desk, hook, 3)
        with desk.people.rows() as database:
            old = f"{int((time.time() - 31 * 86400) * 1000):012x}"
            old = f"{old[:8]}-{old[8:]}"
            for table, column in (("events", "id"), ("deliveries", "id"), ("attempts", "delivery_id"),
                                  ("deliveries", "event_id")):
                database.execute(f"UPDATE {table} SET {column} = ? || substr({column}, 14)", (old,))
        desk.brand.say("Today", conversation_id="today")
        site.server.stop()
        site.server.restart()
        desk.site.admin = site.server.admin

        def left():
            with desk.people.rows() as database:
                return [database.execute(f"SELECT COUNT(*) FROM {t} WHERE brand_id = ?", (desk.brand.id,)).fetchone()[0]
                        for t in ("events", "deliveries", "attempts")]

        eventually(lambda: left() == [3, 3, 3])
        counts_agree(site)


# ---- crashes --------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_over_kill_9():
    """003-platform#35: killed between change and delivery, again and again; every event arrives, in order."""
    with hook_site(n=1, **{"webhook.schedule": "1,1,1,1,1,1,1,1"}) as site:
        desk = HookDesk(site)
        hook = desk.hook()
        for round_no in range(4):
            if round_no % 2:
                desk.receiver.answer = None  # some are on their way when it dies
            for i in range(3):
                desk.brand.say("Hello", client=site.server.client(), conversation_id=f"r{round_no}-{i}")
            site.server.kill()
            desk.receiver.closing.set()
            desk.receiver.answer = 200
            site.server.restart()
            desk.receiver.closing.clear()
        with desk.people.rows() as database:
            wanted = {row[0] for row in database.execute(
                "SELECT 'msg_' || replace(id, '-', '') FROM events WHERE brand_id = ? AND conversation_id IS NOT NULL",
                (desk.brand.id,))}
        assert len(wanted) == 36

        def arrived():
            with desk.receiver.changed:
                return wanted <= {d.id for d in desk.receiver.seen}

        eventually(arrived, 40)
        by_conversation = {}
        for d in desk.receiver.seen:
            assert standard(hook["secret"], d)
            by_conversation.setdefault(d.body["data"].get("sessionId"), []).append(d.body["sequence"])
        for sequences in by_conversation.values():
            firsts = list(dict.fromkeys(sequences))
            assert firsts == sorted(firsts), sequences


def test_stopping_does_not_wait_for_receivers():
    with hook_site(n=1) as site:
        desk = HookDesk(site)
        desk.receiver.answer = None
        desk.hook()
        desk.brand.say("Hello")
        desk.receiver.wait(1)
        site.server.stop(timeout=10)
        desk.receiver.closing.set()
        desk.receiver.answer = 200
        site.server.restart()
        assert [d.body["sequence"] for d in desk.receiver.wait(4)] == [1, 1, 2, 3]


def test_bad_settings_are_told(parley, tmp_path):
    for name, value in (("outbound.allow", "127.0.0.1"), ("webhook.schedule", "5s,soon"), ("webhook.timeout", "61"),
                        ("environment", "staging")):
        done = parley("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", f"--{name}", value)
        assert done.returncode == 2 and name in done.stderr, (name, done.stderr)
