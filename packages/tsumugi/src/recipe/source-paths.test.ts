// A recipe that takes a model by its name on the hub: it is fetched when the recipe is planned, and known by its content.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { HubServer } from '../store/hub/hub.testing.ts';
import { defineRecipe, defineStage, given, runRecipe } from './index.ts';

const [older, newer] = ['a'.repeat(40), 'b'.repeat(40)];
let home: string;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-recipe-hub-'));
  const files = (config: string) => ({ 'config.json': config, 'model.safetensors': 'w'.repeat(300) });
  hub = await HubServer.start({ 'a/b': { commits: { [newer]: files('{"n":2}'), [older]: files('{"n":1}') } } });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_CACHE', join(home, 'hub'));
  vi.stubEnv('HF_HUB_OFFLINE', '');
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

const read = defineStage({
  name: 'read',
  version: 1,
  makes: 'text',
  inputs: { model: 'model' },
  config: z.strictObject({}),
  output: 'result',
  resumes: false,
  forecast: () => ({ seconds: 0.01, memory: [], diskBytes: 10 }),
  async run({ inputs, folder }) {
    mkdirSync(join(folder, 'result'));
    writeFileSync(join(folder, 'result', 'config'), readFileSync(join(inputs.model.path, 'config.json')));
    return { metrics: [] };
  },
});
const recipe = defineRecipe({
  name: 'reads-a-model',
  summary: 'reads a model',
  config: z.strictObject({ model: z.string() }),
  stages: ({ model }) => [read.stage('read', {}, { model: given('model', model) })],
});
const run = async (model: string) => {
  const quiet = { write: () => true };
  const { report } = await runRecipe(recipe, { model }, { out: join(home, 'out'), stream: quiet });
  const { state, address } = report.stages[0]!;
  return { state, address };
};

it('fetches it once, and makes anew what is of another commit', async () => {
  const first = await run('a/b');
  expect(first.state).toBe('made');
  hub.asked.length = 0;
  expect(await run('a/b')).toEqual({ state: 'unchanged', address: first.address });
  expect(await run(join(home, 'hub', 'models--a--b', 'snapshots', older))).toEqual({
    state: 'unchanged',
    address: first.address,
  });
  expect(hub.asked).toEqual([]);
  const other = await run(`a/b@${newer}`);
  expect(other.state).toBe('made');
  expect(other.address).not.toBe(first.address);
});

it('refuses a name that is neither a folder nor on the hub', async () => {
  await expect(run('a/c')).rejects.toThrow(/there is no folder a\/c, and .* has no model a\/c/);
});
