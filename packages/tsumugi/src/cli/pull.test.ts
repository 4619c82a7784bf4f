// Models by their names on the hub: `tsumugi pull`, and every command that takes a model or a tokenizer.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { HubServer, sha256Of } from '../store/hub/hub.testing.ts';
import { Artefact } from '../store/index.ts';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

const commit = 'd'.repeat(40);
let home: string;
let tiny: TinyModel;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-cli-hub-'));
  tiny = new TinyModel();
  const content = readdirSync(tiny.folder)
    .filter((name) => name !== 'lineage.json')
    .map((name) => [name, readFileSync(join(tiny.folder, name))]);
  const files = { ...Object.fromEntries(content), 'modeling_plamo.py': 'import os\n' };
  hub = await HubServer.start({ 'tsumugi/tiny': { commits: { [commit]: files }, licence: 'apache-2.0' } });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', join(home, '家'));
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  tiny[Symbol.dispose]();
  rmSync(home, { recursive: true });
});
const snapshot = () => join(home, '家', 'hub', 'models--tsumugi--tiny', 'snapshots', commit);

it('prints the sizes first, then fetches, then has nothing to do', async () => {
  const sizes = await runCli(['pull', 'tsumugi/tiny', '--print-sizes']);
  expect(sizes).toMatchObject({ code: 0, stderr: '' });
  expect(sizes.stdout).toContain(`tsumugi/tiny at main, commit ${commit}\nlicence apache-2.0\n`);
  expect(sizes.stdout).toMatch(/^ {2}model\.safetensors {2,}[\d.]+ KiB$/m);
  expect(sizes.stdout).toMatch(
    /^[\d.]+ KiB in 5 files; [\d.]+ KiB to fetch, .* free\nnot fetched: modeling_plamo\.py$/m,
  );
  expect(hub.filesAsked).toEqual([]);
  const first = await runCli(['pull', `tsumugi/tiny@${commit}`]);
  expect(first).toMatchObject({ code: 0, stdout: `${snapshot()}\n` });
  expect(first.stderr).toMatch(
    /^fetching tsumugi\/tiny at dddddddddddd: .* in 5 files, into .*\n(.*\n)*fetched .* in /,
  );
  const again = JSON.parse((await runCli(['pull', 'tsumugi/tiny', '--json'])).stdout);
  expect(again).toMatchObject({ repo: 'tsumugi/tiny', revision: 'main', commit, folder: snapshot(), fetchedBytes: 0 });
  const weights = readFileSync(join(tiny.folder, 'model.safetensors'));
  expect(again.files.find(({ path }: { path: string }) => path === 'model.safetensors')).toEqual({
    path: 'model.safetensors',
    bytes: weights.length,
    hash: sha256Of(weights),
    algorithm: 'sha256',
    cachedBytes: weights.length,
  });
  const plan = JSON.parse((await runCli(['pull', 'tsumugi/tiny', '--print-sizes', '--json'])).stdout);
  expect(plan).toMatchObject({ missingBytes: 0, leftOut: ['modeling_plamo.py'] });
  expect((await runCli(['pull', 'tsumugi/tiny', '--print-sizes'])).stdout).toMatch(/ in 5 files; 0 B to fetch, /);
});

it('fetches the tokenizer alone', async () => {
  expect((await runCli(['pull', 'tsumugi/tiny', '--tokenizer'])).code).toBe(0);
  expect(readdirSync(snapshot()).sort()).toEqual(['config.json', 'tokenizer.jsonl', 'tokenizer_config.json']);
});

it('names a model where a folder may stand', async () => {
  const both = async (argv: (model: string) => string[], stdin = '') => {
    const named = await runCli(argv('tsumugi/tiny'), stdin);
    expect(named.code, named.stderr).toBe(0);
    expect(named.stdout).toBe((await runCli(argv(tiny.folder), stdin)).stdout);
    return named;
  };
  const encoded = await both((model) => ['tokenizer', 'encode', '--tokenizer', model], '{"text":"吾輩は猫"}\n');
  expect(encoded.stderr).toContain('fetching tsumugi/tiny');
  expect(hub.filesAsked).not.toContain('model.safetensors');
  const generated = await both((model) => ['generate', '--model', model, '--prompt', '猫', '--max-tokens', '3']);
  expect(generated.stderr).toContain('fetching tsumugi/tiny');
  hub.asked.length = 0;
  await both((model) => ['score', '--model', model], '{"ids":[1,300,5]}\n');
  await both((model) => ['chat', '--model', model, '--max-tokens', '2', '--temperature', '0'], '猫\n');
  expect(hub.asked).toEqual([]);
  const evaluated = await runCli([
    'eval',
    'text',
    '--model',
    'tsumugi/tiny',
    '--text',
    embeddedText()[0]!,
    '--document-characters',
    '400',
    '--limit',
    '1',
    '--no-cache',
    '--json',
  ]);
  expect(evaluated.code, evaluated.stderr).toBe(0);
});

it('records the commit in the lineage of what is made from it', async () => {
  const out = (name: string) => join(home, name);
  const text = ['--text', embeddedText()[0]!, '--document-characters', '800'];
  const data = await runCli([
    'data',
    'prepare',
    '--tokenizer',
    'tsumugi/tiny',
    ...text,
    '--held-out',
    '0.2',
    '--out',
    out('data'),
  ]);
  expect(data.code, data.stderr).toBe(0);
  const phases = JSON.stringify([{ sequenceLength: 64, steps: 1, batchSize: 1 }]);
  const run = await runCli([
    'extend',
    '--model',
    'tsumugi/tiny',
    '--data',
    out('data'),
    '--out',
    out('run'),
    '--set',
    `phases=${phases}`,
    'evaluateTokens=64',
  ]);
  expect(run.code, run.stderr).toBe(0);
  const sha256 = await new Artefact(snapshot()).hash();
  expect(new Artefact(out('run/model')).lineage()!.parents).toEqual([{ name: `tsumugi/tiny@${commit}`, sha256 }]);
});

it('refuses in one sentence, with exit code 2', async () => {
  const refused = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runCli(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr.replaceAll(hub.endpoint, 'HUB');
  };
  expect(await refused('pull', 'tsumugi/tinny')).toBe(
    'error: HUB has no model tsumugi/tinny, or it is private\n  → Did you mean tsumugi/tiny?\n',
  );
  expect(await refused('pull', 'tiny')).toContain(
    '"tiny" is no name of a model: expected OWNER/NAME or OWNER/NAME@REVISION',
  );
  expect(await refused('generate', '--model', 'tsumugi/tinny', '--prompt', 'x')).toContain(
    'there is no folder tsumugi/tinny, and HUB has no model',
  );
  hub.models['tsumugi/tiny']!.gatedFor = 'hf_x';
  expect(await refused('pull', 'tsumugi/tiny')).toContain('Accept it at HUB/tsumugi/tiny');
});
