// What a recipe will take against what there is: what an earlier attempt has done and left counts, the other stages' share does
// not, and a value that is named as a remedy would do.
import { expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { requireRecipeFits } from './recipe-fits.ts';
import { type ForecastRow, formatForecastTable, type StageForecast, totalsOf } from './stage-forecast.ts';

const GB = 2 ** 30;

/** A stage that takes so many seconds, and GiB of memory and of disk, for each of its `size`. */
function row(
  stage: string,
  size: number,
  per: Partial<Record<'seconds' | 'memory' | 'disk', number>>,
  changes: Partial<ForecastRow> = {},
): ForecastRow {
  const { seconds = 0, memory = 0, disk = 0 } = per;
  const forecast = (n: number): StageForecast => ({
    seconds: n * seconds,
    memory: [1, 3].map((quarters) => ({ what: `part ${quarters}`, bytes: (n * memory * GB * quarters) / 4 })),
    diskBytes: n * disk * GB,
    lowers: { time: ['size'], memory: ['size'], disk: ['size'] },
  });
  return {
    stage,
    state: 'new',
    forecast: forecast(size),
    config: { size },
    shareLeft: 1,
    diskBytesThere: 0,
    forecastWith: async (settings) => forecast((settings['size'] as number | undefined) ?? size),
    ...changes,
  };
}
const skipped: ForecastRow = { ...row('skipped', 1000, { seconds: 1, memory: 1, disk: 1 }), forecast: undefined };
const plenty = { memoryBytes: 1e15, diskBytes: 1e15, seconds: 1e9 };

const refusal = async (rows: readonly ForecastRow[], available: object): Promise<string> => {
  const error = await requireRecipeFits(rows, { ...plenty, ...available }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
};

const first = row('first', 8, { seconds: 10, memory: 2, disk: 1 });
const second = row(
  'second',
  4,
  { seconds: 25, memory: 1, disk: 4 },
  { state: 'goes on', shareLeft: 0.25, diskBytesThere: 10 * GB },
);

it('adds up times and disk that are left, and takes the largest memory', () => {
  expect(totalsOf([first, skipped, second])).toEqual({
    seconds: 80 + 25,
    memoryBytes: 16 * GB,
    diskBytes: (8 + 6) * GB,
  });
  const lines = formatForecastTable([first, skipped, second], { memoryBytes: GB, diskBytes: 2 * GB, seconds: 90 })
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
  expect(lines).toEqual([
    ['stage', 'time', 'memory', 'disk'],
    ['first', 'new', '1 min 20 s', '16.0 GiB', '8.00 GiB'],
    ['skipped', 'new', '–', '–', '–'],
    ['second', 'goes on', '25.0 s', '4.00 GiB', '6.00 GiB'],
    ['total', '1 min 45 s', '16.0 GiB', '14.0 GiB'],
    ['available', '1 min 30 s', '1.00 GiB', '2.00 GiB'],
  ]);
});

it('has never more disk left to fill than nothing', () => {
  expect(totalsOf([row('full', 1, { disk: 1 }, { diskBytesThere: 9 * GB }), first]).diskBytes).toBe(8 * GB);
});

it('fits to the byte and the second', async () => {
  const exact = { memoryBytes: 16 * GB, diskBytes: 14 * GB, seconds: 105 };
  await expect(requireRecipeFits([first, skipped, second], exact)).resolves.toBeUndefined();
  for (const key of ['memoryBytes', 'diskBytes', 'seconds'] as const)
    expect(await refusal([first, second], { ...exact, [key]: exact[key] - 1 })).toMatch(/first|second/);
});

it.each([
  ['memory', { memoryBytes: 9 * GB }, /^first will need about 16\.0 GiB of memory, and 9\.00 GiB are/, 'first.size=4'],
  // 14 GiB of which the second stage takes 6: the first may have 7 − 6.
  [
    'disk',
    { diskBytes: 7 * GB },
    /^first will need about 8\.00 GiB of disk, the whole recipe 14\.0 GiB/,
    'first.size=1',
  ],
  ['time', { seconds: 50 }, /^first will need about 1 min 20 s of time, the whole recipe 1 min 45 s/, 'first.size=2'],
])(
  'names the stage that needs most %s, and a value that leaves room for the others',
  async (_, available, text, value) => {
    const message = await refusal([first, second], available);
    expect(message).toMatch(text);
    expect(message).toMatch(new RegExp(`It would fit with --set ${value}\\.$`));
  },
);

it('takes only what is left of a stage that was cut off for its time', async () => {
  const large = row('large', 8, { seconds: 100 }, { state: 'goes on', shareLeft: 0.5 });
  // 400 s are left; half of its size would take 200 of them.
  expect(await refusal([large], { seconds: 250 })).toMatch(/^large will need about 6 min 40 s.*\n.*large\.size=4\.$/);
});

it('names the first stage that does not fit into memory, though a later one needs more', async () => {
  const later = row('later', 8, { memory: 4 });
  expect(await refusal([first, later], { memoryBytes: 15 * GB })).toMatch(/^first /);
  expect(await refusal([first, later], { memoryBytes: 17 * GB })).toMatch(/^later /);
});
