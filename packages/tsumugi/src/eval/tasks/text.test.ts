// Bits per character and perplexity, against sums worked out by hand and the split that training uses.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tokenLogprobs } from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { embeddedText, isHeldOut, openCorpus, prepare } from '../../text/index.ts';
import { fakeBackend } from '../eval.testing.ts';
import { engineBackend, evaluate, textTask } from '../index.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-text-task-'));
afterAll(() => rmSync(home, { recursive: true }));

describe('the task text', () => {
  it('gives the metrics of its formulas', async () => {
    using tiny = new TinyModel();
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    const texts = ['吾輩は猫である。', '🐈と犬', '山川山川山川山川'];
    const file = join(home, 'texts.jsonl');
    writeFileSync(file, [...texts, ' \n'].map((text) => JSON.stringify({ body: text })).join('\n'));
    await using backend = engineBackend({ model, tokenizer, name: 'tiny', fingerprint: 'x' });
    const task = textTask([file], { field: 'body' });
    const { tasks } = await evaluate({ tasks: [task], backend, keepTexts: true });
    const documents = texts.map((text) => tokenizer.encode(text, { addBos: true, safe: true }));
    const nats = documents.map((ids) => -tokenLogprobs(model, ids).reduce((sum, each) => sum + each, 0));
    const total = nats.reduce((a, b) => a + b, 0);
    const tokens = documents.reduce((sum, ids) => sum + ids.length - 1, 0);
    const value = (name: string) => tasks[0]!.metrics[name]!.value!;
    expect(value('bits_per_character')).toBeCloseTo(total / Math.LN2 / (8 + 3 + 8), 4);
    expect(value('bits_per_byte')).toBeCloseTo(total / Math.LN2 / (24 + 10 + 24), 4);
    expect(value('perplexity') / Math.exp(total / tokens)).toBeCloseTo(1, 4);
    expect(value('characters_per_token')).toBeCloseTo(19 / tokens, 10);
    expect(tasks[0]).toMatchObject({ n: 3, lowerIsBetter: true, metric: 'bits_per_character' });
    const [first] = tasks[0]!.records!;
    expect(first).toMatchObject({ id: '0:texts.jsonl', prompt: texts[0], metrics: { characters: 8, bytes: 24 } });
    expect(first!.metrics['nats']).toBeCloseTo(nats[0]!, 4);
  });

  it('takes what the demo holds out, unless text is named', async () => {
    using tiny = new TinyModel();
    const encoder = tiny.loadTokenizer();
    const corpus = openCorpus(embeddedText(), { documentCharacters: 8000 });
    const { manifest } = await prepare(corpus, join(home, 'shards'), { encoder, tokenizerHash: 'x', seed: 3 });
    const { tasks } = await evaluate({ tasks: [textTask()], backend: fakeBackend(), seed: 3, keepTexts: true });
    const { documents, characters } = manifest.heldOut;
    const measured = tasks[0]!.records!.reduce((sum, { metrics }) => sum + metrics['characters']!, 0);
    expect([tasks[0]!.n, measured]).toEqual([documents, characters]);
  });

  it('takes the held-out documents of one’s own text when asked to', async () => {
    const file = join(home, 'many.jsonl');
    const texts = Array.from({ length: 300 }, (_, i) => `第${i}話。`);
    writeFileSync(file, texts.map((text) => JSON.stringify({ text })).join('\n'));
    const measure = (heldOut: string) =>
      evaluate({
        tasks: [textTask([file])],
        backend: fakeBackend(),
        taskOptions: { 'held-out': heldOut },
        keepTexts: true,
      });
    const { tasks } = await measure('3');
    expect(tasks[0]!.records!.map(({ prompt }) => prompt)).toEqual(texts.filter((text) => isHeldOut(text, 3)));
    expect(tasks[0]!.n).toBeLessThan(40);
    expect(tasks[0]!.settings['heldOutWithSeed']).toBe(3);
    await expect(measure('x')).rejects.toThrow('held-out should be a seed');
  });

  it('refuses files without text', async () => {
    const file = join(home, 'blank.txt');
    writeFileSync(file, '\n\n');
    await expect(evaluate({ tasks: [textTask([file])], backend: fakeBackend() })).rejects.toThrow(
      'there is no text to measure in',
    );
  });
});
