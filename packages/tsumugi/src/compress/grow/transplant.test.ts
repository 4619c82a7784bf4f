// Another tokenizer for a model: which rows its embedding and head get, worked out by hand, and where the ids go.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, loadTokenizer, type Plamo2, saveModel, tokenLogprobs } from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { byteText, type Piece, SPECIAL_NAMES, Tokenizer, writeTokenizer } from '../../text/index.ts';
import { arange, noGrad, scope, tensor } from '../../torch/index.ts';
import { SmallModels } from '../merge/merge.testing.ts';
import { planGrow } from './forecast.ts';
import { grow } from './grow.ts';
import { transplantedRows } from './transplant.ts';
import { vocabularyMap } from './vocabulary.ts';

const { bos, eos, pad, op } = SPECIAL_NAMES;
const embedding = 'model.embed_tokens.weight';
const head = 'lm_head.weight';
const width = 32;
const noCounts = { kept: 0, averaged: 0, unknown: 0 };

let small: SmallModels;
beforeAll(() => {
  small = new SmallModels();
  // Ids: unk 0, bos 1, eos 2, pad 3, op 4, bytes 5…260, 猫 261, 犬 262, 鳥 263, and rows of padding 264…267.
  small.make('元', 1, { eos_token_id: [2, 4] as never, pad_token_id: 3 });
  small.make('untied', 2, { tie_word_embeddings: false });
});
afterAll(() => small[Symbol.dispose]());

/** The pieces of the models, in other places, without 鳥 and with others. */
const renewed: readonly Piece[] = [
  { text: '<s>', score: 0, type: 'CONTROL' },
  { text: '猫', score: -1, type: 'NORMAL' },
  { text: '<unk>', score: 0, type: 'UNKNOWN' },
  { text: '</s>', score: 0, type: 'CONTROL' },
  { text: '猫犬', score: -1, type: 'NORMAL' },
  { text: 'A猫', score: -1, type: 'NORMAL' },
  { text: '<|tool|>', score: 0, type: 'CONTROL' },
  { text: op, score: 0, type: 'CONTROL' },
  { text: pad, score: 0, type: 'CONTROL' },
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(255 - byte), score: 0, type: 'BYTE' })),
  { text: '犬', score: -1, type: 'NORMAL' },
  { text: bos, score: -1, type: 'NORMAL' }, // as text
];

const names = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };

function tokenizer(name: string, pieces: readonly Piece[], config: object = {}): string {
  mkdirSync(small.at(name));
  writeTokenizer(small.at(name), pieces);
  const path = small.at(name, 'tokenizer_config.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...config }));
  return small.at(name);
}

let folder: string;
beforeAll(() => {
  folder = tokenizer('新しい', renewed, names);
});

const rowOf = (values: readonly number[], id: number) => values.slice(id * width, (id + 1) * width);
const meanOf = (values: readonly number[], ids: readonly number[]) =>
  Array.from({ length: width }, (_, i) =>
    Math.fround(ids.reduce((sum, id) => sum + values[id * width + i]!, 0) / ids.length),
  );

/** The old ids of each new row, by hand. */
const all = Array.from({ length: 264 }, (_, id) => id);
const byHand: readonly (readonly number[])[] = [
  [1], // <s> is the new bos
  [261], // 猫
  [0], // <unk>
  [2], // </s> is the new eos
  [261, 262], // 猫犬
  [5 + 0x41, 261], // A猫, whose A only bytes cover
  all, // <|tool|>
  [4], // op
  [3], // pad
  ...Array.from({ length: 256 }, (_, byte) => [5 + 255 - byte]),
  [262], // 犬
  [1], // the text of bos: the piece of that text
];

describe('rows', () => {
  it.each(['元', 'untied'])('are copied, means of tokens, or the mean of all: %s', async (name) => {
    const out = `rows-${name}`;
    const { pieces, config } = await grow(small.at(name), small.at(out), {}, { tokenizer: folder });
    expect(pieces).toEqual({ kept: 264, averaged: 2, unknown: 1 });
    expect(config.vocab_size).toBe(267);
    for (const each of name === 'untied' ? [embedding, head] : [embedding]) {
      const [old, made] = [small.numbers(name, each), small.numbers(out, each)];
      const rows = each === head ? 272 : 267; // a head's are a multiple of 16
      expect(made).toHaveLength(rows * width);
      for (const [id, ids] of byHand.entries()) {
        const expected = ids.length === 1 ? rowOf(old, ids[0]!) : meanOf(old, ids);
        // The order of a sum of 264 numbers in float64 shows in none of float32's bits but by chance.
        if (ids === all) for (const [i, value] of expected.entries()) expect(rowOf(made, id)[i]).toBeCloseTo(value, 8);
        else expect([id, rowOf(made, id)]).toEqual([id, expected]);
      }
      expect(made.slice(267 * width).every((value) => value === 0)).toBe(true);
    }
    for (const each of ['model.norm.weight', 'model.layers.layers.1.mixer.qkv_proj.weight'])
      expect(small.numbers(out, each)).toEqual(small.numbers(name, each));
  });

  it('keep their type, and are added up in float64', () => {
    scope(() => {
      const old = tensor([2 ** 12, 1, 2 ** -12, 1, 3, 5.5, 9, 9], { shape: [4, 2] }).to('bfloat16');
      const map = { sources: [[2], [0, 1], 'all'], oldPieces: 3 } as const;
      const made = transplantedRows(old, { ...map, counts: noCounts, idOf: (id) => id }, 4);
      expect(made.dtype).toBe('bfloat16');
      // 2048.0001 → 2048; 4099/3 = 1366.33 → 1368, as bfloat16 has steps of 8 there; the row of padding is in no mean.
      expect(made.float().tolist()).toEqual([
        [3, 5.5],
        [2048, 1],
        [1368, 2.5],
        [0, 0],
      ]);
      // 16,777,218/3 = 5,592,406; float32 would lose both ones.
      const far = tensor([2 ** 24, 1, 1], { shape: [3, 1] });
      for (const source of [[0, 1, 2], 'all'] as const)
        expect(transplantedRows(far, { ...map, sources: [source], counts: noCounts, idOf: (id) => id }, 1).item()).toBe(
          5592406,
        );
    });
  });

  it('are those of their ids in large vocabularies, too, of which a part is copied at a time', () => {
    scope(() => {
      const old = arange(9000).reshape([9000, 1]).float();
      const sources = Array.from({ length: 8500 }, (_, id) => (id === 8400 ? ('all' as const) : [8999 - id]));
      const made = transplantedRows(old, { sources, oldPieces: 8990, counts: noCounts, idOf: (id) => id }, 8600);
      const expected = Array.from({ length: 8600 }, (_, id) => (id < 8500 ? 8999 - id : 0));
      expected[8400] = 8989 / 2; // of 0 … 8989
      expect(made.reshape([-1]).tolist()).toEqual(expected);
    });
  });

  it('are known from roles and texts, and text that spells a control piece is written in bytes', () => {
    const [before, after] = [loadTokenizer(small.at('元')), Tokenizer.load(folder)];
    expect(vocabularyMap(before, after).sources).toEqual(byHand.map((ids) => (ids === all ? 'all' : ids)));
    const spelled = Tokenizer.fromPieces([
      ...before.vocabulary.pieces,
      { text: `${eos}猫`, score: -1, type: 'NORMAL' },
    ]);
    const bytes = [...Buffer.from(eos)].map((byte) => 5 + byte);
    expect(vocabularyMap(before, spelled).sources[264]).toEqual([...bytes, 261]);
  });

  it('widens what was transplanted', async () => {
    await grow(small.at('元'), small.at('wide'), { hidden_size: 64, noise: 0 }, { tokenizer: folder });
    await grow(small.at('元'), small.at('once'), {}, { tokenizer: folder });
    await grow(small.at('once'), small.at('twice'), { hidden_size: 64, noise: 0 });
    const weights = (name: string) => readFileSync(small.at(name, 'model.safetensors'));
    expect(weights('wide').equals(weights('twice'))).toBe(true);
  });
});

const logitsOf = (model: Plamo2, ids: readonly number[]): number[][] =>
  scope(() =>
    noGrad(() => {
      const input = tensor([...ids], { dtype: 'int64', shape: [1, ids.length] });
      return (model.logits(model.forward(input)).tolist() as number[][][])[0]!;
    }),
  );

it('scores pieces that both have as before, after texts of them', async () => {
  await grow(small.at('元'), small.at('shared'), {}, { tokenizer: folder });
  using before = loadModel(small.at('元'));
  using after = loadModel(small.at('shared'));
  const text = [1, 261, 262, 4, 262, 5 + 0x41, 261];
  const ids = text.map((id) => byHand.findIndex((from) => from.length === 1 && from[0] === id));
  const [old, made] = [logitsOf(before, text), logitsOf(after, ids)];
  for (const [t, row] of made.entries())
    for (const [id, from] of byHand.entries())
      if (from.length === 1) expect(Math.abs(row[id]! - old[t]![from[0]!]!)).toBeLessThan(1e-6);
});

it.each(['元', 'untied'])('a vocabulary in another order gives the same model: %s', async (name) => {
  const turned = `turned-${name}`;
  const order = tokenizer(`order-${name}`, loadTokenizer(small.at(name)).vocabulary.pieces.toReversed());
  await grow(small.at(name), small.at(turned), {}, { tokenizer: order });
  for (const each of name === 'untied' ? [embedding, head] : [embedding]) {
    const [old, made] = [small.numbers(name, each), small.numbers(turned, each)];
    for (let id = 0; id < 264; id++) expect(rowOf(made, 263 - id)).toEqual(rowOf(old, id));
  }
  const [old, made] = [name, turned].map((each) => {
    using model = loadModel(small.at(each));
    const ids = loadTokenizer(small.at(each)).encode('猫と犬、鳥。猫', { addBos: true });
    return scope(() =>
      noGrad(() => {
        const hidden = model.forward(tensor(ids, { dtype: 'int64', shape: [1, ids.length] }));
        return { hidden: hidden.tolist(), logits: (model.logits(hidden).tolist() as number[][][])[0]! };
      }),
    );
  });
  expect(made!.hidden).toEqual(old!.hidden); // bit for bit
  // A product may round by where a column lies.
  for (const [t, row] of old!.logits.entries())
    for (let id = 0; id < 264; id++) expect(Math.abs(made!.logits[t]![263 - id]! - row[id]!)).toBeLessThan(1e-6);
});

describe('files', () => {
  it('has the tokenizer, and the ids in their new places', async () => {
    const path = small.at('元', 'tokenizer_config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), chat_template: '{{ messages }}' }));
    const { lineage } = await grow(small.at('元'), small.at('files'), {}, { tokenizer: folder });
    const artefact = new Artefact(small.at('files'));
    const ids = { bos_token_id: 0, eos_token_id: [3, 7], pad_token_id: 8 };
    expect(artefact.config()).toMatchObject({ vocab_size: 267, ...ids });
    expect(artefact.generationConfig()).toEqual(ids);
    expect(artefact.tokenizerConfig()).toMatchObject({ bos_token: '<s>', chat_template: '{{ messages }}' });
    expect(readFileSync(artefact.tokenizerPath).equals(readFileSync(join(folder, 'tokenizer.jsonl')))).toBe(true);
    expect(lineage.data).toMatchObject([{ name: join(folder, 'tokenizer.jsonl'), sha256: expect.any(String) }]);
    const read = loadTokenizer(small.at('files'));
    expect([read.bosId, read.eosId, read.padId, read.unkId, read.opId]).toEqual([0, 3, 8, 2, 7]);
    using model = loadModel(small.at('files'));
    expect(tokenLogprobs(model, read.encode('猫犬A', { addBos: true })).every(Number.isFinite)).toBe(true);
  });

  it('plans without writing', () => {
    const { config, parameters, parametersBefore } = planGrow(small.at('元'), {}, { tokenizer: folder });
    expect(config).toMatchObject({ vocab_size: 267, bos_token_id: 0, eos_token_id: [3, 7] });
    expect(parametersBefore - parameters).toBe(width); // 268 rows before
  });

  const withoutOp = renewed.filter(({ text }) => text !== op);
  it.each<[string, () => string, string]>([
    ['lost', () => tokenizer('without-op', withoutOp, names), `lacks "${op}"`],
    ['own', () => small.at('元', 'tokenizer.jsonl'), 'is the tokenizer that the model has'],
    ['missing', () => small.at('nowhere'), 'there is no tokenizer at'],
    ['unknown', () => tokenizer('incomplete', renewed), 'has no piece <|plamo:eos|>'],
  ])('refuses a tokenizer in a sentence: %s', async (name, place, message) => {
    const out = small.at(`refused-${name}`);
    await expect(grow(small.at('元'), out, {}, { tokenizer: place() })).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });

  it('refuses a model without a tokenizer', async () => {
    using model = loadModel(small.at('元'));
    saveModel(small.at('bare'), model);
    await expect(grow(small.at('bare'), small.at('x'), {}, { tokenizer: folder })).rejects.toThrow('has no tokenizer');
  });
});
