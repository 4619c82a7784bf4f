// What an engine is told when it is made.
import { ConfigError, checkCount, checkOptions, type OptionNames } from '../../base/index.ts';

export interface EngineOptions {
  /** Texts that are read or written at the same time at most. Default 16. */
  slots?: number | undefined;
  /**
   * Prompts are cut into pieces at multiples of so many tokens, and no more prompt tokens are read between two passes in which running
   * texts take a token. Default 256.
   */
  prefillChunk?: number | undefined;
  /** Memory for the states of texts, and of prefixes that are kept while there is room. It is taken when it is used. Default 1 GiB. */
  cacheBytes?: number | undefined;
  /** Whether states after prefixes are kept for prompts that begin alike. Default true. */
  prefixCache?: boolean | undefined;
  /** Tokens of a prompt after which its state is kept, besides message boundaries and where prompts part: a multiple of `prefillChunk`. Default 512. */
  snapshotEvery?: number | undefined;
  /** Requests that may wait beyond those that a slot is free for. Default: any number. */
  queueLimit?: number | undefined;
}

export type EngineSettings = { readonly [K in keyof EngineOptions]-?: Exclude<EngineOptions[K], undefined> };

const names: OptionNames<EngineOptions> = {
  slots: true,
  prefillChunk: true,
  cacheBytes: true,
  prefixCache: true,
  snapshotEvery: true,
  queueLimit: true,
};

const hints = { prefixBytes: 'Write cacheBytes, for texts and prefixes; prefixCache: false keeps no prefixes.' };

/** @throws ConfigError for an option that is unknown, out of range, or without effect */
export function engineSettings(options: EngineOptions): EngineSettings {
  checkOptions('Engine', options, names, hints);
  const { slots = 16, prefillChunk = 256, cacheBytes = 1 << 30, prefixCache = true, queueLimit = Infinity } = options;
  checkCount('slots', slots, 1);
  checkCount('prefillChunk', prefillChunk, 1);
  checkCount('cacheBytes', cacheBytes, 1);
  checkCount('queueLimit', queueLimit, 0);
  const snapshotEvery = options.snapshotEvery ?? Math.ceil(512 / prefillChunk) * prefillChunk;
  checkCount('snapshotEvery', snapshotEvery, 1);
  if (typeof prefixCache !== 'boolean') refuse('prefixCache', `must be true or false, got ${prefixCache}`);
  if (snapshotEvery % prefillChunk !== 0)
    refuse('snapshotEvery', `must be a multiple of prefillChunk (${prefillChunk}), got ${snapshotEvery}`);
  if (!prefixCache && options.snapshotEvery !== undefined)
    throw new ConfigError('without-effect', 'Engine: snapshotEvery has no effect without a prefix cache', {
      remedy: 'Leave snapshotEvery or prefixCache: false out.',
      fields: { option: 'snapshotEvery' },
    });
  return { slots, prefillChunk, cacheBytes, prefixCache, snapshotEvery, queueLimit };
}

function refuse(option: string, what: string): never {
  throw new ConfigError('bad-option', `${option} ${what}`, { fields: { option } });
}
