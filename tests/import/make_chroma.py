# SPDX-License-Identifier: Apache-2.0
"""Makes tests/import/chroma/*.sqlite3.gz with the real chromadb library, one virtual environment a version.

Usage: make_chroma.py FOLDER     FOLDER keeps the environments (some hundred megabytes each; minutes the first time)

The files are committed, because making them takes longer than a test may. Each holds the same collections, so that the
tests can say once what comes out. Vectors and index files are not kept: nobody reads them.
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

VERSIONS = {"0.4.24": ["numpy<2"], "0.5.23": [], "1.0.20": []}
HERE = pathlib.Path(__file__).resolve().parent


def text(name, category, description, price, features, specs, available):
    return (f"Product: {name}\nCategory: {category}\nDescription: {description}\nPrice: ${price}\n"
            f"Features: {', '.join(features)}\nSpecifications: "
            f"{', '.join(f'{key}: {value}' for key, value in specs.items())}\nAvailable: {available}")


def product(brand, id, name, category, price, available=True, data=True, **more):
    """A record as version 2 of the older system wrote it; `data` False: as its first version did."""
    whole = {"id": id, "name": name, "description": f"{name} for every day.", "category": category, "price": price,
             "features": ["light", "quiet"], "specifications": {"Weight": "1.2 kg", "Ports": 3},
             "availability": available, "brand_id": "somebody-else"} | more
    keys = {"product_id": id, "name": name, "category": category, "price": price, "availability": available}
    if data:
        keys["product_data"] = json.dumps(whole, ensure_ascii=False)
    return {"id": f"{brand}_{id}" if brand else id, "metadata": keys,
            "document": text(name, category, whole["description"], price, whole["features"], whole["specifications"],
                             available)}


def fill(collection, records):
    collection.add(ids=[r["id"] for r in records], documents=[r["document"] for r in records],
                   metadatas=[r["metadata"] for r in records],
                   embeddings=[[1.0, float(i)] for i in range(len(records))])


def build(folder):
    import chromadb
    client = chromadb.PersistentClient(path=str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    first = client.create_collection("products")
    fill(first, [product("", "desk-1", "Oak Desk", "Desks", 349.99, data=False),
                 product("", "desk-2", "Pine Desk", "Desks", 199, available=False, data=False),
                 product("", "lamp-1", "Lampe für Übergrößen โคมไฟ", "Lamps", 12.5, data=False)])
    luxury = client.create_collection("products_luxury-tech", metadata={"brand_id": "luxury-tech"})
    fill(luxury, [product("luxury-tech", "watch-1", "Gilded Watch", "Watches", 12999.0),
                  product("luxury-tech", "watch-2", "Plain Watch", "Watches", 899, available=False),
                  product("luxury-tech", "gone-1", "Gone", "Watches", 1),
                  product("luxury-tech", "no-price", "Priceless", "Watches", None)
                  | {"metadata": {"name": "Priceless"}, "document": "Product: Priceless"}])
    luxury.update(ids=["luxury-tech_watch-2"],
                  metadatas=[{"product_data": json.dumps({"id": "watch-2", "name": "Plain Watch II",
                                                          "category": "Watches", "price": 949.5})}])
    luxury.delete(ids=["luxury-tech_gone-1"])
    late = product("luxury-tech", "watch-3", "Late Watch", "Watches", 0.1)
    luxury.upsert(ids=[late["id"]], documents=[late["document"]], metadatas=[late["metadata"]],
                  embeddings=[[3.0, 4.0]])
    empty = client.create_collection("products_default")
    assert empty.count() == 0
    faq = client.create_collection("faq")
    fill(faq, [{"id": "q1", "document": "Delivery takes three days.\nReturns are free.",
                "metadata": {"title": "Delivery", "rank": 1, "weight": 0.5, "public": True}},
               {"id": "q2", "document": "We repair what we sell.", "metadata": {"source": "repairs.md"}}])
    client.create_collection("notes")


def main(folder):
    for version, extra in VERSIONS.items():
        python = folder / version / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder / version], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", f"chromadb=={version}", *extra], check=True)
        with tempfile.TemporaryDirectory() as made:
            subprocess.run([python, __file__, "--build", made], check=True)
            content = (pathlib.Path(made) / "chroma.sqlite3").read_bytes()
        (HERE / "chroma" / f"{version}.sqlite3.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        print(version, len(content))


if __name__ == "__main__":
    if sys.argv[1] == "--build":
        build(pathlib.Path(sys.argv[2]))
    else:
        main(pathlib.Path(sys.argv[1]))
