// Reads mergekit's YAML, as YAML 1.1, which is what mergekit reads. What is wrong is said with its line and the nearest name.
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments, visit } from 'yaml';
import { ConfigError, DataError, decodeUtf8, FormatError, readBytes } from '../../base/index.ts';
import { checkMergeConfig, type Path } from './check-merge.ts';
import type { MergeConfig } from './merge-config.ts';
import { setKey } from './set-key.ts';

/** A merge as it was written. */
export interface MergeText {
  readonly config: MergeConfig;
  /** What paths in it are relative to. */
  readonly folder: string;
  /** Where a part of it stands, for errors: `merge.yml:7`. */
  where(path: Path): string;
}

/**
 * @param sets changes as `key=value`, keys joined by dots: `parameters.t=0.3`, `models.0.parameters.weight=2`
 * @throws DataError when there is no such file, FormatError when it is no YAML, ConfigError naming the line for what it should not hold
 */
export function readMergeConfig(path: string, sets: readonly string[] = []): MergeText {
  const remedy = 'Name a YAML file of mergekit: see docs/merging.md.';
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new DataError('not-a-file', `${path} is a folder`, { remedy, fields: { path } });
  const lines = new LineCounter();
  const documents = parseAllDocuments(decodeUtf8(readBytes(path), path), { version: '1.1', lineCounter: lines });
  const [document, another] = 'empty' in documents ? [] : documents;
  if (document === undefined) throw new FormatError('bad-yaml', `${path} is empty`, { remedy, fields: { path } });
  if (another)
    throw new ConfigError('several-merges', `${path} holds ${documents.length} merges, expected one`, {
      remedy: 'Write each into a file of its own, and run them one after the other.',
      fields: { path },
    });
  const refuse = (problem: string, offset: number, remedy = 'Correct the line, or the indentation around it.') => {
    const { line } = lines.linePos(offset);
    return new FormatError('bad-yaml', `${path}:${line}: ${problem}`, { remedy, fields: { path, line } });
  };
  const [fault] = document.errors;
  if (fault) throw refuse(fault.message.split('\n')[0]!.replace(/ at line .*/, ''), fault.pos[0]);
  checkAnchors(document, refuse);
  const data = unshared(plain(document, path));
  for (const set of sets) setKey(data, set);
  const where = (place: Path) => {
    const start = startOf(document, place);
    return start === undefined ? path : `${path}:${lines.linePos(start).line}`;
  };
  return { config: checkMergeConfig(data, where), folder: dirname(resolve(path)), where };
}

/** Where a part of the text begins: its key, or itself in a list; the nearest part around it that is written. */
function startOf(document: Document, place: Path): number | undefined {
  for (let length = place.length; length > 0; length--) {
    const key = place[length - 1]!;
    const around = document.getIn(place.slice(0, length - 1), true) ?? document.contents;
    const pair = isMap(around) ? around.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const node = pair ? pair.key : document.getIn(place.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return undefined;
}

/** An alias needs an anchor before it, and none around it: there would be no end. */
function checkAnchors(document: Document, refuse: (problem: string, offset: number, remedy: string) => FormatError) {
  visit(document, {
    Alias(_, alias, around) {
      const anchored = alias.resolve(document);
      const offset = alias.range?.[0] ?? 0;
      const { source } = alias;
      if (!anchored) throw refuse(`*${source} has no anchor before it`, offset, `Write &${source} at what is meant.`);
      if (around.includes(anchored))
        throw refuse(`*${source} stands inside of &${source} itself`, offset, 'Write out what is meant.');
    },
  });
}

/** @throws FormatError when aliases of aliases make it grow beyond all measure */
function plain(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new FormatError('bad-yaml', `${path}: anchors and aliases multiply to more than is read`, {
      remedy: 'Write out what is meant.',
      fields: { path },
    });
  }
}

/** Parts that an anchor gives to several places are copied, so that a change of one does not change the others. */
function unshared(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(unshared);
  if (part instanceof Date) return part.toISOString().replace(/T00:00:00.000Z$/, ''); // a name that looks like a date
  if (typeof part !== 'object' || part === null) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, unshared(value)]));
}
