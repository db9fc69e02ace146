# SPDX-License-Identifier: Apache-2.0
"""The peer: the same chat turn built the usual way, with FastAPI, Chroma and the openai client.

A turn is the same work: find the three best products, build the prompt, stream the model's answer, store both messages
durably (one SQLite transaction each, synchronous FULL), and answer in the frames of contract 001. Where the usual way
would be slower for reasons of its own, the peer is spared: texts are embedded by hashing words (no model is asked), and
there is no rate limit, no account and no price guard.

usage: server.py PORT MODEL_BASE_URL CATALOGUE.json DIRECTORY
"""

import asyncio
import hashlib
import json
import pathlib
import sqlite3
import sys
import uuid

import chromadb
import fastapi
import openai
import pydantic
import uvicorn

PORT, MODEL, CATALOGUE, DIRECTORY = int(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
DIMENSIONS = 384


def embed(text):
    vector = [0.0] * DIMENSIONS
    for word in text.lower().split():
        vector[int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") % DIMENSIONS] += 1.0
    return vector


products = {p["id"]: p for p in json.loads(pathlib.Path(CATALOGUE).read_text(encoding="utf-8"))}
chroma = chromadb.PersistentClient(
    str(DIRECTORY / "chroma"), settings=chromadb.Settings(anonymized_telemetry=False))
collection = chroma.get_or_create_collection("products_techpro", embedding_function=None)
texts = [f"{p['name']} {p['category']} {p['description']} {' '.join(p['features'])}" for p in products.values()]
collection.upsert(ids=list(products), embeddings=[embed(t) for t in texts], documents=texts)

store = sqlite3.connect(DIRECTORY / "chat.db", check_same_thread=False, isolation_level=None)
store.execute("PRAGMA journal_mode=WAL")
store.execute("PRAGMA synchronous=FULL")
store.execute(
    "CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, conversation TEXT, role TEXT, content TEXT, at TEXT)")
store.execute("CREATE INDEX IF NOT EXISTS message_conversation ON message (conversation, at)")
model = openai.AsyncOpenAI(base_url=MODEL, api_key="sk-none", max_retries=0)
app = fastapi.FastAPI()


class Message(pydantic.BaseModel):
    message: str = pydantic.Field(min_length=1, max_length=2000)
    conversation_id: str | None = None


def keep(conversation, role, content):
    store.execute(
        "INSERT INTO message VALUES (?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
        (str(uuid.uuid4()), conversation, role, content))


def earlier(conversation):
    rows = store.execute(
        "SELECT role, content FROM message WHERE conversation = ? ORDER BY at DESC LIMIT 20", (conversation,))
    rows = rows.fetchall()
    return [{"role": role, "content": content} for role, content in reversed(rows)]


def best(question):
    found = collection.query(query_embeddings=[embed(question)], n_results=3)
    return [products[i] for i in found["ids"][0]]


async def turn(message, conversation):
    """Yields the answer's texts, then the products."""
    history = await asyncio.to_thread(earlier, conversation)
    await asyncio.to_thread(keep, conversation, "user", message)
    hits = await asyncio.to_thread(best, message)
    block = "\n".join(f"id={p['id']} | name={p['name']} | price={p['price']}" for p in hits)
    prompt = [{"role": "system", "content": "You advise the customers of TechPro."}, *history,
              {"role": "system", "content": block}, {"role": "user", "content": message}]
    parts = []
    stream = await model.chat.completions.create(model="fake", messages=prompt, stream=True, max_tokens=500)
    async for event in stream:
        if event.choices and event.choices[0].delta.content:
            parts.append(event.choices[0].delta.content)
            yield parts[-1]
    await asyncio.to_thread(keep, conversation, "assistant", "".join(parts))
    yield hits


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/brands/{brand}/products")
async def listed(brand: str, limit: int = 100):
    return list(products.values())[:limit]


@app.post("/chat/{brand}")
async def chat(brand: str, body: Message):
    conversation = body.conversation_id or str(uuid.uuid4())
    parts = [part async for part in turn(body.message, conversation)]
    return {
        "response": "".join(parts[:-1]), "conversation_id": conversation, "suggested_products": parts[-1],
        "confidence_score": 0.8, "metadata": {"mode": "model", "finish_reason": "stop"},
    }


@app.websocket("/ws/chat/{brand}")
async def socket(ws: fastapi.WebSocket, brand: str):
    await ws.accept()
    conversation = str(uuid.uuid4())

    async def frame(kind, **data):
        await ws.send_text(json.dumps({"type": kind, "data": data}, separators=(",", ":")))

    await frame("welcome", message="Hello from TechPro.", brand_id=brand, brand_name="TechPro")
    try:
        while True:
            asked = json.loads(await ws.receive_text())
            await frame("typing", conversation_id=conversation, is_typing=True)
            async for part in turn(asked["data"]["message"], conversation):
                if isinstance(part, str):
                    await frame("chunk", content=part, is_final=False, conversation_id=conversation)
                else:
                    await frame("complete", content="", is_final=True, conversation_id=conversation,
                                suggested_products=part, confidence_score=0.8)
    except fastapi.WebSocketDisconnect:
        pass


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"listening http://127.0.0.1:{PORT}", flush=True)


Server(uvicorn.Config(app, port=PORT, log_level="error", ws_ping_interval=None)).run()
