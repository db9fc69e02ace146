#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fits how vectors of the built-in embedder become relevance, and prints the tables (src/engine/builtin_table.c).

Shape. The texts of src/engine/background/ say the same generic things in five languages. What all passages have in
common (their mean), all questions, and all titles, is taken out of each (the share PART of it), and so are the
directions in which the languages differ: cosines of what is left tell subjects apart, across languages too. The same
goes for the forms of a message: forms.txt says the same things as a question, as a statement and in bare words; what
such messages have in common is what questions are freed of, and so are the two directions in which the forms differ.

Scale. The cosine at which a passage counts as unrelated is AT - BY * (mean cosine with all that is searched): a
question near to what a shop is about needs less. BY is fitted by a logistic model on the development questions, AT so
that where 0.3 is asked for (the threshold of documents) as few unrelated questions pass as answerable ones fail; what
comes of it is shown for each set.

usage: bench/quality/calibrate.py [--write] [--curve]      needs build/share/e5-small-q4.bin (tools/fetch-model)
"""

import argparse
import array
import itertools
import math
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import sets  # noqa: E402

MODEL = ROOT / "build/share/e5-small-q4.bin"
TABLE = ROOT / "src/engine/builtin_table.c"
TITLE = 0.3  # TITLE_PART of src/engine/catalogue_vectors.c
DIMS, PART, THRESHOLD, WIDTH = 384, 0.8, 0.3, 0.40
BACKGROUND = ROOT / "src/engine/background"
WINDOW = 4 * 105  # WINDOW_LEAST of src/engine/vector_text.c
SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?。！？]+\s*|\n|$)|[.!?。！？\n]+")
UNRELATED = {"out", "brandq", "talk", "nonsense", "insult", "hostile"}  # not `near`: it shares its subject


def vectors(texts, kind):
    program = ROOT / "build/src/embed/embed_bench"
    subprocess.run(["ninja", "-C", ROOT / "build", "src/embed/embed_bench"], check=True, stdout=subprocess.DEVNULL)
    lines = "".join(text.encode().hex() + "\n" for text in texts)
    done = subprocess.run([program, MODEL, "vectors", kind], input=lines.encode(), capture_output=True, check=True)
    numbers = array.array("f", done.stdout)
    return [list(map(float, numbers[i:i + DIMS])) for i in range(0, len(numbers), DIMS)]


def dot(a, b):
    return sum(map(float.__mul__, a, b))


def less(a, b, times=1.0):
    return [x - times * y for x, y in zip(a, b, strict=True)]


def mean_of(some):
    return [sum(column) / len(some) for column in zip(*some, strict=True)]


def unit(vector):
    length = math.sqrt(dot(vector, vector))
    return [x / length for x in vector]


def background(name):
    """Texts language by language; empty lines part them."""
    return [block.splitlines() for block in (BACKGROUND / name).read_text(encoding="utf-8").strip().split("\n\n")]


def by_language(name, kind, embed=vectors):
    """The vectors of such texts."""
    texts = background(name)
    found = iter(embed([text for language in texts for text in language], kind))
    return [list(itertools.islice(found, len(language))) for language in texts]


def forms_of(languages):
    """What is said as questions, as statements, in bare words."""
    return list(zip(*(line.split("\t") for language in languages for line in language), strict=True))


def joined(lists):
    return [one for some in lists for one in some]


def weight(text):
    return sum(1 if rune < "\x80" else 2 if rune < "\u1000" else 3 for rune in text)


def windows(title, text):
    """About as src/engine/vector_text.c cuts."""
    pieces, piece = [], title + "\n"
    for sentence in SENTENCE.findall(text):
        if weight(piece + sentence) > WINDOW and piece != title + "\n":
            pieces.append(piece)
            piece = title + "\n"
        piece += sentence
    return [*pieces, piece]


class Shape:
    """What is taken out of vectors before they are compared."""

    def __init__(self):
        passages, questions = by_language("passages.txt", "passage"), by_language("questions.txt", "query")
        titles = by_language("titles.txt", "passage")
        forms = [mean_of(vectors(form, "query")) for form in forms_of(background("forms.txt"))]
        self.common = {"passage": mean_of(joined(passages)), "question": mean_of(forms),
                       "title": mean_of(joined(titles))}
        sums = [[x + y for x, y in zip(mean_of(a), mean_of(b), strict=True)]
                for a, b in zip(passages, questions, strict=True)]
        self.directions = []
        for one in sums[:-1]:  # the differences of five points have four directions
            self._take_out(less(one, mean_of(sums)))
        for form in forms[1:]:
            self._take_out(less(form, forms[0]))

    def _take_out(self, direction):
        for known in self.directions:
            direction = less(direction, known, dot(direction, known))
        self.directions.append(unit(direction))

    def __call__(self, vector, of="passage"):
        left = less(vector, self.common[of], PART)
        for direction in self.directions:
            left = less(left, direction, dot(left, direction))
        return unit(left)


def measure(shape):
    """(set, kind, answerable, best cosine, mean cosine) of each question that counts."""
    brands, questions = sets.own()
    found = []
    for brand in brands:
        rows = [(row["title"], piece) for row in brand.passages for piece in windows(row["title"], row["text"])]
        of_texts = vectors([piece for _, piece in rows], "passage")
        of_titles = vectors([title for title, _ in rows], "passage")
        passages = [unit([(1 - TITLE) * x + TITLE * y for x, y in zip(shape(text), shape(title, "title"), strict=True)])
                    for text, title in zip(of_texts, of_titles, strict=True)]
        asked = [q for q in questions if q.brand == brand.id and not q.history and (q.documents or q.kind in UNRELATED)]
        for q, vector in zip(asked, vectors([q.text for q in asked], "query"), strict=True):
            shaped = shape(vector, "question")
            cosines = [dot(shaped, one) for one in passages]
            found.append((q.set, q.kind, bool(q.documents), max(cosines), sum(cosines) / len(cosines)))
    return found


def errors(found, at, by):
    """Shares of unrelated questions that pass and of answerable ones where nothing passes."""
    passed = [best >= at - by * mean for _, _, answerable, best, mean in found if not answerable]
    failed = [best < at - by * mean for _, _, answerable, best, mean in found if answerable]
    return sum(passed) / max(1, len(passed)), sum(failed) / max(1, len(failed))


def slope(found):
    """How much the mean counts beside the best: a logistic model, both kinds weighing the same."""
    some = [(best, mean, answerable) for _, _, answerable, best, mean in found]
    centre = [mean_of([row[:2] for row in some])[i] for i in (0, 1)]
    width = [math.sqrt(mean_of([[(row[i] - centre[i]) ** 2] for row in some])[0]) for i in (0, 1)]
    rows = [((x - centre[0]) / width[0], (y - centre[1]) / width[1], answerable) for x, y, answerable in some]
    n = sum(answerable for *_, answerable in rows)
    a = b = c = 0.0
    for _ in range(3000):
        da = db = dc = 0.0
        for x, y, answerable in rows:
            off = (1 / (1 + math.exp(-(a * x + b * y + c))) - answerable) / (n if answerable else len(rows) - n)
            da, db, dc = da + off * x, db + off * y, dc + off
        a, b, c = a - da - 0.002 * a, b - db - 0.002 * b, c - dc
    return round(b / width[1] / (a / width[0]), 2)


def fit(found):
    by = slope(found)
    cuts = sorted(best + by * mean for _, _, _, best, mean in found)
    losses = []
    for low, high in zip(cuts, cuts[1:]):
        wrong = errors(found, (low + high) / 2, by)
        losses.append((max(wrong) + 0.1 * sum(wrong), (low + high) / 2))
    return min(losses)[1], by


def table(name, rows):
    lines = ["{" + ", ".join(f"{value:.5f}f" for value in row) + "}" for row in rows]
    return f"static const float {name} = {{\n" + ",\n".join(lines) + ",\n};\n"


def write(shape, floor, by):
    TABLE.write_text(
        "// SPDX-License-Identifier: Apache-2.0\n"
        "// Printed by bench/quality/calibrate.py --write.\n"
        '#include "engine/builtin_table.h"\n\n'
        + table("common[3][BUILTIN_DIMS]",
                [[PART * value for value in mean] for mean in shape.common.values()])
        + "\n" + table("directions[BUILTIN_DIRECTIONS][BUILTIN_DIMS]", shape.directions)
        + "\nconst struct calibration builtin_calibration = {\n    BUILTIN_DIMS, BUILTIN_DIRECTIONS, "
        f"{floor:.4f}f, {by:.2f}f, {WIDTH:.2f}f, {{common[0], common[1], common[2]}}, directions[0],\n}};\n",
        encoding="utf-8")
    subprocess.run(["clang-format", "-i", TABLE], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into src/engine/builtin_table.c")
    parser.add_argument("--curve", action="store_true", help="the errors of both kinds for other cuts")
    args = parser.parse_args()
    shape = Shape()
    found = measure(shape)
    dev = [one for one in found if one[0] == "dev"]
    at, by = fit(dev)
    for name in ("dev", "confirm"):
        some = [one for one in found if one[0] == name]
        n = sum(not one[2] for one in some)
        for step in range(-4, 5) if args.curve else [0]:
            passed, failed = errors(some, at + step / 50, by)
            print(f"{name}, cut {at + step / 50:.3f}: of {n} unrelated {100 * passed:.1f} in 100 pass, of "
                  f"{len(some) - n} answerable {100 * failed:.1f} in 100 fail")
    # The threshold lies at a share of the width above the floor.
    floor = at - THRESHOLD * WIDTH
    print(f"floor = {floor:.4f} - {by:.2f} * mean, full = floor + {WIDTH}")
    if args.write:
        write(shape, floor, by)
    return 0 if math.isfinite(floor) else 1


if __name__ == "__main__":
    sys.exit(main())
