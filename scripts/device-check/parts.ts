// What the check consists of, and how long each part may take. The limits of a device's run add up to 8 minutes, with the 20 seconds
// of unpacking (carried.py), so that it ends in time whatever hangs.

export interface Part {
  /** E.g. "tests: torch". */
  name: string;
  /** Its time limit in seconds. */
  seconds: number;
  /** What Node runs. */
  args: readonly string[];
  /** Without it the parts that follow cannot run. */
  isNeeded?: boolean;
}

/** Seconds of all parts at most, unpacking included. */
export const totalSeconds = 480;
export const unpackSeconds = 20;

/** Of each suite: its time limit, and the one file that `--quick` runs. */
const suites = {
  torch: { seconds: 25, quick: 'torch.test.ts' },
  nn: { seconds: 20, quick: 'losses.test.ts' },
  optim: { seconds: 20, quick: 'groups.test.ts' },
  lm: { seconds: 40, quick: 'model.test.ts' },
  train: { seconds: 40, quick: 'flops.test.ts' },
  gan: { seconds: 35, quick: 'losses.test.ts' },
} as const;

const bench = (name: string, seconds: number, quick: boolean, ...args: string[]): Part => ({
  name: `bench: ${[name, ...args].join(' ')}`,
  seconds,
  args: [`bench/device/${name}.ts`, ...args, ...(quick ? ['--quick'] : [])],
});

/** All parts, in the order they run. */
export function allParts(quick: boolean): Part[] {
  const tests = Object.entries(suites).map(
    ([name, { seconds, quick: file }]): Part => ({
      name: `tests: ${name}`,
      seconds,
      args: [
        'node_modules/vitest/vitest.mjs',
        ...['run', '--config', 'scripts/device-check/vitest.ts'],
        `packages/tsumugi/src/${name}/${quick ? file : ''}`,
      ],
    }),
  );
  return [
    { name: 'build', seconds: 105, args: ['scripts/setup.mjs', '--search'], isNeeded: true },
    { name: 'device', seconds: 15, args: ['bench/device/device.ts'], isNeeded: true },
    ...tests,
    bench('matmul', 15, quick),
    bench('training', 25, quick, 'bench'),
    bench('training', 30, quick, '160m'),
    bench('training', 45, quick, '1b'),
    bench('decoding', 25, quick),
    bench('gan', 20, quick),
  ];
}
