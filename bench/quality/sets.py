# SPDX-License-Identifier: Apache-2.0
"""Sets of questions, each as brands with products and passages and the questions asked of them.

Our own set is tab-separated files (README.md). Public sets are read in their own formats: JSON like SQuAD's (articles →
paragraphs → questions), and folders like BEIR's (corpus.jsonl, queries.jsonl, qrels/*.tsv).
"""

import dataclasses
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
BRANDS = {
    "fjellro": ("Fjellro Outdoor", "NOK", "Tents, packs and clothes for long walks"),
    "luzara": ("Luzara", "EUR", "Café, máquinas e loiça"),
    "ruenmai": ("เรือนไม้", "THB", "เครื่องหอมและสมุนไพร"),
    "hoshimori": ("星森文具", "JPY", "万年筆と紙の店"),
    "qingheju": ("青禾居", "CNY", "家用电器"),
}


@dataclasses.dataclass
class Brand:
    id: str
    name: str
    currency: str
    description: str
    products: list = dataclasses.field(default_factory=list)
    passages: list = dataclasses.field(default_factory=list)  # {"key", "title", "text"}


@dataclasses.dataclass
class Question:
    brand: str
    text: str
    set: str = "dev"
    kind: str = None
    language: str = None
    documents: dict = dataclasses.field(default_factory=dict)  # key of a passage → grade
    products: dict = dataclasses.field(default_factory=dict)
    none: bool = False
    says: list = dataclasses.field(default_factory=list)
    history: list = dataclasses.field(default_factory=list)


def rows(path):
    """The lines of a tab-separated file with a head, as dicts; cells that a line leaves out are empty."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = lines[0].split("\t")
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) > len(head):
            raise ValueError(f"{path}:{number}: {len(cells)} cells, the head has {len(head)}")
        yield dict(zip(head, cells + [""] * (len(head) - len(cells))))


def product(row):
    """A row of products/*.tsv as an upload takes it."""
    specifications = [part.split("=", 1) for part in row["specifications"].split(";") if part.strip()]
    return {
        "id": row["id"], "name": row["name"], "category": row["category"],
        "price": float(row["price"].replace(",", ".")), "availability": row["available"] == "yes",
        "description": row["description"],
        "features": [part.strip() for part in row["features"].split(";") if part.strip()],
        "specifications": {name.strip(): value.strip() for name, value in specifications}}


def expected(cell):
    """`fj01 fj02:2`, `=SKU`, `-`: documents, products, and whether nothing answers."""
    documents, products, none = {}, {}, False
    for word in cell.split():
        if word == "-":
            none = True
            continue
        name, _, grade = word.lstrip("=").partition(":")
        (products if word.startswith("=") else documents)[name] = int(grade or 1)
    if not (documents or products or none):
        raise ValueError(f"nothing is expected: {cell!r}")
    return documents, products, none


def own(folder=HERE):
    """Our brands and all questions."""
    brands, questions = [], []
    for key, (name, currency, description) in BRANDS.items():
        brand = Brand(key, name, currency, description)
        brand.products = [product(row) for row in rows(folder / "products" / f"{key}.tsv")]
        brand.passages = list(rows(folder / "passages" / f"{key}.tsv"))
        brands.append(brand)
        for row in rows(folder / "questions" / f"{key}.tsv"):
            documents, products, none = expected(row["expected"])
            questions.append(Question(
                key, row["question"], row["set"], row["kind"], row["lang"], documents, products, none,
                [row["says"]] if row["says"] else [], [part.strip() for part in row["history"].split("||") if part]))
    return brands, questions


def squad(path, most=1000):
    """A file like SQuAD's: each paragraph a passage, each question that has an answer asked; impossible ones too."""
    data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["data"]
    brand, questions = Brand("squad", "squad", "USD", "A public set"), []
    for article in data:
        for paragraph in article["paragraphs"]:
            key = f"p{len(brand.passages)}"
            brand.passages.append({"key": key, "title": article.get("title") or key, "text": paragraph["context"]})
            for asked in paragraph["qas"]:
                none = asked.get("is_impossible", False)
                answers = [answer["text"] for answer in asked.get("answers", [])]
                questions.append(Question(
                    brand.id, asked["question"], none=none, documents={} if none else {key: 1},
                    says=[] if none else list(dict.fromkeys(answers))[:64]))
    return [brand], questions[:most]


def beir(folder, most=1000):
    """A folder like BEIR's. Judgements of 0 are no answers; questions without a judgement are not asked."""
    folder = pathlib.Path(folder)
    brand = Brand("beir", "beir", "USD", "A public set")
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        brand.passages.append({"key": row["_id"], "title": row.get("title") or row["_id"], "text": row["text"]})
    judged = {}
    qrels = sorted((folder / "qrels").glob("*.tsv"))
    judgements = next((path for path in qrels if path.stem == "test"), qrels[0])
    for row in rows(judgements):
        query, document, grade = row["query-id"], row["corpus-id"], int(row["score"])
        if grade > 0:
            judged.setdefault(query, {})[document] = min(3, grade)
    questions = []
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["_id"] in judged:
            # A question names at most 64 documents; the best ones.
            best = sorted(judged[row["_id"]].items(), key=lambda item: -item[1])[:64]
            questions.append(Question(brand.id, row["text"], documents=dict(best)))
    return [brand], questions[:most]
