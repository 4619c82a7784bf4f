"""The folder that is carried to the machine: made by `pack`; unpacked by `run`, which then hands over to Node (run.ts)."""

from __future__ import annotations

import argparse
import glob
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from typing import NoReturn

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MODULES = os.path.join(ROOT, "node_modules")
NODE = os.path.join("node", "bin", "node")
ARCHIVE = "node_modules.tar.xz"
STAMP = ".tsumugi-setup"  # the lock file that is installed, as scripts/setup.mjs writes it
LIMIT = 60_000_000
UNPACK_SECONDS = 20

# What the tests need besides the product; and what vite needs for style sheets alone.
ROOTS = ("vitest", "tsumugi", "@tsumugi/native")
WITHOUT = ("lightningcss", "lightningcss-linux-x64-gnu", "@types/node", "undici-types")
# Declarations, source maps and pages: nothing runs them.
DROPPED = (".d.ts", ".d.mts", ".d.cts", ".map", ".md", ".tsbuildinfo")


def fail(sentence: str, remedy: str) -> NoReturn:
    print(f"check-device: {sentence}\n  → {remedy}", file=sys.stderr)
    sys.exit(2)


def lock_hash() -> str:
    with open(os.path.join(ROOT, "package-lock.json"), "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def is_set_up() -> bool:
    stamp = os.path.join(MODULES, STAMP)
    if not (os.path.exists(stamp) and os.path.exists(os.path.join(MODULES, NODE))):
        return False
    with open(stamp) as text:
        return text.read() == lock_hash()


def closure() -> list[str]:
    """The folders of the packages that ROOTS need, themselves included, as paths in the checkout."""
    with open(os.path.join(ROOT, "package-lock.json")) as lock:
        packages = json.load(lock)["packages"]
    found: dict[str, None] = {}

    def place(start: str, name: str) -> str | None:
        """Where Node finds `name` from the package in `start`."""
        while True:
            path = f"{start}/node_modules/{name}" if start else f"node_modules/{name}"
            if path in packages:
                return path
            if not start:
                return None
            start = start.rsplit("/node_modules/", 1)[0] if "/node_modules/" in start else ""

    def add(path: str) -> None:
        if path in found or not os.path.exists(os.path.join(ROOT, path)):
            return
        found[path] = None
        entry = packages[path]
        start = entry["resolved"] if entry.get("link") else path
        needs = packages[start]
        optional = {name for name, meta in needs.get("peerDependenciesMeta", {}).items() if meta.get("optional")}
        peers = [name for name in needs.get("peerDependencies", {}) if name not in optional]
        for name in [*needs.get("dependencies", {}), *needs.get("optionalDependencies", {}), *peers]:
            there = place(start, name)
            if there and name not in WITHOUT:
                add(there)

    for name in ROOTS:
        add(f"node_modules/{name}")
    return sorted(found)


def pack(folder: str) -> None:
    if not is_set_up():
        fail("this checkout is not set up, or package-lock.json has changed since", "run `npm run setup`, then pack again")
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, ARCHIVE)

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if entry.name.endswith(DROPPED) else entry

    with tempfile.TemporaryDirectory() as work:
        node = os.path.join(work, "node")
        shutil.copy(os.path.join(MODULES, NODE), node)
        if shutil.which("strip"):
            subprocess.run(["strip", node], check=True)
        partial = f"{target}.partial"
        with tarfile.open(partial, "w:xz", preset=6) as archive:
            archive.add(node, os.path.join("node_modules", NODE))
            archive.add(os.path.join(MODULES, STAMP), os.path.join("node_modules", STAMP))
            for path in closure():
                archive.add(os.path.join(ROOT, path), path, filter=kept)
    size = os.path.getsize(partial)
    if size > LIMIT:
        os.remove(partial)
        fail(
            f"the packed folder would be {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f} MB",
            "leave out what the tests and the bench do not need (WITHOUT in scripts/device-check/carried.py)",
        )
    os.replace(partial, target)
    print(f"{target}: {size / 1e6:.1f} MB (at most {LIMIT / 1e6:.0f})")


def unpack(folder: str | None, patience: int) -> None:
    """Puts node_modules into the checkout, unless it is there."""
    if is_set_up():
        return
    if folder is None:
        fail("this checkout is not set up and --carried names no folder", "name the folder that `pack` made")
    archive = os.path.join(folder, ARCHIVE)
    if not os.path.exists(archive):
        fail(f"{archive} does not exist", "make it with `scripts/check-device pack FOLDER` where there is a network")
    if os.path.exists(MODULES):
        fail(f"{MODULES} is there, but not what package-lock.json asks for", "remove it, or use a fresh copy of the checkout")
    started = time.monotonic()
    signal.signal(signal.SIGALRM, lambda *_: fail("unpacking took too long", "see that the disk is not full or slow"))
    signal.alarm(UNPACK_SECONDS * patience)
    work = tempfile.mkdtemp(prefix=".unpacking-", dir=ROOT)
    try:
        with tarfile.open(archive, "r:xz") as packed:
            packed.extractall(work)
        os.rename(os.path.join(work, "node_modules"), MODULES)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    signal.alarm(0)
    if not is_set_up():
        fail("what is carried was packed for another package-lock.json", "remove node_modules, pack again and carry that")
    print(f"unpacked in {time.monotonic() - started:.1f} s", flush=True)


def library_folders() -> list[str]:
    """Where torch's wheel keeps the CUDA libraries; `import torch` loads them by these paths, a bare libtorch does not."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        fail("python3 has no torch to build against", "let the python3 that has it come first on PATH")
    site = os.path.dirname(os.path.dirname(spec.origin))
    return sorted(glob.glob(os.path.join(site, "nvidia", "*", "lib")))


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


def device(text: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text} is none of cpu, cuda and cuda:N")
    return text


def run(arguments: argparse.Namespace) -> None:
    folders = [*library_folders(), *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
    unpack(arguments.carried, arguments.patience)
    os.environ["LD_LIBRARY_PATH"] = ":".join(folder for folder in folders if folder)
    node = os.path.join(MODULES, NODE)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.ts")
    settings = json.dumps({name: value for name, value in vars(arguments).items() if name not in ("carried", "what")})
    os.execv(node, [node, "--disable-warning=ExperimentalWarning", script, settings])


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(message, "see scripts/check-device --help")


parser = Parser(add_help=False)
commands = parser.add_subparsers(dest="what", required=True)
packing = commands.add_parser("pack", add_help=False)
packing.add_argument("folder")
running = commands.add_parser("run", add_help=False)
running.add_argument("--carried")
running.add_argument("--out", required=True)
running.add_argument("--device", type=device, default="cuda")
running.add_argument("--quick", action="store_true")
running.add_argument("--patience", type=positive, default=1)

given = parser.parse_args()
if given.what == "pack":
    pack(given.folder)
else:
    run(given)
