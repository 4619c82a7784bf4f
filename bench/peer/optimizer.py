"""AdamW as quick as this torch has it."""

import torch


def adamw(groups, settings):
    """groups: lists of parameters with their weight decay, as torch.optim takes them."""
    options = {"lr": settings["lr"], "betas": settings["betas"], "eps": settings["eps"]}
    try:
        return torch.optim.AdamW(groups, fused=True, **options)  # on the CPU from torch 2.4 on
    except (TypeError, RuntimeError):  # no such option, or not on the CPU
        return torch.optim.AdamW(groups, foreach=True, **options)
