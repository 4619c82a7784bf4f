"""The cost of one call: a 10-element add in a loop, without and with autograd."""

from itertools import repeat

import torch
from serve import seconds, serve

inputs = {"plain": torch.randn(10), "autograd": torch.randn(10, requires_grad=True)}
other = torch.randn(10)


def loop(a, b, calls):
    for _ in repeat(None, calls):
        a + b


def add(case, calls):
    return {"seconds": seconds(lambda: loop(inputs[case], other, calls))}


serve({"add": add})
