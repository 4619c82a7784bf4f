// Every option of `tsumugi eval` has an effect where it is taken, and is refused by its name where it has none.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Handler, Service } from '../eval/backends/openai.testing.ts';
import type { EvaluationReport } from '../eval/index.ts';
import { runCli } from './cli.testing.ts';
import { belongsTo, checkPlaces, type Options, options, type Place, placesOf } from './eval-options.ts';
import { flagOf } from './options.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-eval-options-'));
afterAll(() => rmSync(home, { recursive: true }));
afterEach(async () => {
  await Service.stopAll();
  delete process.env['TSUMUGI_TEST_KEY'];
});

const keys = Object.keys(options) as (keyof Options)[];
const nothing = Object.fromEntries(
  keys.map((key) => [key, options[key].type === 'boolean' ? false : options[key].type === 'list' ? [] : undefined]),
) as unknown as Options;
const given = (key: keyof Options): Options => ({
  ...nothing,
  [key]:
    options[key].type === 'boolean'
      ? true
      : options[key].type === 'list'
        ? ['x']
        : options[key].type === 'string'
          ? 'x'
          : 1,
});

describe('the table of options', () => {
  const everywhere = new Set(Object.values(belongsTo).flat());

  it.each(keys)('takes %s where it belongs, and nowhere else', (key) => {
    const own = belongsTo[key];
    for (const place of own) checkPlaces(given(key), new Set([place]));
    const others = new Set([...everywhere].filter((place) => !own.includes(place)));
    if (own.includes('everything')) return;
    expect(() => checkPlaces(given(key), others)).toThrow(`--${flagOf(key)} has no effect here: it is for `);
  });

  it('knows where a command line is', () => {
    writeFileSync(join(home, 'model.gguf'), '');
    const judged = { needs: ['judge'], data: {} } as never;
    const here = (values: Partial<Options>, tasks: never[] = []) =>
      [...placesOf({ ...nothing, ...values }, 'measuring', tasks)].slice(2).sort();
    const cases: [Place[], Partial<Options>, never[]?][] = [
      [['folder'], { model: home }],
      [['gguf'], { model: join(home, 'model.gguf') }],
      [['endpoint'], { model: home, endpoint: 'http://x' }],
      [['endpoint', 'folder'], { model: 'm', endpoint: 'http://x', judgeModel: home }],
      [['folder', 'judgeEndpoint'], { model: home, judgeModel: 'm', judgeEndpoint: 'http://x' }],
      [['data', 'folder', 'judged'], { model: home }, [judged]],
      [['asJson', 'folder', 'text'], { model: home, text: ['x'], json: true }],
      [['asJson', 'folder'], { model: home, out: 'x' }],
    ];
    for (const [places, values, tasks] of cases) expect(here(values, tasks)).toEqual(places);
    expect([...placesOf({ ...nothing, model: home }, 'stored', [])]).toEqual(['everything', 'stored']);
  });
});

const index = fileURLToPath(new URL('../eval/index.ts', import.meta.url));
writeFileSync(
  join(home, 'ten.ts'),
  `import { generateTask } from ${JSON.stringify(index)};
export default generateTask({
  name: 'ten', version: 1, summary: 'length', metric: 'length', shots: 0, wording: '',
  load: () => ({ samples: Array.from({ length: 10 }, (_, i) => ({ id: String(i) })), examples: [{ id: 'e' }, { id: 'f' }] }),
  prompt: ({ id }, shots) => shots.map((shot) => shot.id).join('') + id,
  decoding: { maxTokens: 24, seed: 1 },
  score: (_sample, text) => ({ length: text.length }),
});
`,
);

const answering: Handler = (path, body) => {
  if (path !== '/v1/chat/completions') return [404, { detail: 'Not Found' }];
  const { content } = (body['messages'] as { content: string }[])[0]!;
  if (content === '3') return [400, { error: { code: 'content_filter', message: 'no' } }];
  return [200, { choices: [{ message: { content: `<think>${content}</think>ab` }, finish_reason: 'stop' }] }];
};

describe('what is asked of an endpoint', () => {
  const evaluate = async (service: Service, ...more: string[]) => {
    const at = ['--model', 'm', '--endpoint', service.address, '--cache', join(home, 'cache')];
    const result = await runCli(['eval', join(home, 'ten.ts'), ...at, ...more]);
    const report = result.stdout.startsWith('{') ? (JSON.parse(result.stdout) as EvaluationReport) : undefined;
    return { ...result, task: report?.tasks[0] };
  };

  it('--limit, --shots, --seed, --records and --reasoning change what is asked and shown', async () => {
    const service = await Service.start(answering);
    const { task } = await evaluate(service, '--json', '--limit', '2', '--shots', '2', '--seed', '9', '--records');
    const prompts = service.asked.flatMap(({ body }) => (body['messages'] as { content: string }[] | undefined) ?? []);
    expect(prompts.map(({ content }) => content)).toEqual(['ef0', 'ef1']);
    expect(task).toMatchObject({ n: 2, seed: 9, settings: { shots: 2 }, metrics: { length: { value: 2 } } });
    expect(task!.records![0]).toMatchObject({ answer: { whole: { reasoning: 'ef0' } } });
    const kept = await evaluate(service, '--json', '--limit', '2', '--shots', '2', '--reasoning', 'keep');
    expect(kept.task).toMatchObject({ asked: 2, metrics: { length: { value: '<think>ef0</think>ab'.length } } });
    expect(kept.task!.records).toBeUndefined();
  });

  it('goes on past a prompt that is refused, says so, and asks it again the next time', async () => {
    const service = await Service.start(answering);
    const { task } = await evaluate(service, '--json');
    expect(task).toMatchObject({
      n: 10,
      asked: 10,
      metrics: { length: { value: 1.8 } },
      answers: { texts: 10, empty: 0, cut: 0, filtered: 1, refused: 0, reasoned: 10 - 1, leftOut: [] },
    });
    const again = await evaluate(service);
    expect(again.stdout).toMatch(/ +10 +1 +9\n/);
    expect(again.stdout).toContain(
      '\nten: of 10 texts 1 filtered (graded as what there was before), 9 with reasoning that is not graded\n',
    );
  });

  it('--chat, --api-key-env and --concurrency reach the service', async () => {
    process.env['TSUMUGI_TEST_KEY'] = 'sk-1';
    let [now, most] = [0, 0];
    const service = await Service.start(async (path, body, request) => {
      most = Math.max(most, ++now);
      await setTimeout(5);
      now--;
      return answering(path, body, request);
    });
    const more = ['--no-cache', '--chat', 'chat', '--api-key-env', 'TSUMUGI_TEST_KEY'];
    const at = ['--model', 'm', '--endpoint', service.address];
    const { code } = await runCli(['eval', join(home, 'ten.ts'), ...at, ...more, '--concurrency', '3']);
    expect(code).toBe(0);
    // No question about what it can do.
    expect(service.asked).toHaveLength(10);
    expect(service.asked.every(({ authorization }) => authorization === 'Bearer sk-1')).toBe(true);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('--timeout ends waiting', async () => {
    const service = await Service.start(() => 'hang');
    const { code, stderr } = await evaluate(service, '--timeout', '0.1');
    expect(code).toBe(2);
    expect(stderr).toMatch(/gave no answer in 0\.1 s\n.*--concurrency, or give more time with --timeout/);
  });
});

describe('what is asked of tasks and judges', () => {
  const data = join(home, 'data');
  const write = (name: string, rows: object[]) => {
    mkdirSync(dirname(join(data, name)), { recursive: true });
    writeFileSync(join(data, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  };
  write('ja-mt-bench/question.jsonl', [{ question_id: 1, category: 'math', turns: ['一', '二'] }]);

  it('--data, --judge-model, --judge-endpoint and --judge-api-key-env', async () => {
    process.env['TSUMUGI_TEST_KEY'] = 'sk-judge';
    const written: Handler = () => [200, { choices: [{ message: { content: 'よい [[8/10]]' } }] }];
    const [service, judge] = [await Service.start(written), await Service.start(written)];
    const at = [
      '--model',
      'm',
      '--endpoint',
      service.address,
      '--chat',
      'chat',
      '--data',
      data,
      '--no-cache',
      '--json',
    ];
    const by = ['--judge-model', 'j', '--judge-endpoint', judge.address, '--judge-api-key-env', 'TSUMUGI_TEST_KEY'];
    const { code, stdout, stderr } = await runCli(['eval', 'ja-mt-bench', ...at, ...by]);
    expect(code, stderr).toBe(0);
    const [report] = (JSON.parse(stdout) as EvaluationReport).tasks;
    expect(report).toMatchObject({
      n: 2,
      metrics: { score: { value: 8 } },
      answers: { texts: 2 },
      judgeAnswers: { texts: 2 },
      judge: { model: `j at ${judge.address}/v1` },
    });
    expect(service.asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    expect(judge.asked.filter(({ path }) => path.endsWith('/chat/completions')).at(-1)).toMatchObject({
      authorization: 'Bearer sk-judge',
      body: { model: 'j', temperature: 0, max_tokens: 2048 },
    });
  });

  it('--set', async () => {
    const service = await Service.start(answering);
    const at = ['--model', 'm', '--endpoint', service.address, '--chat', 'chat', '--no-cache', '--json'];
    const set = ['--set', 'lengths=512', 'depths=0,100', '--set', 'samples=2'];
    const { stdout } = await runCli(['eval', 'needle-generate', ...at, ...set]);
    const [report] = (JSON.parse(stdout) as EvaluationReport).tasks;
    expect(report).toMatchObject({ n: 4, settings: { lengths: '512', depths: '0,100' } });
  });
});

it.each([
  [['--list', '--model', 'm'], '--model'],
  [['--list', '--limit', '3'], '--limit'],
  [['text', '--model', home, '--endpoint', 'http://localhost:1', '--device', 'cpu'], '--device'],
  [['text', '--model', home, '--endpoint', 'http://localhost:1', '--slots', '2'], '--slots'],
  [['text', '--model', home, '--concurrency', '2'], '--concurrency'],
  [['text', '--model', home, '--timeout', '2'], '--timeout'],
  [['text', '--model', home, '--reasoning', 'keep'], '--reasoning'],
  [['text', '--model', home, '--context-size', '99'], '--context-size'],
  [['text', '--model', home, '--records'], '--records'],
  [['text', '--model', home, '--field', 'body'], '--field'],
  [['text', '--model', home, '--data', home], '--data'],
  [['text', '--model', home, '--judge-model', 'm'], '--judge-model'],
  [['pfgen', '--questions', 'q', '--answers', 'a', '--model', 'm'], '--model'],
  [['pfgen', '--questions', 'q', '--answers', 'a', '--limit', '3'], '--limit'],
  [['pfgen', '--questions', 'q', '--answers', 'a', '--json', '--records'], '--records'],
])('%j: the last has no effect', async (args, option) => {
  const { code, stdout, stderr } = await runCli(['eval', ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(`${option} has no effect here: it is for `);
  expect(stderr).toContain(`Leave ${option} out.`);
});

it('--cache and --no-cache contradict each other', async () => {
  const { code, stderr } = await runCli(['eval', 'text', '--model', home, '--cache', home, '--no-cache']);
  expect(code).toBe(2);
  expect(stderr).toContain('--cache says where answers are kept, and --no-cache that none are');
});
