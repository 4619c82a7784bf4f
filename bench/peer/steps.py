"""Training steps of three small models, operator for operator as the other side has them."""

import torch
import torch.nn.functional as F
from optimizer import adamw
from serve import seconds, serve
from tensors import read_safetensors


def mlp(p, x):
    x = F.relu(F.linear(x, p["first.weight"], p["first.bias"]))
    x = F.relu(F.linear(x, p["second.weight"], p["second.bias"]))
    return F.linear(x, p["last.weight"], p["last.bias"])


def convolution(p, x):
    for stage in ("first", "second"):
        x = F.relu(F.conv2d(x, p[f"{stage}.0.weight"], p[f"{stage}.0.bias"], padding=1))
        x = F.relu(F.conv2d(x, p[f"{stage}.1.weight"], p[f"{stage}.1.bias"], padding=1))
        x = F.max_pool2d(x, 2)
    return F.linear(x.flatten(1), p["last.weight"], p["last.bias"])


def transformer(p, x):
    B, T, D = x.shape
    heads = 8
    y = F.layer_norm(x, [D], p["attentionNorm.weight"], p["attentionNorm.bias"])
    qkv = F.linear(y, p["qkv.weight"], p["qkv.bias"]).view(B, T, 3, heads, D // heads).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    weights = ((q * (D // heads) ** -0.5) @ k.transpose(-2, -1)).softmax(-1)
    y = (weights @ v).transpose(1, 2).reshape(B, T, D)
    x = x + F.linear(y, p["out.weight"], p["out.bias"])
    y = F.layer_norm(x, [D], p["mlpNorm.weight"], p["mlpNorm.bias"])
    y = F.gelu(F.linear(y, p["up.weight"], p["up.bias"]))
    return x + F.linear(y, p["down.weight"], p["down.bias"])


def classification(output, target):
    return F.cross_entropy(output, target)


def regression(output, target):
    return F.mse_loss(output, target)


MODELS = {"mlp": (mlp, classification), "convolution": (convolution, classification), "transformer": (transformer, regression)}
state = {}


def one_step():
    state["optimizer"].zero_grad(set_to_none=True)
    loss = state["criterion"](state["model"](state["parameters"], state["input"]), state["target"])
    loss.backward()
    state["optimizer"].step()
    return loss


def prepare(case, path, settings, steps):
    """Loads weights, input and target, and takes some steps; the losses show whether both sides do the same."""
    tensors = read_safetensors(path)
    state["model"], state["criterion"] = MODELS[case]
    state["input"], state["target"] = tensors.pop("input"), tensors.pop("target")
    if state["input"].dim() == 4:
        state["input"] = state["input"].contiguous(memory_format=torch.channels_last)
    state["parameters"] = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    group = {"params": list(state["parameters"].values()), "weight_decay": settings["weightDecay"]}
    state["optimizer"] = adamw([group], settings)
    return {"losses": [one_step().item() for _ in range(steps)], "parameters": sum(t.numel() for t in state["parameters"].values())}


def sample(count):
    def work():
        for _ in range(count):
            one_step()

    return {"seconds": seconds(work)}


serve({"prepare": prepare, "sample": sample})
