// The data file, its errors, and the measures.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchmark } from '../../../../../../tests/files.ts';
import { requires } from '../../../../../../tests/requires.testing.ts';
import { DataError } from '../../../base/index.ts';
import type { AnswerTo, Request } from '../../request.ts';
import type { TaskContext } from '../../task.ts';
import { readPrompts } from './prompts.ts';
import task from './task.ts';
import { loadTools } from './tools.ts';
import type { Tools } from './verifier.ts';

const published = benchmark('m-ifeval-ja/ja_input_data.jsonl');
const present = requires(existsSync(published), `${published} is absent`);

const folder = mkdtempSync(join(tmpdir(), 'tsumugi-m-ifeval-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let tools: Tools;
beforeAll(async () => {
  tools = await loadTools();
});

function dataFile(...rows: unknown[]): string {
  const file = join(folder, 'data.jsonl');
  writeFileSync(file, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
  return file;
}

const row = (key: number, ids: string[], kwargs: unknown[]) => ({
  key,
  prompt: `指示${key}`,
  instruction_id_list: ids.map((id) => `ja:${id}`),
  kwargs,
});

/** Answers each prompt with what `responses` has under it. */
function contextOf(file: string, responses: Record<string, string>, more: Partial<TaskContext> = {}): TaskContext {
  return {
    ask: async <R extends Request>(requests: readonly R[]) =>
      requests.map((request) => {
        if (request.kind !== 'generate') throw new Error(`unexpected ${request.kind}`);
        const prompt = typeof request.prompt === 'string' ? request.prompt : request.prompt.at(-1)!.content;
        return { text: responses[prompt] ?? '', finish: 'end' } as AnswerTo<R>;
      }),
    file: () => file,
    limit: undefined,
    shots: undefined,
    seed: 0,
    keepTexts: false,
    chat: true,
    ...more,
  };
}

it('reads the published data: 172 prompts, 226 instructions, 33 kinds', present, () => {
  const prompts = readPrompts(published, tools);
  const counts = new Map<string, number>();
  for (const { instructions } of prompts) for (const { id } of instructions) counts.set(id, (counts.get(id) ?? 0) + 1);
  expect(prompts.length).toBe(172);
  expect([...counts.values()].reduce((sum, count) => sum + count)).toBe(226);
  expect(counts.size).toBe(33);
  const notSeven = Object.fromEntries([...counts].filter(([, count]) => count !== 7));
  expect(notSeven).toEqual({
    'ja:letters:furigana': 12,
    'ja:language:response_language': 4,
    'ja:detectable_format:constrained_response': 4,
    'ja:keywords:letter_frequency': 5,
    'ja:detectable_format:json_format': 6,
    'ja:letters:katakana_only': 6,
  });
});

describe('refuses', () => {
  it.each([
    ['not JSON', '{"key":', '', 'not JSON'],
    ['an unknown id', row(1, ['letters:kanjii'], [{}]), 'instruction_id_list', 'Did you mean "ja:letters:kanji"'],
    [
      'a missing argument',
      row(1, ['keywords:existence'], [{}]),
      'keywords',
      'should be a list of texts but is missing',
    ],
    ['a wrong type', row(1, ['startend:end_checker'], [{ end_phrase: 3 }]), 'end_phrase', 'should be a text but is 3'],
    [
      'an unknown relation',
      row(1, ['letters:kanji'], [{ kanji_limit: 3, relation: '以下' }]),
      'relation',
      'should be 以上 or 未満 but is "以下"',
    ],
    [
      'an unknown argument',
      row(1, ['detectable_format:title'], [{ titel: 'a' }]),
      'titel',
      'that ja:detectable_format:title does not have',
    ],
    [
      'a paragraph that cannot be',
      row(
        1,
        ['length_constraints:nth_paragraph_first_word'],
        [{ num_paragraphs: 2, nth_paragraph: 3, first_word: 'a' }],
      ),
      'nth_paragraph',
      'should be between 1 and num_paragraphs (2) but is 3',
    ],
    [
      'a language that cannot be identified',
      row(1, ['language:response_language'], [{ language: 'sw' }]),
      'language',
      'a language that can be identified',
    ],
    ['fewer arguments than instructions', row(1, ['letters:furigana'], []), 'kwargs', 'a list of 1 objects'],
    ['no prompt', { ...row(1, ['letters:furigana'], [{}]), prompt: '' }, 'prompt', '"prompt" should be a text'],
  ])('%s', (_, bad, field, message) => {
    const good = row(0, ['letters:furigana'], [{}]);
    const file = dataFile(good, bad);
    let error: unknown;
    try {
      readPrompts(file, tools);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toContain(`${file}, line 2`);
    expect((error as DataError).message).toContain(message);
    expect((error as DataError).fields).toMatchObject({ line: 2, field });
  });
});

describe('measures', () => {
  const file = () =>
    dataFile(
      row(1, ['letters:no_hiragana', 'punctuation:no_comma', 'startend:quotation'], [{}, {}, {}]),
      row(2, ['startend:quotation'], [{}]),
      row(3, ['punctuation:no_period'], [{}]),
    );
  const responses = { 指示1: '「東京、京都」', 指示2: '承知しました。\n「はい」', 指示3: '' };

  it('prompts, and instructions by their number', async () => {
    const { records, aggregate, heatmap } = await task.run(contextOf(file(), responses));
    expect(records.map(({ metrics }) => metrics['prompt_strict'])).toEqual([0, 0, 0]);
    expect(records.map(({ metrics }) => metrics['prompt_loose'])).toEqual([0, 1, 0]);
    expect(aggregate!['prompt_strict']!(records)).toBe(0);
    expect(aggregate!['prompt_loose']!(records)).toBeCloseTo(1 / 3, 12);
    expect(aggregate!['instruction_strict']!(records)).toBeCloseTo(2 / 5, 12);
    expect(aggregate!['instruction_loose']!(records)).toBeCloseTo(3 / 5, 12);
    expect(heatmap!.y).toEqual([
      ...['ja:letters:no_hiragana', 'ja:punctuation:no_comma', 'ja:punctuation:no_period', 'ja:startend:quotation'],
    ]);
    expect(heatmap!.values).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [0.5, 1],
    ]);
    expect(heatmap!.counts!.map(([count]) => count)).toEqual([1, 1, 1, 2]);
  });

  it('asks greedily, in chat where the model chats, and keeps texts on request', async () => {
    const { records, settings } = await task.run(contextOf(file(), responses, { keepTexts: true, limit: 2 }));
    expect(records.length).toBe(2);
    expect(records[0]!.prompt).toMatchObject({ prompt: [{ role: 'user', content: '指示1' }], temperature: 0 });
    expect(settings).toMatchObject({ prompt: 'chat', analyser: 'lindera-wasm-nodejs-ipadic 2.0.0' });
    const plain = await task.run(contextOf(file(), responses, { chat: false, keepTexts: true }));
    expect(plain.records[0]!.prompt).toMatchObject({ prompt: '指示1' });
    expect(plain.settings).toMatchObject({ prompt: 'plain' });
  });

  it('gives nothing to a model that says nothing', present, async () => {
    const { records, aggregate } = await task.run(contextOf(published, {}));
    expect(records.length).toBe(172);
    for (const metric of ['instruction_strict', 'instruction_loose']) expect(aggregate![metric]!(records)).toBe(0);
  });
});
