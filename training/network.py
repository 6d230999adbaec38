"""The network that reads lines of screen text: convolutions alone, small enough for a few milliseconds a line."""

import torch
from torch import Tensor, nn

from training.alphabet import CLASSES

STEPS = 2
"""Guesses for each column of features: narrow letters stand closer than those."""
STRIDE = 4
"""Columns of the picture for each column of features."""


def _seen(
    into: int, out: int, kernel: int | tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]
) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(into, out, kernel, stride, pad, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )


class _Context(nn.Module):
    """Looks at a letter's neighbours; what it finds is added."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self._way = nn.Sequential(
            nn.Conv2d(width, width, (1, kernel), padding=(0, kernel // 2), groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self._bend = nn.ReLU(inplace=True)

    def forward(self, seen: Tensor) -> Tensor:
        out: Tensor = self._bend(seen + self._way(seen))
        return out


class Reader(nn.Module):
    """From lines (n, 1, 24, width), ``width`` a multiple of 4, to logits (n, width / 2, CLASSES)."""

    def __init__(self, wide: int = 160) -> None:
        super().__init__()
        self._eye = nn.Sequential(
            _seen(1, 24, 5, (2, 2), (2, 2)),
            _seen(24, 32, 3, (2, 1), (1, 1)),
            _seen(32, 64, 3, (1, 2), (1, 1)),
            _seen(64, 80, 3, (2, 1), (1, 1)),
            _seen(80, wide, 3, (1, 1), (0, 1)),
        )
        self._context = nn.Sequential(*(_Context(wide, 7) for _ in range(4)))
        self._head = nn.Conv2d(wide, STEPS * CLASSES, 1)

    def forward(self, lines: Tensor) -> Tensor:
        """See above."""
        out = self._head(self._context(self._eye(lines)))[:, :, 0]
        n, _, columns = out.shape
        return torch.reshape(out.transpose(1, 2), (n, columns * STEPS, CLASSES))
