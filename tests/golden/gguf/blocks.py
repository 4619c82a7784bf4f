# What ggml itself makes of some rows, and reads out of its own blocks: blocks.json, for the tests of store/gguf.
#   python3 blocks.py PATH/libggml-base.so > blocks.json       (ggml 0.5.0, as it comes with node-llama-cpp 3.22.1)
import base64, ctypes, json, random, struct, sys

lib = ctypes.CDLL(sys.argv[1])
lib.ggml_quantize_chunk.restype = ctypes.c_size_t
types = {'F16': 1, 'Q4_0': 2, 'Q4_1': 3, 'Q5_0': 6, 'Q5_1': 7, 'Q8_0': 8, 'Q4_K': 12, 'Q5_K': 13, 'Q6_K': 14, 'BF16': 30}
block = {'F16': (1, 2), 'BF16': (1, 2), 'Q4_0': (32, 18), 'Q4_1': (32, 20), 'Q5_0': (32, 22), 'Q5_1': (32, 24),
         'Q8_0': (32, 34), 'Q4_K': (256, 144), 'Q5_K': (256, 176), 'Q6_K': (256, 210)}
rows, width = 4, 256

random.seed(1)
f32 = lambda values: struct.unpack(f'<{len(values)}f', struct.pack(f'<{len(values)}f', *values))
values = [random.gauss(0, 0.02) for _ in range(width)]                       # what weights look like
values += [random.gauss(0, 1) * (100 if random.random() < 0.02 else 1) for _ in range(width)]  # outliers
values += [random.uniform(0.5, 0.75) for _ in range(width)]                  # one sign
values += [0.0] * 64 + [-3.5] * 64 + [float(i - 64) for i in range(128)]     # zeros, constants, a ramp
values = f32(values)
x = (ctypes.c_float * len(values))(*values)
imatrix = (ctypes.c_float * width)(*[1.0] * width)

encode = lambda data: base64.b64encode(bytes(data)).decode()
result = {'rows': rows, 'width': width, 'x': encode(x), 'types': {}}
for name, number in types.items():
    elements, size = block[name]
    out = (ctypes.c_uint8 * (rows * width // elements * size))()
    written = lib.ggml_quantize_chunk(number, x, out, ctypes.c_int64(0), ctypes.c_int64(rows), ctypes.c_int64(width), None)
    assert written == len(out), (name, written, len(out))
    back = (ctypes.c_float * len(values))()
    read = {'F16': 'ggml_fp16_to_fp32_row', 'BF16': 'ggml_bf16_to_fp32_row'}.get(name) or f'dequantize_row_{name[0].lower()}{name[1:]}'
    getattr(lib, read)(out, back, ctypes.c_int64(len(values)))
    result['types'][name] = {'blocks': encode(out), 'values': encode(back)}
print(json.dumps(result, indent=1))
