// A number type that libtorch cannot compute with here is told in a sentence: the operator, the type, the place, and what to write.
import { expect, it } from 'vitest';
import { NativeError, UserError } from '../base/index.ts';
import type { DType } from './dtype.ts';
import { explain } from './explain.ts';
import { eye, ones, scope, tensor } from './index.ts';

/** What is made of a complaint about tensors of a type and shapes. */
const told = (message: string, operator: string, dtype: DType, ...shapes: number[][]) =>
  scope(() => {
    const values = shapes.map((shape) => ones(shape, { dtype }));
    return explain(Object.assign(new Error(message), { code: 'libtorch' }), operator, values) as UserError;
  });
const inFloat32 = "Compute in float32: x.float(), or dtype: 'float32' (--dtype float32, --set dtype=float32).";

it.each([
  ['BFloat16', 'bfloat16'],
  ['Half', 'float16'],
  ['Float8_e4m3fn', 'float8_e4m3fn'],
  ['Float8_e5m2', 'float8_e5m2'],
])('no kernel for %s', (name, dtype) => {
  const error = told(`"addmm_impl_cpu_" not implemented for '${name}'`, 'aten::matmul', 'float32', [2, 3], [3, 4]);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message.split('\n')).toEqual([
    `aten::matmul(float32[2, 3], float32[3, 4]): libtorch has no addmm_impl_cpu_ for ${dtype} on the CPU`,
    `  → ${inFloat32}`,
  ]);
  expect(error).toMatchObject({ code: 'dtype-not-implemented', fields: { operator: 'aten::matmul', dtype } });
});

it.each([
  ['could not create a primitive descriptor iterator', ''],
  ['could not create a primitive descriptor for the matmul primitive. Run workload with ONEDNN_VERBOSE=all', ''],
  ['mkldnn_linear: bf16 path needs the cpu support avx512bw, avx512vl', ', which needs avx512bw, avx512vl'],
])('no instructions: %s', (message, needs) => {
  const fault = `libtorch cannot compute this in bfloat16 on this CPU${needs}, or at the level that TSUMUGI_CPU asks for`;
  const error = told(message, 'aten::linear', 'bfloat16', [2, 2], [2, 2]);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toBe(`aten::linear(bfloat16[2, 2], bfloat16[2, 2]): ${fault}\n  → ${inFloat32}`);
  // A loss of float32 may have been computed in bfloat16.
  expect(told(message, 'backward', 'float32', []).message).toContain(`backward(float32[]): ${fault}`);
  // Any other type has another fault.
  expect(told(message, 'aten::linear', 'float32', [2, 2]).message).toBe(`aten::linear(float32[2, 2]): ${message}`);
});

it('leaves alone what nobody chose, and says where it knows', () => {
  using ids = tensor([1, 2], { dtype: 'int64' });
  const softmax = () => ids.softmax(0);
  expect(softmax).toThrow(NativeError);
  expect(softmax).toThrow(/softmax\.int\(int64\[2\], 0\): libtorch has no \w+ for int64 on the CPU\n.*x\.float\(\)/);
  const whole = `"bitwise_and_cpu" not implemented for 'Float'`;
  expect(told(whole, 'aten::bitwise_and', 'float32', [2]).message).toBe(`aten::bitwise_and(float32[2]): ${whole}`);
  expect(told(`"eye" not implemented for 'Half'`, 'aten::eye', 'float16').message).toMatch(/no eye for float16\n/);
});

it.each(['bfloat16', 'float16', 'float32'] as const)('multiplies %s, or says that it cannot', (dtype) => {
  scope(() => {
    let fault: unknown;
    try {
      expect(ones([64, 48], { dtype }).matmul(eye(48).to(dtype)).float().max().item()).toBe(1);
    } catch (error) {
      fault = error;
    }
    if (fault !== undefined) expect(fault).toMatchObject({ name: 'UserError', code: 'dtype-not-implemented' });
    if (dtype === 'float32') expect(fault).toBeUndefined();
  });
});
