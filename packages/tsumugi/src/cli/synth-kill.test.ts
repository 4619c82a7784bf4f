// kill -9, or Ctrl-C, at any moment, then the same command: what comes out is, to the byte, what an uninterrupted run makes, and what
// was answered is not asked for again. TSUMUGI_KILLS sets how many kills; the default keeps the suite quick.
import { expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { inTime } from '../base/thorough.testing.ts';
import { Service } from '../eval/backends/openai.testing.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { documents, pipelineWorld, promptOf, questions, reply, wordsFor } from '../synth/pipeline/pipeline.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);
const time = 60_000 + kills * 20_000;
const { write, fresh, bytesOf } = pipelineWorld();
const tiny = tinyModelOfFile();

const command = (config: string, out: string, ...more: string[]) => [
  'synth',
  'run',
  '--config',
  config,
  '--out',
  out,
  ...more,
];

/** Runs a command with signals until it gets through. Returns how often it was stopped. */
async function untilThrough(args: string[], signal: NodeJS.Signals, longest: number): Promise<number> {
  const random = new RandomStream(kills);
  let stopped = 0;
  for (;;) {
    const limit = stopped < kills ? 400 + random.next() * longest : 120_000;
    if ((await runAndSignal(args, limit, { signal })) === 0) return stopped;
    stopped++;
  }
}

it(`has the same bytes after kills, by the engine`, { timeout: time }, async () => {
  const steps = [
    { ask: 'generate', samples: 3, maxTokens: 24, cut: 'keep' },
    { prompt: '{{text}}の点数', read: 'text', into: 'more', maxTokens: 24, cut: 'keep', temperature: 1 },
    { filter: 'perplexity', field: 'more', max: 1e9 },
  ];
  const rows = Array.from({ length: 24 }, (_, i) => ({ topic: `第${i}の山` }));
  const config = write('engine.json', JSON.stringify({ rows, steps, output: { user: 'text', assistant: 'more' } }));
  const [whole, killed] = [fresh(), fresh()];
  const began = performance.now();
  expect(await runAndSignal(command(config, whole, '--model', tiny.folder), 120_000)).toBe(0);
  const longest = performance.now() - began;
  const bytes = bytesOf(whole)!;
  expect(bytes.split('\n').length).toBeGreaterThan(40);
  await untilThrough(command(config, killed, '--model', tiny.folder), 'SIGKILL', longest);
  expect(bytesOf(killed)).toBe(bytes);
});

it.each(inTime(['SIGINT'] as const, ['SIGKILL', 'SIGINT'] as const))(
  'asks for nothing again that was answered: %s',
  { timeout: time },
  async (signal) => {
    const slow = await Service.start(async (_path, body) => {
      await new Promise((done) => setTimeout(done, 20));
      return [200, reply(wordsFor(promptOf(body)))];
    });
    const rows = documents(16);
    const config = write(`${signal}.json`, JSON.stringify({ ...questions, rows, concurrency: 2 }));
    const endpoint = ['--endpoint', slow.address, '--model', 'm'];
    const whole = fresh();
    const began = performance.now();
    expect(await runAndSignal(command(config, whole, ...endpoint), 120_000)).toBe(0);
    const longest = performance.now() - began;
    const different = slow.asked.length;
    expect(different).toBe(48);
    slow.asked.length = 0;
    const killed = fresh();
    const stopped = await untilThrough(command(config, killed, ...endpoint), signal, longest);
    expect(bytesOf(killed)).toBe(bytesOf(whole));
    const bodies = slow.asked.map(({ body }) => JSON.stringify(body));
    expect(new Set(bodies).size).toBe(different);
    // What is on its way when a process is killed is lost with it; after Ctrl-C it is waited for.
    const again = bodies.length - different;
    expect(again).toBeLessThanOrEqual(signal === 'SIGKILL' ? 2 * stopped : 0);
  },
);
