// `tsumugi synth`: a pipeline from the command line, what each option does, and a sentence for each mistake.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Handler, Service } from '../eval/backends/openai.testing.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { answering, promptOf, reply } from '../synth/pipeline/pipeline.testing.ts';
import { runCli } from './cli.testing.ts';

let home: string;
let service: Service;
const tiny = new TinyModel();
const at = (...names: string[]) => join(home, ...names);
const pipeline = (steps: string, output = '{user: question, assistant: answer}') =>
  `steps:\n${steps}\noutput: ${output}\n`;
const asked = '  - ask: question\n  - ask: answer';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-cli-'));
  service = await Service.start(answering);
  mkdirSync(at('文書'));
  writeFileSync(at('文書', '山.jsonl'), '{"text":"高尾山"}\n{"text":"富士山"}\n');
  writeFileSync(at('文書', '猫.txt'), '吾輩は猫である。\n');
  writeFileSync(at('other.jsonl'), '{"text":"谷川岳"}\n');
  writeFileSync(at('broken.jsonl'), '{"text":"高尾山"}\n\n{"title":"富士山"}\n');
  writeFileSync(at('p.yaml'), pipeline(asked));
});
afterAll(async () => {
  await Service.stopAll();
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});

let runs = 0;
const fresh = () => at(`out-${runs++}`);
const endpoint = () => ['--endpoint', service.address, '--model', 'm'];
const synth = (...args: string[]) => runCli(['synth', ...args]);
const usual = (out: string) => ['--config', at('p.yaml'), '--out', out, '--data', at('文書')];
const rowsOf = (out: string) =>
  readFileSync(join(out, 'examples', 'rows.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('makes examples that sft reads, with or without "run"', async () => {
  const [out, again] = [fresh(), fresh()];
  const { code, stdout } = await synth(...usual(out), ...endpoint());
  expect([code, stdout]).toEqual([
    0,
    `step 1 (question): 3 → 6\nstep 2 (answer): 6 → 6\noutput: 6 → 6\n` +
      `9 answers asked for, 0 known; 90 tokens read, 45 written in all\n3 rows → 6 examples in ${out}/examples/rows.jsonl\n`,
  ]);
  const json = JSON.parse((await synth('run', ...usual(again), ...endpoint(), '--json')).stdout);
  expect(json).toMatchObject({
    rows: 3,
    examples: 6,
    asked: 9,
    failedNow: 0,
    path: join(again, 'examples', 'rows.jsonl'),
  });
  expect(rowsOf(out)[0].messages).toEqual([
    { role: 'user', content: '高尾山とは何ですか。' },
    { role: 'assistant', content: '高尾山とは何ですか。への答えです。' },
  ]);
  const shown = await runCli(['sft', '--model', tiny.folder, '--data', join(out, 'examples'), '--show', '6', '--json']);
  expect([shown.code, shown.stdout.trimEnd().split('\n').length]).toEqual([0, 6]);
  const lineage = JSON.parse(readFileSync(join(out, 'report', 'lineage.json'), 'utf8'));
  expect(lineage).toMatchObject({ stage: 'synth', seed: 0, parents: [{ name: expect.stringMatching(/^m at/) }] });
  expect(lineage.data).toHaveLength(2);
});

it('makes pairs that dpo reads, by the engine', async () => {
  const steps = [
    '  - {ask: respond, maxTokens: 12, cut: keep}',
    '  - {prompt: "{{question}}！", into: other, maxTokens: 12, cut: keep, temperature: 2}',
  ].join('\n');
  const output = '{prompt: question, chosen: other, rejected: answer}';
  writeFileSync(at('pairs.yaml'), `rows: [{question: 猫}, {question: 犬}]\n${pipeline(steps, output)}`);
  const out = fresh();
  expect((await synth('--config', at('pairs.yaml'), '--out', out, '--model', tiny.folder)).code).toBe(0);
  expect(rowsOf(out)).toHaveLength(2);
  const { code, stderr } = await runCli([
    'dpo',
    '--model',
    tiny.folder,
    '--data',
    join(out, 'examples'),
    '--out',
    fresh(),
    '--plan',
  ]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('2')]);
});

it('plans without asking: requests, tokens, cost at given prices', async () => {
  const before = service.asked.length;
  const plan = async (...more: string[]) =>
    JSON.parse((await synth(...usual(fresh()), ...endpoint(), '--plan', '--json', ...more)).stdout);
  const found = await plan('--price-read', '2', '--price-write', '10');
  expect(service.asked).toHaveLength(before);
  // 3 documents; 3 questions to each, as the prompt asks for; replies of 512 tokens at most.
  expect(found).toMatchObject({ rows: 3, requests: 12, write: 12 * 512 });
  expect(found.steps.map(({ requests, write }: { requests: number; write: number }) => [requests, write])).toEqual([
    [3, 3 * 512],
    [9, 9 * 512],
  ]);
  expect(found.cost).toBeCloseTo((2 * found.read + 10 * found.write) / 1e6, 12);
  expect(await plan()).not.toHaveProperty('cost');
  const { stdout } = await synth(...usual(fresh()), ...endpoint(), '--plan');
  expect(stdout).toMatch(
    /^3 rows\nstep 1 \(question\): 3 requests, about \d+ tokens to read, 1,536 to write at most\n/,
  );
  expect(stdout).toMatch(/cost: give --price-read and --price-write/);
});

it('looks at all rows before it asks for anything', async () => {
  const before = service.asked.length;
  const steps = '  - {prompt: "{{text}}", into: question}\n  - {prompt: "{{title}}", into: answer}';
  const data = write('titles.jsonl', '{"text":"高尾山","title":"山"}\n{"text":"富士山"}\n');
  const args = ['--config', write('titles.yaml', pipeline(steps)), '--out', fresh(), '--data', data];
  const { code, stderr } = await synth(...args, ...endpoint());
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/row 2 has no field "title", which step 2 \(answer\) needs/),
  ]);
  expect(service.asked).toHaveLength(before);
});

it('lists the steps with their prompts', async () => {
  const { stdout } = await synth('steps');
  expect(stdout).toMatch(/^generate → text\n/);
  for (const name of ['translate → translation', 'critique-and-revise', '質問を{{count}}個', 'decontaminate'])
    expect(stdout).toContain(name);
  const listed = JSON.parse((await synth('steps', '--json')).stdout);
  expect(listed.steps.score).toMatchObject({ into: 'score', read: 'number', min: 1, max: 5 });
  expect(listed.filters.length).toEqual(['field', 'min', 'max']);
});

it('keeps the key out of everything it writes', async () => {
  process.env['TSUMUGI_TEST_KEY'] = 'sk-secret-1234';
  const telling: Handler = (path, body, request) =>
    promptOf(body).includes('富士山')
      ? [400, { error: { message: `bad key ${request.headers.authorization}` } }]
      : answering(path, body, request);
  await using loose = await Service.start(telling);
  const out = fresh();
  const line = [...usual(out), '--endpoint', loose.address, '--model', 'm', '--api-key-env', 'TSUMUGI_TEST_KEY'];
  const { code, stdout, stderr } = await synth(...line, '--set', 'concurrency=1', '--timeout', '30', '--json');
  expect([code, loose.asked[0]!.authorization]).toEqual([0, 'Bearer sk-secret-1234']);
  const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const all = [
    stdout,
    stderr,
    ...files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8')),
  ].join('\n');
  expect(all).toContain('[key]');
  expect(all).not.toContain('sk-secret');
});

const mistakes: Record<string, [prepare: () => string[], message: RegExp]> = {
  'a variable that there is not': [
    () => [write('v.yaml', pipeline('  - {prompt: "{{txt}}について", into: question}\n  - ask: answer'))],
    /step 1 \(question\) needs \{\{txt\}\}, which is no field of .*山\.jsonl and written by no step before.*Did you mean \{\{text\}\}\?/s,
  ],
  'a variable that is written later': [
    () => [write('l.yaml', pipeline('  - ask: answer\n  - ask: question'))],
    /step 1 \(answer\) needs \{\{question\}\}/,
  ],
  'a field that the output does not find': [
    () => [write('o.yaml', pipeline(asked, '{user: qestion, assistant: answer}'))],
    /output needs \{\{qestion\}\}.*question/s,
  ],
  'a field that is missing in a row': [
    () => [at('p.yaml'), '--data', at('broken.jsonl')],
    /broken\.jsonl, row 3 has no field "text", which step 1 \(question\) needs/,
  ],
  'a field that is null in a row': [
    () => [at('p.yaml'), '--data', write('null.jsonl', '{"text": "一"}\n{"text": null}\n')],
    /null\.jsonl, row 2 has null as field "text", which step 1 \(question\) needs\n {2}→ It has "text": write a text there/,
  ],
  'a key that is not set': [
    () => [at('p.yaml'), '--api-key-env', 'NO_SUCH_KEY'],
    /the environment variable NO_SUCH_KEY is not set/,
  ],
  'a step that there is not': [
    () => [write('s.yaml', pipeline('  - ask: anser'))],
    /step 1: there is no step "anser".*"answer"/s,
  ],
  'a filter that there is not': [
    () => [write('f.yaml', pipeline(`${asked}\n  - {filter: japanse, field: answer}`))],
    /step 3: there is no filter "japanse".*"japanese"/s,
  ],
  'a wrong key in a step': [
    () => [write('k.yaml', pipeline('  - {ask: question, sample: 2}'))],
    /step 1: there is no setting "sample".*"samples"/s,
  ],
  'a wrong value in a step': [
    () => [write('w.yaml', pipeline('  - {ask: question, samples: many}'))],
    /step 1: "samples" is "many", expected a number/,
  ],
  'a step that is none': [() => [write('n.yaml', pipeline('  - {into: answer}'))], /step 1 neither asks nor filters/],
  'an own prompt without a field': [
    () => [write('i.yaml', pipeline('  - {prompt: "{{text}}"}'))],
    /step 1: "into" is missing/,
  ],
  'a value for no variable': [
    () => [write('u.yaml', pipeline('  - {ask: question, with: {cuont: 2}}'))],
    /"with" has a value for \{\{cuont\}\}/,
  ],
  'a prompt file that is not there': [
    () => [write('q.yaml', pipeline('  - {promptFile: none.txt, into: question}'))],
    /none\.txt.*not/,
  ],
  'an output that is none': [
    () => [write('x.yaml', pipeline(asked, '{question: question}'))],
    /"output" has question.*user and assistant/s,
  ],
  'a wrong key': [
    () => [write('y.yaml', `${pipeline(asked)}dta: [a]\n`)],
    /y\.yaml: there is no setting "dta".*"data"/s,
  ],
  'no YAML': [() => [write('z.yaml', 'steps:\n  - ask: [\noutput: x\n')], /z\.yaml:\d+: /],
  'no config': [() => [at('none.yaml')], /none\.yaml/],
  'a filter without a bound': [
    () => [write('r.yaml', pipeline(`${asked}\n  - {filter: range, field: answer}`))],
    /range has neither "min" nor "max"/,
  ],
  'an evaluation task that there is not': [
    () => [write('d.yaml', pipeline(`${asked}\n  - {filter: decontaminate, field: answer, tasks: [jcommonsensqa]}`))],
    /jcommonsensqa/,
  ],
  'perplexity at an endpoint that cannot tell it': [
    () => [write('pp.yaml', pipeline(`${asked}\n  - {filter: perplexity, field: answer, max: 9}`))],
    /cannot measure texts/,
  ],
  'data that is not there': [() => [at('p.yaml'), '--data', at('文書2')], /there is no file or folder .*文書2/],
  'data without rows': [() => [at('p.yaml'), '--data', write('empty.jsonl', '\n')], /no rows|empty/],
  'a folder of something else': [() => [at('p.yaml'), '--out', at('文書')], /文書 holds something else: /],
};
const write = (name: string, text: string) => {
  writeFileSync(at(name), text);
  return at(name);
};

it.each(Object.entries(mistakes))('says in one sentence: %s', async (_name, [prepare, message]) => {
  const [config, ...more] = prepare();
  const args = ['--config', config!, '--data', at('文書'), '--out', fresh(), ...endpoint()];
  for (let i = 0; i < more.length; i += 2) {
    const place = args.indexOf(more[i]!);
    if (place >= 0) args[place + 1] = more[i + 1]!;
    else args.push(more[i]!, more[i + 1]!);
  }
  const { code, stdout, stderr } = await synth(...args);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
});

it.each<[string, Handler, RegExp]>([
  ['a page', () => [200, '<html><title>Welcome</title></html>'], /answered with a web page: .*Welcome/],
  [
    'nothing but empty replies',
    () => [200, reply('')],
    /no example was made of 3 rows: in step 1 \(question\) 3 replies failed/,
  ],
])('ends with a sentence where the endpoint answers with %s', async (_name, handler, message) => {
  await using bad = await Service.start(handler);
  const { code, stderr } = await synth(...usual(fresh()), '--endpoint', bad.address, '--model', 'm');
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});

it('gives each of its options an effect, or refuses it', async () => {
  const plain = async (...more: string[]) => {
    const out = fresh();
    const { code, stdout, stderr } = await synth(...usual(out), ...endpoint(), ...more);
    return {
      code,
      stderr,
      stdout: stdout.replaceAll(out, 'OUT'),
      rows: code === 0 && !more.includes('--plan') ? rowsOf(out) : [],
    };
  };
  const base = await plain();
  expect((await plain()).rows).toEqual(base.rows);
  const one = await Service.start(answering);
  const changed: Record<string, string[]> = {
    config: ['--config', write('c.yaml', pipeline('  - {ask: question, with: {count: 1}}\n  - ask: answer'))],
    set: ['--set', 'seed=5'],
    data: ['--data', at('other.jsonl')],
    model: ['--model', 'other'],
    endpoint: ['--endpoint', one.address],
    seed: ['--seed', '5'],
    'max-tokens': ['--max-tokens', '700'],
    plan: ['--plan'],
    json: ['--json'],
  };
  for (const [name, more] of Object.entries(changed)) {
    const { code, stdout, rows } = await plain(...more);
    expect([name, code]).toEqual([name, 0]);
    expect([stdout, rows], name).not.toEqual([base.stdout, base.rows]);
  }
  const refused: Record<string, [string[], RegExp]> = {
    device: [['--device', 'cpu'], /--device has no effect: an endpoint has its own/],
    dtype: [['--dtype', 'float64'], /--dtype has no effect/],
    'price-read': [['--price-read', '1'], /--price-read has no effect: there is no --plan/],
    'price-write': [['--price-write', '1'], /--price-write has no effect/],
    'retry-failed': [['--plan', '--retry-failed'], /--retry-failed has no effect: --plan/],
    'api-key-env': [['--api-key-env', 'NO_SUCH_KEY'], /NO_SUCH_KEY is not set/],
  };
  for (const [name, [more, message]] of Object.entries(refused)) {
    const { code, stderr } = await plain(...more);
    expect([name, code, stderr]).toEqual([name, 2, expect.stringMatching(message)]);
  }
  // How many are on their way at a time, and for how long: seen by the service.
  let [now, most] = [0, 0];
  await using counting = await Service.start(async (path, body, request) => {
    most = Math.max(most, ++now);
    await new Promise((done) => setTimeout(done, 30));
    now--;
    return answering(path, body, request);
  });
  const others = ['--endpoint', counting.address];
  await plain(...others, '--concurrency', '1');
  expect(most).toBe(1);
  await plain(...others, '--concurrency', '3');
  expect(most).toBe(3);
  expect(
    (await synth('run', '--help')).stdout
      .split('Settings for')[0]!
      .match(/^ {2}--[a-z-]+/gm)!
      .map((each) => each.slice(4))
      .sort(),
  ).toEqual([...Object.keys(changed), ...Object.keys(refused), 'out', 'concurrency', 'timeout'].sort());
});
