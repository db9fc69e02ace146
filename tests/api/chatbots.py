# SPDX-License-Identifier: Apache-2.0
"""A brand with its admin, and chatbots made in it: what the tests of chatbots share."""
from api.people import People

PATH = "/api/v1/chatbots"


class Desk:
    """`admin` is an admin of a brand of its own, which has its default chatbot and nothing else."""

    def __init__(self, site, **brand):
        self.site, self.people = site, People(site)
        self.brand = site.brand(**brand)
        self.email = self.people.user(self.brand)
        self.admin = site.client(self.people.user_key(self.email))
        self.default = self.people.chatbot(self.brand)

    def make(self, client=None, **body):
        """A new chatbot as POST shows it, `apiKey` too."""
        reply = (client or self.admin).post(PATH, json={"name": "Guide", **body})
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]

    def get(self, chatbot, client=None, path=""):
        reply = (client or self.admin).get(f"{PATH}/{self.id(chatbot)}{path}")
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def put(self, chatbot, client=None, path="", **body):
        return (client or self.admin).put(f"{PATH}/{self.id(chatbot)}{path}", json=body)

    def post(self, chatbot, path, client=None, **body):
        return (client or self.admin).post(f"{PATH}/{self.id(chatbot)}{path}", json=body)

    def audit(self, chatbot, **query):
        reply = self.admin.get(f"{PATH}/{self.id(chatbot)}/audit-log", params={"limit": 100, **query})
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def member(self, role="user"):
        """A client of a new member and the member's id."""
        email = self.people.user(self.brand, role)
        return self.site.client(self.people.user_key(email)), self.people.user_id(email)

    @staticmethod
    def id(chatbot):
        return chatbot["id"] if isinstance(chatbot, dict) else chatbot


def fault(reply, field, code=None):
    """The reply is a 400 whose first fault names this field."""
    assert reply.status_code == 400, f"{reply.status_code} {reply.text[:300]}"
    body = reply.json()
    assert body["code"] == "VALIDATION_ERROR" and body["success"] is False and body["requestId"]
    assert body["details"][0]["field"] == field, body["details"]
    if code:
        assert body["details"][0]["code"] == code, body["details"]


def error(reply, status, code):
    assert reply.status_code == status, f"{reply.status_code} {reply.text[:300]}"
    body = reply.json()
    assert (body["status"], body["success"], body["code"]) == ("error", False, code)
    return body
