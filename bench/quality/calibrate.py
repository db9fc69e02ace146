#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fits how cosines of the built-in embedder become relevance (src/engine/builtin_scale.c), and prints that table.

The cosine at which a passage counts as unrelated depends on the question and on what is searched: floor = AT + BY ·
(mean cosine of the question with all that is searched, and with background.txt as if that were MORE passages). AT and
BY are chosen on the development questions so that where 0.3 is asked for (the threshold of documents) as few unrelated
questions pass as answerable ones fail; what comes of it is shown for each set.

usage: bench/quality/calibrate.py [--write]      needs build/share/e5-small-q4.bin (tools/fetch-model)
"""

import argparse
import array
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
TABLE = ROOT / "src/engine/builtin_scale.c"
DIMS, THRESHOLD, WIDTH, MORE = 384, 0.3, 0.10, 10
UNRELATED = {"out", "brandq", "talk", "nonsense", "insult", "hostile"}  # not `near`: it shares its subject


def vectors(texts, kind):
    program = ROOT / "build/src/embed/embed_bench"
    subprocess.run(["ninja", "-C", ROOT / "build", "src/embed/embed_bench"], check=True, stdout=subprocess.DEVNULL)
    lines = "".join(text.encode().hex() + "\n" for text in texts)
    done = subprocess.run([program, MODEL, "vectors", kind], input=lines.encode(), capture_output=True, check=True)
    numbers = array.array("f", done.stdout)
    return [numbers[i:i + DIMS] for i in range(0, len(numbers), DIMS)]


def dot(a, b):
    return sum(map(float.__mul__, map(float, a), map(float, b)))


def measure():
    """The mean of the background; (set, kind, answerable, best cosine, mean cosine) of each question that counts."""
    background = vectors((HERE / "background.txt").read_text(encoding="utf-8").splitlines(), "passage")
    mean = [sum(column) / len(background) for column in zip(*background, strict=True)]
    brands, questions = sets.own()
    found = []
    for brand in brands:
        keys = [row["key"] for row in brand.passages]
        passages = vectors([f"{row['title']}\n{row['text']}" for row in brand.passages], "passage")
        asked = [q for q in questions if q.brand == brand.id and not q.history and (q.documents or q.kind in UNRELATED)]
        for q, vector in zip(asked, vectors([q.text for q in asked], "query"), strict=True):
            cosines = dict(zip(keys, (dot(vector, one) for one in passages), strict=True))
            best = max(cosines.values())
            near = (sum(cosines.values()) + MORE * dot(vector, mean)) / (len(cosines) + MORE)
            found.append((q.set, q.kind, bool(q.documents), best, near))
    return mean, found


def errors(found, at, by):
    """Shares of unrelated questions that pass and of answerable ones where nothing passes."""
    passed = [best >= at + by * mean for _, _, answerable, best, mean in found if not answerable]
    failed = [best < at + by * mean for _, _, answerable, best, mean in found if answerable]
    return sum(passed) / max(1, len(passed)), sum(failed) / max(1, len(failed))


def fit(found):
    best = None
    for step in range(41):
        by = step / 20
        cuts = sorted(cosine - by * mean for _, _, _, cosine, mean in found)
        for at in (low + (high - low) / 2 for low, high in zip(cuts, cuts[1:])):
            wrong = errors(found, at, by)
            loss = max(wrong) + 0.1 * sum(wrong)
            if best is None or loss < best[0]:
                best = (loss, at, by)
    return best[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into src/engine/builtin_scale.c")
    args = parser.parse_args()
    mean, found = measure()
    dev = [one for one in found if one[0] == "dev"]
    at, by = fit(dev)
    flat = min((max(errors(dev, cut, 0)), cut) for cut in (i / 1000 for i in range(700, 950)))
    print(f"a fixed cosine of {flat[1]:.3f} would err by {100 * flat[0]:.1f} in 100 on dev")
    for name in ("dev", "confirm"):
        some = [one for one in found if one[0] == name]
        passed, failed = errors(some, at, by)
        n = sum(not one[2] for one in some)
        print(f"{name}: of {n} unrelated {100 * passed:.1f} in 100 pass, of {len(some) - n} answerable "
              f"{100 * failed:.1f} in 100 fail")
    # The threshold lies at a share of the width above the floor.
    floor = at - THRESHOLD * WIDTH
    print(f"floor = {floor:.4f} + {by:.2f} * mean, full = floor + {WIDTH}")
    if args.write:
        rows = [", ".join(f"{value:.5f}f" for value in mean[i:i + 8]) for i in range(0, DIMS, 8)]
        text = re.sub(r"(?<=// begin\n).*(?=// end)", f"#define AT {floor:.4f}f\n#define BY {by:.2f}f\n"
                      f"#define MORE {MORE:.1f}f\n#define WIDTH {WIDTH:.2f}f\n"
                      "static const float background[384] = {\n    "
                      + ",\n    ".join(rows) + ",\n};\n", TABLE.read_text(encoding="utf-8"), flags=re.S)
        TABLE.write_text(text, encoding="utf-8")
    return 0 if math.isfinite(floor) else 1


if __name__ == "__main__":
    sys.exit(main())
