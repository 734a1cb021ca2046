"""The stages of a check. Each ends by its own deadline; one that fails or has no time left does not
keep the others from being run."""
import shutil
import statistics
import sys
import time
from pathlib import Path

from gpu_check import machine, training
from gpu_check.processes import Failed, Skipped
from gpu_check.results import Results
from gpu_check.workplace import Workplace


class Stage:
    """share: of the budget, for all of them one after the other; what is not used is the later
    ones'. least: seconds below which it makes no sense to begin."""

    def __init__(self, name, run, share, least):
        self.name, self.run, self.share, self.least = name, run, share, least


ALL = [
    Stage("machine", machine.describe, 0.02, 5),
    Stage("build", machine.build, 0.20, 30),
    Stage("engine", training.engine, 0.08, 10),
    Stage("same-bits", training.same_bits, 0.10, 15),
    Stage("kill", training.kill, 0.05, 15),
    Stage("step", training.step, 0.33, 30),
    Stage("time-to-94", training.time_to_94, 0.22, 15),
]


def chosen(names):
    if names is None:
        return ALL
    known = {stage.name: stage for stage in ALL}
    for name in names.split(","):
        if name not in known:
            raise ValueError(f"--stages '{name}': expected some of {','.join(known)}")
    return [stage for stage in ALL if stage.name in names.split(",")]


def run(options, here):
    some = chosen(options.stages)
    out = Path(options.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    results = Results(out, {
        "budget_seconds": options.budget, "device": options.device,
        "precision": options.precision, "quick": options.quick})
    begun = time.monotonic()
    place = Workplace(options, here, out)
    try:
        share = 0.0
        for stage in some:
            share += stage.share / sum(each.share for each in some)
            results.add(stage.name, carry_out(stage, place, begun, share * options.budget))
    finally:
        shutil.rmtree(place.scratch, ignore_errors=True)
    for line in results.table():
        print(line)
    return 1 if results.failed() else 0


def carry_out(stage, place, begun, end):
    print(f"gpu-check: {stage.name}", file=sys.stderr, flush=True)
    now = time.monotonic()
    place.deadline = begun + end
    figures = {"status": "ok", "seconds": 0.0}
    try:
        if place.broken:
            raise Skipped(place.broken)
        if place.left() < stage.least:
            raise Skipped(
                f"{place.left():.0f} s of the budget were left: it needs {stage.least}")
        stage.run(place, figures)
    except Skipped as reason:
        figures.update(status="skipped", message=str(reason))
    except (Failed, OSError, ValueError, KeyError, statistics.StatisticsError) as failure:
        figures.update(status="failed", message=f"{failure}"[:2000])
        if stage.name == "build":
            place.broken = "the library was not built"
    figures["seconds"] = round(time.monotonic() - now, 1)
    return figures
