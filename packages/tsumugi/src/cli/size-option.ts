// Sizes in memory as people write them: 512M, 8G, 1.5GiB, or bytes.
import { ConfigError } from '../base/index.ts';

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes. @throws ConfigError naming the option */
export function parseSize(option: string, text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * units[unit.toLowerCase()]!);
  throw new ConfigError('bad-option', `${option}: expected a size such as 512M or 8G, got "${text}"`, {
    fields: { option, received: text },
  });
}
