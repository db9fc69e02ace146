# SPDX-License-Identifier: Apache-2.0
"""A server that says what a test wants, in the frames of 001-brands 10: for what the real one does not do on command
(losing a connection at a chosen character, texts full of markup). It also serves pages from memory.

    with FakeParley({"/demo": (type, bytes)}) as fake: fake.url, fake.frames (what clients sent), fake.connections

What it answers depends on words in the question: `lose` drops the connection in the middle of the answer, `swallow`
drops it before the question counts, `slow` streams until it is cancelled, `markup` sends markup everywhere, `refuse` an
error frame, `close 4429` closes with that code. Anything else gets the answer about the Forge with its card.
"""

import asyncio
import http
import json
import re
import threading
import uuid

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

FORGE = {
    "id": "laptop-001",
    "name": "Halden Forge 16",
    "category": "Laptops",
    "price": 2899,
    "availability": True,
    "description": "A powerful laptop.",
    "features": ["Video editing in 8K without proxies", "16-inch OLED panel, 120 Hz"],
    "specifications": {"Memory": "64 GB"},
    "brand_id": "techpro",
}
TOUGH = {
    **FORGE,
    "id": "phone-003",
    "name": "Marlow Tough 3",
    "category": "Phones",
    "price": 549,
    "availability": False,
}
ANSWER = (
    "Halden Forge 16: 2,899.00 USD, in stock. A powerful 16-inch laptop for video editing, colour work and 3D "
    "rendering.\n"
    "Marlow Tough 3: 549.00 USD, currently unavailable. Größe 😀 und Maß."
)
MARKUP = '<img src=x onerror="window.broken=1"><script>window.broken=1</script><b>bold</b> javascript:alert(1)'
SLOW = "Word after word, and there is no end to it. "


class FakeParley:
    def __init__(self, pages=None, pace=0.01):
        self.pages, self.pace = pages or {}, pace
        self.frames, self.connections = [], 0
        self.answers = {}  # conversation id → (text, complete data) of the newest answer
        self.history = {}
        self.cancelled = None

    # ---- life, in a thread with a loop of its own ----

    def __enter__(self):
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), daemon=True)
        self.thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join(10)

    async def _run(self, ready):
        self.loop, self.done = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._socket, "127.0.0.1", 0, process_request=self._page, compression=None) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}"
            ready.set()
            await self.done.wait()

    def _page(self, connection, request):
        path = request.path.split("?")[0]
        if path.startswith("/ws/"):
            return None
        found = re.fullmatch(r"/chat/[^/]+/history/(.+)", path)
        if found:
            body = json.dumps({"messages": self.history.get(found[1], [])}).encode()
            return Response(
                200, "OK", Headers({"Content-Type": "application/json", "Content-Length": str(len(body))}), body
            )
        if path not in self.pages:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "{}")
        kind, body, *headers = self.pages[path]
        return Response(
            200, "OK", Headers({"Content-Type": kind, "Content-Length": str(len(body)), **dict(headers)}), body
        )

    # ---- the conversation ----

    async def _socket(self, ws):
        self.connections += 1
        brand = ws.request.path.split("?")[0].rsplit("/", 1)[1]
        if brand == "nope":
            await self._send(ws, "error", message="Brand 'nope' not found or inactive", code="brand_unavailable")
            return await ws.close(4404)
        name = MARKUP if brand == "markup" else "TechPro"
        await self._send(
            ws,
            "welcome",
            message="Welcome to TechPro. What are you looking for today?",
            brand_id=brand,
            brand_name=name,
        )
        queue, self.cancelled = asyncio.Queue(), asyncio.Event()
        worker = asyncio.create_task(self._turns(ws, queue))
        try:
            async for text in ws:
                frame = json.loads(text)
                self.frames.append(frame)
                if frame["type"] == "ping":
                    await self._send(ws, "pong", timestamp="2026-03-02T09:31:07.002Z")
                elif frame["type"] == "cancel":
                    self.cancelled.set()
                else:
                    queue.put_nowait(frame)
        except ConnectionClosed:
            pass
        finally:
            worker.cancel()

    async def _send(self, ws, type, **data):
        await ws.send(json.dumps({"type": type, "data": data}))

    async def _turns(self, ws, queue):
        try:
            while True:
                frame = await queue.get()
                await (self._resume if frame["type"] == "resume" else self._chat)(ws, frame["data"])
        except ConnectionClosed:
            pass

    def _complete(self, conversation, products=(), confidence=None, **metadata):
        return {
            "content": "",
            "is_final": True,
            "conversation_id": conversation,
            "suggested_products": list(products),
            "confidence_score": confidence,
            "metadata": {
                "message_id": str(uuid.uuid4()),
                "mode": "quoted",
                "model": None,
                "voice": False,
                "finish_reason": "stop",
                "sources": [
                    {"document_id": "d", "title": "How long does delivery take?", "type": "item", "similarity": 0.52}
                ],
                "usage": None,
                "response_time_ms": 12,
                "degraded": False,
                "reason": "no_model",
                "price_corrections": [],
                **metadata,
            },
        }

    async def _resume(self, ws, data):
        conversation = data["conversation_id"]
        if conversation not in self.answers:
            await self._send(
                ws, "error", message="Nothing to resume", code="nothing_to_resume", conversation_id=conversation
            )
            return await self._send(
                ws, "complete", **self._complete(conversation, finish_reason="error", error="nothing_to_resume")
            )
        text, complete = self.answers[conversation]
        if text[data.get("offset", 0) :]:
            await self._chunk(ws, conversation, text[data.get("offset", 0) :])
        await self._send(ws, "complete", **complete)

    async def _chunk(self, ws, conversation, text):
        await self._send(
            ws,
            "chunk",
            content=text,
            is_final=False,
            conversation_id=conversation,
            suggested_products=None,
            confidence_score=None,
        )

    async def _chat(self, ws, data):
        question = data["message"]
        conversation = data.get("conversation_id") or str(uuid.uuid4())
        closing = re.search(r"close (\d+)", question)
        if closing:
            return await ws.close(int(closing[1]))
        if "swallow" in question and question not in self.history:
            self.history[question] = []
            return ws.transport.abort()
        if "refuse" in question:
            await self._send(
                ws,
                "error",
                message="Rate limit exceeded.",
                code="rate_limited",
                retry_after=12,
                conversation_id=conversation,
            )
            return await self._send(
                ws, "complete", **self._complete(conversation, finish_reason="error", error="rate_limited")
            )
        text, products, confidence = ANSWER, [FORGE, TOUGH], 0.8127
        if "markup" in question:
            text = f"Answer {MARKUP}"
            products = [
                {
                    **FORGE,
                    "name": f"Product {MARKUP}",
                    "category": MARKUP,
                    "features": [MARKUP],
                    "url": "javascript:alert(1)",
                    "image_url": "data:text/html,<script>alert(1)</script>",
                }
            ]
        if "nothing" in question:
            text, products, confidence = "I have no answer to this in the documents.", [], 0.0
        complete = self._complete(conversation, products, confidence)
        if "markup" in question:
            complete["metadata"]["sources"][0]["title"] = MARKUP
        await self._send(ws, "typing", conversation_id=conversation, is_typing=True)
        self.history.setdefault(conversation, []).append({"role": "user", "content": question})
        if "slow" in question:
            text = ""
            while not self.cancelled.is_set():
                text += SLOW
                await self._chunk(ws, conversation, SLOW)
                await asyncio.sleep(self.pace * 4)
            self.cancelled.clear()
            complete = self._complete(conversation, finish_reason="cancelled")
            self._store(conversation, text, complete)
        else:
            await asyncio.sleep(self.pace * 10)
            self._store(conversation, text, complete)
            for begin in range(0, len(text), 7):
                if "lose" in question and begin >= 140:
                    return ws.transport.abort()
                await self._chunk(ws, conversation, text[begin : begin + 7])
                await asyncio.sleep(self.pace)
        await self._send(ws, "typing", conversation_id=conversation, is_typing=False)
        await self._send(ws, "complete", **complete)

    def _store(self, conversation, text, complete):
        self.answers[conversation] = (text, complete)
        self.history[conversation].append(
            {"role": "assistant", "content": text, "message_id": complete["metadata"]["message_id"]}
        )
