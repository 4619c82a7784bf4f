// What determines token shards, hashed and compared. Paths are not part of it: files and folders may be moved.
import { sha256 } from '../base/index.ts';
import type { Manifest } from './manifest.ts';

/** Raised when the same files and settings would give other shards: readers, decoders, cleaning, splitting. */
export const READING_VERSION = 2;

/** Everything that determines the content of shards. */
export type Origin = Pick<Manifest, 'sources' | 'settings' | 'tokenizer' | 'seed' | 'heldOutFraction' | 'shardTokens'>;

export function fingerprintOf({ sources, settings, tokenizer, seed, heldOutFraction, shardTokens }: Origin): string {
  const { vocabSize, bosId } = tokenizer;
  const options = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  const files = sources.map((source) => [source.sha256, source.read]);
  const made = [tokenizer.sha256, vocabSize, bosId, seed, heldOutFraction, shardTokens];
  return sha256(JSON.stringify([READING_VERSION, files, options, made]));
}

const short = (hash: string) => `SHA-256 ${hash.slice(0, 12)}…`;

type Value = string | number | undefined;
type Compare = (name: string, then: Value, now: Value) => void;

function differences(compareAll: (compare: Compare) => void): string[] {
  const found: string[] = [];
  compareAll((name, then, now) => {
    if (then !== now) found.push(`${name} ${then ?? 'unset'} → ${now ?? 'unset'}`);
  });
  return found;
}

/** "seed 0 → 5" for everything that differs. */
export const differencesBetween = (before: Origin, after: Origin): string[] =>
  differences((compare) => {
    compareSources(before, after, compare);
    compareSettings(before, after, compare);
  });

/** The same, but for the text. */
export const differentSettings = (before: Origin, after: Origin): string[] =>
  differences((compare) => compareSettings(before, after, compare));

function compareSources(before: Origin, after: Origin, compare: Compare): void {
  const source = ({ sources }: Origin, i: number) =>
    sources[i] && `${sources[i].path} (${sources[i].read}, ${short(sources[i].sha256)})`;
  const isOther = (i: number) =>
    before.sources[i]?.sha256 !== after.sources[i]?.sha256 || before.sources[i]?.read !== after.sources[i]?.read;
  const longest = Math.max(before.sources.length, after.sources.length);
  const first = Array.from({ length: longest }, (_, i) => i).find(isOther);
  if (first !== undefined) compare('text', source(before, first), source(after, first));
  compare('number of files', before.sources.length, after.sources.length);
}

function compareSettings(before: Origin, after: Origin, compare: Compare): void {
  for (const name of new Set([...Object.keys(before.settings), ...Object.keys(after.settings)]))
    compare(name, before.settings[name], after.settings[name]);
  compare('tokenizer', short(before.tokenizer.sha256), short(after.tokenizer.sha256));
  compare('vocabulary size', before.tokenizer.vocabSize, after.tokenizer.vocabSize);
  compare('BOS', before.tokenizer.bosId, after.tokenizer.bosId);
  compare('seed', before.seed, after.seed);
  compare('held-out share', before.heldOutFraction, after.heldOutFraction);
  compare('tokens of a shard', before.shardTokens, after.shardTokens);
}
