"""A rank of PyTorch's DistributedDataParallel with Gloo, on the benchmark's language model."""

import os
import time

import torch
import torch.distributed as dist
from hybrid import Hybrid
from optimizer import adamw
from serve import serve
from tensors import read_safetensors
from torch import nn

state = {}
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
if world > 1:
    dist.init_process_group("gloo")


class Wrapped(nn.Module):
    """DistributedDataParallel wants a module that has the parameters and whose forward gives the loss."""

    def __init__(self, hybrid):
        super().__init__()
        self.hybrid = hybrid
        self.held = nn.ParameterList()
        for name in hybrid.parameters:
            hybrid.parameters[name] = nn.Parameter(hybrid.parameters[name].detach())
            self.held.append(hybrid.parameters[name])

    def forward(self, ids, targets):
        return self.hybrid.loss(ids, targets)


def prepare(path, config, settings, bucket_mb=25):
    model = Wrapped(Hybrid(config, read_safetensors(path)))
    groups = [
        {"params": [model.hybrid.parameters[name] for name in group["names"]], "weight_decay": group["weightDecay"]}
        for group in settings["groups"]
    ]
    state["parameters"] = list(model.parameters())
    state["optimizer"] = adamw(groups, settings)
    options = {"gradient_as_bucket_view": True, "bucket_cap_mb": bucket_mb}
    state["model"] = nn.parallel.DistributedDataParallel(model, **options) if world > 1 else model
    return {}


def step(rows, tokens):
    first, last = rank * rows // world, (rank + 1) * rows // world
    ids = state["model"].module.hybrid.config["vocab_size"] if world > 1 else state["model"].hybrid.config["vocab_size"]
    batch = torch.randint(ids, (rows, tokens + 1), generator=torch.Generator().manual_seed(1))[first:last]
    start = time.perf_counter()
    state["optimizer"].zero_grad(set_to_none=True)
    # As many rows on every rank here, so that the mean over ranks is the mean over rows.
    loss = state["model"](batch[:, :-1].contiguous(), batch[:, 1:].contiguous())
    loss.backward()
    shown = loss.detach()
    if world > 1:
        dist.all_reduce(shown)
    shown = shown.item() / world
    nn.utils.clip_grad_norm_(state["parameters"], 1.0)
    state["optimizer"].step()
    return {"seconds": time.perf_counter() - start, "loss": shown}


def all_reduce(bytes, times):
    values = torch.zeros(bytes // 4)
    dist.all_reduce(values)
    start = time.perf_counter()
    for _ in range(times):
        dist.all_reduce(values)
    return {"seconds": (time.perf_counter() - start) / times}


serve({"prepare": prepare, "step": step, "allReduce": all_reduce})
