// The published results, every digit of them: result.json of the reference answers, and in `npm run test:long` of plamo-100b (100
// trials), too.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { benchmark } from '../../../../../../tests/files.ts';
import { requires } from '../../../../../../tests/requires.testing.ts';
import { sha256 } from '../../../base/index.ts';
import { thorough } from '../../../base/thorough.testing.ts';
import { readTar } from '../../../store/index.ts';
import { readDecompressed } from '../../../text/index.ts';
import { loadQuestions } from './load.ts';
import { type PromptOptions, promptOf } from './prompt.ts';
import { rescorePfgen } from './rescore.ts';

const pfgen = benchmark('pfgen');

describe('the published results', requires(existsSync(pfgen), `pfgen-bench is not at ${pfgen}`), () => {
  const cacheFolder = mkdtempSync(join(tmpdir(), 'tsumugi-pfgen-cache-'));
  afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

  const ofPlamo = async () => {
    const run = join(pfgen, 'result/pfnet/plamo-100b/b181032');
    const answers = join(run, 'trials.jsonl.xz');
    const { fluency, truthfulness, helpfulness, ...result } = await rescorePfgen({
      questions: pfgen,
      answers,
      cacheFolder,
    });
    expect(result).toEqual(JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')));
    expect(result.score).toBe(0.7469);
    expect([fluency, truthfulness, helpfulness].map((part) => part.toFixed(3))).toEqual(['0.861', '0.920', '0.460']);
  };
  if (thorough) it('of plamo-100b', { timeout: 300_000 }, ofPlamo);

  it('of the reference answers, the second time from the tables on disk', { timeout: 300_000 }, async () => {
    const archive = join(pfgen, 'questions.tar.xz');
    const files = new Map(Array.from(readTar(await readDecompressed(archive), archive), (f) => [f.name, f.bytes]));
    for (const name of ['questions.jsonl', 'config.json'])
      writeFileSync(join(cacheFolder, name), files.get(`data/${name}`)!);
    let cached = 0;
    const score = () =>
      rescorePfgen({
        questions: archive,
        answers: join(cacheFolder, 'questions.jsonl'),
        cacheFolder,
        onProgress: (progress) => (cached += Number(progress.cached)),
      });
    const first = await score();
    cached = 0;
    const again = await score();
    expect([cached, again]).toEqual([50, first]);
    const { fluency, truthfulness, helpfulness, ...result } = again;
    expect(result).toEqual(JSON.parse(files.get('data/result.json')!.toString()));
    expect(result.score).toBe(1.0501);
    expect([fluency, truthfulness, helpfulness].map((part) => part.toFixed(3))).toEqual(['1.155', '0.996', '1.000']);
    const averages = ['Q01', 'Q02', 'Q05', 'Q17'].map((id) => result.questions[id]!.scores.average);
    expect(averages).toEqual([1.04893, 1.08143, 1.01187, 1.10954]);
  });

  it('and the prompts, as hashed by Python', async () => {
    const { references } = await loadQuestions(pfgen);
    const all = references();
    const hash = (index: number, trial: number, mode: PromptOptions['mode']) => {
      const prompt = promptOf(all[index]!, all, trial, { mode, examples: 20, seed: '' });
      return sha256(typeof prompt === 'string' ? prompt : prompt[0]!.content).slice(0, 16);
    };
    expect([hash(0, 1, 'completion'), hash(20, 7, 'completion'), hash(49, 100, 'completion')]).toEqual([
      ...['8a38ebfaeeecbecc', 'ce68c104bd1d474d', '50217256a1ffdc3e'],
    ]);
    expect([hash(0, 1, 'qa'), hash(20, 7, 'qa'), hash(49, 100, 'qa')]).toEqual([
      ...['4cf13230b96d4ca8', 'dce13fed637a2a3f', 'cf2a603fadc05adb'],
    ]);
    expect([hash(0, 1, 'chat'), hash(20, 7, 'chat'), hash(49, 100, 'chat')]).toEqual([
      ...['8997c4eacd986c0d', '7094cbb19c136e85', '9e645104dc902fcb'],
    ]);
  });
});
