// `tsumugi eval` with a tiny model: results, files, refusals; and that a run which is killed loses nothing it was told.
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { EvaluationReport } from '../eval/index.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { multipliesBfloat16 } from '../torch/torch.testing.ts';
import { runCli } from './cli.testing.ts';

const tiny = new TinyModel();
const home = mkdtempSync(join(tmpdir(), 'tsumugi-eval-cli-'));
afterAll(() => {
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});
const place = (name: string) => join(home, name);
writeFileSync(place('novel.txt'), '吾輩は猫である。名前はまだ無い。\n'.repeat(20));
const model = ['--model', tiny.folder];
const cache = ['--cache', place('cache')];
const novel = ['--text', place('novel.txt')];

// Many short texts, so that there is something to interrupt.
const index = fileURLToPath(new URL('../eval/index.ts', import.meta.url));
writeFileSync(
  place('count.ts'),
  `import { generateTask } from ${JSON.stringify(index)};
export default generateTask({
  name: 'count', version: 1, summary: 'letters written', metric: 'letters', shots: 0, wording: '',
  load: () => ({ samples: Array.from({ length: 150 }, (_, i) => ({ id: String(i) })) }),
  prompt: ({ id }) => '猫' + id,
  decoding: { maxTokens: 24, temperature: 1, seed: 1 },
  score: (_sample, text) => ({ letters: text.length }),
});
`,
);

describe('tsumugi eval', () => {
  it('shows a table, and asks only what is missing the next time', async () => {
    const first = await runCli(['eval', 'text', ...novel, ...model, ...cache]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^task +metric +value +95 % interval +n +asked +cached\n/);
    expect(first.stdout).toMatch(/\ntext +bits_per_character \(lower is better\) +\d+\.\d{4} +1 +1 +0\n/);
    expect(first.stderr).toMatch(/^text: 1 request, 500 tokens to read\n$/);
    const second = await runCli(['eval', ...novel, ...model, ...cache]);
    expect(second.stdout).toMatch(/ +1 +0 +1\n/);
    expect(second.stderr).toBe('text: nothing to ask, 1 answer is known\n');
  });

  it('asks anew when a file of the model holds something else, at whatever size and time', async () => {
    const folder = place('model');
    cpSync(tiny.folder, folder, { recursive: true });
    const answers = ['--cache', place('answers')];
    const asked = async () => {
      const { stdout, stderr } = await runCli(['eval', ...novel, '--model', folder, ...answers, '--json']);
      const { asked: now, metrics } = (JSON.parse(stdout) as EvaluationReport).tasks[0]!;
      expect(stderr).toMatch(now === 0 ? /nothing to ask/ : /1 request/);
      return { now, value: metrics['bits_per_character']!.value };
    };
    const first = await asked();
    expect([first.now, (await asked()).now]).toEqual([1, 0]);
    const edit = (name: string, change: (bytes: Buffer) => void) => {
      const kept = readFileSync(join(folder, name));
      const { atime, mtime } = statSync(join(folder, name));
      const bytes = Buffer.from(kept);
      change(bytes);
      expect([bytes.length, bytes.equals(kept)]).toEqual([kept.length, false]);
      writeFileSync(join(folder, name), bytes);
      utimesSync(join(folder, name), atime, mtime);
      return () => writeFileSync(join(folder, name), kept);
    };
    // Other weights: the exponents of some numbers.
    const other = edit('model.safetensors', (bytes) => {
      for (let at = bytes.length - 4000; at < bytes.length; at += 4) bytes[at + 2]! ^= 0x40;
    });
    const second = await asked();
    expect(second.now).toBe(1);
    expect(second.value).not.toBe(first.value);
    other();
    expect(await asked()).toEqual({ now: 0, value: first.value });
    for (const name of readdirSync(folder)) {
      if (name === 'model.safetensors' || name === 'lineage.json') continue;
      const [one, two] = name === 'tokenizer.jsonl' ? ['-1.0', '-2.0'] : ['\n', ' '];
      const back = edit(name, (bytes) => void bytes.write(two!, bytes.indexOf(one!)));
      expect((await asked()).now, name).toBe(1);
      back();
    }
    // Moved, copied, linked to: the same.
    renameSync(folder, place('moved'));
    symlinkSync(place('moved'), folder);
    expect((await asked()).now).toBe(0);
  });

  it('gives everything as JSON, to standard output and to a file', async () => {
    const out = place('sub/results.json');
    const flags = ['--limit', '3', '--seed', '5', '--records', '--no-cache', '--json', '--out', out];
    const { code, stdout } = await runCli(['eval', place('count.ts'), ...model, ...flags]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as EvaluationReport;
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual(report);
    expect(report.tasks[0]).toMatchObject({
      task: 'count',
      n: 3,
      seed: 5,
      asked: 3,
      cached: 0,
      model: { kind: 'engine', model: tiny.folder, settings: { device: 'cpu', dtype: 'float32' } },
    });
    expect(report.tasks[0]!.model.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(report.tasks[0]!.records).toHaveLength(3);
    expect(readdirSync(place('sub'))).toEqual(['results.json']);
  });

  it('reads text as it is told to', async () => {
    const read = async (...flags: string[]) => {
      const { stdout, stderr } = await runCli([
        'eval',
        'text',
        ...model,
        '--no-cache',
        '--json',
        '--records',
        ...flags,
      ]);
      expect(stderr).not.toContain('error');
      return (JSON.parse(stdout) as EvaluationReport).tasks[0]!.records!.map(({ prompt }) => prompt);
    };
    writeFileSync(place('rows.jsonl'), '{"text": "表", "body": "裏"}\n');
    expect(await read('--text', place('rows.jsonl'))).toEqual(['表']);
    expect(await read('--text', place('rows.jsonl'), '--field', 'body')).toEqual(['裏']);
    writeFileSync(place('sjis.txt'), Buffer.from([0x94, 0x4c]));
    expect(await read('--text', place('sjis.txt'), '--encoding', 'shift_jis')).toEqual(['猫']);
    expect((await read(...novel)).length).toBe(1);
    expect((await read(...novel, '--document-characters', '100')).length).toBeGreaterThan(1);
  });

  it('computes as it is told to, and writes as many texts at a time', async () => {
    writeFileSync(
      place('falling.ts'),
      `import { generateTask } from ${JSON.stringify(index)};
export default generateTask({
  name: 'falling', version: 1, summary: '', metric: 'letters', shots: 0, wording: '',
  load: () => ({ samples: [20, 16, 12, 8, 4, 2].map((n) => ({ id: String(n) })) }),
  prompt: () => '猫',
  decoding: (_context, { id }) => ({ maxTokens: Number(id), seed: 1 }),
  score: (_sample, text) => ({ letters: text.length }),
});
`,
    );
    /** Tokens of the kept answers, in the order in which they came. */
    const order = async (folder: string, ...flags: string[]) => {
      const { stdout } = await runCli(['eval', place('falling.ts'), ...model, '--cache', folder, '--json', ...flags]);
      const [file] = readdirSync(folder);
      const lines = readFileSync(join(folder, file!), 'utf8').trim().split('\n');
      return {
        report: (JSON.parse(stdout) as EvaluationReport).tasks[0]!,
        tokens: lines.map((line) => (JSON.parse(line) as { answer: { tokens: number } }).answer.tokens),
      };
    };
    const together = await order(place('together'));
    const narrow = multipliesBfloat16() ? 'bfloat16' : 'float32';
    const alone = await order(place('alone'), '--slots', '1', '--dtype', narrow);
    // Side by side, the shortest ends first.
    expect(together.tokens).toEqual([2, 4, 8, 12, 16, 20]);
    expect(alone.tokens).toEqual([20, 16, 12, 8, 4, 2]);
    expect(together.report.model.settings['dtype']).toBe('float32');
    expect(alone.report.model.settings['dtype']).toBe(narrow);
  });

  it('runs the example of a task of one’s own', async () => {
    const example = fileURLToPath(new URL('../../../../examples/opposites.ts', import.meta.url));
    const { code, stdout, stderr } = await runCli(['eval', example, ...model, '--no-cache', '--json', '--records']);
    expect(code, stderr).toBe(0);
    const [report] = (JSON.parse(stdout) as EvaluationReport).tasks;
    expect(report).toMatchObject({ task: 'opposites', n: 8, settings: { shots: 2 } });
    expect(report!.records![0]!.prompt).toMatchObject({
      prompt: '「上」の反対は「下」。\n「左」の反対は「右」。\n「大」の反対は「',
      choices: ['古', '外', '小', '弱'],
    });
  });

  it('lists tasks with what they need', async () => {
    const { stdout } = await runCli(['eval', '--list']);
    expect(stdout).toContain('text\n  bits per character');
    expect(stdout).toMatch(/jcommonsenseqa\n.*\n {2}data: .*JGLUE.*CC BY-SA 4\.0/);
    const listed = JSON.parse((await runCli(['eval', '--list', '--json'])).stdout) as { name: string }[];
    expect(listed.map(({ name }) => name)).toContain('pfgen');
  });

  it.each([
    [[], 'tsumugi eval needs the name of a task'],
    [['text'], 'tsumugi eval needs --model'],
    [['jcommonsenseq', ...model], 'there is no task "jcommonsenseq"\n  → Did you mean "jcommonsenseqa"?'],
    [['text', '--model', place('nowhere')], 'nowhere does not exist'],
    [['text', '--model', home], 'is not a model folder'],
    [['text', ...novel, ...model, '--set', 'depth=3'], 'text has no setting "depth"'],
    [['jnli', ...novel, ...model], /--text is for the task text.*\n.*Add the task text/],
    [['jnli', ...model, '--data', place('none')], /jnli.*does not exist\. It comes from .*JGLUE.*CC BY-SA/],
    [['text', ...model, '--out', home], 'is a folder'],
    [
      ['text', ...model, '--out', join(place('novel.txt'), 'x.json')],
      /novel.txt cannot be written: something else is there that is no folder/,
    ],
    [
      ['text', ...model, '--out', '/proc/x.json'],
      '/proc/x.json cannot be written: the folder it should be in is not there and cannot be made',
    ],
    [['text', ...model, '--judge-endpoint', 'http://localhost:1'], 'a judge needs --judge-model'],
    [['text', ...model, '--api-key-env', 'KEY'], '--api-key-env has no effect here: it is for --endpoint'],
    [
      ['text', ...novel, ...model, '--shots', '2'],
      '--shots has no effect: there are no examples in the prompts of text',
    ],
    [['text', ...novel, ...model, '--set', 'held-out=1', 'held-out=2'], '--set held-out is given twice'],
    [['pfgen', '--answers', 'file'], 'scored with --questions and --answers'],
    [['text', '--questions', 'dir', '--answers', 'file'], 'scored with --questions and --answers'],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(['eval', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });
});

describe('a run that is cut off', () => {
  const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
  const count = (...caching: string[]) => ['eval', place('count.ts'), ...model, ...caching, '--json'];
  const answersIn = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder).reduce((n, name) => n + readFileSync(join(folder, name), 'utf8').split('\n').length - 1, 0)
      : 0;

  /** Starts a run, sends it a signal once it has some answers, and returns how it ended. */
  async function cutOff(folder: string, signal: NodeJS.Signals) {
    const child = spawn(
      process.execPath,
      [bin, ...count('--cache', folder), '--out', `${folder}.json`, '--slots', '2'],
      {
        env: { ...process.env, TSUMUGI_THREADS: '1' },
      },
    );
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (answersIn(folder) < 5 && child.exitCode === null) await setTimeout(2);
    child.kill(signal);
    return { code: await ended, stderr };
  }

  it.each(['SIGINT', 'SIGKILL'] as const)('by %s goes on with what it has, to the same result', async (signal) => {
    const folder = place(`cut-off-${signal}`);
    const { code, stderr } = await cutOff(folder, signal);
    expect(code, stderr).toBe(signal === 'SIGINT' ? 130 : null);
    if (signal === 'SIGINT')
      expect(stderr).toContain(`answers are kept in ${folder}, the same command goes on from here`);
    expect(existsSync(`${folder}.json`)).toBe(false);
    const known = answersIn(folder);
    const { stdout } = await runCli(count('--cache', folder));
    const [resumed] = (JSON.parse(stdout) as EvaluationReport).tasks;
    expect(resumed!.asked + resumed!.cached).toBe(150);
    expect(resumed!.cached).toBeGreaterThanOrEqual(Math.max(5, known - 1));
    expect(resumed!.asked).toBeGreaterThan(0);
    const [whole] = (JSON.parse((await runCli(count('--no-cache'))).stdout) as EvaluationReport).tasks;
    expect(resumed!.metrics).toEqual(whole!.metrics);
  });
});
