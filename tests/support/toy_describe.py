"""A stand-in for `filters.describe`: knows a few filters by name, and misbehaves as it is told. Loads nothing of ours.

``see`` and ``hear`` are plain filters, ``detect:ahead=SECONDS`` a detector; ``crash``, ``hang`` and ``babble`` do so.
Of a file, its first line is the name of one of these, in a comment or not; any other is what is wrong with it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

COMMAND = (sys.executable, __file__)


def described(spec: str) -> dict[str, object]:
    name, _, options = spec.partition(":")
    if spec.startswith("/"):
        path, _, rest = spec.partition(".py:")
        spec, _, options = rest.partition(":")
        file = Path(path + ".py")
        name = file.read_text().partition("\n")[0].removeprefix("# ") if file.exists() else "there is no such file"
    if name == "crash":
        sys.stderr.write("a line before\nsegmentation fault\n\n")
        sys.stderr.flush()
        os.abort()
    if name == "hang":
        Path("child").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
        time.sleep(600)
    if name == "babble":
        for _ in range(200):
            sys.stdout.write("x" * 100_000)
        return {}
    role = {"see": "video", "hear": "audio", "detect": "detector"}.get(name)
    if role is None:
        return {"spec": spec, "error": f"{name} (options: {options})"}
    ahead = float(options.removeprefix("ahead=") or 1) if role == "detector" else 0.0
    made = {"name": name, "role": role, "summary": f"Can {name}.", "doc": "", "options": [], "lookahead": ahead,
            "context": 0.0, "takes": ["picture"] if role == "detector" else []}  # fmt: skip
    return {"spec": spec, "description": made}


def main() -> None:
    question = json.load(sys.stdin)
    specs = ["see", "hear", "detect"] if question.get("list") else question["specs"]
    json.dump({"filters": [described(spec) for spec in specs]}, sys.stdout)


if __name__ == "__main__":
    main()
