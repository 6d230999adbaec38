"""``./run bench leaks``: what leaks of secrets on a shared screen through `redact-text`, and what it costs.

Labelled scenes are encoded as a host would and published over RTMP into a real room (720p, preset fast); what viewers
get is decoded and compared with the labels, frame by frame. A secret leaks if less than 90 % of its box is veiled, or
if RapidOCR or tesseract reads it all the same. Scenes are made at the first run, which takes some minutes, and kept.

Develop with --tune, or with scenes of seeds 1 to 9; report with the seed 100 and above. Figures of the room are those
of the machine: let nothing else run.
"""

import argparse
import json
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from filters import FilterError
from filters.secrets import KINDS as KINDS_OF_SECRETS
from tests.bench.e2e import machine
from tests.support.leaks import faults, figures, onair, programme, soak, table
from tests.support.leaks.figures import Cost, Figures, percentile
from tests.support.leaks.observing import Observed, observe
from tests.support.leaks.onair import OnAirError
from tests.support.leaks.programme import Programme, compose
from tests.support.leaks.received import ReceivedError, find, slate_of
from tests.support.leaks.scoring import Totals, judge
from tests.support.leaks.simulated import simulate
from tests.support.leaks.soak import SOUND_FILTER
from tests.support.leaks.tapes import ARTIFACTS, tapes
from tests.support.scenes.catalogue import KINDS
from tests.support.scenes.scene import RATE
from tests.support.server import ROOT

SEED, TUNING_SEED = 100, 1
FILTER = "redact-text:kinds=" + "+".join(KINDS_OF_SECRETS)
FAULTS = (*faults.Fault, "late")
TOY = ROOT / "tests" / "support" / "leaks" / "toy.py"


def main() -> None:
    given = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print(machine(), flush=True)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    if given.file:
        sys.exit(_score(given.file, given))
    if given.soak:
        sys.exit(_soak(given))
    with TemporaryDirectory(dir=ARTIFACTS, prefix="run-") as name:
        folder = Path(name)
        seed = TUNING_SEED if given.tune else given.seed
        shown = compose(tapes(given.kinds, seed, given.stale), folder / "programme.mp4")
        print(f"seed {seed}: {len(shown.cues)} scenes, {shown.seconds / 60:.1f} min", flush=True)
        try:
            _play(shown, folder, given)
            status = _score(folder, given)
        except (FilterError, OnAirError, ReceivedError) as error:
            print(f"\n{error}", flush=True)
            status = 2
        if given.keep or status == 2:
            kept = ARTIFACTS / "kept"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
            print(f"kept: {kept.relative_to(ROOT)}")
    sys.exit(status)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run bench leaks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help="of scenes: a list of " + ",".join(KINDS))
    parser.add_argument("--seed", type=int, default=SEED, help=f"of scenes; {SEED} unless told")
    parser.add_argument("--tune", action="store_true", help=f"the seed {TUNING_SEED}")
    parser.add_argument("--filter", default=FILTER, help=f"the filter; {FILTER} unless told")
    told = f"a detector that knows the answer, with none, or a list of {','.join(FAULTS)}, planted in each scene"
    parser.add_argument("--toy", metavar="FAULTS", help=f"{told}: it shows what the benchmark is worth")
    parser.add_argument("--offline", action="store_true", help="no room: in this process, as fast as it goes")
    parser.add_argument("--real-time", action="store_true", help="with --offline: no faster than a host sends")
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help=f"keep a room on air that has {SOUND_FILTER}, too; scores nothing"
    )
    parser.add_argument("--stale", action="store_true", help="scenes that are there, even of older sources")
    parser.add_argument("--keep", action="store_true", help="what was published and received, for --file")
    parser.add_argument("--file", type=Path, metavar="DIR", help="score what an earlier run has kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    given = parser.parse_args()
    given.kinds = given.kinds.split(",")
    if not set(given.kinds) <= set(KINDS):
        parser.error(f"--kinds takes a list of {', '.join(KINDS)}")
    if given.toy and not set(given.toy.split(",")) <= {"none", *FAULTS}:
        parser.error(f"--toy takes none, or a list of {', '.join(FAULTS)}")
    return given


# --- playing ---------------------------------------------------------------------------------------------------


def _play(shown: Programme, folder: Path, given: argparse.Namespace) -> None:
    """Have ``shown`` go through the filter; put what came out, and what it took, into ``folder``."""
    spec = _toy(shown, folder, given.toy.split(",")) if given.toy else given.filter
    if given.offline:
        _simulate(spec, shown, folder, given.real_time)
    else:
        done = onair.play(spec, shown, folder / "received.mp4", partial(print, flush=True))
        done.save(folder / "figures.json")


def _toy(shown: Programme, folder: Path, words: Sequence[str]) -> str:
    planted = [faults.Fault(word) for word in words if word not in ("none", "late")]
    script = faults.write(shown, planted, "late" in words)
    path = folder / "script.json"
    path.write_text(json.dumps(script.to_json()))
    for scene, secret, fault in script.planted:
        print(f"  planted: {scene} {secret}: {fault}")
    return f"{TOY}:Knowing:script={path}"


def _simulate(spec: str, shown: Programme, folder: Path, real_time: bool) -> None:
    def tell(number: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{number / RATE:.0f} of {shown.seconds:.0f} s", end="", flush=True, file=sys.stderr)

    done = simulate(spec, shown, folder / "received.mp4", tell, real_time)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    costs = {}
    for kind, (first, end) in shown.kinds().items():
        of_kind = [cost for cost in done.costs if first <= cost.frame < end]
        lag = percentile((cost.lag / RATE for cost in of_kind), 0.95)
        costs[kind] = Cost(sum(cost.cpu for cost in of_kind) * RATE / (end - first), None, lag)
    Figures(spec, False, done.lookahead, costs).save(folder / "figures.json")


def _soak(given: argparse.Namespace) -> int:
    """Keep a room on air; return the exit status."""
    seed = TUNING_SEED if given.tune else given.seed
    specs = (given.filter, SOUND_FILTER)
    done = soak.soak(specs, tapes(given.kinds, seed, given.stale), given.soak, partial(print, flush=True))
    found = list(soak.verdicts(done))
    print(f"\n{' and '.join(specs)}", *soak.lines(done), "", *found, sep="\n", flush=True)
    return 0 if all(verdict.met for verdict in found) else 1


# --- scoring ---------------------------------------------------------------------------------------------------


def _score(folder: Path, given: argparse.Namespace) -> int:
    """Print what came of the run in ``folder``; return the exit status."""
    shown = programme.load(folder / "programme.mp4")
    taken = figures.load(folder / "figures.json")
    received = folder / "received.mp4"
    reception = find(received, shown.markers)
    look = partial(observe, reception=reception, slate=slate_of(received))
    # Not forked: decoders have threads here.
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        observed = list(pool.map(look, shown.cues))
    by_kind: dict[str, Totals] = {}
    for scene in observed:
        totals = by_kind.setdefault(scene.kind, Totals())
        totals.add(scene.name, judge(scene.seen), scene.unreadable)
        totals.add_area(scene.frames, scene.overdone, scene.slate)
    whole_run = set(by_kind) == set(KINDS)
    found = list(table.verdicts(by_kind, taken, whole_run))
    found.append(table.sent(sum(each.frames for each in observed), sum(each.left_out for each in observed)))
    found.append(table.confirmed(len(shown.markers), reception.hidden))
    print("", *table.notes(taken), "", *table.rows(by_kind, taken), sep="\n")
    if listed := list(table.leaks(by_kind)):
        print("\nleaked:", *listed, sep="\n")
        print(f"their first leaked frames, source above or left of output: {_crops(observed).relative_to(ROOT)}")
    print("", *found, sep="\n", flush=True)
    if given.json:
        written = {
            "figures": asdict(taken),
            "kinds": {kind: asdict(totals) for kind, totals in by_kind.items()},
            "required": [asdict(verdict) for verdict in found],
        }
        given.json.write_text(json.dumps(written, indent=1))
    return 0 if all(verdict.met for verdict in found) else 1


def _crops(observed: Sequence[Observed]) -> Path:
    """Write the first leaked frame of each secret; return the folder."""
    folder = ARTIFACTS / "crops"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for scene in observed:
        for name, png in scene.crops.items():
            plain = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
            (folder / f"{scene.name}-{plain}.png").write_bytes(png)
    return folder


if __name__ == "__main__":
    main()
