# llama.cpp's own quantizer: llama_model_quantize of the library that comes with node-llama-cpp, which gives JavaScript no way to it.
#   python3 quantize_gguf.py FOLDER_OF_THE_LIBRARIES IN.gguf OUT.gguf FTYPE THREADS
import ctypes
import glob
import os
import sys

folder, source, out, ftype, threads = sys.argv[1:]


def load(pattern):
    return ctypes.CDLL(sorted(glob.glob(os.path.join(folder, pattern)))[0], mode=ctypes.RTLD_GLOBAL)


class Params(ctypes.Structure):
    # The first fields of llama_model_quantize_params (llama.h), and room for the others.
    _fields_ = [('nthread', ctypes.c_int32), ('ftype', ctypes.c_int32), ('rest', ctypes.c_char * 248)]


load('libggml-base*.so')
load('libggml.*.so')
llama = load('libllama.v*.so')
llama.llama_model_quantize_default_params.restype = Params
llama.llama_model_quantize.restype = ctypes.c_uint32
llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Params)]
params = llama.llama_model_quantize_default_params()
params.nthread = int(threads)
params.ftype = int(ftype)
sys.exit(llama.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params)))
