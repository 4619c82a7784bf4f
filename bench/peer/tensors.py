"""Reading the tensors that the other side wrote (safetensors files, f32 and i64 only)."""

import json
import math

import torch

DTYPES = {"F32": (torch.float32, 4), "I64": (torch.int64, 8), "I32": (torch.int32, 4)}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        dtype, _ = DTYPES[info["dtype"]]
        count, (start, _) = math.prod(info["shape"]), info["data_offsets"]
        tensors[name] = torch.frombuffer(data, dtype=dtype, count=count, offset=start).clone().view(info["shape"])
    return tensors
