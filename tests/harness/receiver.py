# SPDX-License-Identifier: Apache-2.0
"""A receiver of webhooks: an HTTP server on threads that keeps what came and answers as a test wants."""

import collections
import http.server
import json
import socket
import ssl
import threading
import time


class Delivery:
    """One request: `headers` (names in lower case), `raw` and `body` (decoded), `at` (monotonic)."""

    def __init__(self, path, headers, raw):
        self.path, self.headers, self.raw, self.at = path, headers, raw, time.monotonic()
        self.body = json.loads(raw) if raw else None

    @property
    def event(self):
        return self.body["event"]

    @property
    def id(self):
        return self.headers["webhook-id"]


class Receiver:
    """
    receiver = Receiver(answers=[500, 200])

    `answer` is a status, a function of the Delivery and the handler, or None (the connection stays silent until the
    receiver is closed). `answers` are used up first, one a request. `certificate`: (pem, key) of a receiver over TLS.
    """

    def __init__(self, answer=200, answers=(), certificate=None):
        self.answer, self.answers = answer, collections.deque(answers)
        self.seen, self.connections, self.changed = [], 0, threading.Condition()
        self.closing = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.take(self, Delivery(self.path, {k.lower(): v for k, v in self.headers.items()}, raw))

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self):
                receiver.connections += 1
                return super().get_request()

            def handle_error(self, request, address):
                pass  # the other side went away

        self.server, self.scheme = Server(("127.0.0.1", 0), Handler), "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake is the handler's, so that a client that breaks off holds up nobody.
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, handler, delivery):
        with self.changed:
            self.seen.append(delivery)
            answer = self.answers.popleft() if self.answers else self.answer
            self.changed.notify_all()
        if answer is None:
            self.closing.wait()
            handler.close_connection = True
        elif callable(answer):
            answer(delivery, handler)
        else:
            reply(handler, answer)

    def url(self, path="/hook", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def allow(self):
        return f"127.0.0.1:{self.port}"

    def wait(self, n=1, timeout=20, where=lambda delivery: True):
        """The deliveries that fit, as soon as there are n of them."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                fitting = [delivery for delivery in self.seen if where(delivery)]
                if len(fitting) >= n:
                    return fitting
                left = deadline - time.monotonic()
                assert left > 0, f"{len(fitting)} of {n} deliveries in {timeout} s: {[d.event for d in self.seen]}"
                self.changed.wait(left)

    def clear(self):
        with self.changed:
            self.seen.clear()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


def reply(handler, status, body=b"ok", **headers):
    """Answers on a handler: `Retry_After=3` becomes a field."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def closed_port():
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
