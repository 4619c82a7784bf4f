// Pairs out of a model's own answers: what is written, what is counted, what is refused, and that a run that was cut off ends with the
// same bytes.
import { appendFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { inTime } from '../../base/thorough.testing.ts';
import { Service } from '../../eval/backends/openai.testing.ts';
import {
  addRewardHead,
  initialRewardHead,
  loadModel,
  loadRewardModel,
  saveModel,
  saveRewardModel,
} from '../../lm/index.ts';
import { Artefact } from '../../store/index.ts';
import { builtInTemplate, loadPairs, openTokenizer, templateTokens } from '../../text/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import { silent } from '../../train/train.testing.ts';
import { type CopyingSetup, copyingPrompts, copyingSetup } from './copying.testing.ts';
import { makePairs, type PairsInput, pairsConfig } from './index.ts';

let setup: CopyingSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await copyingSetup();
}, 60_000);
afterAll(() => setup[Symbol.dispose]());
beforeEach(() => rmSync(at('out'), { recursive: true, force: true }));

const settings = (changes: Partial<PairsInput> = {}) =>
  pairsConfig.parse({
    model: at('base'),
    prompts: [at('prompts.jsonl')],
    out: at('out'),
    maxTokens: 4,
    samples: 4,
    slots: 4, // groups of 8 prompts
    ...changes,
  });
const make = (changes: Partial<PairsInput> = {}, options: object = {}) =>
  makePairs(settings(changes), { stream: silent, ...options });
const linesOf = (...names: string[]) =>
  readFileSync(at('out', ...names), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const written = () => ['answers.jsonl', 'pairs/pairs.jsonl'].map((name) => readFileSync(at('out', name), 'utf8'));
/** Writes prompts of a test's own. */
const prompts = (...rows: object[]): string[] => {
  writeFileSync(at('own.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return [at('own.jsonl')];
};

describe('makePairs', () => {
  it('pairs a right answer with a wrong one, and says where both are from', async () => {
    const result = await make();
    const pairs = linesOf('pairs', 'pairs.jsonl');
    const [{ heading }, ...answered] = linesOf('answers.jsonl');
    expect(heading).toMatch(/^[0-9a-f]{64}$/);
    expect([pairs.length, answered.length]).toEqual([result.pairs, 100]);
    const { hash } = await new Artefact(at('base')).hashed();
    for (const { prompt, chosen, rejected, scores, provenance } of pairs) {
      const { model, answers, file, row, seed, by } = provenance;
      expect(prompt).toBe(copyingPrompts[row - 1]!.prompt);
      expect(chosen).toContain(copyingPrompts[row - 1]!.answer);
      expect(scores).toEqual([1, 0]);
      expect([model, file, seed, by]).toEqual([hash, 'prompts.jsonl', 0, 'number']);
      const [better, worse] = answers.map((k: number) => answered[row - 1].answers[k]);
      expect([better.text, worse.text, better.score, worse.score]).toEqual([chosen, rejected, 1, 0]);
    }
    // Counted anew from the log.
    const all = answered.flatMap((each) => each.answers);
    const right = answered.map((each) => each.answers.filter(({ score }: { score: number }) => score === 1).length);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(result.passAt1).toBeCloseTo(mean(right.map((n) => n / 4)), 10);
    expect(result.passAtAll).toBeCloseTo(mean(right.map((n) => Number(n > 0))), 10);
    expect(result.answers).toBe(all.length);
    expect(result.cutOff).toBe(all.filter(({ finished }) => !finished).length);
    expect(result.tokens).toBe(all.reduce((sum, { tokens }) => sum + tokens, 0));
    const without = Object.values(result.withoutPair).reduce((a, b) => a + b);
    expect(without + new Set(pairs.map(({ provenance }) => provenance.row)).size).toBe(100);
    // As training reads it.
    const { tokenizer } = openTokenizer(at('base'));
    const template = builtInTemplate('chatml', templateTokens(tokenizer))!;
    const { examples } = await loadPairs([at('out', 'pairs')], { template, tokenizer });
    expect(examples.length).toBe(result.pairs);
    const lengths = examples.map((each) => each.prompt.length + (each.chosen.length + each.rejected.length) / 2);
    expect(result.meanTokens).toBeCloseTo(mean(lengths), 6);
  });

  it('ends with the same bytes when it was cut off, wherever', async () => {
    await make();
    const whole = written();
    const length = Buffer.byteLength(whole[0]!);
    const random = new RandomStream(1);
    for (const cut of [
      ...inTime([], [0, 30]),
      length - 1,
      ...Array.from({ length: inTime(1, 3) }, () => random.below(length)),
    ]) {
      rmSync(at('out', 'pairs'), { recursive: true });
      truncateSync(at('out', 'answers.jsonl'), cut);
      await make();
      expect(written()).toEqual(whole);
    }
    // Interrupted while a group is written.
    rmSync(at('out'), { recursive: true });
    const abort = new AbortController();
    const stream = {
      write(text: string) {
        if (text.includes('answers')) setImmediate(() => abort.abort(new Error('enough')));
        return true;
      },
    };
    await expect(make({}, { stream, signal: abort.signal })).rejects.toThrow('enough');
    expect(existsSync(at('out', 'pairs'))).toBe(false);
    await make();
    expect(written()).toEqual(whole);
    // With other pairs of the same answers nothing is sampled again.
    const before = readFileSync(at('out', 'answers.jsonl'));
    const more = await make({ pairsPerPrompt: 3 });
    expect(readFileSync(at('out', 'answers.jsonl')).equals(before)).toBe(true);
    expect(more.pairs).toBeGreaterThan(whole[1]!.trimEnd().split('\n').length);
    await expect(make({ seed: 1 })).rejects.toThrow('holds answers of other settings');
  });

  it.each([
    ['seed', { seed: 1 }],
    ['temperature', { temperature: 0.5 }],
    ['topP', { topP: 0.5 }],
    ['maxTokens', { maxTokens: 2 }],
    ['samples', { samples: 6 }],
    ['limit', { limit: 9 }],
    ['score', { score: 'exact' }],
  ] as const)('gives other answers with another %s', async (_, changes) => {
    await make({ limit: 16 });
    const [before] = written();
    rmSync(at('out'), { recursive: true });
    await make({ limit: 16, ...changes });
    expect(written()[0]).not.toBe(before);
  });

  it('does not take scores by an answer that has since been mended', async () => {
    const [row, ...others] = copyingPrompts.slice(0, 12);
    await make({ prompts: prompts(row!, ...others) });
    await expect(make({ prompts: prompts({ ...row, answer: '77' }, ...others) })).rejects.toThrow(
      'holds answers of other settings, prompts or another model',
    );
    await make({ prompts: prompts(row!, ...others) });
  });

  it('leaves out a prompt that was there before', async () => {
    const row = copyingPrompts[7]!;
    const { repeated, prompts: asked } = await make({ prompts: prompts(row, copyingPrompts[8]!, row), samples: 16 });
    expect([repeated, asked]).toEqual([1, 2]);
  });

  it('asks in the chat template, and writes messages', async () => {
    const task = at('length.ts');
    writeFileSync(
      task,
      `export default { kind: 'generate', name: 'length', version: 1, summary: 's', metric: 'length', samples: async () => ({ samples: [1, 2, 3].map((n) => ({ id: String(n), n })), shots: [] }), prompt: ({ n }, shots, { chat }) => chat ? [{ role: 'user', content: '末の字' + n }] : 'no', reference: () => '', score: (sample, text) => ({ length: text.length }), run: async () => { throw new Error('not run'); } };`,
    );
    const { passAt1 } = await make({
      score: 'task',
      task,
      prompts: [],
      template: 'instruction-ja',
      maxTokens: 24,
      samples: 12,
    });
    expect(passAt1).toBeUndefined();
    for (const { prompt, chosen, rejected, scores } of linesOf('pairs', 'pairs.jsonl')) {
      expect(prompt[0].content).toMatch(/^末の字[123]$/);
      expect([chosen[0].role, rejected[0].role, chosen.length]).toEqual(['assistant', 'assistant', 1]);
      expect(scores).toEqual([chosen[0].content.length, rejected[0].content.length]);
      expect(scores[0]).toBeGreaterThan(scores[1]);
    }
  });

  it('asks a judge, and puts aside what it does not mark', async () => {
    // Marks by the digit that was answered; 7 is never marked.
    const service = await Service.start((path, { messages }) => {
      if (!path.endsWith('/chat/completions')) return [404, { error: { message: 'no' } }];
      const [, said = ''] = (messages as { content: string }[])[1]!.content.split('【採点する回答】\n');
      const digit = /^\D*(\d)/.exec(said)?.[1] ?? '0';
      const content = digit === '7' ? 'わからない' : `[[${1 + Number(digit)}]]`;
      return [200, { choices: [{ message: { content }, finish_reason: 'stop' }] }];
    });
    const judge = { score: 'judge', judgeModel: 'j', judgeEndpoint: service.address, field: 'answer' } as const;
    const { failed, meanScore, passAt1 } = await make({ ...judge, limit: 24 });
    expect(passAt1).toBeUndefined();
    const answers = linesOf('answers.jsonl').flatMap((each) => each.answers ?? []);
    const unmarked = answers.filter(({ failure }) => failure !== undefined);
    expect(unmarked.length).toBe(failed);
    expect(failed).toBeGreaterThan(0);
    for (const { failure, score, text } of unmarked)
      expect([failure, score, text]).toEqual([
        expect.stringContaining('わからない'),
        null,
        expect.stringContaining('7'),
      ]);
    expect(meanScore).toBeGreaterThan(1);
    for (const { chosen, rejected, scores } of linesOf('pairs', 'pairs.jsonl'))
      for (const [i, text] of [chosen, rejected].entries())
        expect(scores[i]).toBe(1 + Number(/^\D*(\d)/.exec(text)?.[1] ?? '0'));
    expect(JSON.stringify(service.asked)).toContain('模範解答');
    await Service.stopAll();
  });

  it('asks a reward model', async () => {
    using learned = loadModel(at('base'));
    const head = initialRewardHead(learned.config.hidden_size, 3, 'cpu');
    saveRewardModel(at('reward'), addRewardHead(learned, head), { tokenizerFolder: at('base') });
    await make({ score: 'reward', rewardModel: at('reward'), limit: 24 });
    using judge = loadRewardModel(at('reward'));
    const pairs = linesOf('pairs', 'pairs.jsonl');
    expect(pairs.length).toBeGreaterThan(10);
    for (const { prompt, chosen, rejected, scores } of pairs) {
      expect(scores[0]).toBeGreaterThan(scores[1]);
      expect(scores[0]).toBeCloseTo(judge.score(prompt, chosen), 4);
      expect(scores[1]).toBeCloseTo(judge.score(prompt, rejected), 4);
    }
    await expect(make({ score: 'reward', rewardModel: at('base'), out: at('other') })).rejects.toThrow(
      'no reward model',
    );
  });

  it('takes no answers of another template, model or judge', async () => {
    const judge = (seed: number) => {
      using learned = loadModel(at('base'));
      const head = initialRewardHead(learned.config.hidden_size, seed, 'cpu');
      rmSync(at('judge'), { recursive: true, force: true });
      saveRewardModel(at('judge'), addRewardHead(learned, head), { tokenizerFolder: at('base') });
    };
    const asked = copyingPrompts.slice(0, 10).map(({ prompt }) => ({ prompt: [{ role: 'user', content: prompt }] }));
    const scored = { score: 'reward', rewardModel: at('judge'), maxTokens: 24, samples: 12 } as const;
    const again = (changes: Partial<PairsInput> = {}) =>
      make({ ...scored, prompts: prompts(...asked), template: 'instruction-ja', ...changes });
    judge(1);
    await again();
    const refused = 'holds answers of other settings, prompts or another model';
    await expect(again({ template: 'chatml' })).rejects.toThrow(refused);
    await expect(again({ model: at('nothing') })).rejects.toThrow(refused);
    judge(2); // in the same place
    await expect(again()).rejects.toThrow(refused);
    judge(1);
    await again();
  });

  it('takes no answers of texts that another template would have ended elsewhere', async () => {
    await make({ limit: 16 });
    await expect(make({ limit: 16, template: 'instruction-ja' })).rejects.toThrow('holds answers of other settings');
    await make({ limit: 16 });
  });

  describe('with a template that shows what is said as it is', () => {
    const asked = (i: number) => copyingPrompts[i]!;
    const templateOf = (source: string) => {
      writeFileSync(at('own.jinja'), source);
      return at('own.jinja');
    };
    const said = '{% for m in messages %}{{ m.content }}{% endfor %}';

    it('keeps the tools that a prompt was asked with', async () => {
      const tools = [{ type: 'function', function: { name: 'digit' } }];
      const rows = Array.from({ length: 24 }, (_, i) => ({
        messages: [{ role: 'user', content: asked(i).prompt }],
        ...(i % 2 === 0 && { tools }),
        answer: asked(i).answer,
      }));
      await make({ prompts: prompts(...rows), template: templateOf(`${said}{% if tools %}{% endif %}`) });
      const pairs = linesOf('pairs', 'pairs.jsonl');
      const withTools = pairs.filter((pair) => pair.tools !== undefined);
      expect(withTools.length).toBeGreaterThan(0);
      expect(withTools.length).toBeLessThan(pairs.length);
      for (const { tools: kept, provenance } of pairs)
        expect(kept).toEqual(provenance.row % 2 === 1 ? tools : undefined);
    });

    it('ends answers where it marks their end, also where the model does not', async () => {
      const { tokenizer } = openTokenizer(at('base'));
      // The model has never seen this piece: it says it in place of the end of the text, whose row of the embedding it is given.
      const mark = tokenizer.vocabulary.pieces.findIndex(({ text }) => text === '<|plamo:op|>');
      {
        using model = loadModel(at('base'));
        const { weight: rows } = model.model.embed_tokens as unknown as { weight: Tensor };
        noGrad(() =>
          scope(() => {
            rows.select(0, mark).copy_(rows.select(0, tokenizer.eosId));
            rows.select(0, tokenizer.eosId).zero_();
          }),
        );
        saveModel(at('marking'), model, { tokenizerFolder: at('base') });
      }
      const rows = copyingPrompts.slice(0, 24).map(({ prompt, answer }) => ({ prompt, answer }));
      const result = await make({
        model: at('marking'),
        prompts: prompts(...rows),
        template: templateOf(
          `{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|plamo:op|>{% endif %}{% endfor %}`,
        ),
      });
      expect(result.cutOff).toBeLessThan(result.answers / 4);
      for (const { chosen } of linesOf('pairs', 'pairs.jsonl')) expect(chosen).not.toContain('plamo:op');
      // The plain template marks no end: the model, which never says the end of a text, goes on.
      await expect(make({ model: at('marking'), prompts: prompts(...rows), out: at('out', 'plain') })).rejects.toThrow(
        'fewer than two answers ended within maxTokens',
      );
    });
  });

  it('reads the field that it scores by from Parquet, too', async () => {
    const rows = copyingPrompts.slice(0, 24).map(({ prompt, answer }) => ({ prompt, right: answer }));
    writeFileSync(at('rows.json'), JSON.stringify(rows));
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(
      `COPY (SELECT prompt, "right" FROM read_json('${at('rows.json')}', columns={prompt: 'VARCHAR', "right": 'VARCHAR'})) TO '${at('own.parquet')}' (FORMAT parquet)`,
    );
    connection.closeSync();
    await make({ prompts: [at('own.parquet')], field: 'right' });
    const [fromParquet] = written();
    rmSync(at('out'), { recursive: true });
    await make({ prompts: prompts(...rows), field: 'right' });
    const scoresOf = (text: string) =>
      text
        .split('\n')
        .slice(1)
        .filter(Boolean)
        .map((line) => JSON.parse(line)); // without the heading
    expect(scoresOf(fromParquet!)).toEqual(scoresOf(written()[0]!));
    await expect(make({ prompts: [at('own.parquet')], out: at('out', 'other') })).rejects.toThrow('row 1: answer');
  });

  it('says why there is no pair', async () => {
    const unanswerable = copyingPrompts.slice(0, 9).map(({ prompt }) => ({ prompt, answer: 77 }));
    await expect(make({ prompts: prompts(...unanswerable) })).rejects.toThrow(
      /^none of 9 prompts gives a pair: (all answers are the same \(\d\); )?all scores are equal \(\d\)/,
    );
    expect(existsSync(at('out', 'pairs'))).toBe(false);
    await expect(make({ maxTokens: 1, out: at('out', 'cut') })).rejects.toThrow(
      'none of 100 prompts gives a pair: fewer than two answers ended within maxTokens (100)',
    );
    const cutOff = linesOf('cut', 'answers.jsonl').flatMap(({ answers = [] }) => answers);
    expect(cutOff.length).toBe(400);
    expect(cutOff.filter(({ score }) => score !== null)).toEqual([]); // right so far, and not scored
  });

  it('names file and row of what cannot be scored, before anything is sampled', async () => {
    const rows = prompts(copyingPrompts[0]!, { prompt: '7', answer: 'なし' });
    await expect(make({ prompts: rows })).rejects.toThrow(`${rows[0]}, row 2: answer has no number: "なし"`);
    appendFileSync(rows[0]!, '{"prompt": "8", "right": 3}\n');
    await expect(make({ prompts: rows, score: 'exact', field: 'right' })).rejects.toThrow(
      'row 1: right should be a text, a number or a list of them but is not there',
    );
    expect(existsSync(at('out'))).toBe(false);
    await expect(make({ prompts: prompts() })).rejects.toThrow('there are no prompts');
    await expect(make({ prompts: [at('none.jsonl')] })).rejects.toThrow('none.jsonl');
  });

  it.each([
    [{ task: 'x' }, 'task has no effect with score=number'],
    [{ judgeModel: 'x' }, 'judgeModel has no effect with score=number'],
    [{ score: 'judge' }, 'score=judge needs judgeModel'],
    [{ score: 'reward' }, 'score=reward needs rewardModel'],
    [{ rewardModel: 'x' }, 'rewardModel has no effect with score=number'],
    [{ score: 'task', prompts: [] }, 'score=task needs task'],
    [{ score: 'task', task: 'x' }, 'prompts have no effect with score=task'],
    [{ score: 'task', task: 'x', field: 'y', prompts: [] }, 'field has no effect with score=task'],
    [{ prompts: [] }, 'there are no prompts'],
  ] as const)('refuses %j', async (changes, message) => {
    await expect(make(changes as never)).rejects.toThrow(message);
  });

  it('leaves the model as it is', async () => {
    const { hash } = await new Artefact(at('base')).hashed();
    await make({ limit: 8 });
    expect((await new Artefact(at('base')).hashed()).hash).toBe(hash);
    using model = loadModel(at('base'));
    expect(model.config.vocab_size).toBe(420);
  });
});
