# SPDX-License-Identifier: Apache-2.0
"""The built-in embedder beside the reference implementation of its model (upstream-llm 7.5): the same pieces, vectors
that differ by rounding. The reference comes with the model's package (tools/fetch-model) and is compiled here."""
import array
import ctypes
import pathlib
import random
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "build/share/e5-small-q4.bin"
BENCH = ROOT / "build/src/embed/embed_bench"
DIMS, WINDOW = 384, 510
pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(not MODEL.exists(), reason="the model file is not here: tools/fetch-model"),
    pytest.mark.skipif(not BENCH.exists(), reason="embed_bench is not built")]
LANGUAGES = [
    "the parcel arrives three days after your order and we ship to every island for 12.50 EUR unless SKU-4411 is "
    "out of stock please call us before noon",
    "a encomenda chega três dias depois do pedido não há custos de devolução até 30 dias coração ação informações",
    "ของจะมาถึงกี่วันหลังสั่งซื้อ สินค้าคืนได้ภายใน ๓๐ วัน ค่าจัดส่งฟรี น้ำ 555 ครับ ค่ะ ใบเสร็จ รับประกัน",
    "商品はご注文から三日後に届きます 返品は三十日以内にお願いいたします アイスクリーム ﾊﾝｶｸ ｶﾞｷﾞ 営業時間 午前九時",
    "包裹将在订购后三天到达 三十天内可以退货 请联系客服 哈哈哈哈哈 价格为１２．５０欧元 保修两年"]
ODD = ["ﷺ", "é", "e\u0301", "\u200b", "\u3000", " ", "  ", "\t", "\n", "ﬁ", "①", "㎏", "😀", "👩\u200d👧", "<s>", "</s>",
       "<mask>", "\u2581", "aaaaaa", "11111", "......", "Å", "ｱ", "ё", "אב", "ع", "한국어", "\ufeff",
       "\x01", "𝕳", "ß", "İ", "ǆ"]


def invent(n, lengths, seed):
    """Texts in five languages, some mixed, some with what normalising changes or no piece has."""
    draw, texts = random.Random(seed), []
    for i in range(n):
        words = LANGUAGES[i % 5].split()
        others = LANGUAGES[draw.randrange(5)].split()
        parts = []
        for _ in range(draw.choice(lengths)):
            chance = draw.random()
            parts.append(draw.choice(ODD if chance < 0.1 else others if chance < 0.15 else words))
        text = ("" if i % 5 > 2 else " ").join(parts)
        texts.append(f" {text.upper()} " if draw.random() < 0.1 else text)
    return texts


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([ROOT / "tools/fetch-model", "--reference", folder], check=True)
    if not (folder / "e5.c").exists():
        pytest.skip("the reference is not here")
    subprocess.run(["cc", "-O2", "-mavx2", "-mfma", "-w", "-fPIC", "-shared", f"-I{folder}",
                    "-o", folder / "reference.so", ROOT / "tests/embed/reference.c", "-lm"], check=True)
    library = ctypes.CDLL(folder / "reference.so")
    library.e5_load.restype = ctypes.c_void_p
    library.e5_load.argtypes = [ctypes.c_char_p]
    library.reference_ids.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_int]
    library.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(ctypes.c_float)]
    library.model = library.e5_load(str(MODEL).encode())
    return library


def ours(what, kind, texts):
    lines = "".join(text.encode().hex() + "\n" for text in texts)
    return subprocess.run([BENCH, MODEL, what, kind], input=lines.encode(), capture_output=True, check=True).stdout


@pytest.mark.parametrize("kind", ["query", "passage"])
def test_pieces_are_the_same(reference, kind):
    """2,000 texts: the ids of each first window."""
    texts, ids = invent(2000, [0, 1, 2, 3, 5, 8, 13, 40, 100, 160], 5), (ctypes.c_int * 20000)()
    for text, line in zip(texts, ours("ids", kind, texts).decode().splitlines(), strict=True):
        n = reference.reference_ids(reference.model, f"{kind}: {text}".encode(), ids, 20000)
        assert [int(one) for one in line.split()] == [0, *ids[:min(n, WINDOW)], 2], text


@pytest.mark.parametrize("part", range(8))
def test_vectors_are_the_same(reference, part):
    """upstream-llm#30: 2,000 texts in five languages, cosine ≥ 0.999. Most are short: the reference takes its time."""
    texts, one = invent(238, [1, 2], 6 + part) + invent(12, [4, 8, 16, 30, 60], 60 + part), (ctypes.c_float * DIMS)()
    made = array.array("f", ours("vectors", "passage", texts))
    for i, text in enumerate(texts):
        reference.e5_embed(reference.model, text.encode(), 0, one)
        cosine = sum(a * b for a, b in zip(one, made[i * DIMS:(i + 1) * DIMS], strict=True))
        assert cosine >= 0.999, (cosine, text)
