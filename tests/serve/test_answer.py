"""Answers that are made once."""

from serve.answer import Answer, DateLine, Shelf, problem_answer
from serve.problems import not_found


def test_a_head_tells_of_the_body_and_of_the_time() -> None:
    answer = Answer(200, {"Content-Type": "video/mp4"}, b"moof")
    head = answer.head(b"Mon, 30 Nov 2026 02:00:00 GMT")
    assert head == (
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 4\r\n"
        b"Date: Mon, 30 Nov 2026 02:00:00 GMT\r\n\r\n"
    )
    assert answer.head(b"Mon, 30 Nov 2026 02:00:00 GMT", last=True) == head[:-2] + b"Connection: close\r\n\r\n"
    assert b"02:00:01" in answer.head(b"Mon, 30 Nov 2026 02:00:01 GMT")


def test_what_has_no_content_tells_no_length() -> None:
    assert b"Length" not in Answer(204, {}).head(b"")


def test_a_problem_is_an_answer() -> None:
    answer = problem_answer(not_found("nothing"), {"X-More": "yes"})
    head = answer.head(b"")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"Content-Type: application/problem+json\r\nCache-Control: max-age=1\r\nX-More: yes\r\n" in head
    assert b'"detail":"nothing"' in bytes(answer.body)


def test_a_date_is_written_once_a_second() -> None:
    date = DateLine()
    times = [date.now() for _ in range(1000)]
    assert len({id(each) for each in times}) <= 3
    assert times[0].endswith(b" GMT")


def test_an_answer_is_made_once_for_each_body() -> None:
    shelf, body = Shelf(), b"one"
    first = shelf.answer("a", {}, body)
    assert shelf.answer("a", {}, body) is first
    assert first.body is body
    assert shelf.answer("b", {}, body) is not first
    other = shelf.answer("a", {}, memoryview(body))
    assert other is not first
    for number in range(100):
        shelf.answer(number, {}, body)
    assert shelf.answer("a", {}, other.body) is not other, "old ones are let go"
