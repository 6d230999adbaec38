"""Filters are looked at in a process of their own: one question in, one answer out, whatever their code does."""

import json
import subprocess
import sys
from typing import Any

from tests.filters.conftest import Write


def ask(question: object, status: int = 0) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "filters.describe"],
        input=json.dumps(question).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == status, ran.stderr.decode()
    return dict(json.loads(ran.stdout)) if status == 0 else {}


def test_each_spec_is_answered_in_order_with_what_it_is_or_what_is_wrong(write: Write) -> None:
    path = write("mine.py", "from filters import video_filter\n@video_filter\ndef f(image, t, *, n: int = 1):\n"
                 "    'Do it.'\n    return image\n")  # fmt: skip
    specs = [f"{path}:f:n=2", f"{path}:f:n=x", "overlay:text=hello", "overlay", "nothing-like-it", "?", f"{path}:g"]
    told = ask({"specs": specs})["filters"]
    assert [one["spec"] for one in told] == specs
    assert told[0]["description"] == {
        "name": "mine.py:f",
        "role": "video",
        "summary": "Do it.",
        "doc": "Do it.",
        "options": [{"name": "n", "type": "int", "default": 1, "choices": [], "required": False}],
        "lookahead": 0.0,
        "context": 0.0,
        "takes": ["picture"],
    }
    assert "whole number" in told[1]["error"]
    assert told[2]["description"]["name"] == "overlay"
    assert "nothing to show" in told[3]["error"]
    assert "there is no filter nothing-like-it" in told[4]["error"]
    assert "names no filter" in told[5]["error"]
    assert "there is no g" in told[6]["error"]


def test_a_list_has_all_names_with_or_without_what_they_must_be_given() -> None:
    told = ask({"list": True})["filters"]
    assert "overlay" in [one["spec"] for one in told]
    assert all("description" in one for one in told)


def test_what_the_loaded_code_prints_or_leaves_behind_is_not_in_the_answer(write: Write) -> None:
    path = write(
        "mine.py",
        """
import os, sys, threading, time
from filters import audio_filter
print("hello")
os.write(1, b"there")
threading.Thread(target=time.sleep, args=(60,)).start()
@audio_filter
def f(samples, t):
    return samples
""",
    )
    assert ask({"specs": [f"{path}:f"]})["filters"][0]["description"]["role"] == "audio"


def test_models_are_not_loaded(write: Write) -> None:
    path = write(
        "mine.py",
        """
from filters import VideoFilter
class F(VideoFilter):
    def open(self, stream):
        raise RuntimeError("opened")
    def close(self):
        raise RuntimeError("closed")
    def picture(self, image, t):
        return image
""",
    )
    assert "closed" in ask({"specs": [f"{path}:F"]})["filters"][0]["error"]


def test_another_question_is_not_answered() -> None:
    ask({"specs": [1]}, status=1)
    ask({"what": "?"}, status=1)
