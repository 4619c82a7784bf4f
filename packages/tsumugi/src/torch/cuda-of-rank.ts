// Which CUDA device "cuda" means to one of several processes of a machine.
import { ConfigError } from '../base/index.ts';
import type { Device } from './dtype.ts';

/**
 * Of processes that train together each has the device of its LOCAL_RANK; where a process sees one only, its scheduler has shared them out.
 *
 * @param devices how many this process sees
 * @throws ConfigError when there are more processes than devices
 */
export function cudaOfRank(env: Readonly<Record<string, string | undefined>>, devices: number, where: string): Device {
  if (!(Number(env['WORLD_SIZE']) > 1) || devices === 1) return 'cuda';
  const local = Number(env['LOCAL_RANK'] || 0);
  if (local < devices) return `cuda:${local}`;
  throw new ConfigError(
    'no-cuda',
    `${where} cuda: LOCAL_RANK is ${local}, but this machine has ${devices} CUDA devices`,
    {
      remedy: 'Start no more processes on a machine than it has devices.',
      fields: { device: `cuda:${local}` },
    },
  );
}
