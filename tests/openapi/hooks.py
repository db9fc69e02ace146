# SPDX-License-Identifier: Apache-2.0
"""What a schema cannot say, filled into generated requests: objects that exist, so that handlers are reached at all.

Paths get the ids of objects in a brand made for the run; a deletion gets an object of its own. In bodies that should be
accepted, what names another object names one, and what one value says of another holds. Requests that should be refused
stay as they are but for their paths.
"""
import itertools
import os

import requests
import schemathesis

URL, TOKEN = os.environ["PARLEY_URL"], os.environ.get("PARLEY_TOKEN")
BRAND, PASSWORD = "probe", "moss-and-granite-41"
numbers = itertools.count(1)
session = requests.Session()
session.trust_env = False
session.headers.update({"Authorization": f"Bearer {TOKEN}", "X-Brand-Id": BRAND})


def ask(method, path, **options):
    return session.request(method, URL.rstrip("/") + path, timeout=60, **options)


def make(path, body=None, **options):
    reply = ask("POST", path, json=body, **options) if body is not None else ask("POST", path, **options)
    assert reply.status_code in (200, 201, 202), (path, reply.text)
    return reply.json().get("data", {})


def fresh(name):
    return f"{name} {next(numbers)}"


# ---- objects, by the folder of their path ---------------------------------------------------------------------------

def chatbot():
    return make("/api/v1/chatbots", {"name": fresh("Bot"), "isPublic": True})["id"]


def user():
    name = f"user{next(numbers)}"
    body = {"username": name, "email": f"{name}@fern.example", "password": PASSWORD, "role": "developer"}
    return make("/api/v1/auth/register", body)["id"]


def document():
    form = {"documentType": (None, "general"), "file": ("moss.txt", f"Moss number {next(numbers)} likes shade.")}
    return make("/api/v1/documents", files=form)["id"]


def item():
    items = f"/api/v1/knowledge-bases/{one('knowledge-bases')}/items"
    make(items, {"title": fresh("Moss"), "content": "Moss likes shade."})
    return one("knowledge-bases"), ask("GET", items).json()["data"][-1]["id"]


def conversation():
    return make("/api/external/v1/conversations", {"chatbotId": one("chatbots")})["id"]


def webhook():
    return make("/api/v1/webhooks", {"url": "https://hooks.fern.example/x", "events": ["message.sent"]})["id"]


makers = {
    "chatbots": chatbot,
    "users": user,
    "documents": document,
    "webhooks": webhook,
    "conversations": conversation,
    "personalities": lambda: make(f"/api/v1/chatbots/{one('chatbots')}/personalities", {"name": fresh("Guide")})["id"],
    "knowledge-bases": lambda: make(f"/api/v1/chatbots/{one('chatbots')}/knowledge-bases",
                                    {"name": fresh("Care")})["id"],
    "suppliers": lambda: make("/api/v1/suppliers", {"name": fresh("Lab")})["id"],
    "products": lambda: make("/api/v1/products", {"supplierId": one("suppliers"), "inciName": fresh("Moss")})["id"],
    "providers": lambda: make("/api/v1/admin/llm/providers", {"id": f"m{next(numbers)}",
                                                              "baseUrl": "http://127.0.0.1:9/v1"})["id"],
    "invites": lambda: make("/api/v1/admin/invites", {"role": "user"})["id"],
    "api-keys": lambda: make("/api/v1/auth/api-key", {"name": fresh("key")})["id"],
}
kept = {}


def one(kind):
    if kind not in kept:
        kept[kind] = makers[kind]()
    return kept[kind]


# What a body's member names.
REFERENCES = {"supplierId": "suppliers", "productId": "products", "chatbotId": "chatbots", "createdBy": "users",
              "defaultPersonalityId": "personalities", "defaultPersonality": "personalities",
              "personalityId": "personalities", "conversationId": "conversations"}
LISTS = {"supplierIds": "suppliers", "documentIds": "documents", "knowledgeBaseIds": "knowledge-bases"}
# Members that are one under two names.
TWINS = [("defaultPersonality", "defaultPersonalityId"), ("resetToken", "token"), ("newPassword", "password"),
         ("queryText", "query"), ("limit", "maxResults"), ("promptText", "prompt")]
# Rules on a value, or between two, that a schema cannot say; by the member that gives way.
RULES = {
    "url": lambda body: "https://hooks.fern.example/x",  # which addresses are allowed, settings say
    "baseUrl": lambda body: "http://127.0.0.1:9/v1",
    "casNumber": lambda body: "98-92-0",  # its check digit
    "einecsNumber": lambda body: "202-713-4",
    "keyHeader": lambda body: "X-Key",  # not among the extraHeaders
    "to": lambda body: "9999-01-01T00:00:00Z",  # after from
    "expiresAt": lambda body: "9999-01-01T00:00:00Z",  # in the future
    "file": lambda body: f"Moss number {next(numbers)} likes shade.",  # of a kind that is read
}


def folder_of(path, name):
    """The last folder before the parameter: /api/v1/suppliers/{id} → suppliers."""
    parts = path.split("/")
    return parts[parts.index("{" + name + "}") - 1]


def fill_path(case):
    if "{itemId}" in case.path:
        if "item" not in kept or case.method == "DELETE":
            kept["item"] = item()
        case.path_parameters.update(id=kept["item"][0], itemId=kept["item"][1])
        return
    own = case.method == "DELETE" or case.path.endswith(("/restore", "/rollback"))
    for name in case.path_parameters or {}:
        kind = "chatbots" if name == "chatbotId" else folder_of(case.path, name)
        if kind in makers:
            last = case.path.endswith("{" + name + "}") or case.path.endswith("}/restore")
            case.path_parameters[name] = makers[kind]() if own and last else one(kind)
        elif name == "version":
            case.path_parameters[name] = "1"
        elif name == "brandId" and case.path.startswith("/api/"):
            case.path_parameters[name] = BRAND


def fill_body(case):
    if case.path.endswith(("/external/conversations", "/v1/conversations", "/refresh-token")) and case.method == "POST":
        if not isinstance(case.body, dict):  # a chatbot's key, or a cookie, would say it
            case.body, case.media_type = {}, "application/json"
    body = case.body
    if not isinstance(body, dict):
        return
    if case.path.endswith("/providers/{id}"):
        body["id"] = case.path_parameters["id"]
    if isinstance(body.get("chatbot"), dict):  # an import
        fill_object(body["chatbot"], new=True)
    fill_object(body, new=case.path == "/api/v1/chatbots" and case.method == "POST")
    if case.path.startswith("/api/external") and case.path.endswith("/conversations"):
        body["chatbotId"] = one("chatbots")  # a chatbot's key need not say it
    if case.path.startswith("/api/v1/webhooks/") and body.get("chatbotId"):
        body.setdefault("scope", "brand")  # of the installation it has none
    if case.path.endswith("/refresh-token") and not body.get("refreshToken"):
        body["refreshToken"] = "rt_none"  # there is no cookie
    if "currentPassword" in body or case.path == "/api/v1/auth/me":
        body.pop("email", None)  # needs the password that is now
        body.pop("newPassword", None)


def fill_object(body, new):
    for alias, name in TWINS:
        if alias in body and name in body:
            del body[alias]
    for name, kind in REFERENCES.items():
        if body.get(name) is not None:
            body[name] = one(kind)
    for name, rule in RULES.items():
        if body.get(name) is not None:
            body[name] = rule(body)
    for filters in (body, body.get("knowledgeSourceFilters")):
        for name, kind in LISTS.items():
            if isinstance(filters, dict) and filters.get(name):
                filters[name] = [one(kind)]
    if new:
        for name in ("defaultPersonalityId", "defaultPersonality", "knowledgeSourceFilters"):
            body.pop(name, None)  # a chatbot that is to be has nothing yet
    if isinstance(body.get("configuration"), dict):
        body["configuration"].pop("welcomeMessage", None)  # another place of the chatbot's
    if body.get("scope") == "installation":
        body["chatbotId"] = None
    if body.get("documentType") == "inci":
        body["productId"] = one("products")
    body.pop("messageId", None)  # of an answer of the conversation
    if body.get("conversationId"):
        body.pop("sessionId", None)  # of the same conversation


def fill_query(case):
    if case.query and case.query.get("chatbotId"):
        case.query["chatbotId"] = one("chatbots")
    if case.query:
        case.query.pop("brandId", None)  # X-Brand-Id says it
    if case.path.endswith("/activities/stats") and case.query:
        case.query.update({"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"})  # at most 366 days
    if case.path.endswith("/conversation/history"):
        case.query["conversationId"] = one("conversations")  # or sessionId: one of the two
        case.query.pop("sessionId", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    # A header that nobody knows spoils nothing.
    parts = case.meta.components.items() if case.meta else ()
    positive = not any(part.mode.is_negative for place, part in parts if place.name not in ("HEADER", "COOKIE"))
    if not TOKEN and positive and case.path.endswith("/refresh-token"):
        fill_body(case)
    if not TOKEN or not case.path.startswith("/api/"):
        return
    if "probe" not in kept:
        kept["probe"] = True
        reply = ask("POST", "/brands", json={"name": "Probe", "description": "Probe", "brand_id": BRAND})
        assert reply.status_code in (200, 201, 409), reply.text
    case.headers.pop("X-API-Key", None)  # two credentials that differ are none
    case.headers["X-Brand-Id"] = BRAND
    fill_path(case)
    if positive:
        fill_body(case)
        fill_query(case)


@schemathesis.hook
def after_call(context, case, response):
    """What was made goes again: names and numbers of objects are used up otherwise."""
    if response.status_code == 201 and case.method == "POST" and case.path.startswith("/api/v1/"):
        kind, made = case.path.rpartition("/")[2], response.json().get("data") or {}
        kind = "chatbots" if kind == "import" else kind
        if kind in makers and "id" in made and made["id"] not in kept.values() and kind != "conversations":
            folder = "/api/v1/admin/llm" if kind == "providers" else "/api/v1"
            ask("DELETE", f"{folder}/{kind}/{made['id']}")
