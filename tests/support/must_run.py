"""Fails when tests that must not be missing did not run: ``python -m tests.support.must_run RESULTS PACKAGE...``.

A test-suite is green, too, when its browser was not found and its tests were skipped, or none was collected. This
reads pytest's JUnit XML and wants at least one passed and no skipped test in each package (``tests.browser``).
"""

import sys
from pathlib import Path
from xml.etree import ElementTree


def missing(results: Path, packages: list[str]) -> list[str]:
    """What is wrong, one line for each package; nothing where all ran."""
    cases = list(ElementTree.parse(results).iter("testcase"))
    wrong = []
    for package in packages:
        ours = [case for case in cases if f"{case.get('classname')}.".startswith(f"{package}.")]
        skipped = [case.get("name", "?") for case in ours if case.find("skipped") is not None]
        if not ours:
            wrong.append(f"{package}: no test ran")
        elif skipped:
            wrong.append(f"{package}: skipped {', '.join(skipped)}")
    return wrong


if __name__ == "__main__":
    if wrong := missing(Path(sys.argv[1]), sys.argv[2:]):
        sys.exit("\n".join(wrong))
