// The forecast as people read it, and what does not fit.
import { describe, expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { type Forecast, formatForecast, requireFits } from './index.ts';

describe('forecast', () => {
  const forecast: Forecast = {
    label: 'pretrain',
    steps: 3000,
    tokens: 12_288_000,
    secondsPerStep: 0.4,
    otherSeconds: 60,
    memory: [
      { what: 'parameters', bytes: 73_200_000 },
      { what: 'activations', bytes: 2 ** 30 },
    ],
    availableMemoryBytes: 8 * 2 ** 30,
    disk: [
      { what: 'checkpoints', bytes: 2 ** 29 },
      { what: 'model', bytes: 2 ** 29 },
    ],
    out: 'runs/a',
    availableDiskBytes: 2 ** 35,
    remedy: 'Lower --batch or --context.',
  };

  it('says time, memory and disk', () => {
    expect(formatForecast(forecast).split('\n')).toEqual([
      'pretrain: 3,000 steps, 12.3M tokens',
      '  time           21 min 00 s (400 ms a step)',
      '  memory         1.07 GiB of 8.00 GiB available',
      '    parameters   69.8 MiB',
      '    activations  1.00 GiB',
      '  disk           1.00 GiB of 32.0 GiB available, in runs/a',
      '    checkpoints  512 MiB',
      '    model        512 MiB',
    ]);
    requireFits(forecast);
    expect(formatForecast({ ...forecast, secondsPerStep: 2e-4 })).toContain(' (5,000 steps a second)\n');
  });

  it('refuses what cannot fit, with the option to change', () => {
    expect(() => requireFits({ ...forecast, availableMemoryBytes: 2 ** 30 })).toThrow(UserError);
    expect(() => requireFits({ ...forecast, availableMemoryBytes: 2 ** 30 })).toThrow(/memory.*\n.*Lower --batch/);
    expect(() => requireFits({ ...forecast, availableDiskBytes: 1000 })).toThrow(
      /1\.00 GiB of disk, and 1000 B are available where runs\/a is to be\n.*another out, or lower keepLast/,
    );
  });
});
