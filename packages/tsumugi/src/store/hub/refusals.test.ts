// What the hub refuses, and what is refused of the hub: one sentence each, and the token goes to the hub alone.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConfigError, UserError } from '../../base/index.ts';
import { HubServer, json, refuse } from './hub.testing.ts';
import { type HubError, hubOrigin, parseHubName, planPull, pull, resolveModel } from './index.ts';

const [older, newer] = ['a'.repeat(40), 'b'.repeat(40)];
const files = { 'config.json': '{}\n', 'model.safetensors': 'w'.repeat(500), 'tokenizer.jsonl': '[]\n' };

let home: string;
let hub: HubServer;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-hub-'));
  hub = await HubServer.start({
    'pfnet/plamo-2-1b': { commits: { [older]: files, [newer]: files }, tags: { 'v1.0': older } },
    'pfnet/plamo-2-8b': { commits: { [newer]: files }, gatedFor: 'hf_right', licence: 'other' },
  });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', home);
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});
const quick = { retryDelaySeconds: 0.001, retries: 1 };
const errorOf = (work: Promise<unknown>): Promise<HubError> =>
  work.then(
    () => expect.unreachable('it was not refused'),
    (error) => {
      expect(error).toBeInstanceOf(UserError);
      return error;
    },
  );
const message = async (work: Promise<unknown>) => (await errorOf(work)).message.replaceAll(hub.endpoint, 'HUB');

it('names the page with the licence of a gated model, and what to do', async () => {
  expect(await message(pull('pfnet/plamo-2-8b', quick))).toBe(
    'pfnet/plamo-2-8b is gated: its licence has to be accepted first\n' +
      '  → Accept it at HUB/pfnet/plamo-2-8b, make a token at HUB/settings/tokens, and put it into HF_TOKEN.',
  );
  vi.stubEnv('HF_TOKEN', 'hf_wrong');
  expect(await message(pull('pfnet/plamo-2-8b', quick))).toContain(
    'Accept it at HUB/pfnet/plamo-2-8b, signed in as the account of the token in HF_TOKEN, and run the command again.',
  );
  expect(await planPull('pfnet/plamo-2-8b')).toMatchObject({ gated: true, licence: 'other' });
});

it.each([['HF_TOKEN'], ['the file']])('sends the token of %s to the hub, and to no other host', async (where) => {
  if (where === 'HF_TOKEN') vi.stubEnv('HF_TOKEN', 'hf_right');
  else writeFileSync(join(home, 'token'), 'hf_right\n');
  await pull('pfnet/plamo-2-8b', quick);
  const tokens = (at: string) =>
    new Set(hub.asked.filter((asked) => asked.at === at).map(({ authorization }) => authorization));
  expect(tokens('hub')).toEqual(new Set(['Bearer hf_right']));
  expect(tokens('cdn')).toEqual(new Set([undefined]));
});

it('says where a token is that the hub refuses, and never what it is', async () => {
  vi.stubEnv('HF_TOKEN', 'hf_old');
  hub.fault = (_, response) => {
    json(response, { error: 'Invalid credentials: hf_old has expired' }, 401);
    return true;
  };
  const text = await message(pull('pfnet/plamo-2-1b', quick));
  expect(text).toMatch(/^HUB refuses the token in HF_TOKEN: Invalid credentials: \[token\] has expired\n/);
  vi.stubEnv('HF_TOKEN', 'hf_äöü');
  await expect(pull('pfnet/plamo-2-1b')).rejects.toBeInstanceOf(ConfigError);
});

it('knows the nearest name and revision', async () => {
  expect(await message(pull('pfnet/plamo2-1b', quick))).toBe(
    'HUB has no model pfnet/plamo2-1b, or it is private\n  → Did you mean pfnet/plamo-2-1b?',
  );
  expect(await message(pull('pfnet/plamo-2-1b@v1', quick))).toBe(
    'pfnet/plamo-2-1b has no revision "v1"\n  → It has: main, v1.0.',
  );
  expect(await message(pull('pfnet/plamo-2-1b@v1.0.0', quick))).toContain('Did you mean pfnet/plamo-2-1b@v1.0?');
  expect(await message(pull('nobody/nothing', quick))).toContain('Check the name; for a private one');
});

it('says of a name in place of a folder that neither is there', async () => {
  expect(await message(resolveModel('pfnet/plamo2-1b', quick))).toMatch(
    /^there is no folder pfnet\/plamo2-1b, and HUB has no model pfnet\/plamo2-1b/,
  );
  expect(await message(resolveModel('hf://pfnet/plamo2-1b', quick))).toMatch(/^HUB has no model/);
  await hub[Symbol.asyncDispose]();
  expect(await message(resolveModel('pfnet/plamo-2-1b', quick))).toMatch(
    /^there is no folder pfnet\/plamo-2-1b, and HUB cannot be reached: ECONNREFUSED/,
  );
});

it('leaves the network alone offline', async () => {
  const { folder } = await pull('pfnet/plamo-2-1b', quick);
  hub.asked.length = 0;
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await resolveModel('pfnet/plamo-2-1b')).toBe(folder);
  const again = await pull('pfnet/plamo-2-1b');
  expect(again).toMatchObject({ folder, commit: newer, missingBytes: 0 });
  expect(again.files.map(({ path, bytes }) => [path, bytes])).toEqual(
    Object.entries(files)
      .map(([path, content]) => [path, content.length])
      .sort(),
  );
  for (const name of ['pfnet/plamo-2-8b', 'pfnet/plamo-2-1b@v1.0'])
    expect(await message(resolveModel(name))).toMatch(
      /^there is no folder .*, and .* cannot be asked for: HF_HUB_OFFLINE is set/,
    );
  expect(hub.asked).toEqual([]);
});

it('writes nothing where all is there, so that a cache may be read-only, and says what cannot be written', async () => {
  await pull('pfnet/plamo-2-1b', quick);
  const stamps = () =>
    readdirSync(join(home, 'hub'), { recursive: true }).map((name) => {
      const { ino, mtimeNs, ctimeNs } = lstatSync(join(home, 'hub', String(name)), { bigint: true });
      return `${name} ${ino} ${mtimeNs} ${ctimeNs}`;
    });
  const before = stamps();
  expect((await pull('pfnet/plamo-2-1b', quick)).fetchedBytes).toBe(0);
  await resolveModel('pfnet/plamo-2-1b');
  expect(stamps()).toEqual(before);
  writeFileSync(join(home, 'file'), '');
  vi.stubEnv('HF_HUB_CACHE', join(home, 'file', 'hub'));
  expect(await message(pull('pfnet/plamo-2-1b', quick))).toMatch(
    /models--pfnet--plamo-2-1b\/blobs cannot be written: a part of the path is a file, not a folder/,
  );
});

it.each<[string, Record<string, string>, RegExp]>([
  [
    'pickles alone',
    { 'config.json': '{}', 'pytorch_model.bin': 'x' },
    /has no \.safetensors weights, only pytorch_model\.bin, a pickle, which can run code/,
  ],
  ['GGUF alone', { 'm.Q4_K_M.gguf': 'x' }, /has no \.safetensors weights, only m\.Q4_K_M\.gguf/],
  ['nothing', { 'README.md': 'x' }, /nothing of a model that can be read here/],
])('refuses a repository with %s before it fetches anything', async (_, content, reason) => {
  hub.models['a/b'] = { commits: { [newer]: content } };
  expect(await message(pull('a/b', quick))).toMatch(reason);
  expect(hub.filesAsked).toEqual([]);
});

const listing = (entry: object) => {
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    json(response, [{ type: 'file', path: 'model.safetensors', size: 1, oid: '1'.repeat(40), ...entry }]);
    return true;
  };
};

it.each([
  ['../../etc/model.safetensors'],
  ['/etc/model.safetensors'],
  ['..\\model.safetensors'],
  ['C:model.safetensors'],
  ['a/../../model.safetensors'],
  ['\u001b[2Jmodel.safetensors'],
  ['.hidden.safetensors'],
])('takes no name that leads out of the folder: %j', async (path) => {
  listing({ path });
  const error = await errorOf(pull('pfnet/plamo-2-1b', quick));
  expect(error.code).toBe('hub-file-name');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey it.
  expect(error.message).not.toMatch(/\u001b/);
  expect(existsSync(join(home, 'hub'))).toBe(false);
});

it.each<[string, object, string]>([
  ['a hash that is a path', { oid: '../../../../etc/passwd' }, 'hub-answer'],
  ['an LFS hash that is a path', { lfs: { oid: '../x', size: 1 } }, 'hub-answer'],
  ['no hash', { oid: undefined }, 'hub-answer'],
  ['a negative size', { size: -1 }, 'hub-answer'],
  ['a size that is no number', { size: 'large' }, 'hub-answer'],
  ['another kind', { type: 'symlink' }, 'hub-answer'],
  ['a tokenizer of a terabyte', { path: 'tokenizer.jsonl', size: 1e12 }, 'hub-nothing-to-read'],
])('takes no listing with %s', async (_, entry, code) => {
  listing(entry);
  expect((await errorOf(pull('pfnet/plamo-2-1b', quick))).code).toBe(code);
  expect(existsSync(join(home, 'hub'))).toBe(false);
});

it('lets no large file pass for a small one', async () => {
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    const file = (name: string, size: number) => ({ type: 'file', path: name, size, oid: '1'.repeat(40) });
    json(response, [file('model.safetensors', 1), file('config.json', 1e12)]);
    return true;
  };
  expect((await errorOf(pull('pfnet/plamo-2-1b', quick))).code).toBe('hub-too-large');
});

it('takes no other commit than was asked for, no listing of a branch that moves, no listing without end', async () => {
  hub.fault = ({ path }, response) => {
    if (!path.includes('/revision/')) return false;
    json(response, { _id: '0'.repeat(24), id: 'pfnet/plamo-2-1b', sha: newer, private: false, gated: false });
    return true;
  };
  expect((await errorOf(planPull(`pfnet/plamo-2-1b@${older}`, quick))).message).toContain(
    `gives commit ${newer} where`,
  );
  hub.fault = () => false;
  hub.asked.length = 0;
  await planPull('pfnet/plamo-2-1b@v1.0', quick);
  expect(hub.asked.map(({ path }) => path).filter((path) => path.includes('/tree/'))).toEqual([
    `/api/models/pfnet/plamo-2-1b/tree/${older}`,
  ]);
  hub.fault = ({ path }, response) => {
    if (!path.includes('/tree/')) return false;
    const entry = (i: number) => ({ type: 'file', path: `${i}.json`, size: 1, oid: '1'.repeat(40) });
    json(
      response,
      Array.from({ length: 10_001 }, (_, i) => entry(i)),
    );
    return true;
  };
  expect(await message(planPull('pfnet/plamo-2-1b', quick))).toContain('lists more than 10000 files');
});

it('counts a large file by its own size, not by that of its pointer in git', async () => {
  const [weights] = (await planPull('pfnet/plamo-2-1b', quick)).files.filter(
    ({ path }) => path === 'model.safetensors',
  );
  listing({ size: 130, lfs: { oid: weights!.hash, size: 500 } });
  expect((await planPull('pfnet/plamo-2-1b', quick)).totalBytes).toBe(500);
});

it('says what a model on the hub lacks, and takes no branch whose commit is none', async () => {
  hub.models['a/b'] = { commits: { [newer]: { 'model.safetensors': 'w' } } };
  expect(await message(pull('a/b', quick))).toContain('is not whole on the hub: it lacks config.json');
  const { folder } = await pull('pfnet/plamo-2-1b', quick);
  mkdirSync(join(home, 'hub', 'elsewhere'));
  for (const name of Object.keys(files)) writeFileSync(join(home, 'hub', 'elsewhere', name), '');
  writeFileSync(join(folder, '..', '..', 'refs', 'main'), '../../elsewhere');
  hub.asked.length = 0;
  expect(await resolveModel('pfnet/plamo-2-1b', quick)).toBe(folder);
  expect(hub.asked.length).toBeGreaterThan(0);
});

it('takes no answer without end, no page instead of JSON, no listing at another host, no circle', async () => {
  const code = async (answer: typeof hub.fault) => {
    hub.fault = answer;
    return (await errorOf(planPull('pfnet/plamo-2-1b', quick))).code;
  };
  const endless = Buffer.alloc(1 << 20, ' ');
  const pour = (response: Parameters<typeof hub.fault>[1]): void => {
    while (!response.destroyed && response.write(endless));
    if (!response.destroyed) response.once('drain', () => pour(response));
  };
  const of = (answer: (response: Parameters<typeof hub.fault>[1]) => unknown) =>
    code((_, response) => answer(response) !== false);
  expect(await of(pour)).toBe('hub-answer');
  expect(await of((response) => response.end('<html>'))).toBe('hub-answer');
  expect(await of((response) => response.end('['.repeat(100_000)))).toBe('hub-answer');
  expect(await of((response) => json(response, { sha: '../..' }))).toBe('hub-answer');
  expect(await of((response) => response.writeHead(302, { location: '/api/models/pfnet/plamo-2-1b' }).end())).toBe(
    'hub-answer',
  );
  expect(await of((response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end())).toBe('hub-answer');
  const elsewhere = hub.cdn;
  hub.asked.length = 0;
  expect(
    await code(({ path }, response) => {
      if (!path.includes('/tree/')) return false;
      json(response.setHeader('link', `<${elsewhere}/api/models>; rel="next"`), []);
      return true;
    }),
  ).toBe('hub-answer');
  expect(hub.asked.filter(({ at }) => at === 'cdn')).toEqual([]);
});

it('says what else the hub refuses', async () => {
  const text = async (status: number, kind: string, words: string) => {
    hub.fault = (_, response) => {
      refuse(response, status, kind, words);
      return true;
    };
    return (await message(planPull('pfnet/plamo-2-1b', quick))).split('\n')[0];
  };
  expect(await text(403, '', 'Access to this resource is disabled.')).toBe(
    'pfnet/plamo-2-1b is disabled by the hub: Access to this resource is disabled.',
  );
  expect(await text(403, '', 'no rights')).toBe('HUB does not give pfnet/plamo-2-1b to you: no rights');
  expect(await text(418, '', 'a teapot')).toBe('HUB answers with 418: a teapot');
  expect(await text(503, '', 'down')).toBe('HUB answers with 503: down');
});

it.each([
  ['gpt2', 'Write it as on its page, for example pfnet/plamo-2-1b.'],
  ['pfnet/plamo-2-1b@', 'Write it as on its page'],
  ['pfnet/plamo-2-1b@../../x', 'Write it as on its page'],
  ['pfnet/plamo--2', 'Write it as on its page'],
  ['https://huggingface.co/pfnet/plamo-2-1b', 'Write pfnet/plamo-2-1b.'],
  ['https://huggingface.co/pfnet/plamo-2-1b/tree/refs/pr/3', 'Write pfnet/plamo-2-1b@refs/pr/3.'],
])('takes no other name: %s', (name, remedy) => {
  expect(() => parseHubName(name)).toThrow(remedy);
});

it.each([['ftp://x'], ['huggingface.co'], ['http://user@host']])('takes no other address: %s', async (address) => {
  vi.stubEnv('HF_ENDPOINT', address);
  await expect(pull('a/b')).rejects.toThrow(`HF_ENDPOINT is no address of a hub: "${address}"`);
});

it('knows where a folder of the cache comes from', async () => {
  const { folder } = await pull('pfnet/plamo-2-1b', quick);
  expect(hubOrigin(folder)).toEqual({ repo: 'pfnet/plamo-2-1b', commit: newer });
  expect(hubOrigin(`${folder}/`)).toEqual({ repo: 'pfnet/plamo-2-1b', commit: newer });
  expect(hubOrigin(join(folder, '..'))).toBeUndefined();
  expect(hubOrigin(home)).toBeUndefined();
  expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{}\n');
});
