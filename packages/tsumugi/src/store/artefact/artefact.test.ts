// Model folders: what is written is what Hugging Face's layout has, comes back, and is hashed by content.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { DataError, FormatError, sha256, sha256File, TsumugiError } from '../../base/index.ts';
import { scope, tensor } from '../../torch/index.ts';
import { Artefact, type ArtefactContent, writeArtefact } from './index.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-artefact-'));
});
afterEach(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);

const write = (folder: string, changes: Partial<ArtefactContent> = {}) =>
  scope(() =>
    writeArtefact(folder, {
      config: { model_type: 'plamo2', hidden_size: 4 },
      tensors: [['a', tensor([1, 2])], ['b', tensor([3])]], // biome-ignore format: pairs
      lineage: { stage: 'pretrain', seed: 7, data: [{ name: 'neko.txt', sha256: sha256('neko') }] },
      tokenizer: '["a", 0, "NORMAL"]\n',
      ...changes,
    }),
  );

function code(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof TsumugiError) return `${error.name} ${error.code}`;
    throw error;
  }
  return 'nothing was thrown';
}

it.each([[['config.json']], [['config.json', 'model.safetensors']], [['lineage.json']], [['notes.txt']]])(
  'does not replace a folder that it did not write: %j',
  (files) => {
    mkdirSync(at('model'));
    for (const name of files) writeFileSync(at('model', name), 'mine');
    expect(code(() => write(at('model')))).toBe('DataError place-taken');
    for (const name of files) expect(readFileSync(at('model', name), 'utf8')).toBe('mine');
    expect(readdirSync(at('model'))).toEqual(files);
    expect(readdirSync(home)).toEqual(['model']);
  },
);

it('is known by all its files but its lineage and what other programs hide there', async () => {
  write(at('model'));
  const hash = () => new Artefact(at('model')).hash();
  const before = await hash();
  writeFileSync(at('model', '.DS_Store'), 'x');
  mkdirSync(at('model', 'deep'));
  writeFileSync(at('model', 'lineage.json'), `${readFileSync(at('model', 'lineage.json'), 'utf8')}\n`);
  expect(await hash()).toBe(before);
  writeFileSync(at('model', 'more.json'), '{}');
  expect(await hash()).not.toBe(before);
});

it('writes and reads a model folder', () => {
  write(at('model'), { generationConfig: { eos_token_id: 2 }, extra: { 'README.md': '# 紬\n' }, maxShardBytes: 8 });
  expect(readdirSync(home)).toEqual(['model']);
  expect(readdirSync(at('model')).sort()).toEqual([
    'README.md',
    'config.json',
    'generation_config.json',
    'lineage.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
    'tokenizer.jsonl',
  ]);
  const model = new Artefact(at('model'));
  expect(model.config()).toEqual({ model_type: 'plamo2', hidden_size: 4 });
  expect(model.config(z.object({ hidden_size: z.int() })).hidden_size).toBe(4);
  expect(model.generationConfig()).toEqual({ eos_token_id: 2 });
  expect(model.tokenizerConfig()).toBeUndefined();
  expect(readFileSync(model.tokenizerPath, 'utf8')).toBe('["a", 0, "NORMAL"]\n');
  using weights = model.weights();
  scope(() => expect(weights.tensor('b').tolist()).toEqual([3]));
  const lineage = model.lineage()!;
  expect([lineage.stage, lineage.seed, lineage.commit, lineage.data[0]!.name]).toEqual([
    'pretrain',
    7,
    null,
    'neko.txt',
  ]);
  for (const [name, { sha256: recorded }] of Object.entries(lineage.files))
    expect(sha256File(at('model', name))).toBe(recorded);
});

it('hashes the content, not what the lineage says of it', async () => {
  write(at('one'));
  write(at('two'), { lineage: { stage: 'merge', seed: 8 } });
  write(at('three'), { config: { model_type: 'plamo2', hidden_size: 5 } });
  const hash = (name: string) => new Artefact(at(name)).hash();
  expect(await hash('one')).toBe(await hash('two'));
  expect(await hash('three')).not.toBe(await hash('one'));
  rmSync(at('two', 'lineage.json')); // as a published folder
  expect(await hash('two')).toBe(await hash('one'));
  // Other content of the same size, with the old time.
  const { atime, mtime } = statSync(at('one', 'tokenizer.jsonl'));
  writeFileSync(at('one', 'tokenizer.jsonl'), '["b", 0, "NORMAL"]\n');
  utimesSync(at('one', 'tokenizer.jsonl'), atime, mtime);
  expect(await hash('one')).not.toBe(await hash('two'));
  // Every file counts, whatever its name.
  for (const name of readdirSync(at('two'))) {
    const kept = readFileSync(at('two', name));
    const before = await hash('two');
    writeFileSync(at('two', name), Buffer.concat([kept.subarray(1), kept.subarray(0, 1)]));
    expect(await hash('two'), name).not.toBe(before);
    writeFileSync(at('two', name), kept);
    expect(await hash('two')).toBe(before);
  }
});

it('names the files that changed since the lineage was written', async () => {
  write(at('model'));
  const artefact = new Artefact(at('model'));
  const changed = async () => artefact.changedFiles(await artefact.hashed());
  expect(await changed()).toEqual([]);
  const weights = readFileSync(at('model', 'model.safetensors'));
  weights[weights.length - 1]! ^= 1;
  writeFileSync(at('model', 'model.safetensors'), weights);
  expect(await changed()).toEqual(['model.safetensors']);
  writeFileSync(at('model', 'toString'), ''); // a name that every object has
  rmSync(at('model', 'tokenizer.jsonl'));
  expect((await changed()).sort()).toEqual(['model.safetensors', 'toString', 'tokenizer.jsonl']);
  rmSync(at('model', 'lineage.json'));
  expect(await changed()).toEqual([]);
});

it('notices that files which are in use were written to', async () => {
  write(at('model'));
  const files = await new Artefact(at('model')).hashed();
  const place = at('model', 'model.safetensors');
  files.requireUnchanged();
  const weights = readFileSync(place);
  writeFileSync(place, weights); // touched: the same all the same
  files.requireUnchanged();
  const { atime, mtime } = statSync(place);
  weights[weights.length - 1]! ^= 1;
  writeFileSync(place, weights);
  utimesSync(place, atime, mtime);
  expect(code(() => files.requireUnchanged())).toBe('DataError model-changed');
  rmSync(at('model'), { recursive: true }); // what was mapped stays
  files.requireUnchanged();
});

it('replaces a model folder of ours, and nothing else', () => {
  write(at('model'));
  write(at('model'), { config: { hidden_size: 9 } });
  expect(new Artefact(at('model')).config()).toEqual({ hidden_size: 9 });
  mkdirSync(at('thesis'));
  writeFileSync(at('thesis', 'chapter1.txt'), 'x');
  expect(code(() => write(at('thesis')))).toBe('DataError place-taken');
  const broken = {
    dtype: 'float32',
    shape: [1],
    read: () => {
      throw new Error('on purpose');
    },
  } as const;
  expect(() => write(at('model'), { tensors: [['a', broken]] })).toThrow('on purpose');
  expect(new Artefact(at('model')).config()).toEqual({ hidden_size: 9 });
  expect(readdirSync(home)).toEqual(['model', 'thesis']);
});

it('explains what is missing or malformed', () => {
  expect(code(() => new Artefact(at('none')))).toBe('DataError no-model');
  expect(code(() => new Artefact(home))).toBe('DataError no-model');
  expect(() => new Artefact(home)).toThrow(/has no config\.json/);
  write(at('model'), { tokenizer: undefined });
  const model = new Artefact(at('model'));
  expect(() => model.tokenizerPath).toThrow(DataError);
  writeFileSync(at('model', 'config.json'), '{"hidden_size": 4,}');
  expect(code(() => model.config())).toBe('FormatError not-json');
  writeFileSync(at('model', 'config.json'), '[]');
  expect(() => model.config()).toThrow(FormatError);
  writeFileSync(at('model', 'config.json'), '{"hidden_size": "4"}');
  expect(() => model.config(z.object({ hidden_size: z.int() }))).toThrow(
    /config\.json .*"hidden_size" is "4", expected a number/,
  );
  writeFileSync(at('model', 'config.json'), Buffer.of(0x7b, 0xff));
  expect(code(() => model.config())).toBe('FormatError not-utf8');
});

it('says what to do with an adapter', () => {
  mkdirSync(at('adapter'));
  writeFileSync(at('adapter', 'adapter_config.json'), '{}');
  expect(() => new Artefact(at('adapter'))).toThrow(
    /adapter is an adapter, not a model\n {2}→ Merge it into its base first: tsumugi merge --adapter .*adapter --out DIR/,
  );
});

it('says what a link lacks', () => {
  symlinkSync(at('gone'), at('link'));
  expect(() => new Artefact(at('link'))).toThrow(
    /link is not a model folder: it is a link to .*gone, which does not exist/,
  );
  mkdirSync(at('half'));
  symlinkSync('../blobs/abc', at('half', 'config.json'));
  expect(() => new Artefact(at('half'))).toThrow(
    /config.json is a link to ..\/blobs\/abc, which does not exist\n.*Fetch what/,
  );
  unlinkSync(at('half', 'config.json'));
  writeFileSync(at('half', 'config.json'), '{}');
  symlinkSync('../blobs/def', at('half', 'model.safetensors'));
  expect(() => new Artefact(at('half')).weights()).toThrow(/model.safetensors is a link to ..\/blobs\/def, which does/);
});

it('reads no file that would fill the memory', () => {
  write(at('model'), {});
  const config = at('model', 'config.json');
  const refuse = (content: string) => {
    writeFileSync(config, content);
    return code(() => new Artefact(at('model')).config());
  };
  expect(refuse('['.repeat(300) + ']'.repeat(300))).toBe('FormatError too-large');
  expect(refuse(`{"a":[${'1,'.repeat(2_000_001)}1]}`)).toBe('FormatError too-large');
  expect(refuse(JSON.stringify({ text: ',[{'.repeat(3_000_000), quote: '"\\' }))).toBe('nothing was thrown');
  truncateSync(config, 100_000_001);
  expect(code(() => new Artefact(at('model')).config())).toBe('FormatError too-large');
});

it('replaces a model, but never what somebody put beside it', () => {
  write(at('model'));
  writeFileSync(at('model', '.DS_Store'), 'x');
  write(at('model'), { lineage: { stage: 'merge', seed: 9 } });
  expect(new Artefact(at('model')).lineage()!.seed).toBe(9);
  for (const name of ['.git', 'notes.txt', 'other-model']) {
    if (name === 'notes.txt') writeFileSync(at('model', name), 'mine');
    else mkdirSync(at('model', name));
    expect(() => write(at('model'))).toThrow(`holds something else, besides what would be replaced: ${name}`);
    rmSync(at('model', name), { recursive: true });
  }
  writeFileSync(at('model', 'lineage.json'), '{"of": "another program"}');
  expect(() => write(at('model'))).toThrow(/model holds something else\n/);
});
