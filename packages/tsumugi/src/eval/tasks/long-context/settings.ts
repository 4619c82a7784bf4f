// The settings of the long-context tasks: --set lengths=1K,2K,4K depths=0,50,100 samples=5
import { ConfigError } from '../../../base/index.ts';

type Options = Readonly<Record<string, string>> | undefined;

const bad = (name: string, value: string, expected: string) =>
  new ConfigError('bad-option', `${name} should be ${expected} but is "${value}"`, {
    remedy: `Write for instance --set ${name}=${examples[name]}.`,
    fields: { option: name, value },
  });

const examples: Readonly<Record<string, string>> = { lengths: '1K,4K,16K', depths: '0,50,100', samples: '10' };

/** Strictly ascending whole numbers; K stands for 1,024. */
function ascending(options: Options, name: string, byDefault: readonly number[], from: number, to: number): number[] {
  const value = options?.[name];
  if (value === undefined) return [...byDefault];
  const numbers = value.split(',').map((part) => {
    const [, digits, kilo] = /^\s*(\d+)(K?)\s*$/i.exec(part) ?? [];
    return Number(digits) * (kilo ? 1024 : 1);
  });
  if (!numbers.every((number, i) => number >= from && number <= to && number > (numbers[i - 1] ?? -1)))
    throw bad(name, value, `ascending whole numbers from ${from} to ${to}, separated by commas`);
  return numbers;
}

export const lengthsOf = (options: Options) =>
  ascending(options, 'lengths', [1024, 2048, 4096, 8192, 16384, 32768], 256, 131072);

export const depthsOf = (options: Options) => ascending(options, 'depths', [0, 25, 50, 75, 100], 0, 100);

export function samplesOf(options: Options, byDefault: number): number {
  const value = options?.['samples'];
  if (value === undefined) return byDefault;
  const samples = /^\d+$/.test(value) ? Number(value) : 0;
  if (samples < 1 || samples > 10_000) throw bad('samples', value, 'a whole number from 1 to 10000');
  return samples;
}

/** "4K" for 4,096, "5000" for 5,000. */
export const lengthLabel = (length: number) => (length % 1024 === 0 ? `${length / 1024}K` : String(length));

export const lengthsHelp = 'lengths of the texts, such as 1K,4K,32K (default 1K,2K,4K,8K,16K,32K)';
export const depthsHelp = 'where the answer stands, in per cent of the text (default 0,25,50,75,100)';
export const samplesHelp = (byDefault: number) => `texts of each length and depth (default ${byDefault})`;
