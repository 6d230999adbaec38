"""Looks at the files of a model for sherpa-onnx before that does: what it does not like ends the process, not the call.

Of an ONNX file only what stands around the graph is read: who made it, and the numbers that the runtime goes by.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filters.errors import SpecError

TOKENS = "tokens.txt"
_TRANSDUCER = ("encoder", "decoder", "joiner")
_CTC = ("ctc", "model")  # how such a file's name begins
_NEEDED = (  # short: of what goes wrong 200 characters are told
    "a streaming zipformer2 has encoder*.onnx, decoder*.onnx, joiner*.onnx, tokens.txt; or ctc*.onnx, tokens.txt"
)
_KIND = "zipformer2"
_LISTS = (
    *("encoder_dims", "query_head_dims", "value_head_dims", "num_heads"),
    *("num_encoder_layers", "cnn_module_kernels", "left_context_len"),
)
_MOST = 4096  # in any of these: more than any model has, and less than would take all memory
_BLANKS = ("<blk>", "<eps>", "<blank>")
_LONGEST_TOKENS = 1 << 24  # bytes
_LONGEST_TEXT = 1 << 20
_GRAPH, _METADATA = 7, 14  # fields of an ONNX model


@dataclass(frozen=True, slots=True)
class Model:
    """``parts``: encoder, decoder and joiner, or ctc. It is given ``frames`` of 10 ms at a time, ``shift`` apart."""

    parts: Mapping[str, Path]
    tokens: Path
    frames: int
    shift: int


def found_in(path: str) -> Model:
    """Return the model that is in a folder. Raises SpecError, which names what is missing or wrong."""
    folder = Path(path)
    if not folder.is_absolute():
        raise SpecError("the option model is an absolute path: it is read on the server")
    try:
        if not folder.is_dir():
            raise SpecError(f"the option model is no folder that can be read: {_NEEDED}")
        names = sorted(each.name for each in folder.iterdir())
        parts = {part: folder / name for part, name in _parts(names).items()}
        told = {part: _metadata(file) for part, file in parts.items()}
        tokens = _tokens(folder / TOKENS)
    except (OSError, ValueError) as error:
        raise SpecError(f"the option model cannot be read: {getattr(error, 'strerror', None) or error}") from None
    main = "encoder" if "encoder" in parts else "ctc"
    frames, shift = _checked(told[main], parts[main].name)
    if main == "encoder":
        vocabulary = _number(told["decoder"], "vocab_size", parts["decoder"].name, 1 << 20)
        _number(told["decoder"], "context_size", parts["decoder"].name, _MOST)
        if missing := vocabulary - len(set(tokens.values()) & set(range(vocabulary))):
            raise SpecError(f"{TOKENS} is another model's: it lacks {missing} of the {vocabulary} that this one tells")
    elif not any(blank in tokens for blank in _BLANKS):
        raise SpecError(f"{TOKENS} has no {_BLANKS[0]}: the CTC model cannot be used without it")
    return Model(parts, folder / TOKENS, frames, shift)


def _parts(names: list[str]) -> dict[str, str]:
    """Return which file is which. Raises SpecError if some are missing, or there are too many."""
    models = [name for name in names if name.endswith(".onnx")]
    parts = {part: [name for name in models if name.startswith(part)] for part in _TRANSDUCER}
    if not any(parts.values()):
        parts = {"ctc": [name for name in models if name.startswith(_CTC)]}
    missing = [_pattern(part) for part, there in parts.items() if not there]
    if TOKENS not in names:
        missing.append(TOKENS)
    if missing:
        raise SpecError(f"the option model's folder has no {', no '.join(missing)}: {_NEEDED}")
    return {part: _one(part, there) for part, there in parts.items()}


def _pattern(part: str) -> str:
    return " or ".join(f"{each}*.onnx" for each in (_CTC if part == "ctc" else (part,)))


def _one(part: str, names: list[str]) -> str:
    """Return the name of the one file, or of the one that is int8, as is best for a CPU."""
    small = [name for name in names if name.endswith(".int8.onnx")]
    chosen = small or names
    if len(chosen) > 1:
        raise SpecError(f"the option model's folder has {len(chosen)} of {_pattern(part)}: leave one of them")
    return chosen[0]


def _checked(told: Mapping[str, str], name: str) -> tuple[int, int]:
    """Return frames and shift of a model. Raises SpecError if anything that is told of it is not as it must be."""
    if (kind := told.get("model_type", "")) != _KIND:
        known = kind[:40] if kind.isprintable() and kind else "of no kind that it tells"
        raise SpecError(f"{name} cannot be used: it is {known}, and only streaming {_KIND} models can be")
    lengths = set()
    for key in _LISTS:
        numbers = [_positive(text, _MOST) for text in told.get(key, "").split(",")]
        if not all(numbers):
            raise SpecError(f"{name} cannot be used: its {key} is missing or no list of numbers")
        lengths.add(len(numbers))
    if len(lengths) != 1:
        raise SpecError(f"{name} cannot be used: its lists of numbers are not equally long")
    frames, shift = (_number(told, key, name, _MOST) for key in ("T", "decode_chunk_len"))
    if shift > frames:
        raise SpecError(f"{name} cannot be used: its decode_chunk_len is greater than its T")
    return frames, shift


def _number(told: Mapping[str, str], key: str, name: str, most: int) -> int:
    if not (number := _positive(told.get(key, ""), most)):
        raise SpecError(f"{name} cannot be used: its {key} is missing or no number from 1 to {most}")
    return number


def _positive(text: str, most: int) -> int:
    """Return a number; 0 if it is none, or too great."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most else 0


def _tokens(file: Path) -> dict[str, int]:
    """Return the numbers of tokens. Raises SpecError if the runtime could not read them."""
    with file.open("rb") as content:
        data = content.read(_LONGEST_TOKENS + 1)
    tokens: dict[str, int] = {}
    if len(data) > _LONGEST_TOKENS:
        raise SpecError(f"{TOKENS} is larger than 16 MiB")
    for number, line in enumerate(data.split(b"\n"), 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) > 2 or not fields[-1].isdigit():
            raise SpecError(f"{TOKENS}, line {number}: write a token, a space and its number")
        tokens[fields[0].decode("utf-8", "replace") if len(fields) == 2 else " "] = int(fields[-1])
    return tokens


def _metadata(path: Path) -> dict[str, str]:
    """Return what an ONNX file tells of itself. Raises SpecError if it is none, or only a part of one."""
    told: dict[str, str] = {}
    graph = False
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            for field, length in _fields(file, size):
                graph = graph or field == _GRAPH
                if field == _METADATA:
                    key, value = _entry(file, length)
                    told[key] = value
                else:
                    file.seek(length, 1)
    except (_Broken, UnicodeDecodeError):
        graph = False
    if not graph:
        raise SpecError(f"{path.name} is no ONNX model, or not all of one: get it again")
    return told


class _Broken(Exception):
    """It is not what protobuf writes."""


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Yield the number and length of each field; whoever is told reads or skips it before the next is asked for."""
    while file.tell() < end:
        key = _varint(file)
        match key & 7:  # protobuf's wire types
            case 0:
                _varint(file)
                length = 0
            case 1:
                length = 8
            case 2:
                length = _varint(file)
            case 5:
                length = 4
            case _:
                raise _Broken
        if length > end - file.tell():
            raise _Broken
        yield key >> 3, length


def _entry(file: BinaryIO, length: int) -> tuple[str, str]:
    """Return a key and a value."""
    if length > _LONGEST_TEXT:
        raise _Broken
    texts = {1: "", 2: ""}
    for field, size in _fields(file, file.tell() + length):
        texts[field] = file.read(size).decode()
    return texts[1], texts[2]


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise _Broken
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
    raise _Broken
