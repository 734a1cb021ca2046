"""What is kept of a check: a JSON file, written anew after every stage, and a table."""
import json
import os
import time

SCHEMA = """RESULTS/gpu-check.json:
  {"format": 1, "started": TIME, "seconds": of it all, "budget_seconds": N, "device", "precision",
   "quick", "ok": no stage failed, "stages": {NAME: {"status": "ok|failed|skipped", "seconds": N,
   "message": why it failed or was skipped or cut, ...the stage's own figures}}}
  machine    gpu, driver, memory_mib, compute_capability, torch, cuda, cudnn, processor, cores,
             compiler, cmake, program
  build      seconds, and library_bytes; the log is in RESULTS/build.log
  engine     checks: [{check, precision, difference: of the norm, relative, to float64 on the
             processor; where bits are compared, how many numbers differ, limit, ok}]
  same-bits  runs: [{model, workers, parameters_sha256, images_per_second,
             waiting_share: of a step, for other workers' gradients}], equal: {MODEL: bool}
  kill       killed_at_step, steps_lost, steps_redone, generations, equal: the end has the bits of
             the run that was left in peace
  step       figures: what `bench step --json` prints: images/s of ours, and of PyTorch eager
             (channels-last, autocast), torch.compile (reduce-overhead) and a hand-made CUDA graph,
             median, 10th and 90th percentile of rounds in turn; ratios: ours over each
  time-to-94 runs: [{model, seed, test_accuracy, seconds, seconds_with_evaluations, seconds_job,
             seconds_process}], summary: {MODEL: {runs, reached, accuracy_mean,
             accuracy_deviation, seconds_mean, seconds_deviation}}. seconds is as the record's
             authors count: from the beginning of the first step to the end of the last evaluation
             with its test-time augmentation, without the evaluations in between. The first step's
             own time is taken to be the others' mean, since kernels are chosen and captured in it.
             Not in it: start, upload, whitening, which seconds_job has too, from the job's
             beginning; seconds_process is from the command's start to its end
The exit code is 1 if any stage failed."""


class Results:
    def __init__(self, folder, facts):
        self.path = folder / "gpu-check.json"
        self.begun = time.monotonic()
        self.content = {
            "format": 1, "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **facts, "ok": True, "stages": {}}

    def add(self, stage, figures):
        self.content["stages"][stage] = figures
        self.content["ok"] = not self.failed()
        self.content["seconds"] = round(time.monotonic() - self.begun, 1)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.content, indent=1) + "\n")
        os.replace(partial, self.path)

    def failed(self):
        return [name for name, stage in self.content["stages"].items()
                if stage["status"] == "failed"]

    def table(self):
        for name, stage in self.content["stages"].items():
            yield f"{name:<11} {stage['status']:<8} {stage['seconds']:6.1f} s  " \
                + "; ".join(filter(None, [headline(name, stage), stage.get("message", "")]))
        for line in self.steps():
            yield line
        yield f"{self.content['seconds']:.0f} s in all; {self.path}"

    def steps(self):
        for figure in self.content["stages"].get("step", {}).get("figures", []):
            where = f"  {figure['model']:<16} batch {figure['batch']:<5} {figure['program']:<8} "
            if "absent" in figure:
                yield where + figure["absent"]
            else:
                yield where + f"{figure['images_per_second']:>10.0f} images/s" + (
                    "" if figure["program"] == "ours"
                    else f", ours is {figure['ours_ratio']:.2f} times that")


def headline(name, stage):
    if stage["status"] == "skipped":
        return ""
    if name == "machine":
        return ", ".join(filter(None, [
            stage.get("gpu"), f"driver {stage['driver']}" if stage.get("driver") else "",
            f"PyTorch {stage.get('torch')}"]))
    if name == "engine":
        checks = stage.get("checks", [])
        return f"{sum(check['ok'] for check in checks)} of {len(checks)} checks"
    if name == "same-bits":
        return ", ".join(
            f"{model} {'equal' if equal else 'DIFFER'}"
            for model, equal in stage.get("equal", {}).items())
    if name == "kill" and "steps_lost" in stage:
        return f"bits {'equal' if stage['equal'] else 'DIFFER'}, {stage['steps_lost']} steps lost"
    if name == "time-to-94":
        return ", ".join(
            f"{model} {100 * of['accuracy_mean']:.2f} % in {of['seconds_mean']:.2f}"
            f" ± {of['seconds_deviation']:.2f} s (n={of['runs']})"
            for model, of in stage.get("summary", {}).items())
    return ""
