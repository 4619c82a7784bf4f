// The property that counts: random Japanese text in any encoding is read as what it is, or refused; never as another text.
import { describe, expect, it } from 'vitest';
import { DataError } from '../../base/index.ts';
import { bytesSource } from '../fixtures/toy.testing.ts';
import { decode } from './decode.ts';
import { ENCODERS, KINDS, randomLength, randomText, streamOf } from './random-text.testing.ts';

interface Count {
  same: number;
  refused: number;
}

/** Reads `texts` random texts of each kind in `encoding`. @throws when one is read as another */
async function readRandom(encoding: string, seed: number, texts: number, kinds = KINDS): Promise<Count> {
  const stream = streamOf(seed);
  const count = { same: 0, refused: 0 };
  for (const kind of kinds) {
    for (let i = 0; i < texts; i++) {
      const text = randomText(kind, i % 4 === 0 ? 3 + (i % 7) : randomLength(stream), stream);
      const bytes = ENCODERS[encoding]!(text);
      if (!bytes) continue; // It has a character that the encoding has not.
      try {
        const chunks = await Array.fromAsync(decode(bytesSource(bytes, 1 + Math.floor(1000 * stream.next()))));
        expect(chunks.join('')).toBe(text);
        count.same++;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        expect(error.message).toMatch(/memory\.txt.*\n.*--encoding [a-z]/);
        count.refused++;
      }
    }
  }
  return count;
}

describe('random Japanese text', () => {
  it.each(Object.keys(ENCODERS))('in %s is read as it is, or refused', async (encoding) => {
    const { same, refused } = await readRandom(encoding, 1, 24);
    expect(same + refused).toBeGreaterThan(80);
    // What tells itself apart is never refused, and UTF-8 nearly never.
    if (/mark|sig|^utf-(16|32)$|iso2022/.test(encoding)) expect(refused).toBe(0);
    if (encoding === 'utf-8') expect(refused).toBeLessThan(3);
  });

  it.each(['cp932', 'euc_jp'])('in %s is seldom refused when it is sentences', async (encoding) => {
    const { same, refused } = await readRandom(encoding, 2, 200, ['sentences']);
    expect(same).toBeGreaterThan(150);
    expect(refused).toBeLessThan(0.2 * same);
  });
});

it('takes one sign in a long text of ASCII for what UTF-8 says it is', async () => {
  for (const sign of ['£5', '20 °C', 'café', '©', '±1']) {
    const text = `${'The quick brown fox jumps over the lazy dog. '.repeat(30)}${sign}\n`;
    expect((await Array.fromAsync(decode(bytesSource(Buffer.from(text), 100)))).join('')).toBe(text);
  }
});
