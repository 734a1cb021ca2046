"""The stages that run the program itself."""
import json
import os
import signal
import statistics
import time

from gpu_check.processes import Failed, Skipped

REACHED = 0.94
STEP_MODELS = [("mnist-cnn", 64), ("resnet18", 128), ("airbench94", 1024)]


def engine(place, figures):
    """Layers, presets and optimizers on the device against float64 on the processor."""
    checks = figures["checks"] = []
    words = ["bench", "engine", "--device", place.options.device]
    if place.options.quick:
        words += ["--only", "layers,course-cnn"]
    with place.distributed(*words, "--json", seconds=place.left()) as process:
        for line in process.lines():
            checks.append(json.loads(line))
        wrong = [check["check"] for check in checks if not check["ok"]]
        if wrong:
            raise Failed(f"{len(wrong)} of {len(checks)} checks are off: {', '.join(wrong)}")
        process.finish()


# ---- The same bits ------------------------------------------------------------------------------

def train_words(place, name, model, workers, steps):
    return [
        "train", "--dataset", place.dataset(), "--model", model, "--workers", str(workers),
        "--steps", str(steps), "--global-batch", str(place.size(512, 64)), "--logical-shards", "4",
        "--set", "tensorboard=scalars", "--checkpoint-every", "1000000", "--test-limit", "500",
        "--out", str(place.scratch / name), *place.device_words]


def done_of(records):
    done = [record for record in records if record.get("event") == "done"]
    if not done:
        raise Failed("train printed no result")
    return done[-1]


def waiting_share(folder):
    """The median over reports of the part of a step in which a rank waits for gradients."""
    shares = []
    with open(folder / "metrics.jsonl") as lines:
        for record in map(json.loads, lines):
            if record["kind"] == "times" and record["step"] > record["steps"]:
                whole = record["compute_ms"] + record["wait_ms"]
                shares.append(record["wait_ms"] / whole if whole > 0 else 0.0)
    return round(statistics.median(shares), 4) if shares else None


def same_bits(place, figures):
    runs, equal = figures.setdefault("runs", []), figures.setdefault("equal", {})
    for model in place.size(["airbench94", "resnet18"], ["course-cnn"]):
        for workers in (1, 2, 4):
            name = f"bits-{model}-{workers}"
            done = done_of(place.records(
                *train_words(place, name, model, workers, place.size(40, 3))))
            runs.append({
                "model": model, "workers": workers,
                "parameters_sha256": done["parameters_sha256"],
                "images_per_second": done["images_per_second"],
                "waiting_share": waiting_share(place.scratch / name)})
            hashes = {run["parameters_sha256"] for run in runs if run["model"] == model}
            equal[model] = len(hashes) == 1
    if not all(equal.values()):
        raise Failed("the number of workers changed the bits")


def kill(place, figures):
    """One of four workers is killed in mid-run; the end is that of the run left in peace."""
    model, steps = place.size("airbench94", "course-cnn"), place.size(400, 30)
    alone = done_of(place.records(*train_words(place, "kill-peace", model, 4, steps)))
    processes, done = {}, None
    words = train_words(place, "kill", model, 4, steps)
    with place.distributed(*words, "--json") as process:
        for line in process.lines():
            record = json.loads(line)
            if record.get("event") == "worker":
                processes[record["rank"]] = record["pid"]
            elif (record.get("event") == "step" and record["step"] >= steps // 4
                    and "killed_at_step" not in figures):
                os.kill(processes[1], signal.SIGKILL)
                figures["killed_at_step"] = record["step"]
            elif record.get("event") == "done":
                done = record
        process.finish()
    if done is None or "killed_at_step" not in figures:
        raise Failed("the run ended before a worker was killed")
    figures.update(
        steps_lost=done["steps_lost"], steps_redone=done["steps_redone"],
        generations=done["generations"],
        equal=done["parameters_sha256"] == alone["parameters_sha256"])
    if not figures["equal"] or figures["steps_lost"] or figures["generations"] < 2:
        raise Failed("the kill changed the bits, lost steps, or came too late to matter")


# ---- Images a second ----------------------------------------------------------------------------

def step(place, figures):
    """One model after the other; each has its part of the time that is left."""
    measured = figures["figures"] = []
    ratios = figures["ratios"] = {}
    models = place.size(STEP_MODELS, [("mnist-cnn", 16)])
    failures = []
    for index, (model, batch) in enumerate(models):
        seconds = place.left() / (len(models) - index)
        try:
            measured += place.records(
                "bench", "step", "--model", model, "--batch", str(batch), *place.device_words,
                "--workers", "1", "--peers", "eager,compile,graph", "--set", "logicalShards=1",
                "--rounds", str(place.size(2, 1)), "--seconds", str(place.size(1.5, 0.2)),
                seconds=seconds)
        except Failed as failure:
            failures.append(f"{model}: {failure}")
        ratios[model] = {
            figure["program"]: figure["ours_ratio"] for figure in measured
            if figure["model"] == model and "ours_ratio" in figure}
    if failures:
        raise Failed("; ".join(failures))
    for figure in measured:
        if "absent" not in figure and not place.options.quick \
                and figure["last_loss"] >= figure["first_loss"]:
            raise Failed(f"{figure['model']} of {figure['program']} does not learn")


# ---- Time to 94 % -------------------------------------------------------------------------------

def time_to_94(place, figures):
    """Seeds in turn, of both presets, as many as there is time for."""
    if place.data is None and not place.options.quick:
        raise Skipped("there is no CIFAR-10: expected its parts, or --data FOLDER")
    runs = figures["runs"] = []
    longest = 0.0
    for seed in range(1, place.size(place.options.seeds, 1) + 1):
        for model in ("airbench94-muon", "airbench94"):
            if runs and place.left() < 1.2 * longest:
                figures["message"] = f"time was left for {len(runs)} runs"
                break
            runs.append(one_run(place, model, seed))
            longest = max(longest, runs[-1]["seconds_process"])
            figures["summary"] = {
                name: summary([run for run in runs if run["model"] == name])
                for name in sorted({run["model"] for run in runs})}


def one_run(place, model, seed):
    words = [
        "train", "--dataset", place.dataset(), "--model", model, "--workers", "1", "--seed",
        str(seed), "--logical-shards", "1", "--set", "tensorboard=scalars", "--checkpoint-every",
        "1000000", "--out", str(place.scratch / f"{model}-{seed}"), *place.device_words]
    if place.options.quick:
        words += ["--steps", "2", "--global-batch", "32", "--test-limit", "20"]
    begun, records = time.monotonic(), []
    with place.distributed(*words, "--json") as process:
        for line in process.lines():
            records.append((time.monotonic(), json.loads(line)))
        process.finish()
    done = done_of([record for _, record in records])
    with_evaluations, between = durations(records)
    return {
        "model": model, "seed": seed, "test_accuracy": done["test_accuracy"],
        "seconds": round(with_evaluations - between, 3),
        "seconds_with_evaluations": round(with_evaluations, 3),
        "seconds_job": round(sum(
            record["seconds"] for _, record in records if record.get("event") == "epoch"), 3),
        "seconds_process": round(time.monotonic() - begun, 3)}


def durations(records):
    """From the beginning of the first step to the end of the last evaluation, and how much of that
    are evaluations before the last."""
    steps = [(at, record["step"]) for at, record in records if record.get("event") == "step"]
    epochs = [at for at, record in records if record.get("event") == "epoch"]
    (first_at, first), (last_at, last) = steps[0], steps[-1]
    evaluations = [
        epoch - max((at for at, _ in steps if at <= epoch), default=epoch) for epoch in epochs]
    between = sum(evaluations[:-1])
    mean = max(0.0, last_at - first_at - between) / max(1, last - first)
    return epochs[-1] - first_at + mean * first, between


def summary(runs):
    accuracies = [run["test_accuracy"] for run in runs]
    seconds = [run["seconds"] for run in runs]
    deviation = statistics.stdev if len(runs) > 1 else lambda _: 0.0
    return {
        "runs": len(runs), "reached": sum(accuracy >= REACHED for accuracy in accuracies),
        "accuracy_mean": round(statistics.mean(accuracies), 5),
        "accuracy_deviation": round(deviation(accuracies), 5),
        "seconds_mean": round(statistics.mean(seconds), 3),
        "seconds_deviation": round(deviation(seconds), 3)}
