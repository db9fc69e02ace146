# SPDX-License-Identifier: Apache-2.0
"""The level of answers that bench/quality has reached, and the formats of questions that it reads."""

import json
import pathlib
import subprocess
import sys

import pytest

QUALITY = pathlib.Path(__file__).resolve().parents[2] / "bench" / "quality"
MODEL = QUALITY.parents[1] / "build/share/e5-small-q4.bin"
sys.path.insert(0, str(QUALITY))

import drive  # noqa: E402
import sets  # noqa: E402


@pytest.mark.release  # the gate is one run over all questions
def test_level():
    """Both sets of questions reach bench/quality/gate.json by words alone."""
    done = subprocess.run([sys.executable, str(QUALITY / "run"), "--gate"], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.release
@pytest.mark.timeout(600)  # a thousand texts are embedded, also beside other work
@pytest.mark.skipif(not MODEL.exists(), reason="the model file is not here: tools/fetch-model")
def test_level_with_vectors():
    """The same with the built-in embedder."""
    done = subprocess.run([sys.executable, str(QUALITY / "run"), "--gate", "--vectors", str(MODEL)],
                          capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr + done.stdout


def test_own_set():
    """What the README promises of the set: sizes, languages, shares, and that all that is expected exists."""
    brands, questions = sets.own()
    assert len(questions) >= 300 and {q.language for q in questions} == {"en", "pt", "th", "ja", "zh"}
    assert sum(len(b.passages) for b in brands) >= 300 and sum(len(b.products) for b in brands) >= 150
    keys = {(b.id, p["key"]) for b in brands for p in b.passages}
    ids = {(b.id, p["id"]) for b in brands for p in b.products}
    for q in questions:
        assert all((q.brand, key) in keys for key in q.documents), q
        assert all((q.brand, key) in ids for key in q.products), q
    both = {name: {(q.brand, q.text, *q.history) for q in questions if q.set == name} for name in ("dev", "confirm")}
    assert not both["dev"] & both["confirm"]
    assert all(len([q for q in questions if q.set == name]) * 2 >= len(questions) - 1 for name in both)


def test_long_documents():
    """A question about one sentence: its words stand once in its document, whose questions are all in one set."""
    brands, questions = sets.own()
    texts = {(b.id, p["key"]): p["text"] for b in brands for p in b.passages}
    asked = [q for q in questions if q.kind.startswith("sent")]
    of = {}
    for q in asked:
        (key,), (words,) = q.documents, q.says
        text = texts[q.brand, key]
        assert text.count(words) == 1 and len(text) > 200, q
        of.setdefault((q.brand, key), set()).add(q.set)
    assert all(len(names) == 1 for names in of.values())
    assert len(of) == 30 and len(asked) == 5 * len(of)
    for name in ("dev", "confirm"):
        kinds = [q.kind for q in asked if q.set == name]
        assert all(kinds.count(kind) == 25 for kind in ("sentence", "sentmeaning", "sentcross"))


def test_squad(tmp_path):
    """A file like SQuAD's: found by its words, and what is impossible has no answer."""
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"version": "2", "data": [{"title": "Ferry", "paragraphs": [
        {"context": "The ferry to Holm leaves at seven in the morning.", "qas": [
            {"id": "1", "question": "When does the ferry to Holm leave?",
             "answers": [{"text": "seven", "answer_start": 29}]},
            {"id": "2", "question": "Qwerty zxcvb?", "is_impossible": True, "answers": []}]},
        {"context": "Tickets are sold in the harbour office.", "qas": [
            {"id": "3", "question": "Where are tickets sold?", "answers": [{"text": "harbour office"}]}]}]}]}))
    brands, questions = sets.squad(path)
    with drive.Shop(brands) as shop:
        code, report, _ = shop.evaluate(questions)
    assert code == 0
    assert report["all"] == {
        "questions": 3, "answerable": 2, "hit1": 1, "hit3": 1, "mrr": 1, "ndcg10": 1, "said": 1, "beside": 0,
        "unasked": 0, "refusedRight": 1, "refusedWrong": 0}


def test_beir(tmp_path):
    """A folder like BEIR's: grades count, judgements of 0 do not, and questions without any are not asked."""
    (tmp_path / "qrels").mkdir()
    passages = {"a": "Rye bread with seeds.", "b": "Bread of wheat, baked on stone.", "c": "Apple juice."}
    (tmp_path / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": key, "title": f"T{key}", "text": text}) + "\n" for key, text in passages.items()))
    (tmp_path / "queries.jsonl").write_text("".join(
        json.dumps({"_id": key, "text": text}) + "\n" for key, text in
        {"q1": "rye bread", "q2": "apple juice", "q3": "nobody judged this"}.items()))
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t2\nq1\tc\t0\nq2\tc\t1\n")
    brands, questions = sets.beir(tmp_path)
    assert [(q.text, q.documents) for q in questions] == [("rye bread", {"a": 1, "b": 2}), ("apple juice", {"c": 1})]
    with drive.Shop(brands) as shop:
        _, report, _ = shop.evaluate(questions)
    assert report["all"]["hit1"] == 1 and report["all"]["questions"] == 2
    assert report["all"]["ndcg10"] < 1  # the better one of q1 came second
