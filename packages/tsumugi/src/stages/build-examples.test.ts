// The stage that makes rows: every setting changes them, the two sides have nothing in common, what does not fit is refused.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { given as outside } from '../recipe/index.ts';
import { embeddedText } from '../text/index.ts';
import { buildExamples } from './index.ts';
import { given } from './stages.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-build-examples-'));
afterAll(() => rmSync(home, { recursive: true }));
let made = 0;
const novel = given(embeddedText()[1]!);

async function make(config: object, data: object = novel) {
  const folder = join(home, String(made++));
  const work = buildExamples.run as unknown as (context: object) => Promise<{ metrics: { value: number }[] }>;
  const whole = buildExamples.config.parse({ builder: 'particle-cloze', ...config });
  const { metrics } = await work({ config: whole, inputs: { data }, folder });
  const text = readFileSync(join(folder, 'examples', 'rows.jsonl'), 'utf8');
  expect(text.trimEnd().split('\n')).toHaveLength(metrics[0]!.value);
  return text;
}

const passages = join(home, 'rows.jsonl');
writeFileSync(
  passages,
  Array.from(
    { length: 300 },
    (_, i) => `${JSON.stringify({ text: `主人は机に向って第${i}の本を読む。`, package: `p${i % 7}` })}\n`,
  ).join(''),
);

const changes: Record<string, [object, object?]> = {
  builder: [{ builder: 'word-cloze' }],
  rows: [{ rows: 'pairs' }],
  form: [{ form: 'task' }],
  side: [{ side: 'heldOut' }],
  heldOutFraction: [{ heldOutFraction: 0.5 }],
  group: [{ group: 'package', heldOutFraction: 0.5 }, given(passages)],
  share: [{ share: 0.5 }],
  seed: [{ seed: 1 }],
};

it.each(Object.entries(changes))('%s changes the rows', async (setting, [config, data]) => {
  const plain = Object.fromEntries(Object.entries(config).filter(([key]) => key !== setting));
  expect(await make(config, data)).not.toBe(await make(plain, data));
});

it('knows every setting', () => {
  expect(Object.keys(changes).sort()).toEqual(Object.keys(buildExamples.config.shape).sort());
});

it('gives the same bytes again, and sides that share no sentence', async () => {
  const [train, again, heldOut] = [await make({}), await make({}), await make({ side: 'heldOut' })];
  expect(again).toBe(train);
  const rows = (text: string) => new Set(text.trimEnd().split('\n'));
  expect(rows(train).intersection(rows(heldOut)).size).toBe(0);
  const short = await make({}, { ...novel, settings: { documentCharacters: 500 } });
  expect(short).not.toBe(train);
});

it('refuses what does not fit, and forecasts', async () => {
  const text = outside('text', embeddedText());
  const stage = (config: object) =>
    buildExamples.stage('rows', { builder: 'particle-cloze', ...config }, { data: text });
  expect(() => stage({ builder: 'synopsis', form: 'task' })).toThrow('no form "task"');
  expect(() => stage({ side: 'heldOut', heldOutFraction: 0 })).toThrow('no rows of the side heldOut');
  const config = buildExamples.config.parse({ builder: 'particle-cloze' });
  const bytes = 1_220_000;
  const { metrics, seconds, diskBytes } = await buildExamples.forecast({
    config,
    inputs: { data: { ...novel, bytes } as never },
  });
  // 4,754 rows of 2.0 MB are made of both novels in half a second.
  expect(metrics!['examples']).toBeGreaterThan(2400);
  expect(metrics!['examples']).toBeLessThan(9600);
  expect(diskBytes).toBeLessThan(4e6);
  expect(seconds).toBeLessThan(5);
  // Of these only a part of what is read becomes a row: 897 of 30.2 MB of sentences, 644 of 42.7 MB of documents, 5,248 of 7 MB.
  const examplesOf = async (builder: string, of: number) =>
    (
      await buildExamples.forecast({
        config: buildExamples.config.parse({
          builder,
          heldOutFraction: 0,
          ...(builder === 'newer-translation' && { rows: 'pairs' }),
        }),
        inputs: { data: { ...novel, path: 'text', bytes: of } as never },
      })
    ).metrics!['examples']!;
  for (const [builder, of, found] of [
    ['newer-translation', 30_204_375, 897],
    ['faq', 42_700_000, 644],
    ['synopsis', 6_950_000, 5248],
    ['translate-en-ja', 68_900_000, 308_486],
  ] as const) {
    const foreseen = await examplesOf(builder, of);
    expect(Math.max(foreseen / found, found / foreseen), builder).toBeLessThan(2);
  }
});
