"""Answers requests from the benchmark: one JSON object per line in, one out."""

import ctypes
import json
import os
import re
import sys
import time
import traceback

import torch


def blas_libraries():
    """The BLAS libraries mapped into this process."""
    try:
        with open("/proc/self/maps") as maps:
            return sorted(set(re.findall(r"\s(/\S*(?:blas|libmkl)[^/\s]*\.so[^/\s]*)$", maps.read(), re.M)))
    except OSError:
        return []


def blas_core():
    """The core OpenBLAS chose; empty when the BLAS is another."""
    for path in blas_libraries():
        try:
            name = ctypes.CDLL(path).openblas_get_corename
        except (AttributeError, OSError):
            continue
        name.restype = ctypes.c_char_p
        return name().decode()
    return ""


def seconds(work):
    """Seconds that work() took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def serve(commands):
    """Runs commands[request["do"]](**rest of the request) for each line; each returns a dictionary."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not mix with the replies
    torch.set_num_threads(int(os.environ["BENCH_THREADS"]))
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
    identity = {"torch": torch.__version__, "threads": torch.get_num_threads(), "blasCore": blas_core(), "blas": blas_libraries()}
    replies.write(json.dumps(identity) + "\n")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = commands[request.pop("do")](**request)
        except Exception as error:  # the other side reports it; the traceback helps whoever runs this by hand
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
