"""Training steps of the benchmark's language model."""

import resource

import torch
from hybrid import Hybrid
from optimizer import adamw
from serve import seconds, serve
from tensors import read_safetensors

state = {}


def taken(tensors, prefix):
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}


def batch(ids):
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def prepare(path, config, settings):
    tensors = read_safetensors(path)
    state["batches"] = {name: batch(ids) for name, ids in taken(tensors, "tokens.").items()}
    # Of examples the answers alone are learned: the head is not asked of the other positions.
    targets = taken(tensors, "targets.")
    for name, ids in taken(tensors, "examples.").items():
        places = (targets[name].flatten() != -100).nonzero().squeeze(1)
        state["batches"][name] = (ids, targets[name], places)
    state["model"] = Hybrid(config, tensors)
    groups = [
        {"params": [state["model"].parameters[name] for name in group["names"]], "weight_decay": group["weightDecay"]}
        for group in settings["groups"]
    ]
    state["optimizer"] = adamw(groups, settings)
    return {"parameters": sum(tensor.numel() for tensor in tensors.values())}


def gradients(batch):
    state["optimizer"].zero_grad(set_to_none=True)
    loss = state["model"].loss(*state["batches"][batch])
    loss.backward()
    return loss.item()


def check(batch):
    """The loss, and the norm of every gradient: whether both sides train the same model."""
    loss = gradients(batch)
    norms = {name: tensor.grad.double().norm().item() for name, tensor in state["model"].parameters.items()}
    return {"loss": loss, "gradients": norms}


def sample(batch):
    def step():
        gradients(batch)
        state["optimizer"].step()

    return {"seconds": seconds(step)}


def memory():
    return {"residentBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


serve({"prepare": prepare, "check": check, "sample": sample, "memory": memory})
