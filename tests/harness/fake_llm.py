# SPDX-License-Identifier: Apache-2.0
"""The test double of an OpenAI-compatible server, `parley-fake-llm` (upstream-llm 9), and its knobs."""

import httpx

from .program import Program, find_binary


class FakeLlm(Program):
    """
    fake = FakeLlm().start()
    fake.set(answer="fixed:Hello", deltaDelayMs=20)     every request from now on
    fake.queue({"status": 500}, {"cutAfter": 5})        the next two requests, then the default again
    fake.log()                                          requests as recorded: path, headers, body, times
    """

    def __init__(self, *arguments):
        super().__init__([find_binary("parley-fake-llm", "PARLEY_FAKE_LLM"), "--port", "0", *arguments])
        self.scheme = "https" if "--tls" in arguments or "--h2" in arguments else "http"
        self.client = None

    def start(self, timeout=20):
        super().start(timeout)
        # Threads share it: a connection for each request, because one that is kept may be closed by another thread just
        # as it is taken.
        self.client = httpx.Client(base_url=self.origin, trust_env=False, timeout=10, verify=False,
                                   limits=httpx.Limits(max_keepalive_connections=0))
        return self

    @property
    def port(self):
        return int(self.addresses[0].rsplit(":", 1)[1])

    @property
    def origin(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def url(self):
        """The base URL to give to a provider row."""
        return f"{self.origin}/v1"

    def control(self, body):
        reply = self.client.post("/__control", json=body)
        assert reply.status_code < 300, reply.text
        return self

    def set(self, **knobs):
        """The knobs of every request that has no queue entry; empties the queue."""
        return self.control({"default": knobs, "queue": []})

    def mark(self, word, **knobs):
        """Knobs of every request whose body holds this word."""
        return self.control({"mark": word, "default": knobs})

    def queue(self, *entries):
        """Knobs for the next requests, one each."""
        return self.control({"queue": list(entries)})

    def log(self):
        """Every request so far, oldest first."""
        found = self.client.get("/__log").json()
        return found["requests"] if isinstance(found, dict) else found

    def chats(self):
        """The bodies of the chat completions asked for so far."""
        path = "/chat/completions"
        return [e["body"] for e in self.log() if str(e.get("path", "")).partition("?")[0].endswith(path)]

    def clear(self):
        self.client.delete("/__log")
        return self

    def stop(self, code=None, timeout=20):
        if self.client is not None:
            self.client.close()
        super().stop(code, timeout)
