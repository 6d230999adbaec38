"""Trains the reader of screen text, and writes it as a file that the filters load.

    python -m training.reader train [--minutes 40] [--workers 1] [--threads 1] [--from FILE] FOLDER
    python -m training.reader export FILE filters/reading/screen.onnx

It needs torch, onnx, numpy, pillow, av and opencv, and fonts: texts are drawn in what this machine has. The model that
the filters bring along saw some 170,000 lines in 38 minutes on less than one processor, the last 22 going on from what
the first ones had made (--from). It was drawn for with Debian's packages wamerican, xfonts-base, and of fonts: dejavu,
liberation, noto-core, noto-mono, roboto-unhinted, open-sans, lato, hack, firacode, inconsolata, jetbrains-mono,
croscore, urw-base35, crosextra-carlito, crosextra-caladea, freefont-ttf, cantarell, mononoki, inter,
linuxlibertine, terminus and some others. More of the same would make it better.
"""

import argparse
import copy
import math
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from filters.reading.levelled import HEIGHT
from training.alphabet import ALPHABET
from training.coded import FULL, Sample, samples
from training.network import STEPS, STRIDE, Reader

_AREA = 32 * 400
"""Columns of all lines of a batch."""
_WIDTHS = 48
_POOL = 30_000
_HIGHEST, _GOING_ON = 3e-3, 2e-3
"""Learning rates: of a new network, and of one that has learnt before."""
_GUIDED = 0.12
"""Part of the training in which the places of characters are told, too: without that it begins far slower."""
_PER_STEP = STRIDE / STEPS


def _draw(seed: int, to: "multiprocessing.Queue[list[Sample]]") -> None:
    if hasattr(os, "nice"):
        os.nice(7)
    made = []
    for sample in samples(seed):
        made.append(sample)
        if len(made) == 64:
            to.put(made)
            made = []


class _Pool:
    """Lines to learn from: new ones take the place of old ones."""

    def __init__(self, workers: int, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: multiprocessing.Queue[list[Sample]] = context.Queue(maxsize=40)
        self._workers = [
            context.Process(target=_draw, args=(seed + number, self._queue), daemon=True) for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()
        self._held: list[Sample] = []
        self.drawn = 0
        threading.Thread(target=self._take, daemon=True).start()

    def fill(self, least: int) -> None:
        """Wait until there are so many lines."""
        while len(self._held) < least:
            time.sleep(0.1)

    def _take(self) -> None:
        """Keep what is drawn as it comes."""
        while True:
            new = self._queue.get()
            self.drawn += len(new)
            self._held = (self._held + new)[-_POOL:]

    def held_out(self, count: int) -> list[Sample]:
        """Return some lines that are learnt from no more."""
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def batches(self) -> list[list[Sample]]:
        """Return batches of lines of about the same width each, in any order."""
        held = self._held
        chosen = random.sample(held, min(len(held), 1500))
        return batched(chosen, True)

    def close(self) -> None:
        """Draw no more."""
        for worker in self._workers:
            worker.terminate()


def batched(chosen: Sequence[Sample], whole: bool = False) -> list[list[Sample]]:
    """Return batches of lines of about the same width each, in any order; ``whole``: only full ones.

    There are few shapes of batches: for each new one torch has to prepare."""
    by_width: dict[int, list[Sample]] = {}
    for sample in chosen:
        by_width.setdefault(-(-sample.pixels.shape[1] // _WIDTHS), []).append(sample)
    batches = []
    for width, found in by_width.items():
        size = _AREA // (width * _WIDTHS)
        batches += [found[at : at + size] for at in range(0, len(found), size) if not whole or at + size <= len(found)]
    random.shuffle(batches)
    return batches


def _pictures(batch: list[Sample], vary: bool) -> tuple[Tensor, Tensor]:
    """Return lines as one tensor, and how many steps each is long."""
    widest = max(sample.pixels.shape[1] for sample in batch)
    widest += -widest % _WIDTHS
    lines = np.zeros((len(batch), 1, HEIGHT, widest), np.float32)
    steps = np.zeros(len(batch), np.int64)
    for at, sample in enumerate(batch):
        picture = sample.pixels.astype(np.float32) / FULL
        if vary:
            picture = picture * np.float32(random.uniform(0.8, 1.15)) + np.float32(random.uniform(-0.05, 0.05))
            if random.random() < 0.04:
                picture = -picture
        lines[at, 0, :, : picture.shape[1]] = picture
        steps[at] = (picture.shape[1] + -picture.shape[1] % STRIDE) // STRIDE * STEPS
    made = torch.from_numpy(lines)
    if vary:
        made += torch.randn_like(made) * 0.02
    return made, torch.from_numpy(steps)


def _loss(seen: Tensor, batch: list[Sample], steps: Tensor, guide: float) -> Tensor:
    likely = seen.log_softmax(2)
    lengths = torch.tensor([len(sample.classes) for sample in batch])
    classes = torch.from_numpy(np.concatenate([sample.classes for sample in batch]).astype(np.int64))
    lost = nn.functional.ctc_loss(likely.transpose(0, 1), classes, steps, lengths, reduction="none", zero_infinity=True)
    loss: Tensor = (lost / (lengths + 4)).mean()
    if guide:
        told = np.zeros(likely.shape[:2], np.int64)
        for at, sample in enumerate(batch):
            places = (sample.middles / _PER_STEP).astype(np.int64).clip(0, int(steps[at]) - 1)
            told[at, places] = sample.classes
        places = torch.from_numpy(told)
        each = nn.functional.nll_loss(likely.transpose(1, 2), places, reduction="none")
        weights = torch.where(places > 0, 1.0, 0.2)
        loss = loss * (1 - guide) + (each * weights).sum() / weights.sum() * 3 * guide
    return loss


def read(seen: Tensor) -> str:
    """Return the text of one line's logits."""
    best = seen.argmax(1).tolist()
    kept = [now for now, before in zip(best, [0, *best], strict=False) if now and now != before]
    return "".join(ALPHABET[number - 1] for number in kept)


def distance(one: str, other: str) -> int:
    """Return how many characters have to be put in, taken out or replaced to make ``one`` into ``other``."""
    before = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        now = [row]
        for column, mark in enumerate(other, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (sign != mark)))
        before = now
    return before[-1]


def _tried(model: nn.Module, held: Sequence[Sample]) -> str:
    """Return how well lines are read that are not learnt from."""
    model.eval()
    wrong = signs = right = 0
    examples = []
    with torch.no_grad():
        for batch in batched(held):
            lines, steps = _pictures(batch, False)
            seen = model(lines)
            for at, sample in enumerate(batch):
                text = "".join(ALPHABET[number - 1] for number in sample.classes)
                got = " ".join(read(seen[at, : int(steps[at])]).split())
                wrong += distance(text, got)
                signs += len(text)
                right += text == got
                if text != got:
                    examples.append(f"    {text}\n    {got}")
    shown = "\n".join(random.sample(examples, min(3, len(examples))))
    return f"characters wrong {wrong / signs:.4f}, lines right {right / len(held):.4f}\n{shown}"


def train(folder: Path, minutes: float, workers: int, threads: int, start: Path | None) -> None:
    """Train for some time; what comes of it is kept in ``folder`` every few minutes."""
    torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    model = Reader()
    if start is not None:
        model.load_state_dict(torch.load(start))
    kept = copy.deepcopy(model)
    print(f"{sum(each.numel() for each in model.parameters())} parameters", flush=True)
    pool = _Pool(workers, int(time.time()) if start is not None else 1)
    pool.fill(1500)
    held = pool.held_out(600)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.02, betas=(0.9, 0.98))
    began = noted = time.monotonic()
    step, shown, mean = 0, 0, 0.0
    done = 0.0
    while done < 1:
        for batch in pool.batches():
            done = (time.monotonic() - began) / 60 / minutes
            if done >= 1:
                break
            highest = _HIGHEST if start is None else _GOING_ON
            rate = highest * min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done))) + 1e-6
            for group in optimiser.param_groups:
                group["lr"] = rate
            guide = max(0.0, 0.85 * (1 - done / _GUIDED)) if start is None else 0.0
            model.train()
            lines, steps = _pictures(batch, True)
            loss = _loss(model(lines), batch, steps, guide)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimiser.step()
            step += 1
            shown += len(batch)
            mean += (float(loss.detach()) - mean) * max(0.01, 1 / step)
            share = max(0.004, 1 / (step + 1))
            with torch.no_grad():
                for one, other in zip(kept.state_dict().values(), model.state_dict().values(), strict=True):
                    if one.dtype.is_floating_point:
                        one.lerp_(other, share)
                    else:
                        one.copy_(other)
            if step % 25 == 0:
                print(
                    f"{done * minutes:5.1f} min, step {step}: loss {mean:.4f}, {shown} lines of {pool.drawn}",
                    flush=True,
                )
            if time.monotonic() - noted > 150:
                noted = time.monotonic()
                print(_tried(kept, held), flush=True)
                torch.save(kept.state_dict(), folder / "reader.pt")
    pool.close()
    print(_tried(kept, held), flush=True)
    torch.save(kept.state_dict(), folder / "reader.pt")


def export(file: Path, to: Path) -> None:
    """Write a trained network as ONNX: likelihoods of each step."""
    model = Reader()
    model.load_state_dict(torch.load(file))
    whole = nn.Sequential(model, nn.Softmax(2)).eval()
    torch.onnx.export(
        whole,
        (torch.zeros(1, 1, HEIGHT, 200),),
        str(to),
        dynamo=False,
        input_names=["line"],
        output_names=["likely"],
        dynamic_axes={"line": {0: "lines", 3: "width"}, "likely": {0: "lines", 1: "steps"}},
    )
    import onnx

    made = onnx.load(str(to))
    made.metadata_props.add(key="characters", value=ALPHABET)
    onnx.save(made, str(to))


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(
        prog="python -m training.reader", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train a network")
    training.add_argument("folder", type=Path, help="where what comes of it is kept")
    training.add_argument("--minutes", type=float, default=40)
    training.add_argument("--workers", type=int, default=1, help="processes that draw")
    training.add_argument("--threads", type=int, default=1, help="threads that train")
    training.add_argument("--from", dest="start", type=Path, help="a trained network to go on with")
    exporting = commands.add_parser("export", help="write a trained network as ONNX")
    exporting.add_argument("file", type=Path)
    exporting.add_argument("to", type=Path)
    given = parser.parse_args()
    if given.command == "train":
        train(given.folder, given.minutes, given.workers, given.threads, given.start)
    else:
        export(given.file, given.to)


if __name__ == "__main__":
    main()
