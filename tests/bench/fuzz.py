"""``./run bench fuzz``: hostile bytes against the RTMP session, counted, and which branches of its code they take.

What has to hold is in ``tests/support/rtmp_fuzz.py``. Inputs that are as they should be are spoilt at random
(``--seed`` says how), and fed in one piece; one in eight byte by byte, too, where the same has to come of it. An
execution is a session that was fed. One that takes longer than ten seconds hangs. An input that breaks a rule is
printed, and belongs into ``tests/ingest/test_fuzz.py``. With ``--atheris`` inputs are spoilt by what branches they
take, by libFuzzer, which counts and prints by itself (``pip install 'veilcast[fuzz]'``). ``--coverage`` prints which
branches of ``ingest/rtmp`` this program takes alone, and with the tests of ``ingest``.
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
RUNS = 100_000
BOTH = 8
"""One input in so many is fed byte by byte, too: two more executions."""
HANGS = 10  # seconds
GROWN = 32.0
"""MiB by which a process may have grown when all is done."""
UNCOVERED = 5.0  # percent of the branches
_WARM = 5000  # inputs after which a process has its size
# The session needs none of these.
_WITH_SOCKETS = "ingest/rtmp/listener.py,ingest/rtmp/tls.py,ingest/rtmp/crowd.py,ingest/rtmp/complaints.py"
_COVERED_RUNS = 30_000
_MOST_BROKEN = 5  # of one process, which then stops
os.environ.setdefault("SVT_LOG", "1")  # the encoder of AV1 talks


@dataclass
class Tally:
    """What a process has done: ``grown`` in MiB, each of ``broken`` the input in hex and what came of it."""

    runs: int = 0
    grown: float = 0.0
    broken: list[tuple[str, str]] = field(default_factory=list)


def fuzz(seed: int, runs: int) -> Tally:
    """Do so many executions, or a few more."""
    # Here, and not above: atheris has to see what it looks into being imported.
    from tests.support.rtmp_fuzz import check, seeds, spoil

    rng = random.Random(seed)
    known = seeds()
    tally = Tally()
    signal.signal(signal.SIGALRM, _hang)
    size, number = _size(), 0
    while tally.runs < runs and len(tally.broken) < _MOST_BROKEN:
        both = number % BOTH == 0
        data = known[number] if number < len(known) else spoil(rng, known)
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        try:
            check(data, both)
        except Exception:
            tally.broken.append((data.hex(), traceback.format_exc(limit=-3)))
        number += 1
        tally.runs += 3 if both else 1
        if number == _WARM:
            size = _size()
    signal.setitimer(signal.ITIMER_REAL, 0)
    tally.grown = _size() - size
    return tally


def _hang(*_: object) -> None:
    raise TimeoutError(f"it took longer than {HANGS} s")


def _size() -> float:
    """The most that this process has had resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def blind(limits: Limits, seed: int, runs: int, jobs: int) -> None:
    """Spoil at random, in so many processes."""
    began = time.monotonic()
    each = -(-runs // jobs)
    if jobs == 1:
        tallies = [fuzz(seed, each)]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            tallies = list(pool.map(fuzz, range(seed, seed + jobs), [each] * jobs))
    lasted = time.monotonic() - began
    done = sum(tally.runs for tally in tallies)
    broken = [found for tally in tallies for found in tally.broken]
    limits.row("fuzz", "executions", done, "")
    limits.note(f"{lasted:.0f} s in {jobs} processes, {done / lasted:.0f} a second; seed {seed}")
    limits.row("fuzz", "rules broken", len(broken), "", 0)
    limits.row("fuzz", "memory grown, of the process that grew most", max(t.grown for t in tallies), "MiB", GROWN)
    for data, said in broken:
        limits.note(f"{data}\n{said}")


def guided(runs: int) -> None:
    """Let libFuzzer spoil; it ends this process."""
    try:
        import atheris
    except ImportError:
        sys.exit("./run bench fuzz: atheris is not installed: pip install 'veilcast[fuzz]'")
    with atheris.instrument_imports(include=["ingest"]):
        from tests.support.rtmp_fuzz import LONGEST, check, seeds
    with TemporaryDirectory(prefix="veilcast-fuzz-") as place:
        for number, data in enumerate(seeds()):
            Path(place, str(number)).write_bytes(data)
        options = [f"-runs={runs}", f"-max_len={LONGEST}", f"-timeout={HANGS}", "-rss_limit_mb=1024"]
        atheris.Setup(
            [sys.argv[0], *options, f"-artifact_prefix={ROOT}/tests/artifacts/", place], lambda data: check(data, True)
        )
        atheris.Fuzz()


def cover(limits: Limits, seed: int) -> None:
    """Print which branches are taken by this program alone, and with the tests of ``ingest``."""
    with TemporaryDirectory(prefix="veilcast-fuzz-") as place:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(place, "data"))}
        this = ["-m", "tests.bench.fuzz", "--runs", str(_COVERED_RUNS), "--seed", str(seed), "--jobs", "1"]
        _coverage(environment, "run", "--branch", "--source=ingest.rtmp", *this)
        alone = _untaken(environment, "--omit", _WITH_SOCKETS)
        limits.row("coverage", f"not taken by {_COVERED_RUNS} executions alone", alone, "%")
        tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/ingest"]
        _coverage(environment, "run", "--append", "--branch", "--source=ingest.rtmp", *tests)
        both = _untaken(environment)
        print(_coverage(environment, "report", "--show-missing"), flush=True)
        limits.row("coverage", "not taken by them and the tests of ingest", both, "%", UNCOVERED)


def _untaken(environment: dict[str, str], *options: str) -> float:
    totals = json.loads(_coverage(environment, "json", "-q", "-o", "-", *options))["totals"]
    return 100 - 100 * float(totals["covered_branches"]) / float(totals["num_branches"])


def _coverage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "coverage", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"./run bench fuzz: coverage {words[0]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS, help=f"executions; {RUNS} unless told")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes; all unless told")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true", help="spoil by what branches are taken")
    parser.add_argument("--coverage", action="store_true", help="which branches are taken: a minute or two")
    given = parser.parse_args(arguments)
    if given.atheris:
        guided(given.runs)
    limits = Limits()
    limits.head()
    if given.coverage:
        cover(limits, given.seed)
    else:
        blind(limits, given.seed, given.runs, given.jobs)
    limits.finish()


if __name__ == "__main__":
    main()
