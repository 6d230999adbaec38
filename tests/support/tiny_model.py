"""Models for sherpa-onnx that a test makes in no time: for each pitch they hear a piece of a word, and else nothing.

They are zipformer2 models in all that the runtime looks at: inputs, states, metadata and files. What they compute is
little: four frames of the features make one of the output, in which a piece counts by how far its band stands out.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from filters.api import SAMPLE_RATE

if TYPE_CHECKING:
    from filters.api import Samples

PIECES = ("\u2581BA", "D", "GER", "\u2581SON", "\u2581OF", "\u2581A")
"""What can be heard; number n at ``hertz(n)``."""
FRAMES, SHIFT = 45, 32
"""Frames (10 ms) that a model is given at a time, and after how many the next ones begin."""

_BANDS = 80
_FIRST, _STEP = 15, 9  # bands of the pieces
_SHAPE = {
    "encoder_dims": 4,
    "query_head_dims": 1,
    "value_head_dims": 1,
    "num_heads": 1,
    "num_encoder_layers": 1,
    "cnn_module_kernels": 3,
    "left_context_len": 2,
}
_STATES: Sequence[tuple[str, int, Sequence[int]]] = (
    ("key", TensorProto.FLOAT, (2, 1, 1)),
    ("nonlin", TensorProto.FLOAT, (1, 1, 2, 3)),
    ("value1", TensorProto.FLOAT, (2, 1, 1)),
    ("value2", TensorProto.FLOAT, (2, 1, 1)),
    ("conv1", TensorProto.FLOAT, (1, 4, 1)),
    ("conv2", TensorProto.FLOAT, (1, 4, 1)),
    ("embed", TensorProto.FLOAT, (1, 128, 3, 19)),
    ("processed", TensorProto.INT64, (1,)),
)


def hertz(piece: int) -> float:
    """Return the middle of a piece's band."""
    low, high = (1127 * math.log(1 + each / 700) for each in (20, 7600))
    return 700 * (math.exp((low + (_FIRST + _STEP * piece + 1) * (high - low) / (_BANDS + 1)) / 1127) - 1)


def sung(notes: Sequence[tuple[int | None, float]]) -> "Samples":
    """Return sound (1, count) of pieces, each for some seconds; None: silence."""
    parts = []
    for piece, seconds in notes:
        at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        parts.append(np.zeros_like(at) if piece is None else 0.3 * np.sin(2 * np.pi * hertz(piece) * at))
    return np.concatenate(parts)[None].astype(np.float32)


def transducer(folder: Path, *, suffix: str = "-epoch-1-avg-1.onnx", **metadata: object) -> Path:
    """Make a streaming zipformer2 transducer in ``folder``, and return that. ``metadata``: what is None is left out."""
    vocabulary = len(PIECES) + 1
    encoder = _streaming([_mean("out")], ("out", (1, SHIFT // 4, _BANDS)), metadata)
    _save(encoder, folder / f"encoder{suffix}")

    # The piece that was heard last is not heard again.
    last = np.diag([0.0] + [-100.0] * len(PIECES)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["y", "one"], ["last"], axis=1),
        helper.make_node("Gather", ["table", "last"], ["out"], axis=0),
    ]
    decoder = _model(
        nodes,
        [("y", TensorProto.INT64, ("N", 2))],
        [("out", TensorProto.FLOAT, ("N", vocabulary))],
        {"one": np.array(1), "table": last},
        {"vocab_size": vocabulary, "context_size": 2},
    )
    _save(decoder, folder / f"decoder{suffix}")

    nodes = [
        helper.make_node("Gemm", ["x", "bands", "none"], ["heard"]),
        helper.make_node("Add", ["heard", "y"], ["z"]),
    ]
    joiner = _model(
        nodes,
        [("x", TensorProto.FLOAT, ("N", _BANDS)), ("y", TensorProto.FLOAT, ("N", vocabulary))],
        [("z", TensorProto.FLOAT, ("N", vocabulary))],
        _weights(),
        {"joiner_dim": _BANDS},
    )
    _save(joiner, folder / f"joiner{suffix}")
    return _with_tokens(folder)


def ctc(folder: Path, *, name: str = "model.onnx", **metadata: object) -> Path:
    """Make a streaming zipformer2 CTC model in ``folder``, and return that."""
    nodes = [
        _mean("mean"),
        helper.make_node("MatMul", ["mean", "bands"], ["heard"]),
        helper.make_node("Add", ["heard", "none"], ["out"]),
    ]
    _save(_streaming(nodes, ("out", (1, SHIFT // 4, len(PIECES) + 1)), metadata, _weights()), folder / name)
    return _with_tokens(folder)


def _with_tokens(folder: Path) -> Path:
    lines = [f"{piece} {number}\n" for number, piece in enumerate(("<blk>", *PIECES))]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def _weights() -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]:
    bands = np.zeros((_BANDS, len(PIECES) + 1), np.float32)
    bands[:, 1:] = -1 / _BANDS
    for piece in range(len(PIECES)):
        bands[_FIRST + _STEP * piece, piece + 1] += 1
    none = np.zeros(len(PIECES) + 1, np.float32)
    none[0] = 11  # a tone is 16 to 22 above the mean, so no two pieces are heard in the same frames
    return {"bands": bands, "none": none}


def _mean(name: str) -> onnx.NodeProto:
    return helper.make_node("ReduceMean", ["fours"], [name], axes=[2], keepdims=0)


def _streaming(
    nodes: Sequence[onnx.NodeProto],
    out: tuple[str, Sequence[int]],
    metadata: Mapping[str, object],
    weights: "Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] | None" = None,
) -> onnx.ModelProto:
    """Return what makes ``out`` of ``fours`` (1, 8, 4, bands), and gives its states back as they came."""
    first = [
        helper.make_node("Slice", ["x", "start", "end", "axis"], ["front"]),
        helper.make_node("Reshape", ["front", "shape"], ["fours"]),
    ]
    last = [helper.make_node("Identity", [name], [f"new_{name}"]) for name, _, _ in _STATES]
    constants = {
        "start": np.array([0]),
        "end": np.array([SHIFT]),
        "axis": np.array([1]),
        "shape": np.array([1, SHIFT // 4, 4, _BANDS]),
    }
    told = {"model_type": "zipformer2", "T": FRAMES, "decode_chunk_len": SHIFT, **_SHAPE, **metadata}
    return _model(
        [*first, *nodes, *last],
        [("x", TensorProto.FLOAT, (1, FRAMES, _BANDS)), *_STATES],
        [(out[0], TensorProto.FLOAT, out[1]), *((f"new_{name}", kind, shape) for name, kind, shape in _STATES)],
        {**constants, **(weights or {})},
        {name: value for name, value in told.items() if value is not None},
    )


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Sequence[int | str]]],
    outputs: Sequence[tuple[str, int, Sequence[int | str]]],
    constants: Mapping[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.int64]]"],
    metadata: Mapping[str, object],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    onnx.checker.check_model(model)
    return model


def _save(model: onnx.ModelProto, path: Path) -> None:
    path.write_bytes(model.SerializeToString())
