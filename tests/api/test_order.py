# SPDX-License-Identifier: Apache-2.0
"""The order of checks (003-platform 1.2): 405, 413, 401, 429, 404/403, 415, 400, 409. Whom or what a request is not for
is said before anything of its body, for every operation that the program lists."""
import json
import re
import uuid

import pytest

from api.fixtures import running
from api.helpers import unique
from api.people import People
from harness import find_binary, run


def operations():
    binary = find_binary("parley", "PARLEY_BIN")
    document = json.loads(run([binary, "openapi"]).stdout) if binary.exists() else {"paths": {}}
    return [(method.upper(), path) for path, item in document["paths"].items() for method, one in item.items()
            if path.startswith("/api/") and "requestBody" in one]


OPERATIONS = operations()
NAMED = [one for one in OPERATIONS if re.search(r"\{(?!type|version)", one[1])]
BROKEN = [("text/csv", b"a,b"), ("application/json", b"{"), ("application/json", b'{"unknown":1}')]


def statuses(client, method, path):
    return {client.request(method, path, content=content, headers={"Content-Type": kind}).status_code
            for kind, content in BROKEN}


@pytest.mark.parametrize("method, path", NAMED, ids=[" ".join(one) for one in NAMED])
def test_not_there_before_the_body(site, method, path):
    """An object that is not there is 404, whatever the body is."""
    there = re.sub(r"\{[^}]*\}", str(uuid.uuid4()), path)
    assert statuses(site.admin, method, there) == {404}


def test_objects_inside_objects(site):
    """The same for what stands below an object that is there."""
    brand = site.brand()
    admin = site.client(site.server.token, X_Brand_Id=brand.id)
    chatbot = admin.post("/api/v1/chatbots", json={"name": unique("bot")}).json()["data"]["id"]
    base = admin.post(f"/api/v1/chatbots/{chatbot}/knowledge-bases", json={"name": "Care"}).json()["data"]["id"]
    for method, path in (("PUT", f"/api/v1/knowledge-bases/{base}/items/{uuid.uuid4()}"),
                         ("PUT", f"/api/v1/admin/users/{uuid.uuid4()}"), ("PUT", "/api/v1/admin/users/nobody")):
        assert statuses(admin, method, path) == {404}, path


def test_rights_before_the_body():
    """What hangs on the chatbot of the body is asked before what is wrong with it; so is closed registration."""
    with running({"registration": "closed"}) as site:
        assert statuses(site.anon, "POST", "/api/v1/auth/register") == {403}
        people, brand, other = People(site), site.brand(), site.brand()
        user = site.client(people.token(people.user(brand, "user")))
        for path in ("/api/v1/webhooks", "/api/v1/documents", "/api/v1/suppliers"):
            assert statuses(user, "POST", path) == {403}, path
        admin = site.client(site.server.token, X_Brand_Id=other.id)
        chatbot = admin.post("/api/v1/chatbots", json={"name": unique("bot")}).json()["data"]["id"]
        for path in ("/api/v1/webhooks", "/api/external/conversations"):
            reply = user.post(path, json={"chatbotId": chatbot, "unknown": 1})
            assert reply.status_code == 404, (path, reply.text)
        assert user.get("/api/v1/webhooks", params={"chatbotId": chatbot, "page": "x"}).status_code == 404
        assert user.get("/api/v1/webhooks", params={"page": "x"}).status_code == 403
