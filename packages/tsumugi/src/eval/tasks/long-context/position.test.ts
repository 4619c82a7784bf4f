// Bits per character by position, with a model that predicts evenly.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RollingRequest } from '../../request.ts';
import { fakeContext, pairs } from './long-context.testing.ts';
import { position } from './position.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsumugi-position-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Token t of two characters costs ln(t + 2) nats. */
function predict({ text, edges = [] }: RollingRequest) {
  const all = pairs(text);
  const bins = edges.map((end, bin) => [Math.min(all, edges[bin - 1] ?? 0), Math.min(all, end)] as const);
  const cost = ([from, to]: readonly [number, number]) => {
    let sum = 0;
    for (let t = from; t < to; t++) sum += Math.log(t + 2);
    return sum;
  };
  return {
    nats: bins.map(cost),
    tokens: bins.map(([from, to]) => to - from),
    characters: bins.map(([from, to]) => 2 * (to - from)),
  };
}

const options = { lengths: '1K,2K,4K', samples: '3' };

it('asks for long documents of both novels, and takes bins apart and together', async () => {
  const context = fakeContext({ predict }, { options, countTokens: pairs });
  const { records, aggregate, heatmap, settings } = await position.run(context);
  expect(records.map(({ id }) => id)).toEqual(['wagahai-wa-neko-de-aru/1', 'bocchan/1', 'wagahai-wa-neko-de-aru/2']);
  for (const request of context.asked as RollingRequest[]) {
    expect(request.edges).toEqual([1024, 2048, 4096]);
    expect(pairs(request.text)).toBeGreaterThan(4096);
    expect(pairs(request.text)).toBeLessThan(2 * 4096);
  }
  const whole = predict({ kind: 'rolling', text: 'あ'.repeat(8192), edges: [4096] });
  const bits = whole.nats[0]! / Math.LN2 / 8192;
  expect(aggregate!['bits_per_character']!(records)).toBeCloseTo(bits, 9);
  const bins = ['0-1K', '1K-2K', '2K-4K'].map((bin) => aggregate![`bits_${bin}`]!(records));
  expect((bins[0]! * 1024 + bins[1]! * 1024 + bins[2]! * 2048) / 4096).toBeCloseTo(bits, 9);
  expect(bins).toEqual([...bins].sort((a, b) => a - b));
  expect(heatmap).toMatchObject({ x: ['0–1K', '1K–2K', '2K–4K'], scale: { unit: 'bits per character' } });
  expect(heatmap!.y.at(-1)).toBe('all');
  for (const [bin, value] of heatmap!.values.at(-1)!.entries()) expect(value).toBeCloseTo(bins[bin]!, 9);
  expect(heatmap!.scale!.best).toBeLessThan(heatmap!.scale!.worst);
  expect(settings).toMatchObject({ documents: 3, positions: 4096, text: 'embedded novels' });
});

it('finds documents that are long enough without a tokenizer, too', async () => {
  const context = fakeContext({ predict }, { options, limit: 1 });
  expect((await position.run(context)).records.length).toBe(1);
  expect((context.asked[0] as RollingRequest).text.length).toBeGreaterThan(4 * 4096);
});

describe('a text of one’s own', () => {
  const file = join(folder, 'own.txt');
  it('is read instead', async () => {
    writeFileSync(file, '一行の文。\n'.repeat(1000));
    const own = { lengths: '256,512', samples: '2', text: file };
    const { records } = await position.run(fakeContext({ predict }, { options: own, countTokens: pairs }));
    expect(records.map(({ id }) => id)).toEqual(['own.txt/1', 'own.txt/2']);
  });

  it('is refused when it is short, not there, or no UTF-8', async () => {
    writeFileSync(file, '短い。');
    const refused = (text: string) => position.run(fakeContext({ predict }, { options: { text } }));
    await expect(refused(file)).rejects.toThrow('shorter than 32768 tokens');
    await expect(refused(join(folder, 'none.txt'))).rejects.toThrow('none.txt cannot be read');
    writeFileSync(file, new Uint8Array([0x82, 0xa0]));
    await expect(refused(file)).rejects.toThrow('as UTF-8');
  });
});
