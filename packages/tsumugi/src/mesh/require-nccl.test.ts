// Tensors on CUDA where no NCCL is.
import { expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { requireNccl } from './require-nccl.ts';

const refused = (found: { withoutNccl?: string }) =>
  thrown(UserError, () => requireNccl('cuda:1', 'an all-reduce', () => found));

it('are refused, with what to do: another libtorch, or what this one’s headers lack', () => {
  const without = refused({});
  expect(without.fault).toBe('this libtorch has no NCCL, so tensors on cuda:1 cannot go over ranks (an all-reduce)');
  expect(without.message).toContain('pip install torch');
  const unbuilt = refused({ withoutNccl: 'no nccl.h (nvidia-nccl) in /site/nvidia' });
  expect(unbuilt.fault).toMatch(
    /^the addon was built without .* \(no nccl\.h \(nvidia-nccl\) in \/site\/nvidia\), so tensors on cuda:1/,
  );
  expect(unbuilt.message).toContain('run the set-up again');
});

it('concern nobody else', () => {
  expect(() => requireNccl('cpu', 'an all-reduce', () => expect.unreachable())).not.toThrow();
});
