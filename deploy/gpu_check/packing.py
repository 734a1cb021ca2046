"""Makes the parts on a machine that has the SDK."""
import importlib.util
import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from gpu_check import images, parts

PROGRAM_BYTES_MAX = 60 << 20
DATASET = "cifar-10"
LIBRARY = "libdistributed_torch.so"

# For differences of pixels: each is nearly independent of those before it, so that looking far for
# repetitions is time lost.
PIXELS = [{
    "id": lzma.FILTER_LZMA2, "preset": 4, "lc": 3, "lp": 0, "pb": 0, "mode": lzma.MODE_NORMAL,
    "mf": lzma.MF_HC4, "nice_len": 273, "depth": 1, "dict_size": 4096,
}]
PROGRAM = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 7}]


def say(text):
    print(f"gpu-check: {text}", file=sys.stderr, flush=True)


def pack(options, here):
    root = here.parent
    if not (root / "src/Distributed.Cli").exists():
        raise ValueError(f"{root} has no sources to publish: pack runs in the repository")
    if not options.without_data:
        dataset = Path(options.data or default_cache()) / DATASET
        check_data(dataset)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.part"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as temporary:
        archive = Path(temporary) / "program.tar.xz"
        write_program(root, here, archive, Path(temporary) / "publish")
        if archive.stat().st_size > PROGRAM_BYTES_MAX:
            raise ValueError(f"the program is {mib(archive)} packed: expected less than 60 MiB")
        part_bytes = options.part_mib << 20
        written = parts.split(archive, "program", out, part_bytes)
        if not options.without_data:
            archive = Path(temporary) / "data.tar.xz"
            write_data(dataset, archive)
            written += parts.split(archive, "data", out, part_bytes)
    for path in written:
        print(f"{mib(path):>10}  {path}")
    return 0


def mib(path):
    return f"{path.stat().st_size / (1 << 20):.1f} MiB"


def default_cache():
    named = os.environ.get("DISTRIBUTED_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return named or str(Path(cache) / "distributed" / "datasets")


def write_program(root, here, archive, publish):
    say("publishing the program with its runtime (minutes the first time)")
    done = subprocess.run(
        ["dotnet", "publish", str(root / "src/Distributed.Cli"), "-c", "Release", "-r", "linux-x64",
         "--self-contained", "true", "-p:DebugType=none", "-o", str(publish), "--nologo",
         "-v", "quiet"],
        env={**os.environ, "MSBUILDDISABLENODEREUSE": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise ValueError(f"dotnet publish failed: {done.stdout.strip()[-2000:]}")
    # Built for this machine's libtorch, and of no use with another.
    (publish / LIBRARY).unlink(missing_ok=True)
    say("packing the program")
    with lzma.open(archive, "wb", format=lzma.FORMAT_XZ, filters=PROGRAM) as packed:
        with tarfile.open(fileobj=packed, mode="w|") as content:
            content.add(publish, "program")
            content.add(root / "src/Distributed.Torch/native", "native")
            content.add(here / "gpu-check", "gpu-check")
            content.add(here / "gpu_check", "gpu_check", filter=without_caches)


def without_caches(entry):
    return None if "__pycache__" in entry.name else entry


def check_data(folder):
    """Before minutes have passed."""
    if importlib.util.find_spec("numpy") is None:
        raise ValueError(
            "photographs are packed with numpy, which this python3 lacks; install python3-numpy, or"
            " start this script with a python3 that has it")
    if not (folder / "manifest.json").exists():
        raise ValueError(
            f"{folder} has no dataset: expected `./distributed data get {DATASET}` before, or"
            " --without-data")


def write_data(folder, archive):
    import numpy
    with lzma.open(archive, "wb", format=lzma.FORMAT_XZ, filters=PIXELS) as packed:
        with tarfile.open(fileobj=packed, mode="w|") as content:
            for path in sorted(folder.iterdir()):
                say(f"packing {path.name}")
                data, name = path.read_bytes(), f"data/{DATASET}/{path.name}"
                if images.shape_of(data):
                    data, name = images.encode(data, numpy), name + parts.ENCODED
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o644
                content.addfile(entry, io.BytesIO(data))
