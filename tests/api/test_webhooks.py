# SPDX-License-Identifier: Apache-2.0
"""Webhooks as objects (003-platform 14.1): fields, secrets, rights, lists."""
import base64
import json
import re
import uuid

import pytest

from api.chatbots import error, fault
from api.fixtures import running
from api.helpers import TIME, UUID, eventually, unique
from api.webhooks import PATH, SECRET, HookDesk, counts_agree, hook_site
from harness import Receiver
from harness import reply as give

EVENTS = ["message.received", "message.sent", "conversation.started", "conversation.ended", "user.registered",
          "chatbot.created", "training.completed", "training.failed", "response.rated", "budget.warning",
          "budget.exhausted", "channel.error", "webhook.test"]
URL = "https://hooks.fern.example/parley"


@pytest.fixture(scope="module")
def hooks(conformance):
    with hook_site(conformance) as site:
        yield site


@pytest.fixture
def desk(hooks):
    yield HookDesk(hooks)
    counts_agree(hooks)


def test_the_object(desk):
    hook = desk.hook(url=URL)
    secret = hook.pop("secret")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret) and len(base64.b64decode(secret[6:])) == 32
    assert UUID.fullmatch(hook["id"]) and TIME.fullmatch(hook["createdAt"]) and hook["updatedAt"] == hook["createdAt"]
    assert hook == {
        "id": hook["id"], "brandId": desk.brand.id, "scope": "brand", "name": "hooks.fern.example", "description": "",
        "url": URL, "events": ["*"], "chatbotId": None, "secretHint": secret[-4:], "headers": {}, "active": True,
        "disabledReason": None, "retryConfig": None, "filterConfig": {"conditions": {}}, "ordering": "conversation",
        "createdBy": desk.people.user_id(desk.email),
        "stats": {"totalDeliveries": 0, "successfulDeliveries": 0, "failedDeliveries": 0, "pending": 0,
                  "lastDeliveryAttempt": None, "lastSuccessfulDelivery": None, "lastFailedDelivery": None},
        "createdAt": hook["createdAt"], "updatedAt": hook["createdAt"]}
    assert desk.show(hook) == hook


def test_secrets_are_shown_once_and_stored_sealed(desk):
    hook = desk.hook(secret=SECRET, headers={"Authorization": "Bearer moss-on-granite", "X-Team": "shop"})
    assert hook["secret"] == SECRET and hook["secretHint"] == SECRET[-4:]
    assert hook["headers"] == {"Authorization": "********", "X-Team": "********"}
    assert "secret" not in desk.show(hook)
    audit = desk.brand.audit()
    assert SECRET not in str(audit) and "moss-on-granite" not in str(audit)
    for name in ("parley.db", "parley.db-wal"):
        stored = (desk.site.server.data / name).read_bytes()
        assert SECRET[6:].encode() not in stored and b"moss-on-granite" not in stored


def test_read_modify_write(desk):
    hook = desk.hook(url=URL, headers={"X-Team": "shop"}, retryConfig={"maxRetries": 2, "retryInterval": 1000},
                     filterConfig={"conditions": {"data.channel": "api"}})
    shown = desk.show(hook)
    assert desk.change(hook, **shown) == shown
    changed = desk.change(hook, description="Ours", retryConfig=None, name="Fern")
    assert (changed["description"], changed["retryConfig"], changed["name"]) == ("Ours", None, "Fern")
    assert changed["headers"] == {"X-Team": "********"}


@pytest.mark.parametrize("body, field, code", [
    ({"url": None}, "url", "type"),
    ({"url": "hooks"}, "url", "format"),
    ({"url": "ftp://hooks.example/"}, "url", "format"),
    ({"url": "https://hooks.example/" + "x" * 2000}, "url", "too_long"),
    ({"url": "http://127.0.0.1:1"}, "url", "address_not_allowed"),
    ({"url": "http://[::ffff:10.0.0.1]/"}, "url", "address_not_allowed"),
    ({"url": "http://0x7f.1/"}, "url", "address_not_allowed"),
    ({"url": "http://169.254.169.254/latest"}, "url", "address_not_allowed"),
    ({"url": "http://user:pw@hooks.example/"}, "url", "address_not_allowed"),
    ({"url": "http://hooks.example:25/"}, "url", "address_not_allowed"),
    ({"url": "http://localhost/"}, "url", "address_not_allowed"),
    ({"events": []}, "events", "too_short"),
    ({"events": ["message.read"]}, "events[0]", "enum"),
    ({"events": ["*", "message.sent"]}, "events[0]", "format"),
    ({"events": ["message.sent", "message.sent"]}, "events[1]", "duplicate"),
    ({"events": "*"}, "events", "type"),
    ({"name": "x" * 101}, "name", "too_long"),
    ({"description": "x" * 501}, "description", "too_long"),
    ({"secret": "short"}, "secret", "too_short"),
    ({"secret": "x" * 201}, "secret", "too_long"),
    ({"secret": "with a space in it"}, "secret", "format"),
    ({"secret": "whsec_" + "A" * 20}, "secret", "format"),
    ({"secret": "whsec_" + base64.b64encode(b"x" * 65).decode()}, "secret", "format"),
    ({"secret": "whsec_not!base64!at!all!!!!!!!!!!!!!!!!"}, "secret", "format"),
    ({"headers": {"Host": "x"}}, "headers.Host", "format"),
    ({"headers": {"content-length": "1"}}, "headers.content-length", "format"),
    ({"headers": {"Webhook-Id": "1"}}, "headers.Webhook-Id", "format"),
    ({"headers": {"x-chatbots-event": "1"}}, "headers.x-chatbots-event", "format"),
    ({"headers": {"User-Agent": "1"}}, "headers.User-Agent", "format"),
    ({"headers": {"X Team": "1"}}, "headers.X Team", "format"),
    ({"headers": {"X-Team": "a\r\nX-Other: b"}}, "headers.X-Team", "format"),
    ({"headers": {"X-Team": "x" * 1001}}, "headers.X-Team", "too_long"),
    ({"headers": {"X-Team": 1}}, "headers.X-Team", "type"),
    ({"headers": {"X-Team": "1", "x-team": "2"}}, "headers.x-team", "duplicate"),
    ({"headers": {f"X-{i}": "1" for i in range(11)}}, "headers", "too_long"),
    ({"retryConfig": {"maxRetries": 11, "retryInterval": 1000}}, "retryConfig.maxRetries", "out_of_range"),
    ({"retryConfig": {"maxRetries": 1, "retryInterval": 999}}, "retryConfig.retryInterval", "out_of_range"),
    ({"retryConfig": {"maxRetries": 1}}, "retryConfig.retryInterval", "required"),
    ({"filterConfig": {"conditions": {"a": {}}}}, "filterConfig.conditions.a", "format"),
    ({"filterConfig": {"conditions": {str(i): 1 for i in range(11)}}}, "filterConfig.conditions", "too_long"),
    ({"ordering": "some"}, "ordering", "enum"),
    ({"scope": "world"}, "scope", "enum"),
    ({"active": "yes"}, "active", "type"),
    ({"mood": 1}, "mood", "unknown_field"),
    ({"stats": {}}, "stats", "unknown_field"),
    ({"sealedSecret": "x"}, "sealedSecret", "unknown_field"),
    ({"chatbotId": str(uuid.uuid4())}, None, None),
])
def test_bad_input_names_the_field(desk, body, field, code):
    """003-platform#36: an address that is not allowed is refused when it is saved, without a connection."""
    reply = desk.admin.post(PATH, json={"url": URL, "events": ["*"], **body})
    if field is None:
        error(reply, 404, "NOT_FOUND")
    else:
        fault(reply, field, code)
    assert desk.admin.get(PATH).json()["count"] == 0


def test_an_address_that_is_not_allowed_is_not_called():
    """003-platform#36: refused without a connection, in whatever form it is written."""
    receiver = Receiver()
    with running() as site:
        site.receivers, site.taken = [receiver], 0
        desk = HookDesk(site)
        for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "localhost"):
            url = f"http://{host}:{receiver.port}/hook"
            fault(desk.admin.post(PATH, json={"url": url, "events": ["*"]}), "url", "address_not_allowed")
        desk.brand.say("Hello")
    assert receiver.connections == 0
    receiver.close()


def test_a_change_to_a_bad_address_changes_nothing(desk):
    hook = desk.hook(url=URL)
    before = desk.show(hook)
    fault(desk.admin.put(f"{PATH}/{hook['id']}", json={"name": "x", "url": "http://10.0.0.1/"}), "url",
          "address_not_allowed")
    assert desk.show(hook) == before


def test_twenty_of_a_brand(desk):
    for i in range(20):
        desk.hook(url=URL, chatbotId=desk.default if i % 2 else None)
    full = desk.admin.post(PATH, json={"url": URL, "events": ["*"]})
    assert error(full, 409, "CONFLICT")["details"][0]["code"] == "limit_reached"
    assert desk.admin.get(PATH, params={"limit": 3, "page": 2}).json()["pagination"] == {
        "total": 20, "pages": 7, "page": 2, "limit": 3}


def test_lists_filter(desk):
    all_events = desk.hook(url=URL)
    sent = desk.hook(url=URL, events=["message.sent"], active=False)
    own = desk.hook(url=URL, events=["message.received"], chatbotId=desk.default)

    def listed(**query):
        return [row["id"] for row in desk.admin.get(PATH, params=query).json()["data"]]

    assert listed() == [own["id"], sent["id"], all_events["id"]]
    assert listed(active="false") == [sent["id"]]
    assert listed(event="message.sent") == [sent["id"], all_events["id"]]
    assert listed(chatbotId=desk.default) == [own["id"]]
    assert desk.admin.get(PATH, params={"event": "nothing"}).status_code == 400
    error(desk.admin.get(PATH, params={"chatbotId": str(uuid.uuid4())}), 404, "NOT_FOUND")


def test_names_of_events(desk):
    assert desk.admin.get(f"{PATH}/events").json()["data"] == EVENTS


def test_deleting_is_204(desk):
    hook = desk.hook(url=URL)
    gone = desk.admin.delete(f"{PATH}/{hook['id']}")
    assert gone.status_code == 204 and gone.content == b""
    error(desk.admin.get(f"{PATH}/{hook['id']}"), 404, "NOT_FOUND")
    error(desk.admin.delete(f"{PATH}/{hook['id']}"), 404, "NOT_FOUND")


def test_who_may(desk):
    """X on a chatbot, A for the brand, S for the installation; another brand's is not found."""
    site, people = desk.site, desk.people
    (developer, developer_id), (user, user_id) = desk.member("developer"), desk.member("user")
    other = HookDesk(site)
    mine, plain = [desk.make(name=name)["id"] for name in ("Theirs", "Hers")]
    with people.rows() as database:
        database.execute("UPDATE chatbots SET created_by = ? WHERE id = ?", (developer_id, mine))
        database.execute("UPDATE chatbots SET created_by = ? WHERE id = ?", (user_id, plain))
    body = {"url": URL, "events": ["*"]}
    brand = {"X-Brand-Id": desk.brand.id}
    error(site.anon.post(PATH, json=body), 401, "UNAUTHORIZED")
    error(developer.post(PATH, json=body, headers=brand), 403, "FORBIDDEN")
    error(other.admin.post(PATH, json=body, headers=brand), 404, "NOT_FOUND")
    made = developer.post(PATH, json={**body, "chatbotId": mine})
    assert made.status_code == 201, made.text
    error(user.post(PATH, json={**body, "chatbotId": plain}), 403, "FORBIDDEN")
    error(developer.post(PATH, json={**body, "chatbotId": plain}), 404, "NOT_FOUND")
    error(desk.admin.post(PATH, json={**body, "scope": "installation"}), 403, "FORBIDDEN")
    path = f"{PATH}/{made.json()['data']['id']}"
    assert developer.get(path).status_code == 200 and desk.admin.get(path).status_code == 200
    error(user.get(path), 404, "NOT_FOUND")
    error(other.admin.get(path), 404, "NOT_FOUND")
    error(other.admin.post(f"{path}/test"), 404, "NOT_FOUND")
    error(developer.put(path, json={"chatbotId": None}), 403, "FORBIDDEN")
    fault(developer.put(path, json={"chatbotId": other.default}), "chatbotId")
    assert developer.get(PATH, params={"chatbotId": mine}).json()["count"] == 1
    error(developer.get(PATH, headers=brand), 403, "FORBIDDEN")
    error(people.key_client(desk.brand).get(PATH), 401, "UNAUTHORIZED")


def test_the_installation_is_for_super_admins(desk):
    made = desk.site.admin.post(PATH, json={"url": URL, "events": ["user.registered"], "scope": "installation"},
                                headers={"X-Brand-Id": desk.brand.id})
    assert made.status_code == 201, made.text
    path = f"{PATH}/{made.json()['data']['id']}"
    assert desk.site.admin.get(path).json()["data"]["scope"] == "installation"
    for reply in (desk.admin.get(path), desk.admin.put(path, json={"name": "x"}), desk.admin.delete(path),
                  desk.admin.post(f"{path}/regenerate-secret"), desk.admin.get(f"{path}/deliveries")):
        error(reply, 404, "NOT_FOUND")
    assert desk.admin.get(PATH).json()["count"] == 0
    assert desk.site.admin.delete(path).status_code == 204


def test_an_erased_brand_leaves_nothing(desk):
    desk.hook(url=desk.receiver.url())
    desk.brand.say("Hello")
    desk.receiver.wait(3)
    assert desk.site.admin.delete(f"/brands/{desk.brand.id}").status_code == 200

    def rows():
        with desk.people.rows() as database:
            return [database.execute(f"SELECT COUNT(*) FROM {table} WHERE brand_id = ?", (desk.brand.id,)).fetchone()[0]
                    for table in ("webhooks", "deliveries", "attempts", "events")]

    eventually(lambda: rows() == [0, 0, 0, 0])


def test_a_deleted_account_is_forgotten(desk):
    """003-platform 2.4: name and e-mail leave what was delivered, what is still to be, and what receivers answered."""
    repeats = unique("heron")
    hook = desk.site.admin.post(PATH, json={"url": desk.receiver.url(), "events": ["user.registered"],
                                            "scope": "installation", "secret": SECRET},
                                headers={"X-Brand-Id": desk.brand.id}).json()["data"]
    desk.receiver.answer = lambda delivery, handler: give(handler, 200, delivery.raw)
    person = desk.site.server.register(repeats)["data"]
    sent = desk.receiver.wait(where=lambda d: d.body["data"].get("username") == repeats)[0].body["data"]
    assert (sent["id"], sent["email"]) == (person["id"], f"{repeats}@fern.example")
    desk.receiver.answer = 500
    other = desk.site.server.register(unique("wren"))["data"]
    desk.receiver.wait(where=lambda d: d.body["data"].get("username") == other["username"])

    def deliveries(user):
        shown = desk.site.admin.get(f"{PATH}/{hook['id']}/deliveries").json()["data"]
        return [one for one in shown if one["payload"]["data"]["id"] == user["id"]]
    eventually(lambda: deliveries(person)[0]["status"] == "delivered")
    assert repeats in deliveries(person)[0]["attempts"][0]["responseExcerpt"]
    for user in (person, other):
        assert desk.site.admin.delete(f"/api/v1/admin/users/{user['id']}").status_code == 200
        delivery, = deliveries(user)
        assert (delivery["payload"]["data"]["username"], delivery["payload"]["data"]["email"]) == (None, None)
        assert delivery["payload"]["data"]["role"] == "admin" and user["username"] not in json.dumps(delivery)
    desk.receiver.answer = 200
    late = desk.receiver.wait(where=lambda d: d.body["data"]["id"] == other["id"] and not d.body["data"]["email"])[0]
    assert late.body["data"]["username"] is None
    with desk.people.rows() as database:
        for table, column in (("events", "data"), ("attempts", "excerpt"), ("jobs", "payload"), ("audit", "new_value")):
            for user in (person, other):
                assert not database.execute(f"SELECT 1 FROM {table} WHERE {column} LIKE ?",
                                            (f"%{user['email']}%",)).fetchall(), table
        assert not database.execute("SELECT 1 FROM places WHERE kind = 'registration' AND name IN (?, ?)",
                                    (person["id"], other["id"])).fetchall()
    assert desk.site.admin.delete(f"{PATH}/{hook['id']}").status_code == 204
