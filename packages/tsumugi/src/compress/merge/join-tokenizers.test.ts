// Merges of models with different tokenizers.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, loadTokenizer } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { embedding, linear, SmallMerges } from './merge.testing.ts';

let small: SmallMerges;
beforeAll(() => {
  small = new SmallMerges();
});
afterAll(() => small[Symbol.dispose]());

describe('tokenizers', () => {
  const rows = (model: string) => {
    const numbers = small.numbers(model, embedding);
    return (id: number) => numbers.slice(id * 32, id * 32 + 32);
  };
  const mixed = (x: readonly number[], y: readonly number[]) => x.map((each, i) => (each + y[i]!) / 2);
  const close = (found: readonly number[], expected: readonly number[]) => {
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
  };
  const ask = (more: string, models = 'a', base = '') =>
    `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: ${models}}, {model: words}]\n${base}${more}\n`;

  beforeAll(() => {
    // a has 猫 261, 犬 262, 鳥 263, then 4 rows of padding; words has 鳥 261, 山 262, 猫 263.
    small.make('words', 8, {}, { characters: '鳥山猫', padding: 0 });
  });

  it('are joined: rows are merged by token, and taken from where they are', async () => {
    const name = await small.merge(ask('tokenizer: {source: union}'));
    const tokenizer = loadTokenizer(small.at(name));
    expect(tokenizer.vocabSize).toBe(265);
    expect(tokenizer.encode('猫犬鳥山')).toEqual([261, 262, 263, 264]);
    expect(new Artefact(small.at(name)).config()['vocab_size']).toBe(265);
    const [found, a, words] = [name, 'a', 'words'].map(rows) as [
      typeof rows extends (m: string) => infer R ? R : never,
      (id: number) => number[],
      (id: number) => number[],
    ];
    close(found(261), mixed(a(261), words(263)));
    close(found(262), a(262)); // 犬: the only model's, for both
    close(found(263), mixed(a(263), words(261)));
    close(found(264), words(262));
    close(found(0), mixed(a(0), words(0)));
    using model = loadModel(small.at(name));
    expect(model.config.vocab_size).toBe(265);
  });

  it('take missing tokens from the base', async () => {
    const name = await small.merge(ask('tokenizer_source: union', 'base', 'base_model: words\n'));
    // Counted from words: 鳥山猫, then 犬 of the other.
    expect(loadTokenizer(small.at(name)).encode('鳥山猫犬')).toEqual([261, 262, 263, 264]);
    close(rows(name)(262), rows('words')(262));
    close(rows(name)(264), rows('base')(262));
  });

  it('may be the base’s or another’s', async () => {
    const base = await small.merge(ask('tokenizer: {source: base}'));
    expect(readFileSync(small.at(base, 'tokenizer.jsonl'))).toEqual(readFileSync(small.at('a', 'tokenizer.jsonl')));
    expect(new Artefact(small.at(base)).config()['vocab_size']).toBe(268);
    close(rows(base)(262), rows('a')(262));
    close(rows(base)(267), rows('a')(267)); // padding of the only one that has it
    const words = await small.merge(ask('tokenizer: {source: words, pad_to_multiple_of: 50}'));
    expect(readFileSync(small.at(words, 'tokenizer.jsonl'))).toEqual(
      readFileSync(small.at('words', 'tokenizer.jsonl')),
    );
    expect(new Artefact(small.at(words)).config()['vocab_size']).toBe(300);
    close(rows(words)(261), mixed(rows('words')(261), rows('a')(263)));
    expect(rows(words)(299)).toEqual(new Array(32).fill(0));
  });

  it('give single tokens the embedding that is asked for', async () => {
    const tokens =
      '{山: {source: {kind: model_token, model: a, token: 犬}}, 犬: {source: {kind: zero}, force: true}, 鳥: {source: a}, 猫: {source: {kind: model_token, model: words, token_id: 5}, force: true}}';
    const found = rows(await small.merge(ask(`tokenizer: {source: union, tokens: ${tokens}}`)));
    close(found(264), mixed(rows('a')(262), rows('words')(262))); // 山: a's own is missing, so it is 犬
    expect(found(262)).toEqual(new Array(32).fill(0)); // forced
    close(found(263), mixed(rows('a')(263), rows('words')(261))); // both have it
    close(found(261), rows('words')(5));
  });

  it('take the mean of several where a model has none', async () => {
    small.make('third', 11, {}, { characters: '山' });
    const yaml =
      'merge_method: linear\nmodels: [{model: words, parameters: {weight: 0}}, {model: third, parameters: {weight: 0}}, {model: a, parameters: {weight: 1}}]\ntokenizer: {source: union}\n';
    const name = await small.merge(yaml);
    close(rows(name)(262), mixed(rows('words')(262), rows('third')(261)));
    // With a base that has the token, the base's alone.
    const based = await small.merge(`base_model: words\n${yaml}`);
    close(rows(based)(262), rows('words')(262));
  });

  it('pad untied heads too', async () => {
    small.make('untied', 5, { tie_word_embeddings: false });
    small.make('untied-words', 12, { tie_word_embeddings: false }, { characters: '鳥山猫', padding: 0 });
    const name = await small.merge(
      'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: untied}, {model: untied-words}]\ntokenizer: {source: union}\n',
    );
    const head = small.numbers(name, 'lm_head.weight');
    expect(head).toHaveLength(272 * 32);
    close(head.slice(264 * 32, 265 * 32), small.numbers('untied-words', 'lm_head.weight').slice(262 * 32, 263 * 32));
    expect(head.slice(265 * 32)).toEqual(new Array(7 * 32).fill(0));
    using model = loadModel(small.at(name));
    expect(model.config.vocab_size).toBe(265);
  });

  it('carry the ids of special tokens to their new places', async () => {
    const order = 'small-order';
    small.make(order, 13);
    const path = small.at(order, 'tokenizer.jsonl');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${[lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n')}\n`);
    const name = await small.merge(
      `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\ntokenizer: {source: ${order}}\n`,
    );
    const artefact = new Artefact(small.at(name));
    expect(artefact.config()).toMatchObject({ bos_token_id: 2, eos_token_id: 1 });
    expect(artefact.generationConfig()).toMatchObject({ bos_token_id: 2, eos_token_id: 1 });
    close(rows(name)(2), mixed(rows('a')(1), rows('b')(1)));
  });

  it('have the chat template of most models, of a name, or as given', async () => {
    for (const [model, template] of [
      ['a', 'A {{ x }}'],
      ['b', 'B {{ x }}'],
      ['base', 'B {{ x }}'],
    ] as const) {
      const path = small.at(model, 'tokenizer_config.json');
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), chat_template: template }));
    }
    const templateOf = async (asked: string) =>
      new Artefact(
        small.at(
          await small.merge(
            `merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}, {model: base}]\nchat_template: ${asked}\n`,
          ),
        ),
      ).tokenizerConfig()!['chat_template'];
    expect(await templateOf('auto')).toBe('B {{ x }}');
    expect(await templateOf('chatml')).toContain('<|im_start|>');
    expect(await templateOf("'{{ messages }}'")).toBe('{{ messages }}');
    const plain = await small.merge(linear);
    expect(new Artefact(small.at(plain)).tokenizerConfig()!['chat_template']).toBe('A {{ x }}');
  });

  it.each([
    ['{source: union, tokens: {海: {source: a}}}', 'has no token "海"'],
    ['{source: union, tokens: {猫: {source: nowhere/x}}}', 'is no folder here'],
    ['{source: union, tokens: {猫: {source: b}}}', '"b" is none of the merged models'],
    ['{source: union, tokens: {猫: {force: true}}}', '"force" has no effect on "猫" without a source'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a}}}}', 'has a token or a token_id'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a, token: 山}}}}', 'a has no token "山"'],
    ['{source: union, tokens: {猫: {source: {kind: model_token, model: a, token_id: 999}}}}', 'a has no token 999'],
  ])('refuse %s', async (settings, message) => {
    await expect(small.merge(ask(`tokenizer: ${settings}`))).rejects.toThrow(message);
  });

  it('refuse models without one', async () => {
    small.make('mute', 14);
    rmSync(join(small.at('mute'), 'tokenizer.jsonl'));
    await expect(
      small.merge(
        'merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: mute}, {model: a}]\ntokenizer_source: union\n',
      ),
    ).rejects.toThrow('mute has no tokenizer to join');
  });
});
