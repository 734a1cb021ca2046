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

from networks import network_of, optimizer_of


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
    network = network_of(settings)
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
