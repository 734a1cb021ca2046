"""What the figures were measured on, and the native library for its PyTorch."""
import json
import os
import platform
import re
import shutil
import subprocess
import sys

from gpu_check.processes import Failed, output_of

TORCH_FACTS = """
import json, torch
facts = {"torch": torch.__version__, "cuda": torch.version.cuda, "torch_folder": torch.__path__[0],
         "cudnn": torch.backends.cudnn.version(), "gpus": torch.cuda.device_count()}
if facts["gpus"]:
    facts["gpu"] = torch.cuda.get_device_name(0)
    facts["compute_capability"] = "%d.%d" % torch.cuda.get_device_capability(0)
print(json.dumps(facts))
"""


def describe(place, figures):
    figures.update(place.torch or torch_facts(place))
    figures.update(gpu_facts())
    figures.update(
        processor=processor(), cores=os.cpu_count(), kernel=platform.release(),
        python=platform.python_version(), compiler=first_line("g++", "--version"),
        cmake=first_line("cmake", "--version"),
        program=first_line(str(place.program / "distributed"), "--version"))
    if place.options.device != "cpu" and not figures.get("gpus"):
        raise Failed("PyTorch sees no GPU here: expected one, or --device cpu to try the script")


def torch_facts(place):
    """Asked once: loading PyTorch takes seconds."""
    failures = []
    for python in dict.fromkeys([sys.executable, "python3", "/usr/bin/python3"]):
        if shutil.which(python):
            try:
                facts = json.loads(output_of([python, "-c", TORCH_FACTS], seconds=120))
                place.torch = {"torch_python": shutil.which(python), **facts}
                return place.torch
            except Failed as failure:
                failures.append(f"{failure}")
    raise Failed(f"no python3 has PyTorch: expected a wheel of it ({'; '.join(failures)})")


def gpu_facts():
    fields = {"gpu": "name", "driver": "driver_version", "memory_mib": "memory.total",
              "power_limit_watts": "power.limit"}
    if not shutil.which("nvidia-smi"):
        return {}
    text = output_of(["nvidia-smi", f"--query-gpu={','.join(fields.values())}",
                      "--format=csv,noheader,nounits"])
    return dict(zip(fields, [field.strip() for field in text.splitlines()[0].split(",")]))


def first_line(*words):
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return None
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else None


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            return re.search(r"model name\s*: (.*)", lines.read())[1]
    except (OSError, TypeError):
        return platform.machine()


def build(place, figures):
    """Against the PyTorch wheel where that has headers, else the distribution's libtorch."""
    folder = (place.torch or torch_facts(place))["torch_folder"]
    has_headers = os.path.exists(os.path.join(folder, "include/ATen/ATen.h"))
    environment = {"LIBTORCH": folder} if has_headers else {}
    target = place.scratch / "native"
    log = place.out / "build.log"
    with open(log, "w") as text:
        for words in (
                ["cmake", "-S", place.native, "-B", target, "-DCMAKE_BUILD_TYPE=Release"],
                ["cmake", "--build", target, "--parallel", os.cpu_count() or 1]):
            run_logged([str(word) for word in words], environment, text, place.left())
    library = next(target.glob("*.so"))
    figures.update(libtorch=folder if has_headers else "the distribution's",
                   library_bytes=library.stat().st_size)
    place.use_library(library)


def run_logged(words, environment, log, seconds):
    try:
        done = subprocess.run(
            words, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT,
            timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(words[:2])} took longer than the {seconds:.0f} s it had; its"
                     f" output is in {log.name}") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(words[:2])} failed: {last_error(log.name)}; see {log.name}")


def last_error(path):
    with open(path) as log:
        lines = [line.strip() for line in log if "rror" in line]
    return lines[0] if lines else "its output names no error"
