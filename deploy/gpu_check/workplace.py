"""Where a check finds things and puts things."""
import json
import os
import shutil
import struct
import tempfile
import time
import zlib
from pathlib import Path

from gpu_check.processes import Process

LIBRARY = "libdistributed_torch.so"
DATASET = "cifar-10"


class Workplace:
    """Paths beside the script where it was unpacked, or those of the repository."""

    def __init__(self, options, here, out):
        root = here.parent
        self.options, self.out = options, out
        self.native = first(
            options.native, [here / "native", root / "src/Distributed.Torch/native"])
        self.program = first(options.program, [
            here / "program", root / "src/Distributed.Cli/bin/Release/net10.0"])
        self.scratch = Path(tempfile.mkdtemp(prefix="gpu-check-"))
        data = Path(options.data) if options.data else here / "data"
        self.data = data.resolve() if (data / DATASET).exists() else None
        self.deadline = 0.0
        self.broken = None
        self.drawn = None
        self.torch = None

    def left(self):
        return self.deadline - time.monotonic()

    def size(self, full, quick):
        return quick if self.options.quick else full

    @property
    def device_words(self):
        return ["--device", self.options.device, "--precision", self.options.precision]

    def environment(self):
        cache = self.data or self.scratch / "datasets"
        variables = {"DISTRIBUTED_DATA": str(cache)}
        if self.torch:
            # The program starts its peers with the python3 that it finds.
            variables["PATH"] = os.pathsep.join(
                [os.path.dirname(self.torch["torch_python"]), os.environ.get("PATH", "")])
        return variables

    def distributed(self, *words, seconds=None):
        return Process(
            [self.program / "distributed", *words], self.environment(),
            self.left() if seconds is None else seconds, self.scratch)

    def records(self, *words, seconds=None):
        """What a command prints with --json."""
        with self.distributed(*words, "--json", seconds=seconds) as process:
            read = [json.loads(line) for line in process.lines()]
            process.finish()
            return read

    def use_library(self, built):
        """Beside a copy of the program, so that the one that came stays as it is."""
        copy = self.scratch / "program"
        link_tree(self.program, copy)
        self.program = copy
        (copy / LIBRARY).unlink(missing_ok=True)
        shutil.copy(built, copy / LIBRARY)

    def dataset(self):
        """CIFAR-10 where it was sent along, else images drawn here."""
        if self.data:
            return DATASET
        if self.drawn is None:
            self.drawn = self.scratch / "drawn"
            draw(self.drawn, train=1024, test=100)
        return str(self.drawn)


def first(named, candidates):
    if named:
        candidates = [Path(named)]
    for candidate in candidates:
        if candidate.exists():
            return candidate.resolve()
    raise ValueError("expected one of " + ", ".join(map(str, candidates))
                     + ": run this where it was unpacked, or build the program first")


def link_tree(source, target):
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def draw(folder, train, test, side=32, classes=10):
    """PNG files whose colour and stripes tell their class."""
    for split, count in ("train", train), ("test", test):
        for index in range(count):
            label = index % classes
            rows = b"".join(
                b"\0" + bytes(
                    (37 * label + 23 * index * (channel + 1) % 50
                     + (x * (label + 1) + y * (channel + 1) + index) * 7 % 90) % 256
                    for x in range(side) for channel in range(3))
                for y in range(side))
            path = folder / split / f"class{label}" / f"{index:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(rows, side))


def png(rows, side):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) \
        + chunk(b"IEND", b"")
