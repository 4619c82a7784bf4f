// What is measured goes into the log as numbers, and from there into charts, tables and files of other programs. Anything else
// would be found out there, long after it was written.
import { ConfigError, isObject, kindOf } from '../base/index.ts';

/**
 * @param giver who measured it, e.g. "afterStep"
 * @throws ConfigError for what is no object of numbers. NaN and infinity are numbers; what is undefined was not measured
 */
export function checkMetrics(giver: string, metrics: unknown): void {
  if (metrics === undefined) return;
  if (!isObject(metrics)) refuse(giver, metrics);
  for (const [name, value] of Object.entries(metrics))
    if (value !== undefined && typeof value !== 'number') refuse(giver, value, name);
}

function refuse(giver: string, value: unknown, name?: string): never {
  const isTensor = typeof value === 'object' && value !== null && 'item' in value;
  const [what, wanted] = name === undefined ? ['', 'an object of numbers'] : [`${name}: `, 'a number'];
  throw new ConfigError('bad-metric', `${giver} gave ${what}${kindOf(value)}, expected ${wanted}`, {
    remedy: isTensor ? 'Return the number in it: .item().' : 'Return for example { norm: 0.5 }, or nothing.',
    fields: { giver, ...(name !== undefined && { metric: name }) },
  });
}
