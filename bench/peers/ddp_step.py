"""One rank of training in PyTorch, driven by lines on standard input.

Arguments: RANK RANKS STORE_FILE SETTINGS_FILE. The settings are JSON; the network is built from the
same text that this program's engine reads. After "ready", each "run STEPS" is answered with "done"
and a JSON object: the milliseconds and the loss of each step on this rank.
"""
import json
import sys
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F


class Residual(torch.nn.Module):
    def __init__(self, branch, shortcut):
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, images):
        return self.branch(images) + self.shortcut(images)


def layer(kind, options):
    n = lambda key: int(options[key])
    if kind == "conv":
        return torch.nn.Conv2d(
            n("in"), n("out"), n("kernel"), n("stride"), n("padding"), groups=n("groups"),
            bias=options["bias"] == "1")
    if kind == "batchnorm":
        return torch.nn.BatchNorm2d(
            n("channels"), float(options["eps"]), float(options["momentum"]))
    if kind == "linear":
        return torch.nn.Linear(n("in"), n("out"), bias=options["bias"] == "1")
    if kind == "maxpool":
        return torch.nn.MaxPool2d(n("kernel"), n("stride"), n("padding"))
    if kind == "avgpool":
        return torch.nn.AvgPool2d(n("kernel"), n("stride"), n("padding"))
    if kind == "dropout":
        return torch.nn.Dropout(float(options["p"]))
    return {
        "relu": lambda: torch.nn.ReLU(inplace=True),
        "gelu": torch.nn.GELU,
        "flatten": torch.nn.Flatten,
        "globalavgpool": lambda: torch.nn.AdaptiveAvgPool2d(1),
    }[kind]()


def block(lines):
    """Takes lines up to the end of the block."""
    modules = []
    while lines and lines[0][0] not in ("end", "shortcut"):
        kind, *words = lines.pop(0)
        if kind in ("input", "loss"):
            continue
        if kind == "residual":
            branch, shortcut = block(lines), torch.nn.Identity()
            if lines.pop(0)[0] == "shortcut":
                shortcut = block(lines)
                lines.pop(0)
            modules.append(Residual(branch, shortcut))
        else:
            modules.append(layer(kind, dict(word.split("=") for word in words)))
    return torch.nn.Sequential(*modules)


def optimizer_of(parameters, settings):
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(
            parameters, rate, settings["momentum"], weight_decay=decay,
            nesterov=settings["nesterov"])
    kind = torch.optim.AdamW if settings["optimizer"] == "adamw" else torch.optim.Adam
    return kind(
        parameters, rate, (settings["beta1"], settings["beta2"]), settings["epsilon"], decay)


def batches(settings, rank, ranks):
    """Endless batches of this rank; images are normalized once, ahead of all steps."""
    shape = settings["shape"]
    pixels = torch.frombuffer(bytearray(open(settings["images"], "rb").read()), dtype=torch.uint8)
    images = pixels.reshape(-1, *shape).float().div_(255).sub_(0.5).div_(0.5)
    if settings["channels_last"]:
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.frombuffer(
        bytearray(open(settings["labels"], "rb").read()), dtype=torch.uint8).long()
    generator = torch.Generator().manual_seed(1)
    batch = settings["batch"]
    while True:
        order = torch.randperm(len(labels), generator=generator)[rank::ranks]
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            yield images[chosen], labels[chosen]


def main():
    rank, ranks, store = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    settings = json.load(open(sys.argv[4]))
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = block([line.split() for line in settings["network"].splitlines() if line.strip()])
    if settings["channels_last"]:
        network = network.to(memory_format=torch.channels_last)
    if ranks > 1:
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
        network = torch.nn.parallel.DistributedDataParallel(network)
    optimizer = optimizer_of(network.parameters(), settings)
    source = batches(settings, rank, ranks)
    print("ready", sum(p.numel() for p in network.parameters()), flush=True)
    for line in sys.stdin:
        times, losses = [], []
        for _ in range(int(line.split()[1])):
            start = time.perf_counter()
            images, labels = next(source)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(round(loss.item(), 5))
            times.append(round((time.perf_counter() - start) * 1e3, 4))
        print("done", json.dumps({"step_ms": times, "loss": losses}), flush=True)


main()
