"""People who speak, and music, out of packages: what benchmarks of speech listen to. Kept in the user's cache.

Prompts of Asterisk (Debian, CC BY-SA 3.0, one American speaker with the text of what she says, others in four
languages, and music), and five clips of LibriVox in pocketsphinx's source distribution. Nothing else is fetched.
"""

import gzip
import json
import re
import subprocess
import sys
import tarfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs
import pocketsphinx

from filters.speech.sphinx import dictionary, model
from filters.speech.spotter import RATE

if TYPE_CHECKING:
    from filters.speech.spotter import Speech

_PROMPTS = "asterisk-core-sounds-{}-g722"
_TEXTS, _MUSIC = "asterisk-core-sounds-en", "asterisk-moh-opsound-g722"
_DIGITS = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]))


class Missing(Exception):
    """Something cannot be had on this machine; the text says what."""


@dataclass(frozen=True)
class Clip:
    """Speech at ``RATE``, and its words with where they are (seconds), as pocketsphinx aligns them with the text."""

    name: str
    speech: "Speech"
    words: tuple[tuple[str, float, float], ...]


def prompts() -> list[Clip]:
    """Return what the American speaker of Asterisk's prompts says, with its words. Raises Missing."""
    folder = _debian(_PROMPTS.format("en"))
    texts = dict(_texts(next(_debian(_TEXTS).rglob("core-sounds-en.txt.gz"))))
    files = [(path, texts[path.stem]) for path in sorted(folder.rglob("*.g722")) if path.stem in texts]
    return _aligned("prompts", [(path.stem, _g722(path), words) for path, words in files])


def librivox() -> list[Clip]:
    """Return the clips of LibriVox in pocketsphinx's source distribution. Raises Missing."""
    folder = _pocketsphinx() / "test" / "data" / "librivox"
    files = []
    for line in (folder / "transcription").read_text(encoding="utf-8").splitlines():
        words, _, name = line.partition("</s>")
        name = name.strip(" ()")
        with wave.open(str(folder / f"{name}.wav")) as file:
            speech = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        files.append((name, speech, words.replace("<s>", "").split()))
    return _aligned("librivox", files)


def foreign(language: str) -> "Speech":
    """Return all prompts in ``language`` (es, fr, it, ru), one after the other. Raises Missing."""
    return np.concatenate([_g722(path) for path in sorted(_debian(_PROMPTS.format(language)).rglob("*.g722"))])


def music() -> "Speech":
    """Return a quarter of an hour of music without voices, at ``RATE``. Raises Missing."""
    return np.concatenate([_g722(path) for path in sorted(_debian(_MUSIC).rglob("*.g722"))])


def _cache() -> Path:
    return platformdirs.user_cache_path("veilcast") / "bench-words"


def _debian(package: str) -> Path:
    """Return the folder of what is in a package, which is not installed."""
    folder = _cache() / package
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", "-q", package], cwd=part, check=True, capture_output=True)
            subprocess.run(["dpkg-deb", "-x", next(part.glob("*.deb")), part / "all"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError, StopIteration) as error:
            raise Missing(f"the Debian package {package} cannot be had here") from error
        (part / "all").rename(folder)
    return folder


def _pocketsphinx() -> Path:
    name = f"pocketsphinx-{pocketsphinx.__version__}" if hasattr(pocketsphinx, "__version__") else "pocketsphinx-5.1.1"
    folder = _cache() / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        wanted = name.replace("-", "==")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "-d",
            str(_cache()),
        ]
        try:
            subprocess.run([*command, wanted], check=True, capture_output=True)
            with tarfile.open(_cache() / f"{name}.tar.gz") as archive:
                archive.extractall(_cache(), filter="data")
        except (OSError, subprocess.CalledProcessError, tarfile.TarError) as error:
            raise Missing("the source distribution of pocketsphinx cannot be had here") from error
    return folder


def _g722(path: Path) -> "Speech":
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(path), "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"]
    return np.frombuffer(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout, np.int16)


def _texts(path: Path) -> Iterator[tuple[str, list[str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            name, colon, text = line.partition(":")
            if colon and not re.search(r"[\[(;]", line):
                yield (
                    name.strip(),
                    [
                        _DIGITS.get(int(word), word) if word.isdigit() else word
                        for word in re.findall(r"[a-z0-9']+", text.lower())
                    ],
                )


def _aligned(name: str, files: "list[tuple[str, Speech, list[str]]]") -> list[Clip]:
    """Return the clips whose text can be aligned. What was found is kept."""
    kept = _cache() / f"{name}.json"
    if kept.exists():
        known = json.loads(kept.read_text(encoding="utf-8"))
    else:
        known = {clip: _align(speech, words) for clip, speech, words in files}
        kept.write_text(json.dumps(known), encoding="utf-8")
    return [Clip(n, s, tuple((w, a, b) for w, a, b in known[n])) for n, s, _ in files if known.get(n)]


def _align(speech: "Speech", words: list[str]) -> list[tuple[str, float, float]]:
    wide = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
    decoder = pocketsphinx.Decoder(hmm=str(model()), dict=str(dictionary()), lm=None, loglevel="FATAL", **wide)
    try:
        decoder.set_align_text(" ".join(words))
    except RuntimeError:  # a word that is in no dictionary
        return []
    decoder.start_utt()
    decoder.process_raw(speech.tobytes(), full_utt=True)
    decoder.end_utt()
    said = [] if decoder.hyp() is None else list(decoder.seg())
    found = [
        (re.sub(r"\(\d+\)$", "", each.word), each.start_frame / 100, (each.end_frame + 1) / 100)
        for each in said
        if each.word[0] not in "<[+"
    ]
    return found if [word for word, _, _ in found] == words else []
