// Reads mergekit's YAML, as YAML 1.1, which is what mergekit reads. What is wrong is said with its line and the nearest name.
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isScalar, LineCounter, parse, parseAllDocuments, visit } from 'yaml';
import { ConfigError, DataError, decodeUtf8, FormatError, issueText, readBytes, suggestion } from '../../base/index.ts';
import { type MergeConfig, type MergeConfigInput, mergeConfig, refusedKeys } from './merge-config.ts';

type Path = readonly (string | number)[];

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
  for (const set of sets) applySet(data, set);
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

function applySet(data: unknown, set: string): void {
  const equals = set.indexOf('=');
  const refuse = (problem: string, remedy: string) => new ConfigError('bad-set', `--set: ${problem}`, { remedy });
  if (equals <= 0) throw refuse(`expected key=value, got "${set}"`, 'Write for example --set parameters.t=0.3.');
  const names = set.slice(0, equals).trim().split('.');
  let around = data;
  for (const [i, name] of names.entries()) {
    const path = names.slice(0, i + 1).join('.');
    if (typeof around !== 'object' || around === null)
      throw refuse(
        `"${set}" does not fit the file: there is nothing to set inside ${names.slice(0, i).join('.')}`,
        `Check the keys before ${name}.`,
      );
    if (Array.isArray(around) && !Object.hasOwn(around, name))
      throw refuse(`there is no ${path}`, 'Entries of lists are counted from 0.');
    const tree = around as Record<string, unknown>;
    if (i === names.length - 1) tree[name] = valueOfSet(set.slice(equals + 1), refuse);
    else tree[name] ??= {};
    around = tree[name];
  }
}

function valueOfSet(text: string, refuse: (problem: string, remedy: string) => ConfigError): unknown {
  try {
    return parse(text, { version: '1.1' });
  } catch {
    throw refuse(`"${text}" is no YAML`, 'Put the value in quotes.');
  }
}

/**
 * A merge given as data.
 *
 * @throws ConfigError for unknown keys, and values that are wrong
 */
export function checkMergeConfig(data: unknown, where: (path: Path) => string = () => 'the merge'): MergeConfig {
  const parsed = mergeConfig.safeParse(data);
  if (!parsed.success) {
    const { issues } = parsed.error;
    // A key that is written wrong explains one that is missing.
    const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
    if (issue.code === 'unrecognized_keys') throw unknownKey(issue.path as Path, issue.keys[0]!, where);
    const path = issue.path as Path;
    const found = path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], data);
    const isMethod = path.join() === 'merge_method' && typeof found === 'string';
    throw new ConfigError(
      isMethod ? 'unknown-method' : 'bad-merge',
      isMethod ? `${where(path)}: there is no merge method "${found}"` : `${where(path)}: ${issueText(issue, data)}`,
      {
        remedy:
          isMethod && issue.code === 'invalid_value'
            ? suggestion(found, issue.values.map(String))
            : 'See docs/merging.md.',
        fields: { key: path.join('.') },
      },
    );
  }
  checkTogether(parsed.data, where);
  return parsed.data;
}

function unknownKey(path: Path, key: string, where: (path: Path) => string): ConfigError {
  const place = where([...path, key]);
  const reason = Object.hasOwn(refusedKeys, key) ? refusedKeys[key] : undefined;
  const known = Object.keys(shapeAt(path));
  return new ConfigError(
    'unknown-key',
    reason === undefined ? `${place}: there is no key "${key}"` : `${place}: "${key}" is not read: ${reason}`,
    {
      remedy: reason === undefined ? suggestion(key, known) : 'Take it out.',
      fields: { key: [...path, key].join('.') },
    },
  );
}

/** The keys of the schema at a path: unions and records are looked through for an object that could be meant. */
function shapeAt(path: Path): object {
  interface Schema {
    shape?: Record<string, Schema>;
    element?: Schema;
    valueType?: Schema;
    def: { innerType?: Schema; options?: Schema[] };
  }
  const inside = (schema: Schema): Schema[] => {
    const { innerType, options } = schema.def;
    if (innerType) return inside(innerType);
    return options ? options.flatMap(inside) : [schema];
  };
  let schemas = [mergeConfig as unknown as Schema];
  for (const key of path)
    schemas = schemas
      .flatMap(inside)
      .flatMap((schema) => schema.shape?.[key] ?? schema.element ?? schema.valueType ?? []);
  return Object.assign({}, ...schemas.flatMap(inside).map(({ shape }) => shape));
}

function checkTogether(config: MergeConfig, where: (path: Path) => string): void {
  const { models, slices, merge_method: method } = config;
  const refuse = (code: string, path: Path, problem: string, remedy: string) => {
    throw new ConfigError(code, `${where(path)}: ${problem}`, { remedy, fields: { key: path.join('.') } });
  };
  if ((models === undefined) === (slices === undefined))
    refuse(
      'models-or-slices',
      models ? ['slices'] : [],
      `a merge has either models or slices, ${models ? 'got both' : 'got neither'}`,
      'Write one of the two.',
    );
  if (config.tokenizer && config.tokenizer_source)
    refuse('two-tokenizers', ['tokenizer_source'], 'tokenizer and tokenizer_source say the same', 'Keep tokenizer.');
  if (method === 'passthrough' && models && models.length > 1)
    refuse(
      'passthrough-models',
      ['models'],
      'passthrough copies one model for each tensor',
      'Stack layers with slices.',
    );
  for (const [i, { sources }] of (slices ?? []).entries()) {
    const lengths = sources.map(({ layer_range: [from, to] }) => to - from);
    for (const [j, length] of lengths.entries()) {
      const path = ['slices', i, 'sources', j, 'layer_range'];
      if (length <= 0)
        refuse('empty-range', path, `the range holds no layer`, 'Ranges are [first, one after the last].');
      if (length !== lengths[0])
        refuse(
          'unequal-ranges',
          path,
          `the sources of a slice have ${lengths[0]} and ${length} layers`,
          'Give ranges of one length.',
        );
    }
  }
}

export type { MergeConfig, MergeConfigInput };
