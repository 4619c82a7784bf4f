// mergekit's YAML as people have it, and what is wrong with a file, with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { checkMergeConfig } from './check-merge.ts';
import { readMergeConfig } from './read-config.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-merge-配合-'));
});
afterAll(() => rmSync(home, { recursive: true }));

function read(text: string, sets: string[] = []) {
  const path = join(home, 'merge.yml');
  writeFileSync(path, text);
  return readMergeConfig(path, sets);
}

const slerp = `slices:
  - sources:
      - model: a
        layer_range: [0, 4]
      - model: b
        layer_range: [0, 4]
merge_method: slerp
base_model: a
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 0.3, 0.7, 1]
    - filter: mlp
      value: [1, 0.5, 0.7, 0.3, 0]
    - value: 0.5 # for the rest
dtype: bfloat16
`;

it('reads gradients, filters, slices', () => {
  const { config, folder } = read(slerp);
  expect(folder).toBe(home);
  expect(config).toEqual({
    slices: [
      {
        sources: [
          { model: 'a', layer_range: [0, 4] },
          { model: 'b', layer_range: [0, 4] },
        ],
      },
    ],
    merge_method: 'slerp',
    base_model: 'a',
    parameters: {
      t: [
        { filter: 'self_attn', value: [0, 0.5, 0.3, 0.7, 1] },
        { filter: 'mlp', value: [1, 0.5, 0.7, 0.3, 0] },
        { value: 0.5 },
      ],
    },
    dtype: 'bfloat16',
  });
});

it('reads as PyYAML does: yes and no, numbers with an exponent, anchors, JSON', () => {
  const { config } = read(`merge_method: ties
models:
  - model: &x dir/a
    parameters: {weight: 1e-5, density: .5}
  - model: *x
parameters: {normalize: yes, rescale: off, lambda: 2}
base_model: 基
tokenizer: {source: union, tokens: {"<|op|>": {source: b, force: true}, 猫: {source: {kind: zero}}}, pad_to_multiple_of: 16}
chat_template: auto
`);
  expect(config).toEqual({
    merge_method: 'ties',
    models: [{ model: 'dir/a', parameters: { weight: 1e-5, density: 0.5 } }, { model: 'dir/a' }],
    parameters: { normalize: true, rescale: false, lambda: 2 },
    base_model: '基',
    tokenizer: {
      source: 'union',
      tokens: { '<|op|>': { source: 'b', force: true }, 猫: { source: { kind: 'zero' }, force: false } },
      pad_to_multiple_of: 16,
    },
    chat_template: 'auto',
  });
  expect(read('{"merge_method": "linear", "models": [{"model": "a"}]}').config.merge_method).toBe('linear');
});

it('changes one of several places that share an anchor', () => {
  const text = 'merge_method: linear\nmodels: [{model: a, parameters: &p {weight: 1}}, {model: b, parameters: *p}]\n';
  const { models } = read(text, ['models.1.parameters.weight=2']).config;
  expect(models!.map(({ parameters }) => parameters)).toEqual([{ weight: 1 }, { weight: 2 }]);
});

it('applies changes of single keys', () => {
  const changed = read(slerp, ['parameters.t=0.3', 'slices.0.sources.1.layer_range=[1, 5]', 'out_dtype=float32']);
  expect(changed.config.parameters).toEqual({ t: 0.3 });
  expect(changed.config.slices![0]!.sources[1]!.layer_range).toEqual([1, 5]);
  expect(changed.config.out_dtype).toBe('float32');
  for (const [set, message] of [
    ['t', 'expected key=value, got "t"'],
    ['slices.3.parameters.t=1', 'there is no slices.3'],
    ['parameters.t=[1', '"[1" is no YAML'],
    ['merge_method.x=1', 'there is nothing to set inside merge_method'],
  ] as const)
    expect(() => read(slerp, [set])).toThrow(message);
  expect(() => read(slerp, ['parameter.t=1'])).toThrow(/there is no key "parameter"\n.*Did you mean "parameters"/);
});

const models = 'models:\n  - model: a\n  - model: b\n';
it.each([
  ['', 'merge.yml is empty'],
  ['# nothing\n', 'merge.yml is empty'],
  ['merge_method: linear\nmodels: [a\n', 'merge.yml:3: '],
  [`merge_method: linear\n${models}---\nmerge_method: linear\n`, 'holds 2 merges'],
  ['just words', 'the content is "just words", expected an object'],
  [models, '"merge_method" is missing'],
  [`${models}merge_method: tis`, 'merge.yml:4: there is no merge method "tis"\n  → Did you mean "ties"?'],
  [`${models}merge_method: 3`, 'merge.yml:4: "merge_method" is 3'],
  [`${models}merge_methd: ties`, 'merge.yml:4: there is no key "merge_methd"'],
  [
    'merge_method: linear\nmodels:\n  - model: a\n    parameter: {weight: 1}\n',
    'merge.yml:4: there is no key "parameter"\n  → Did you mean "parameters"?',
  ],
  [
    'merge_method: linear\nmodels:\n  - model: a\n    parameters:\n      weight: heavy\n',
    'merge.yml:5: "models.0.parameters.weight": expected a number, true or false',
  ],
  [
    'merge_method: slerp\nparameters:\n  t:\n    - filtr: mlp\n      value: 1\nmodels: [{model: a}]',
    'merge.yml:4: there is no key "filtr"\n  → Did you mean "filter"?',
  ],
  ['merge_method: linear', 'a merge has either models or slices, got neither'],
  [`${models}${slerp}`, 'got both'],
  [`${slerp}modules: {}\n`, 'merge.yml:17: "modules" is not read: a PLaMo 2 has one module'],
  [slerp.replace('[0, 4]', '[4, 4]'), 'merge.yml:4: the range holds no layer'],
  [slerp.replace('[0, 4]', '[0, 3]'), 'merge.yml:6: the sources of a slice have 3 and 4 layers'],
  [
    slerp.replace('[0, 4]', '4'),
    'merge.yml:4: "slices.0.sources.0.layer_range": expected [first layer, the one after the last]',
  ],
  [
    slerp.replace('bfloat16', 'bf16'),
    'merge.yml:16: "dtype" is "bf16", expected "float32" or "float16" or "bfloat16" or "float64"',
  ],
  [
    `${slerp}tokenizer_source: union\ntokenizer: {source: base}\n`,
    'merge.yml:17: tokenizer and tokenizer_source say the same',
  ],
  [`${slerp}tokenizer: {sorce: base}\n`, 'merge.yml:17: there is no key "sorce"\n  → Did you mean "source"?'],
  [`${slerp}tokenizer: {tokens: {x: {forced: true}}}\n`, 'Did you mean "force"?'],
  [`merge_method: passthrough\n${models}`, 'passthrough copies one model'],
])('says what is wrong: %j', (text, message) => {
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(UserError);
});

it('says where no file is', () => {
  expect(() => readMergeConfig(join(home, 'nix.yml'))).toThrow('does not exist');
  expect(() => readMergeConfig(home)).toThrow('is a folder');
  expect(() => checkMergeConfig({ merge_method: 'linear', models: [{ modl: 'a' }] })).toThrow(
    'the merge: there is no key',
  );
});

it.each([
  ['an alias without an anchor', 'models: [{model: a, parameters: *w}]\n', /merge.yml:1: \*w has no anchor before it/],
  ['one that is inside of itself', 'parameters: &p\n  weight: *p\n', /merge.yml:2: \*p stands inside of &p itself/],
  [
    'aliases of aliases',
    `a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`)}]\n`).join('')}`,
    /merge.yml: anchors and aliases multiply to more than is read/,
  ],
])('refuses %s', (_, text, problem) => {
  expect(() => read(text)).toThrow(problem);
  expect(() => read(text)).toThrow(UserError);
});

it('takes a name that looks like a date for a name', () => {
  const { config } = read(
    'merge_method: linear\nmodels: [{model: 2026-01-02, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]\n',
  );
  expect(config.models!.map(({ model }) => model)).toEqual(['2026-01-02', 'b']);
});
