// The log of answers: cut off at any byte, it goes on after the last whole group, and ends as one that was never cut.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type AnsweredPrompt, AnswerLog } from './answer-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsumugi-answers-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'answers.jsonl');

const [prompts, group] = [5, 2];
const text = 'はい\u2028と\n"言う"';
const answered = (prompt: number): AnsweredPrompt => ({
  prompt,
  answers: [{ text: `${text}${prompt}`, finished: true, tokens: 3, logprob: -1.5, score: prompt }],
});

/** Writes what is missing; returns the place from which it went on. */
function goOn(heading = 'h'): number {
  using log = new AnswerLog(path, heading, { group, prompts });
  const from = log.done;
  while (log.done < prompts) {
    const places = Array.from({ length: Math.min(group, prompts - log.done) }, (_, i) => log.done + i);
    log.add(places.map(answered));
  }
  return from;
}

it('goes on after the last whole group, wherever it was cut off', async () => {
  expect(goOn()).toBe(0);
  const whole = readFileSync(path);
  const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
  expect(ends.length).toBe(1 + prompts);
  // Around the ends of lines, and every fifth byte between them.
  const near = (length: number) => length % 5 === 0 || [0, ...ends].some((end) => Math.abs(end - length) <= 1);
  for (let length = 0; length <= whole.length; length++) {
    if (!near(length)) continue;
    writeFileSync(path, whole.subarray(0, length));
    const lines = ends.filter((end) => end <= length).length - 1;
    expect(goOn()).toBe(lines === prompts ? prompts : Math.max(0, lines - (lines % group)));
    expect(readFileSync(path).equals(whole)).toBe(true);
  }
  using log = new AnswerLog(path, 'h', { group, prompts });
  expect(await Array.fromAsync(log.read())).toEqual([0, 1, 2, 3, 4].map(answered));
});

it('refuses answers of something else, and leaves them', () => {
  goOn();
  const before = readFileSync(path);
  expect(() => goOn('other')).toThrow(`${path} holds answers of other settings, prompts or another model`);
  expect(readFileSync(path).equals(before)).toBe(true);
});
