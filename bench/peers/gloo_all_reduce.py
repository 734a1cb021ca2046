"""One rank of Gloo's all-reduce through torch.distributed, driven by lines on standard input.

Arguments: RANK RANKS STORE_FILE BYTES_MAX. After "ready", each "run BYTES ITERATIONS" is answered
with "done" and the microseconds of each iteration on this rank, each after a barrier.
"""
import sys
import time

import torch
import torch.distributed as dist


def main():
    rank, ranks = int(sys.argv[1]), int(sys.argv[2])
    store, bytes_max = sys.argv[3], int(sys.argv[4])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    whole = torch.empty(bytes_max // 4)
    check = torch.full((1024,), float(rank + 1))
    dist.all_reduce(check)
    assert (check == ranks * (ranks + 1) / 2).all(), "gloo has another sum"
    whole.zero_()
    print("ready", flush=True)
    for line in sys.stdin:
        _, size, iterations = line.split()
        part = whole[: int(size) // 4]
        times = []
        for _ in range(int(iterations)):
            dist.barrier()
            start = time.perf_counter_ns()
            dist.all_reduce(part)
            times.append((time.perf_counter_ns() - start) / 1e3)
        print("done", *(f"{t:.2f}" for t in times), flush=True)


main()
