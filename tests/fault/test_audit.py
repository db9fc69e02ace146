# SPDX-License-Identifier: Apache-2.0
"""The audit itself finds what it must find."""

import pytest

from fault.audit import Book, audit

WHOLE = "w1 w2 w3"


def book():
    one = Book("b", "c", sent=["q0", "q1", "q2"])
    one.acknowledged = {"q0": WHOLE, "q1": None}
    return one


def history(*rows):
    return [{"role": role, "content": text, "message_id": str(i)} for i, (role, text) in enumerate(rows)]


U, A = "user", "assistant"


@pytest.mark.parametrize("rows", [
    [(U, "q0"), (A, WHOLE), (U, "q1")],
    [(U, "q0"), (A, WHOLE), (U, "q1"), (A, "w1 w")],
    [(U, "q0"), (A, WHOLE), (U, "q1"), (A, WHOLE), (U, "q2"), (A, "w1")],
])
def test_good_books(rows):
    assert audit(book(), history(*rows), WHOLE) == []


@pytest.mark.parametrize("rows, says", [
    ([(U, "q0"), (A, WHOLE)], "acknowledged and lost: 'q1'"),
    ([(U, "q0"), (A, WHOLE), (U, "q1"), (U, "q1")], "2 times"),
    ([(U, "q0"), (A, WHOLE), (U, "q1"), (U, "x")], "never sent"),
    ([(U, "q1"), (U, "q0"), (A, WHOLE)], "out of order"),
    ([(U, "q0"), (A, WHOLE), (A, WHOLE), (U, "q1")], "2 answers"),
    ([(U, "q0"), (U, "q1")], "not the one given"),
    ([(U, "q0"), (A, "w1"), (U, "q1")], "not the one given"),
    ([(U, "q0"), (A, WHOLE), (U, "q1"), (A, "other")], "no part of the model's"),
    ([(U, "q0"), (A, WHOLE), (U, "q1"), (A, "")], "no part of the model's"),
])
def test_bad_books(rows, says):
    assert any(says in fault for fault in audit(book(), history(*rows), WHOLE))


def test_a_message_id_twice():
    rows = history((U, "q0"), (A, WHOLE), (U, "q1"))
    rows[2]["message_id"] = "0"
    assert any("occurs twice" in fault for fault in audit(book(), rows, WHOLE))
