// What a run came to: the last value of each held-out metric, the training loss at its end, tokens, time.
import type { StageMetric } from '../recipe/index.ts';
import { curveTitle, type Measurement } from '../run/index.ts';

export function metricsOf(measurements: readonly Measurement[]): StageMetric[] {
  const last = measurements.reduce<Measurement | undefined>((a, b) => (a && a.seconds >= b.seconds ? a : b), undefined);
  if (!last) return [];
  const curves = Map.groupBy(measurements, ({ chart, name }) => JSON.stringify([chart, name]));
  const measured = [...curves.values()].flatMap((found): StageMetric[] => {
    const { chart, name } = found[0]!;
    const isLoss = chart.startsWith('loss') && name === 'training';
    if (chart === name && !isLoss) return []; // the learning rate, the speed: of single steps only
    if (!isLoss) return [{ name: curveTitle(chart, name), value: found.at(-1)!.value, unit: '' }];
    const tail = found.slice(-Math.ceil(found.length / 10)).map(({ value }) => value);
    const mean = tail.reduce<number | null>((sum, v) => (sum === null || v === null ? null : sum + v / tail.length), 0);
    return [{ name: `${chart}: training, last tenth`, value: mean, unit: '' }];
  });
  const tokens = measurements.reduce((most, each) => Math.max(most, each.tokens ?? 0), 0);
  return [
    ...measured,
    ...(tokens > 0 ? [{ name: 'tokens', value: tokens, unit: '' }] : []),
    { name: 'time', value: last.seconds, unit: 's' },
  ];
}
