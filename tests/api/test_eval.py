# SPDX-License-Identifier: Apache-2.0
"""`parley eval FILE`: a user's own questions, scored; exit codes for CI (program.md; docs/guide.md)."""

import json
import sqlite3

import pytest

from harness import run
from harness.program import find_binary

LAPTOPS = [
    {"question": "What is your cheapest laptop?", "products": ["laptop-003"], "says": "899.00 USD", "kind": "price"},
    {"question": "Which laptop is good for video editing?", "products": {"Halden Forge 16": 3}, "language": "en"},
    {"question": "How much is it?", "products": ["laptop-002"], "history": ["Tell me about the Halden Slate 14"]},
    {"question": "zzqx", "none": True},
]


@pytest.fixture
def evaluate(server, tmp_path):
    """Runs `parley eval` beside a server with the sample brand."""
    one = server()

    def call(questions, *arguments):
        path = tmp_path / "questions.jsonl"
        path.write_text(questions if isinstance(questions, str) else
                        "\n".join(json.dumps(question) for question in questions) + "\n")
        return run([find_binary("parley", "PARLEY_BIN"), "eval", path, "--data", one.data, "--embedding.builtin", "off",
                    *arguments])

    call.server = one
    return call


def test_figures(evaluate):
    """Hits by id and by name, words that the answer says, refusals, follow-ups; by language and kind."""
    done = evaluate(LAPTOPS, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["all"] == {"questions": 4, "answerable": 3, "hit1": 1, "hit3": 1, "mrr": 1, "ndcg10": 1, "said": 1,
                             "unasked": 0, "refusedRight": 1, "refusedWrong": 0}
    assert report["languages"]["en"]["questions"] == 1 and report["kinds"]["price"]["said"] == 1
    assert [answer["rank"] for answer in report["answers"]] == [1, 1, 1, 0]
    assert report["answers"][0]["found"][0] == "laptop-003" and "899.00 USD" in report["answers"][0]["answer"]


def test_unasked(evaluate):
    """Products that come along where a document should answer alone; and none do where products should."""
    for wanted, unasked in (("documents", 1), ("products", 0)):
        question = {"question": "What is your cheapest laptop?", wanted: ["laptop-003"]}
        assert json.loads(evaluate([question], "--json").stdout)["all"]["unasked"] == unasked, wanted
    both = {"question": "What is your cheapest laptop?", "products": ["laptop-003"], "documents": ["x"]}
    assert "unasked" not in json.loads(evaluate([both], "--json").stdout)["all"]


def test_documents_by_title(evaluate):
    """A document is named by its title or by its id."""
    found = json.loads(evaluate([{"question": "How long is the warranty?", "documents": ["?"]}], "--json").stdout)
    best = found["answers"][0]["found"][0]
    with sqlite3.connect(evaluate.server.data / "parley.db") as database:
        (title,) = database.execute("SELECT title FROM documents WHERE id = ?", (best,)).fetchone()
    for name in (best, title.upper()):
        report = json.loads(evaluate([{"question": "How long is the warranty?", "documents": [name]}], "--json").stdout)
        assert report["all"]["hit1"] == 1, name


def test_beside(evaluate):
    """What is quoted beside the sentence that says it: a share of characters, of answers that quote what was to be
    said; less is better, in the gate and beside an earlier run. Lines of products do not count."""
    asked = "How do I return something?"
    base = {"question": asked, "documents": ["?"], "kind": "returns"}
    text = json.loads(evaluate([base], "--json").stdout)["answers"][0]["answer"]
    sentences = text.split("\n", 1)[1].replace(". ", ".\n").split("\n")
    assert len(sentences) == 2, text
    one = {**base, "says": sentences[1][:-1]}
    report = json.loads(evaluate([one, *LAPTOPS], "--json").stdout)
    share = round(len(sentences[0]) / sum(map(len, sentences)), 4)
    assert report["all"]["beside"] == report["kinds"]["returns"]["beside"] == report["answers"][0]["beside"] == share
    assert "beside" not in report["kinds"]["price"] and "beside" not in report["answers"][1]
    both = {**base, "says": [sentence[:-1] for sentence in sentences]}
    before = evaluate.server.home / "before.json"
    before.write_text(evaluate([both], "--json").stdout)
    assert json.loads(before.read_text())["all"]["beside"] == 0
    done = evaluate([one], "--gate", f"said=1,beside={share - 0.01}", "--baseline", before)
    assert done.returncode == 1 and "worse than the baseline: beside" in done.stderr, done.stderr
    assert f"gate: beside {share:.4f}, at most" in done.stderr and f"{share:+.3f}" in done.stdout
    assert evaluate([one], "--gate", f"said=1,beside={share + 0.01}").returncode == 0


def test_nothing_is_stored(evaluate):
    """Trial questions leave no conversation and no event."""
    with sqlite3.connect(evaluate.server.data / "parley.db") as database:
        def rows():
            return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("conversations", "messages", "events", "usage_rows")
                    if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()]
        before = rows()
        assert len(before) >= 3
        assert evaluate(LAPTOPS).returncode == 0
        assert rows() == before


def test_gate_and_baseline(evaluate, tmp_path):
    """Exit 0 where the gate and the baseline are met, 1 below, with the figure named; the table shows differences."""
    assert evaluate(LAPTOPS, "--gate", "hit1=1,refusedWrong=0").returncode == 0
    worse = [*LAPTOPS, {"question": "Which laptop is for students?", "products": ["audio-001"]}]
    done = evaluate(worse, "--gate", "hit1=0.9, refusedRight=1")
    assert done.returncode == 1 and "hit1 0.7500, at least 0.9" in done.stderr and "refusedRight" not in done.stderr
    assert "all" in done.stdout and "0.750" in done.stdout
    baseline = tmp_path / "baseline.json"
    baseline.write_text(evaluate(LAPTOPS, "--json").stdout)
    assert evaluate(LAPTOPS, "--baseline", baseline).returncode == 0
    done = evaluate(worse, "--baseline", baseline)
    assert done.returncode == 1 and "hit1 0.7500, was 1.0000" in done.stderr and "-0.250" in done.stdout


@pytest.mark.parametrize("questions, says", [
    ("not json\n", "line 1: is no JSON object"),
    ("", "has no question"),
    ('\n{"documents":["a"]}\n', "line 2: has no `question`"),
    ('{"question":"a"}', "names neither"),
    ('{"question":"a","documents":{"b":4}}', "grades 1..3"),
    ('{"question":"a","none":true,"history":7}', "`history`"),
    ('{"question":"a","none":true,"brand":"nowhere"}', "no brand 'nowhere'"),
])
def test_wrong_files(evaluate, questions, says):
    """What is wrong with the file is said with its line: exit 2."""
    done = evaluate(questions)
    assert done.returncode == 2 and says in done.stderr


def test_usage(evaluate, tmp_path):
    """A gate on an unknown figure, a missing file, no file: exit 2 before anything is asked."""
    assert "'speed' is no figure" in (fault := evaluate(LAPTOPS, "--gate", "speed=1")).stderr and fault.returncode == 2
    assert evaluate(LAPTOPS, "--baseline", tmp_path / "none.json").returncode == 2
    assert run([find_binary("parley", "PARLEY_BIN"), "eval"]).returncode == 2
    assert run([find_binary("parley", "PARLEY_BIN"), "eval", tmp_path / "none"]).returncode == 2
