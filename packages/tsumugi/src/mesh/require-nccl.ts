// Tensors on CUDA are added up by NCCL, which not every libtorch has.
import { UserError } from '../base/index.ts';

/**
 * @param why asked only where it is refused
 * @throws UserError for a tensor on CUDA
 */
export function requireNccl(device: string, during: string, why: () => { withoutNccl?: string }): void {
  if (!device.startsWith('cuda')) return;
  const { withoutNccl } = why();
  const fields = { device, collective: during };
  if (withoutNccl === undefined)
    throw new UserError(
      'no-nccl',
      `this libtorch has no NCCL, so tensors on ${device} cannot go over ranks (${during})`,
      {
        remedy: 'Use a libtorch with NCCL, such as that of `pip install torch`, or train on the CPU: `device: cpu`.',
        fields,
      },
    );
  throw new UserError(
    'no-nccl',
    `the addon was built without this libtorch’s NCCL (${withoutNccl}), so tensors on ${device} cannot go over ranks (${during})`,
    {
      remedy:
        'Install what is missing beside this torch, and run the set-up again; `tsumugi doctor` tells what it found.',
      fields,
    },
  );
}
