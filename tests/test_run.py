"""``./run`` as far as it sets nothing up, and the check that its important tests were really run."""

import subprocess
from pathlib import Path

import pytest

from tests.support.must_run import missing

ROOT = Path(__file__).parents[1]


def run(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "run", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    done = run("help", folder=tmp_path)
    assert done.returncode == 0
    for command in ("demo", "setup", "test [--full]", "check", "bench NAME"):
        assert f"\n  {command}" in done.stdout


@pytest.mark.parametrize("words", [(), ("no-such-command",)])
def test_a_mistake_in_use_prints_the_usage_and_exits_with_2(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: ./run COMMAND" in done.stderr


def test_an_unknown_benchmark_is_told_the_known_ones() -> None:
    done = run("bench", "no-such-benchmark")
    assert done.returncode == 1
    assert done.stderr.startswith("./run: name a benchmark:")
    for benchmark in (ROOT / "tests" / "bench").glob("[a-z]*.py"):
        assert benchmark.stem in done.stderr


@pytest.mark.parametrize(
    ("cases", "wrong"),
    [
        ('<testcase classname="tests.e2e.test_a.TestB" name="c"/>', []),
        ("", ["tests.e2e: no test ran"]),
        ('<testcase classname="tests.e2e_other.test_a" name="c"/>', ["tests.e2e: no test ran"]),
        ('<testcase classname="tests.e2e.test_a" name="c"><skipped/></testcase>', ["tests.e2e: skipped c"]),
    ],
)
def test_tests_that_did_not_run_are_noticed(tmp_path: Path, cases: str, wrong: list[str]) -> None:
    results = tmp_path / "results.xml"
    results.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert missing(results, ["tests.e2e"]) == wrong
