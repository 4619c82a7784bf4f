"""Matrix products and matrix-vector products of given shapes."""

import torch
from serve import seconds, serve

operands = {}


def prepare(case, shape):
    """shape: [m, k, n]; n = 0 asks for a matrix-vector product."""
    m, k, n = shape
    operands[case] = (torch.randn(m, k), torch.randn(k, n) if n else torch.randn(k))
    return {}


def sample(case, count):
    a, b = operands[case]
    product = torch.mv if b.dim() == 1 else torch.mm

    def work():
        for _ in range(count):
            product(a, b)

    with torch.no_grad():
        return {"seconds": seconds(work)}


serve({"prepare": prepare, "sample": sample})
