// What a plan counts: samples multiply requests and rows, a list has the items that are asked for, perplexity is read and not written; and
// that files of text are cut as the settings say before they are counted.
import { expect, it } from 'vitest';
import { documents, pipelineWorld, questions } from './pipeline.testing.ts';
import type { PipelineSettings } from './pipeline-config.ts';
import { planPipeline } from './plan-pipeline.ts';

const { write } = pipelineWorld();
/** A token is a character. */
const countTokens = (text: string) => [...text].length;
const planOf = (settings: PipelineSettings) => planPipeline(settings, { countTokens });

it('counts each sample as a request, which reads the row again, and as a row of its own', async () => {
  const steps = (samples: number): PipelineSettings['steps'] => [
    { prompt: '{{text}}', into: 'reply', maxTokens: 20, samples },
    { prompt: '{{reply}}', into: 'more', maxTokens: 5 },
  ];
  const plan = (samples: number) =>
    planOf({ rows: documents(4), steps: steps(samples), output: { user: 'reply', assistant: 'more' } });
  const [one, three] = [await plan(1), await plan(3)];
  const shown = ({ steps }: typeof one) => steps.map(({ requests, write }) => [requests, write]);
  expect(shown(one)).toEqual([
    [4, 80],
    [4, 20],
  ]);
  expect(shown(three)).toEqual([
    [12, 240],
    [12, 60],
  ]);
  expect([one.examples, three.examples]).toEqual([4, 12]);
  expect(three.read).toBe(3 * one.read);
  // A reply is read by the next step as long as it may be, beside what a message takes by itself.
  expect(one.steps[1]!.read - one.steps[0]!.read).toBe(4 * (20 - countTokens('第0の山')));
});

it('counts what a filter by perplexity reads', async () => {
  const texts = ['山', '川と海', '空'];
  const rows = texts.map((text) => ({ text }));
  const measured = await planOf({
    rows,
    steps: [{ filter: 'perplexity', field: 'text', max: 9 }],
    output: { text: 'text' },
  });
  expect(measured.steps).toEqual([{ step: 'step 1 (perplexity)', requests: 3, read: 5, write: 0 }]);
  expect(measured).toMatchObject({ requests: 3, read: 5, write: 0, examples: 3 });
  const other = await planOf({ rows, steps: [{ filter: 'length', field: 'text', min: 1 }], output: { text: 'text' } });
  expect([other.steps, other.requests]).toEqual([[], 0]);
});

it('takes no row with half of a character, wherever it is from', async () => {
  const data = write('half.jsonl', '{"text":"山"}\n{"text":"\\ud83d"}\n');
  await expect(planOf({ ...questions, data: [data] })).rejects.toThrow(`${data}, row 2: text holds half`);
  const rows = [{ text: '山' }, { text: '\ud83d' }];
  await expect(planOf({ ...questions, rows })).rejects.toThrow('rows, row 2: text holds half');
});

it('cuts files of text into documents as long as the settings say', async () => {
  const text = write('long.txt', `${'雪の降る山の家。'.repeat(50)}\n`);
  const rows = async (changes: object) => (await planOf({ ...questions, data: [text], ...changes })).rows;
  expect(await rows({})).toBe(1); // 400 characters
  expect(await rows({ documentCharacters: 100 })).toBe(4);
  expect(await rows({ documentCharacters: 200 })).toBe(2);
});
