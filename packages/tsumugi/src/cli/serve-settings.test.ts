// What the options of `tsumugi serve` become: settings of the server, names of models, keys.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../base/index.ts';
import type { ServerOptions } from '../serve/index.ts';
import { chatModel, scratchFolder } from '../serve/serve.testing.ts';
import { runCli, testIo } from './cli.testing.ts';
import { keysOf } from './serve-keys.ts';
import { type ModelWords, servedPlaces } from './serve-models.ts';

const started: ServerOptions[] = [];
vi.mock('../serve/index.ts', async (original) => ({
  ...(await original<typeof import('../serve/index.ts')>()),
  startServer: async (settings: ServerOptions) => {
    started.push(settings);
    throw new ConfigError('told', 'the test has what it wants');
  },
}));
beforeEach(() => void started.splice(0));
afterEach(() => vi.unstubAllEnvs());
const scratch = scratchFolder();
const file = (name: string, text: string) => {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
};

const tiny = chatModel();
afterAll(() => tiny[Symbol.dispose]());
mkdirSync(join(scratch, 'run-5/model'), { recursive: true });

describe('a server', () => {
  const { folder } = tiny;
  const settings = async (...args: string[]) => {
    await runCli(['serve', '--model', `m=${folder}`, '--memory', '1G', ...args]);
    return started[0]!;
  };

  it('has what its options say', async () => {
    const words = [
      ...['--host', '127.0.0.2', '--port', '0', '--api-key', 'k', '--cors', 'https://a.example', '--allow-host', 'h'],
      ...['--context', '77', '--max-tokens', '33', '--slots', '3', '--queue', '5', '--request-seconds', '7'],
      ...['--cache', '1M', '--cache-dir', '/kept', '--drain-delay', '2', '--drain-seconds', '9', '--dtype', 'float64'],
      ...['--prompt-lookup', '6', '--draft-tokens', '5', '--model', `n=${folder}`, '--draft', `n=${folder}`],
    ];
    expect(await settings(...words, '--template', 'chatml')).toMatchObject({
      ...{
        host: '127.0.0.2',
        port: 0,
        keys: ['k'],
        cors: ['https://a.example'],
        hosts: ['h'],
        slots: 3,
        promptLookup: 6,
        draftTokens: 5,
      },
      limits: { contextTokens: 77, maxTokens: 33, queue: 5, requestSeconds: 7 },
      ...{ memoryBytes: 1 << 30, cacheBytes: 1 << 20, cacheDir: '/kept', drainDelay: 2, drainSeconds: 9 },
      models: ['m', 'n'].map((name) => ({ name, folder, dtype: 'float64', template: 'chatml' })),
    });
    expect(started[0]!.models.map(({ draft }) => draft)).toEqual([undefined, folder]);
  });

  it.each([
    [['--draft-tokens', '3'], /--draft-tokens has no effect: it is for --draft/],
    [['--draft', folder, '--prompt-lookup', '3'], /--prompt-lookup has no effect: each model has a draft/],
  ])('is refused guesses that nobody would make: %j', async (words, message) => {
    const { code, stderr } = await runCli(['serve', '--model', `m=${folder}`, ...words]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('is for this machine alone, open to no page, where nothing is said', async () => {
    const { host, cors, hosts, keys, cacheBytes } = await settings();
    expect({ host, cors, hosts, keys }).toEqual({ host: '127.0.0.1', cors: [], hosts: [], keys: [] });
    expect(cacheBytes).toBe(256 << 20);
  });
});

describe('names', () => {
  const places = (words: Partial<ModelWords>) =>
    servedPlaces({ model: [], adapter: [], draft: [], dtype: 'float32', ...words }, testIo([]));
  const folder = scratch;

  it('are those that are given, or of the folder that says something', async () => {
    const named = async (words: Partial<ModelWords>) => (await places(words)).map(({ name }) => name);
    expect(await named({ model: [`ja=${folder}`] })).toEqual(['ja']);
    expect(await named({ model: [folder], name: 'own' })).toEqual(['own']);
    // Folders of runs are called model, each.
    expect(await named({ model: [join(scratch, 'run-5/model')] })).toEqual(['run-5']);
    await expect(named({ model: [folder, folder], name: 'own' })).rejects.toThrow('--name is one name');
  });

  const two = { model: [`a=${folder}`, `b=${join(scratch, 'run-5')}`] };

  it('of adapters stand for the first model with them, or for the one that is named', async () => {
    const adapter = ['x=/x', 'y=b=/y', 'z=./a=b'];
    const all = await places({ ...two, adapter, template: 'chatml' });
    const shared = { template: 'chatml', dtype: 'float32' };
    expect(all.slice(2)).toEqual([
      { name: 'x', folder, adapter: '/x', ...shared },
      { name: 'y', folder: join(scratch, 'run-5'), adapter: '/y', ...shared },
      { name: 'z', folder, adapter: './a=b', ...shared },
    ]);
  });

  it('of drafts are those of the models that they guess for, adapters too: the first where none is named', async () => {
    const drafts = async (...draft: string[]) =>
      (await places({ ...two, adapter: ['x=/x'], draft })).map(({ draft }) => draft);
    expect(await drafts(scratch)).toEqual([scratch, undefined, undefined]);
    expect(await drafts(`b=${scratch}`, `x=${scratch}`)).toEqual([undefined, scratch, scratch]);
    await expect(drafts(scratch, `a=${scratch}`)).rejects.toThrow('two drafts are to guess for a');
  });

  it.each([{ adapter: ['x=base=/x'] }, { draft: ['base=/x'] }])('that nothing has are refused: %j', async (words) => {
    const named = places({ model: [`bass=${folder}`, `b=${folder}`], ...words });
    await expect(named).rejects.toThrow(/no model is served as "base"\n.*Did you mean "bass"\?.*begins with \.\//);
  });
});

describe('keys', () => {
  const none = { apiKey: [] };

  it('come from options, a file and the environment together', () => {
    vi.stubEnv('TSUMUGI_TEST_KEY', ' from-env\n');
    const apiKeyFile = file('keys', '# ours\n one \n\ntwo\r\n');
    expect(keysOf({ apiKey: ['k'], apiKeyFile, apiKeyEnv: 'TSUMUGI_TEST_KEY' })).toEqual([
      'k',
      'one',
      'two',
      'from-env',
    ]);
  });

  it.each([['猫'], ['a b'], ['']])('that no header can hold are refused, and not said: %j', (key) => {
    for (const apiKey of [[key], ['good', key]]) {
      expect(() => keysOf({ ...none, apiKey })).toThrow(/key \d has characters that a header cannot hold/);
      if (key) expect(() => keysOf({ ...none, apiKey })).not.toThrow(key);
    }
  });
});
