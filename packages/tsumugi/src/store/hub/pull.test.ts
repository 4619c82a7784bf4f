// Fetching from a hub: what is fetched, into which layout, under which revision, and what is never fetched.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotDownload } from '@huggingface/hub';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type HubModel, HubServer, sha256Of } from './hub.testing.ts';
import { planPull, pull, resolveModel } from './index.ts';

const [older, newer] = ['a'.repeat(40), 'b'.repeat(40)];
const weights = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31) % 251));
const tokenizer = '["<|plamo:unk|>", 0, "UNKNOWN"]\n'.repeat(20);
const files = {
  'config.json': '{"model_type":"plamo2"}\n',
  'model.safetensors': weights,
  'tokenizer.jsonl': tokenizer,
  'tokenizer_config.json': '{}\n',
  'README.md': '# 日本語のモデル\n',
  'modeling_plamo.py': 'raise SystemExit("code of a stranger")\n',
  'pytorch_model.bin': 'a pickle',
  '.gitattributes': '* text\n',
  'onnx/model.onnx': 'another format',
};
const plamo = (): HubModel => ({
  commits: { [older]: { ...files, 'config.json': '{"old":1}\n' }, [newer]: files },
  tags: { 'v0.1': older },
  branches: { 'refs/pr/1': older },
  licence: 'apache-2.0',
});

let home: string;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-hub-'));
  hub = await HubServer.start({ 'pfnet/plamo-2-1b': plamo() });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', join(home, '家'));
  vi.stubEnv('HF_HUB_CACHE', '');
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('HF_TOKEN_PATH', '');
  vi.stubEnv('HF_HUB_OFFLINE', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});
const cache = (...names: string[]) => join(home, '家', 'hub', 'models--pfnet--plamo-2-1b', ...names);

/** Paths of a folder with what they are: a link's target, or a file's content by its hash. */
function tree(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => !lstatSync(join(folder, name)).isDirectory())
      .sort()
      .map((name) => {
        const path = join(folder, name);
        return [name, lstatSync(path).isSymbolicLink() ? readlinkSync(path) : sha256Of(readFileSync(path))];
      }),
  );
}

it('fetches data alone, into blobs and links, and gives the folder', async () => {
  const result = await pull('pfnet/plamo-2-1b');
  expect(result).toMatchObject({
    commit: newer,
    revision: 'main',
    licence: 'apache-2.0',
    folder: cache('snapshots', newer),
  });
  const wanted = ['README.md', 'config.json', 'model.safetensors', 'tokenizer.jsonl', 'tokenizer_config.json'];
  expect(readdirSync(result.folder).sort()).toEqual(wanted);
  for (const name of wanted)
    expect(readFileSync(join(result.folder, name))).toEqual(Buffer.from(files[name as keyof typeof files]));
  expect(readlinkSync(join(result.folder, 'model.safetensors'))).toBe(`../../blobs/${sha256Of(weights)}`);
  expect(readFileSync(cache('refs', 'main'), 'utf8')).toBe(newer);
  expect([...result.leftOut].sort()).toEqual(['.gitattributes', 'modeling_plamo.py', 'onnx/', 'pytorch_model.bin']);
  expect([...new Set(hub.filesAsked)].sort()).toEqual(wanted);
  expect(result.fetchedBytes).toBe(result.totalBytes);
});

it("lays out what Hugging Face's own client lays out", async () => {
  await pull('pfnet/plamo-2-1b');
  const data = Object.fromEntries(Object.entries(files).filter(([name]) => !/^\.|\.py$|\.bin$|\//.test(name)));
  hub.models['pfnet/plamo-2-1b'] = { commits: { [newer]: data } };
  const theirs = join(home, 'theirs');
  vi.spyOn(console, 'debug').mockReturnValue();
  await snapshotDownload({ repo: 'pfnet/plamo-2-1b', hubUrl: hub.endpoint, cacheDir: theirs });
  expect(tree(cache())).toEqual(tree(join(theirs, 'models--pfnet--plamo-2-1b')));
});

it('takes up what another tool has fetched, and fetches the rest', async () => {
  mkdirSync(cache('blobs'), { recursive: true });
  writeFileSync(cache('blobs', sha256Of(weights)), weights);
  const plan = await planPull('pfnet/plamo-2-1b');
  expect(plan.totalBytes - plan.missingBytes).toBe(weights.length);
  await pull('pfnet/plamo-2-1b');
  expect(hub.filesAsked).not.toContain('model.safetensors');
  hub.asked.length = 0;
  expect(await pull('pfnet/plamo-2-1b')).toMatchObject({ missingBytes: 0, fetchedBytes: 0 });
  expect(hub.filesAsked).toEqual([]);
});

it('counts nothing of a file of which too much is there, and fetches names that an address writes otherwise', async () => {
  mkdirSync(cache('blobs'), { recursive: true });
  const partial = `${sha256Of(weights)}.${hostname()}-999999999-0.incomplete`;
  writeFileSync(cache('blobs', partial), Buffer.alloc(weights.length + 1));
  const { totalBytes, missingBytes } = await planPull('pfnet/plamo-2-1b');
  expect(missingBytes).toBe(totalBytes);
  const odd = '日本語 #1?.json';
  hub.models['pfnet/plamo-2-1b'] = { commits: { [newer]: { ...files, [odd]: '{"x":1}' } } };
  const { folder } = await pull('pfnet/plamo-2-1b');
  expect(readFileSync(join(folder, odd), 'utf8')).toBe('{"x":1}');
});

it.each([
  ['@v0.1', older, 'v0.1'],
  ['@refs/pr/1', older, 'refs/pr/1'],
  [`@${older}`, older, undefined],
])('takes a tag, a branch, a commit: %s', async (suffix, commit, ref) => {
  const { folder } = await pull(`pfnet/plamo-2-1b${suffix}`);
  expect(folder).toBe(cache('snapshots', commit));
  expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{"old":1}\n');
  if (ref === undefined) expect(existsSync(cache('refs'))).toBe(false);
  else expect(readFileSync(cache('refs', ref), 'utf8')).toBe(commit);
});

it('shares files between commits', async () => {
  await pull(`pfnet/plamo-2-1b@${older}`);
  hub.asked.length = 0;
  await pull('pfnet/plamo-2-1b');
  expect(hub.filesAsked).toEqual(['config.json']);
});

it('fetches the tokenizer alone', async () => {
  const { folder, totalBytes } = await pull('pfnet/plamo-2-1b', { need: 'tokenizer' });
  expect(readdirSync(folder).sort()).toEqual(['config.json', 'tokenizer.jsonl', 'tokenizer_config.json']);
  expect(totalBytes).toBeLessThan(weights.length);
});

it('reads a listing page by page', async () => {
  hub.pageSize = 2;
  expect((await planPull('pfnet/plamo-2-1b')).files).toHaveLength(5);
});

it('takes a single file of weights before shards, and shards before other files', async () => {
  const shards = {
    'model-00001-of-00002.safetensors': 'x',
    'model-00002-of-00002.safetensors': 'y',
    'model.safetensors.index.json':
      '{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}',
  };
  const names = async (more: HubModel['commits'][string]) => {
    hub.models['pfnet/plamo-2-1b'] = { commits: { [newer]: { 'config.json': '{}', ...more } } };
    return (await planPull('pfnet/plamo-2-1b')).files.map(({ path }) => path);
  };
  expect(await names({ ...shards, 'model.safetensors': 'z' })).toEqual(['config.json', 'model.safetensors']);
  expect(await names({ ...shards, 'consolidated.safetensors': 'z' })).toEqual([
    'config.json',
    'model.safetensors.index.json',
    ...Object.keys(shards).slice(0, 2),
  ]);
  await pull('pfnet/plamo-2-1b');
  hub.models['pfnet/plamo-2-1b']!.commits = {
    [older]: {
      'config.json': '{}',
      ...shards,
      'model.safetensors.index.json': '{"weight_map":{"a":"model-00003-of-00003.safetensors"}}',
    },
  };
  await expect(pull('pfnet/plamo-2-1b')).rejects.toThrow(
    'is not whole on the hub: it lacks model-00003-of-00003.safetensors',
  );
});

it('gives a command the folder in the cache without asking the hub', async () => {
  const { folder } = await pull('pfnet/plamo-2-1b');
  hub.asked.length = 0;
  expect(await resolveModel('pfnet/plamo-2-1b')).toBe(folder);
  expect(await resolveModel(`hf://pfnet/plamo-2-1b@${newer}`)).toBe(folder);
  expect(hub.asked).toEqual([]);
});

it('fetches for a command what the cache has a part of', async () => {
  await pull('pfnet/plamo-2-1b', { need: 'tokenizer' });
  hub.asked.length = 0;
  await resolveModel('pfnet/plamo-2-1b', { need: 'tokenizer' });
  expect(hub.asked).toEqual([]);
  expect(existsSync(join(await resolveModel('pfnet/plamo-2-1b'), 'model.safetensors'))).toBe(true);
});

it('leaves paths alone', async () => {
  for (const place of [
    home,
    'no/such/folder',
    './pfnet/plamo',
    'pfnet/',
    'model',
    '/pfnet/plamo',
    '../a/b',
    'a/b.git',
    'packages/model',
  ])
    expect(await resolveModel(place), place).toBe(place);
  expect(hub.asked).toEqual([]);
});
