// The limit of tokens: nothing is begun beyond it, what is through comes out, and more tokens go on from there.
import { expect, it } from 'vitest';
import { Service } from '../../eval/backends/openai.testing.ts';
import { Budget } from './budget.ts';
import { answering, documents, pipelineWorld, promptOf, questions } from './pipeline.testing.ts';
import { estimateMessages, estimateTokens } from './tokens.ts';

const { run, fresh, rowsOf, bytesOf } = pipelineWorld();

it('counts what is on its way as long as it may be', () => {
  const budget = new Budget(100);
  expect([budget.reserve(60), budget.reserve(50), budget.reserve(40)]).toEqual([true, false, true]);
  budget.settle(60);
  budget.count({ read: 10, write: 5 });
  expect([budget.total, budget.reserve(46), budget.reserve(45)]).toEqual([15, false, true]);
});

it('estimates tokens by characters', () => {
  expect(estimateTokens('abcd')).toBe(1);
  expect(estimateTokens('猫'.repeat(164))).toBe(100);
  expect(estimateMessages([{ content: 'abcd' }, { content: 'abcdabcd' }])).toBe(4 + 1 + 4 + 2);
});

it('never asks beyond the limit, and says what waits', async () => {
  const service = await Service.start(answering);
  const out = fresh();
  const settings = { ...questions, rows: documents(10), concurrency: 4 };
  // Each request is 15 tokens when it is answered, and some 600 while it is on its way.
  const report = await run(service, { ...settings, maxTokens: 1300 }, { out });
  expect(report.stopped).toBe(true);
  expect(report.tokens.read + report.tokens.write).toBe(15 * service.asked.length);
  for (const [i, { body }] of service.asked.entries()) {
    const most = estimateMessages([{ content: promptOf(body) }]) + 512;
    expect(15 * Math.max(0, i - 3) + most).toBeLessThanOrEqual(1300);
  }
  expect(service.asked.length).toBeGreaterThan(10);
  expect(report.steps.reduce((sum, { waiting }) => sum + waiting, 0)).toBeGreaterThan(0);
  expect(rowsOf(out)).toHaveLength(report.examples);
  // The limit is for the folder: there is room for a first request, and none for one more. A greater one goes on.
  const asked = service.asked.length;
  expect(await run(service, { ...settings, maxTokens: 15 * asked + 400 }, { out })).toMatchObject({
    asked: 0,
    stopped: true,
  });
  expect(await run(service, settings, { out })).toMatchObject({ known: asked, asked: 30 - asked, stopped: false });
  const whole = fresh();
  await run(await Service.start(answering), settings, { out: whole });
  const same = (text: string | undefined) => text?.replaceAll(/m at \S+ [0-9a-f]{16}/g, 'm');
  expect(same(bytesOf(out))).toBe(same(bytesOf(whole)));
});
