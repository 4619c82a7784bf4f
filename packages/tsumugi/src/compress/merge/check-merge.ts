// Whether data is a merge: its keys, its values, and what goes together.
import { ConfigError, issueText, suggestion } from '../../base/index.ts';
import { type MergeConfig, mergeConfig, refusedKeys } from './merge-config.ts';

/** Where a part of a merge stands: `['models', 0, 'parameters']`. */
export type Path = readonly (string | number)[];

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
