"""Archives in parts that say in their names what they are: NAME.2-of-3.SUM.part, where SUM begins
the SHA-256 of what is in it."""
import hashlib
import re
import shutil
import sys
import tarfile
from pathlib import Path

from gpu_check import images

NAME = re.compile(
    r"(?P<name>[\w-]+)\.(?P<number>\d+)-of-(?P<count>\d+)\.(?P<sum>[0-9a-f]{16})\.part")
ENCODED = ".differences"
CHUNK_BYTES = 1 << 20


class PartError(Exception):
    """A part that is not what its name says, or a name that says nothing."""


def sum_of(data):
    return hashlib.sha256(data).hexdigest()[:16]


def split(archive, name, folder, part_bytes):
    """Returns the parts, in order; the archive is left as it is."""
    data = Path(archive).read_bytes()
    pieces = [data[at : at + part_bytes] for at in range(0, len(data), part_bytes)]
    written = []
    for number, piece in enumerate(pieces, 1):
        path = folder / f"{name}.{number}-of-{len(pieces)}.{sum_of(piece)}.part"
        path.write_bytes(piece)
        written.append(path)
    return written


def match_of(path):
    found = NAME.fullmatch(path.name)
    if not found:
        raise PartError(f"{path} is no part: expected a name such as data.1-of-3.SUM.part")
    return found


def check(path):
    data, wanted = path.read_bytes(), match_of(path)["sum"]
    if sum_of(data) != wanted:
        raise PartError(
            f"{path} has the sum {sum_of(data)}: expected {wanted}, it came damaged; send it again")


def receive(options, _):
    """Keeps parts in FOLDER/parts until an archive has all of its own, then unpacks it."""
    target = Path(options.to)
    kept = target / "parts"
    kept.mkdir(parents=True, exist_ok=True)
    for part in map(Path, options.part):
        check(part)
        if not (kept / part.name).exists():
            shutil.copy(part, kept / (part.name + ".partial"))
            (kept / (part.name + ".partial")).rename(kept / part.name)
    archives = {}
    for part in sorted(kept.glob("*.part")):
        found = match_of(part)
        archives.setdefault((found["name"], int(found["count"])), {})[int(found["number"])] = part
    for (name, count), have in sorted(archives.items()):
        missing = [number for number in range(1, count + 1) if number not in have]
        if missing:
            print(f"{name}: {len(have)} of {count} parts, missing {missing}")
        else:
            unpack(name, [have[number] for number in range(1, count + 1)], target)
            print(f"{name}: complete, unpacked into {target}")
    return 0


def unpack(name, pieces, target):
    stamp = target / "parts" / f"{name}.unpacked"
    seen = "\n".join(piece.name for piece in pieces)
    if stamp.exists() and stamp.read_text() == seen:
        return
    archive = target / "parts" / f"{name}.tar.xz"
    with open(archive, "wb") as whole:
        for piece in pieces:
            with open(piece, "rb") as source:
                shutil.copyfileobj(source, whole, CHUNK_BYTES)
    with tarfile.open(archive) as content:
        names = content.getnames()
        if hasattr(tarfile, "data_filter"):
            content.extractall(target, filter="data")
        else:
            content.extractall(target)
    archive.unlink()
    for entry in names:
        if entry.endswith(ENCODED):
            restore(target / entry)
    stamp.write_text(seen)


def restore(encoded):
    try:
        import numpy
    except ImportError:
        sys.exit("gpu-check: photographs are unpacked with numpy, which this python3 lacks; it"
                 " comes with PyTorch's wheel: start this script with the python3 that has it")
    encoded.with_suffix("").write_bytes(images.decode(encoded.read_bytes(), numpy))
    encoded.unlink()
