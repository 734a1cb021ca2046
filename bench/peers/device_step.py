"""Training on one device in PyTorch, driven by lines on standard input, in one of three loops:

eager    one operation after the other, channels-last, autocast for bfloat16
compile  torch.compile of network and loss, mode reduce-overhead: fused kernels in CUDA graphs
graph    the whole step, optimizer included, captured by hand in one CUDA graph

Arguments: LOOP SETTINGS_FILE. The settings are JSON. The data lies on the device as bytes, and each
step gathers and normalizes its batch there. After "ready" (or "absent REASON"), each "run STEPS" is
answered with "done" and a JSON object: the seconds of all these steps and the loss of each.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

from networks import network_of, optimizer_of, smoothing_of

WARM_UP_STEPS = 11


class Training:
    def __init__(self, settings):
        self.device = torch.device(settings["device"])
        self.autocast = settings["precision"] == "bf16"
        self.batch = settings["batch"]
        self.smoothing = smoothing_of(settings)
        self.images, self.labels = resident(settings, self.device)
        network = network_of(settings).to(self.device, memory_format=torch.channels_last)
        self.network = network
        self.optimizer = optimizer_of(
            [p for p in network.parameters() if p.requires_grad], settings,
            **({"fused": True} if self.device.type == "cuda" else {}))
        self.forward = self.loss_of
        self.order, self.place = None, 0

    def loss_of(self, chosen):
        images = self.images[chosen].float().div_(255).sub_(0.5).div_(0.5)
        images = images.contiguous(memory_format=torch.channels_last)
        # The cast weights must not be kept from one step to the next, as a graph would.
        with torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.autocast, cache_enabled=False):
            logits = self.network(images)
        return F.cross_entropy(
            logits.float(), self.labels[chosen], label_smoothing=self.smoothing)

    def step(self, chosen):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(chosen)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def choose(self):
        """The next batch, of a new order once the last is used up."""
        if self.order is None or self.place + self.batch > len(self.order):
            self.order, self.place = torch.randperm(len(self.labels), device=self.device), 0
        self.place += self.batch
        return self.order[self.place - self.batch : self.place]

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Compiled(Training):
    def __init__(self, settings):
        super().__init__(settings)
        self.forward = torch.compile(self.loss_of, mode="reduce-overhead")

    def step(self, chosen):
        torch.compiler.cudagraph_mark_step_begin()
        # What a graph returns is overwritten by its next replay.
        return super().step(chosen).clone()


class Captured(Training):
    def __init__(self, settings):
        super().__init__(settings)
        self.chosen = self.choose().clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                super().step(self.chosen)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = super().step(self.chosen)

    def step(self, chosen):
        self.chosen.copy_(chosen)
        self.graph.replay()
        return self.loss


def resident(settings, device):
    images = torch.frombuffer(
        bytearray(open(settings["images"], "rb").read()), dtype=torch.uint8)
    labels = torch.frombuffer(
        bytearray(open(settings["labels"], "rb").read()), dtype=torch.uint8)
    images = images.reshape(-1, *settings["shape"]).to(device)
    return images.contiguous(memory_format=torch.channels_last), labels.long().to(device)


def absence(loop, device):
    if loop == "compile" and not hasattr(torch, "compile"):
        return f"PyTorch {torch.__version__} has no torch.compile"
    if loop == "graph" and device.type != "cuda":
        return f"a {device.type} has no CUDA graphs"
    return None


def main():
    loop, settings = sys.argv[1], json.load(open(sys.argv[2]))
    reason = absence(loop, torch.device(settings["device"]))
    if reason:
        print("absent", reason, flush=True)
        return
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    training = {"eager": Training, "compile": Compiled, "graph": Captured}[loop](settings)
    for _ in range(WARM_UP_STEPS):
        training.step(training.choose())
    training.wait()
    print("ready", sum(p.numel() for p in training.network.parameters()), flush=True)
    for line in sys.stdin:
        count = int(line.split()[1])
        losses = torch.zeros(count, device=training.device)
        training.wait()
        start = time.perf_counter()
        for index in range(count):
            losses[index].copy_(training.step(training.choose()))
        training.wait()
        seconds = time.perf_counter() - start
        print(
            "done", json.dumps({
                "seconds": seconds, "loss": [round(loss, 5) for loss in losses.tolist()]}),
            flush=True)


main()
