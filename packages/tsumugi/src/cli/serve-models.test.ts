// What `tsumugi serve` serves side by side: a folder, a quantized one, a GGUF file, adapters, each as the command line writes with it; and
// how they take turns in the memory that there is.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addLora, saveAdapter } from '../lm/index.ts';
import { namedParameters } from '../nn/index.ts';
import { weightBytes } from '../serve/engine-thread/model-bytes.ts';
import { startServer } from '../serve/index.ts';
import { chatModel, type LiveServer, scratchFolder, startLive } from '../serve/serve.testing.ts';
import { noGrad, scope } from '../torch/index.ts';
import { runCli, testIo } from './cli.testing.ts';
import { servedPlaces } from './serve-models.ts';

const tiny = chatModel(4);
afterAll(() => tiny[Symbol.dispose]());
const scratch = scratchFolder();
const at = (name: string) => join(scratch, name);
vi.stubEnv('XDG_CACHE_HOME', at('cache'));

/** An adapter that changes much. */
function makeAdapter(name: string, value: number): string {
  using model = tiny.load();
  for (const layer of addLora(model, { rank: 2 }).values())
    for (const [path, tensor] of namedParameters(layer))
      if (path.startsWith('lora_')) noGrad(() => scope(() => tensor.fill_(value)));
  saveAdapter(at(name), model, { base: tiny.folder });
  return at(name);
}

const cli = async (...args: string[]) => {
  const { code, stderr, stdout } = await runCli(args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};
let server: LiveServer;
beforeAll(async () => {
  await cli('quantize', '--model', tiny.folder, '--out', at('q8'), '--bits', '8', '--group-size', '16', '--no-gate');
  await cli('export', '--model', tiny.folder, '--format', 'gguf', '--type', 'F32', '--out', at('tiny.gguf'));
  makeAdapter('a', 0.3);
  makeAdapter('b', -0.2);
  const places = await servedPlaces(
    {
      model: [`base=${tiny.folder}`, at('q8'), at('tiny.gguf')],
      adapter: [`a=${at('a')}`, `b=base=${at('b')}`],
      draft: [],
      dtype: 'float32',
    },
    testIo([]),
  );
  server = await startLive({ models: places });
}, 120_000);
afterAll(() => server.close());

const ask = async (model: string) => {
  const { body } = await server.post('/v1/completions', { model, prompt: '吾輩は猫', temperature: 0, max_tokens: 16 });
  return body.choices[0].text as string;
};
const generated = async (...args: string[]) =>
  JSON.parse(await cli('generate', ...args, '--prompt', '吾輩は猫', '--max-tokens', '16', '--json')).text as string;

describe('a model', () => {
  it('is listed under its name', async () => {
    const { data } = (await (await server.ask('/v1/models')).json()) as {
      data: { id: string; parent: string | null }[];
    };
    expect(data.map(({ id, parent }) => [id, parent])).toEqual([
      ['base', null],
      ['q8', null],
      ['tiny', null],
      ['a', tiny.folder],
      ['b', tiny.folder],
    ]);
  });

  it('of each kind writes what the command line writes with it', async () => {
    const base = await generated('--model', tiny.folder);
    expect(await ask('base')).toBe(base);
    expect(await ask('tiny')).toBe(base);
    expect(await ask('q8')).toBe(await generated('--model', at('q8')));
    const [a, b] = [await ask('a'), await ask('b')];
    expect(a).toBe(await generated('--model', tiny.folder, '--adapter', at('a')));
    expect(b).toBe(await generated('--model', tiny.folder, '--adapter', at('b')));
    expect(new Set([base, a, b]).size).toBe(3);
    // All at once, and again.
    expect(await Promise.all(['b', 'a', 'base', 'q8', 'a'].map(ask))).toEqual([b, a, base, await ask('q8'), a]);
  });

  it('of a GGUF file is imported once', async () => {
    expect(existsSync(at('cache/tsumugi/gguf'))).toBe(true);
    const io = testIo([]);
    await servedPlaces({ model: [at('tiny.gguf')], adapter: [], draft: [], dtype: 'float32' }, io);
    expect(io.written.stderr).toBe('');
  });
});

describe('memory', () => {
  it('is forecast for weights of few bits as they lie in the file', () => {
    const bytes = statSync(at('q8/model.safetensors')).size;
    const forecast = weightBytes({ folder: at('q8') });
    expect(forecast).toBeLessThan(bytes);
    expect(forecast).toBeGreaterThan(0.8 * bytes);
  });

  const weights = 4 * 100_000;
  const two = [
    { name: 'one', folder: tiny.folder },
    { name: 'two', folder: at('q8') },
  ];

  it('for one model holds the one that was asked for last', async () => {
    const small = await startLive({ models: two, memoryBytes: (1 << 20) + weights, cacheBytes: 1 << 20 });
    const loaded = async () => {
      const { models } = await small.thread.count();
      return Object.entries(models)
        .filter(([, each]) => each.loaded)
        .map(([name]) => name);
    };
    const write = (model: string, tokens: number) =>
      small.post('/v1/completions', { model, prompt: '猫', max_tokens: tokens, ignore_eos: true, temperature: 0 });
    expect(await loaded()).toEqual(['one']);
    // One that writes is not taken away; who comes later does not overtake who waits.
    const order: string[] = [];
    const asked = [
      ['one', 200],
      ['two', 5],
      ['one', 5],
    ] as const;
    await Promise.all(
      asked.map(async ([model, tokens]) => {
        const { body } = await write(model, tokens);
        order.push(`${model} ${body.usage.completion_tokens}`);
      }),
    );
    expect(order).toEqual(['one 200', 'two 5', 'one 5']);
    expect(await loaded()).toEqual(['one']);
    const text = (await write('two', 8)).body.choices[0].text;
    expect(await loaded()).toEqual(['two']);
    await write('one', 1);
    expect((await write('two', 8)).body.choices[0].text).toBe(text);
    const { models } = await small.thread.count();
    // What was written before a model had to go counts on.
    expect(models['one']!.generatedTokens).toBe(206);
    expect(models['two']!.generatedTokens).toBe(21);
    await small.close();
  });

  it('that no model fits into is refused when the server starts', async () => {
    await expect(
      startServer({ models: two, port: 0, memoryBytes: 1 << 20, cacheBytes: 1 << 20, log: () => {} }),
    ).rejects.toThrow(/the model one takes .* and its cache 1.0 MiB, more than the 1.0 MiB/);
  });
});
