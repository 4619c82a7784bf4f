// An adapter merged into its base: what the merged folder computes, of dense and quantized bases, and what is refused.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addLora,
  loadAdapted,
  loadModel,
  loadTokenizer,
  type Plamo2,
  saveAdapter,
  scoreText,
  templateFolder,
} from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { namedParameters } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import { findTemplate } from '../../text/index.ts';
import { noGrad, Rng, scope } from '../../torch/index.ts';
import { quantizeModel } from '../quantize/index.ts';
import { mergeAdapter } from './merge-adapter.ts';

let tiny: TinyModel;
let home: string;
const at = (...names: string[]) => join(home, ...names);
const text = '吾輩は猫である。名前はまだない。';
const score = (model: Plamo2) => scoreText(model, loadTokenizer(tiny.folder, model.config), text).total;

/** An adapter that changes what its base says. */
async function adapter(name: string, base: string, kind: 'lora' | 'rslora' | 'dora' = 'lora'): Promise<string> {
  using model = loadModel(base, { dtype: 'float32', storedMatrices: true });
  for (const [i, layer] of [...addLora(model, { rank: 2, kind }).values()].entries())
    noGrad(() => scope(() => void layer.lora_B.weight.normal_(0, 0.2, { rng: new Rng(i) })));
  const lineage = { stage: 'test', parents: [{ name: base, sha256: await new Artefact(base).hash() }] };
  saveAdapter(at(name), model, { base, lineage, tokenizerFolder: base });
  return at(name);
}

beforeAll(() => {
  tiny = new TinyModel();
  home = mkdtempSync(join(tmpdir(), 'tsumugi-adapter-'));
});
afterAll(() => {
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});

describe.each(['lora', 'rslora', 'dora'] as const)('%s', (kind) => {
  it('becomes a model that says the same', async () => {
    const made = await adapter(`adapter-${kind}`, tiny.folder, kind);
    const result = await mergeAdapter(made, at(`merged-${kind}`));
    expect(result).toMatchObject({ base: tiny.folder, layers: 2 * 4 + 2 + 3 * 2, dequantized: false });
    expect(result.gate!.meanKl).toBeLessThan(1e-6);
    using before = loadModel(tiny.folder);
    using adapted = await loadAdapted(tiny.folder, made);
    using merged = loadModel(at(`merged-${kind}`));
    expect(score(merged)).toBeCloseTo(score(adapted), 3);
    expect(Math.abs(score(before) - score(adapted))).toBeGreaterThan(0.1);
    expect(loadTokenizer(at(`merged-${kind}`)).vocabSize).toBe(loadTokenizer(tiny.folder).vocabSize);
    expect(new Artefact(result.folder).lineage()).toMatchObject({
      stage: 'merge-adapter',
      parents: [{ name: tiny.folder }, { name: made }],
    });
  });
});

it.each([4, 8] as const)(
  'stands on a base of %s bits as it is stored, and is merged into its numbers',
  async (bits) => {
    const base = at(`int${bits}`);
    await quantizeModel(tiny.folder, base, { method: 'rtn', bits, groupSize: 16, gate: false });
    const made = await adapter(`over-int${bits}`, base, bits === 4 ? 'dora' : 'lora');
    const result = await mergeAdapter(made, at(`merged-int${bits}`));
    expect(result.dequantized).toBe(true);
    using quantized = loadModel(base);
    using adapted = await loadAdapted(base, made);
    using merged = loadModel(result.folder);
    expect(score(merged)).toBeCloseTo(score(adapted), 3);
    expect(Math.abs(score(quantized) - score(adapted))).toBeGreaterThan(0.1);
    expect(new Set(namedParameters(merged).map(([, each]) => each.dtype))).toEqual(new Set(['float32']));
  },
);

describe('keeps the chat template that its adapter is asked with', () => {
  const [ofBase, ofAdapter] = ['base', 'adapter'].map(
    (name) => `${name}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}`,
  );
  const config = 'tokenizer_config.json';
  it.each([
    ['the base’s, where the adapter has a tokenizer and none', ['tokenizer.jsonl', config], undefined, ofBase],
    ['the base’s, where the adapter has neither', [], undefined, ofBase],
    ['the adapter’s, without a tokenizer', [config], ofAdapter, ofAdapter],
    ['the adapter’s, in a file of its own', [], { 'chat_template.jinja': ofAdapter }, ofAdapter],
    ['the adapter’s, with its tokenizer', ['tokenizer.jsonl', config], ofAdapter, ofAdapter],
  ] as const)('%s', async (name, files, own, expected) => {
    const base = at(`base of ${name}`);
    cpSync(tiny.folder, base, { recursive: true });
    const chatting = (template: string | undefined) =>
      JSON.stringify({ ...JSON.parse(readFileSync(join(tiny.folder, config), 'utf8')), chat_template: template });
    writeFileSync(join(base, config), chatting(ofBase));
    const made = await adapter(name, base);
    for (const file of ['tokenizer.jsonl', config]) rmSync(join(made, file));
    for (const file of files) cpSync(join(tiny.folder, file), join(made, file));
    if (typeof own === 'string') writeFileSync(join(made, config), chatting(own));
    else if (own) writeFileSync(join(made, 'chat_template.jinja'), own['chat_template.jinja']!);
    const template = (folder: string) => findTemplate(folder, loadTokenizer(base))?.source;
    expect(template(templateFolder(base, made))).toBe(expected);
    const { folder } = await mergeAdapter(made, at(`merged ${name}`), { gate: false });
    expect(template(folder)).toBe(expected);
  });
});

describe('is refused', () => {
  it('for a base of another content', async () => {
    const made = await adapter('a', tiny.folder);
    const other = at('other-base');
    cpSync(tiny.folder, other, { recursive: true });
    writeFileSync(join(other, 'config.json'), `${readFileSync(join(other, 'config.json'), 'utf8')} `);
    await expect(mergeAdapter(made, at('never'), { base: other })).rejects.toMatchObject({ code: 'other-base' });
    expect(existsSync(at('never'))).toBe(false);
  });

  it('into its base, over something else, or from nothing', async () => {
    const made = await adapter('b', tiny.folder);
    await expect(mergeAdapter(made, tiny.folder)).rejects.toMatchObject({ code: 'merge-into-source' });
    await expect(mergeAdapter(made, home)).rejects.toMatchObject({ code: 'place-taken' });
    await expect(mergeAdapter(at('nowhere'), at('never'))).rejects.toMatchObject({ code: 'no-adapter' });
    expect(readdirSync(home).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
