// A run goes on with what it was started with, and with nothing else; its lineage names what was really used.
import {
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fault } from '../../../../tests/files.ts';
import { contentHash, DataError, FormatError, sha256File } from '../base/index.ts';
import { RunFolder, readEvents } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { openCorpus, openTokenizer, prepare, TokenShards } from '../text/index.ts';
import { extend } from './extend.ts';
import { extendConfig } from './extend-config.ts';
import { pretrain } from './pretrain.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
const at = (...names: string[]) => join(setup.folder, ...names);

/** Token shards of one of the two corpora that once were swapped under a run. */
async function prepareFault(name: 'a' | 'b', folder: string): Promise<void> {
  const { tokenizer, sha256 } = openTokenizer(at('tokenizer'));
  const corpus = openCorpus([fault(`training/${name}.jsonl`)]);
  await prepare(corpus, folder, { encoder: tokenizer, tokenizerHash: sha256, seed: 0, heldOutFraction: 0.2 });
}
const hashOfShards = async (folder: string) => {
  using shards = TokenShards.open(folder);
  return shards.verify();
};
/** Puts other bytes into a file, of the same length and with the same time. */
function edit(file: string, change: (bytes: Buffer) => void): void {
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
}
const flipLast = (bytes: Buffer) => void bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1);

/** A run that is to be gone on with: complete but for its model. */
function unfinished(name: string): void {
  rmSync(at(name, 'model'), { recursive: true });
}

beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

describe('pretrain', () => {
  const config = () => setup.config('run', { data: at('shards'), steps: 4, evaluateEvery: 0 });
  const resume = () => pretrain(config(), { stream: silent, resume: true });
  const place = { tokenizer: '', whole: '' };

  beforeAll(async () => {
    place.tokenizer = at('tokenizer', 'tokenizer.jsonl');
    place.whole = at('whole');
    await prepareFault('a', at('shards'));
    await pretrain(config(), { stream: silent });
    cpSync(at('run'), place.whole, { recursive: true });
  });
  beforeEach(() => unfinished('run'));
  afterEach(() => {
    if (existsSync(at('run', 'model'))) return;
    cpSync(place.whole, at('run'), { recursive: true });
  });

  it('names what it was made from', async () => {
    const { folder } = await resume();
    const { data, parents } = new Artefact(folder!).lineage()!;
    const tokenizer = RunFolder.open(at('run')).inputs['tokenizer']!.sha256;
    expect(data).toEqual([
      { name: at('shards'), sha256: await hashOfShards(at('shards')) },
      { name: place.tokenizer, sha256: tokenizer },
    ]);
    expect(parents).toEqual([]);
    expect(sha256File(at('run', 'model', 'model.safetensors'))).toBe(
      sha256File(join(place.whole, 'model', 'model.safetensors')),
    );
  });

  it('says what is left, not what there was to do, and names the recipe it was part of', async () => {
    let said = '';
    const stream = {
      write: (text: string) => {
        said += text;
      },
    };
    const started = { ...config(), checkpointEvery: 1, keepLast: 9, out: at('left') };
    await pretrain(started, { stream: silent, recipe: 'mini' });
    rmSync(at('left', 'model'), { recursive: true });
    rmSync(at('left', 'checkpoints', 'step-000000004'), { recursive: true });
    const { folder } = await pretrain(started, { stream, resume: true });
    const tokens = started.sequenceLength * started.batchSize * started.gradientAccumulation;
    expect(said).toContain(`pretrain: 1 steps, ${tokens} tokens\n`);
    expect(new Artefact(folder!).lineage()).toMatchObject({ stage: 'pretrain', recipe: 'mini', seed: started.seed });
    rmSync(at('left'), { recursive: true });
  });

  it('refuses other text in the same folder, naming both', async () => {
    renameSync(at('shards'), at('kept'));
    await prepareFault('b', at('shards'));
    const [then, now] = [await hashOfShards(at('kept')), await hashOfShards(at('shards'))];
    const error = await resume().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).code).toBe('input-changed');
    for (const hash of [then, now]) expect((error as DataError).message).toContain(`SHA-256 ${hash.slice(0, 12)}…`);
    expect(existsSync(at('run', 'model'))).toBe(false);
    rmSync(at('shards'), { recursive: true });
    renameSync(at('kept'), at('shards'));
    expect((await resume()).folder).toBeDefined();
  });

  it('refuses shards of another preparation among its own, and a changed byte', async () => {
    edit(at('shards', 'tokens-00000.bin'), flipLast);
    await expect(resume()).rejects.toThrow(FormatError);
    await expect(resume()).rejects.toThrow(/tokens-00000\.bin is not what its manifest says/);
    edit(at('shards', 'tokens-00000.bin'), flipLast);
    expect((await resume()).folder).toBeDefined();
  });

  it('refuses a tokenizer that was trained anew at the same size, or is described otherwise', async () => {
    const kept = readFileSync(place.tokenizer);
    // Two pieces change places: the same size.
    edit(place.tokenizer, (bytes) => {
      const lines = bytes.toString().trimEnd().split('\n');
      const one = lines.findIndex((line) => line.includes('"NORMAL"'));
      [lines[one], lines[one + 1]] = [lines[one + 1]!, lines[one]!];
      bytes.set(Buffer.from(`${lines.join('\n')}\n`));
    });
    expect(readFileSync(place.tokenizer).length).toBe(kept.length);
    expect(readFileSync(place.tokenizer).equals(kept)).toBe(false);
    await expect(resume()).rejects.toThrow(/made with another tokenizer/);
    renameSync(at('shards'), at('kept'));
    await prepareFault('a', at('shards'));
    await expect(resume()).rejects.toThrow(/other inputs: data was .* and is .*; tokenizer was .* and is /);
    rmSync(at('shards'), { recursive: true });
    renameSync(at('kept'), at('shards'));
    writeFileSync(place.tokenizer, kept);
    const described = at('tokenizer', 'tokenizer_config.json');
    const before = readFileSync(described, 'utf8');
    writeFileSync(described, before.replace('"add_eos_token": false', '"add_eos_token": true'));
    expect(readFileSync(described, 'utf8')).not.toBe(before);
    await expect(resume()).rejects.toThrow(/other inputs: tokenizer was [^;]* and is [^;]*$/m);
    writeFileSync(described, before);
    expect((await resume()).folder).toBeDefined();
  });

  it('goes on when run and inputs were moved, copied, linked, or are spelled otherwise', async () => {
    renameSync(at('run'), at('moved-run'));
    renameSync(at('shards'), at('moved-shards'));
    symlinkSync(at('moved-shards'), at('link'));
    cpSync(at('tokenizer'), at('copied-tokenizer'), { recursive: true });
    const spelled = {
      ...config(),
      out: `${relative('.', at('moved-run'))}/`,
      data: `${at('link')}/../link/./`,
      tokenizer: at('copied-tokenizer', 'tokenizer.jsonl'),
    };
    const { folder } = await pretrain(spelled, { stream: silent, resume: true });
    expect(sha256File(join(folder!, 'model.safetensors'))).toBe(
      sha256File(join(place.whole, 'model', 'model.safetensors')),
    );
    expect(new Artefact(folder!).lineage()!.data.map(({ name }) => name)).toEqual([spelled.data, spelled.tokenizer]);
    expect(RunFolder.open(at('moved-run')).config).toMatchObject({ data: spelled.data, tokenizer: spelled.tokenizer });
    renameSync(at('moved-shards'), at('shards'));
  });
});

describe('extend', () => {
  const config = (changes = {}) =>
    extendConfig.parse({
      model: at('base'),
      out: at('extended'),
      mix: [{ data: at('data') }],
      phases: [{ sequenceLength: 64, steps: 2, batchSize: 1 }],
      evaluateEvery: 0,
      ...changes,
    });
  const run = (options = {}, changes = {}) => extend(config(changes), { stream: silent, ...options });

  beforeAll(async () => {
    cpSync(join(at('whole'), 'model'), at('base'), { recursive: true });
    await run();
  });

  it('refuses a base model that was replaced by another of its size', async () => {
    const weights = at('base', 'model.safetensors');
    const then = await new Artefact(at('base')).hash();
    unfinished('extended');
    edit(weights, flipLast);
    const error = await run({ resume: true }).catch((thrown: unknown) => thrown);
    expect((error as DataError).message).toContain(`model was ${at('base')} (SHA-256 ${then.slice(0, 12)}…`);
    edit(weights, flipLast);
    // Moved, it is the same.
    renameSync(at('base'), at('elsewhere'));
    const { folder } = await run({ resume: true }, { model: at('elsewhere') });
    expect(new Artefact(folder!).lineage()!.parents).toEqual([{ name: at('elsewhere'), sha256: then }]);
    renameSync(at('elsewhere'), at('base'));
  });

  it('refuses other data in its mix', async () => {
    await prepareFault('b', at('other'));
    await expect(run({ resume: true }, { mix: [{ data: at('other') }] })).rejects.toThrow(
      /mix\.0\.data was .* and is .*other/,
    );
  });

  it('says that weights were edited after they were made, and names them as they are', async () => {
    cpSync(at('base'), at('edited'), { recursive: true });
    edit(at('edited', 'model.safetensors'), flipLast);
    const said: string[] = [];
    const stream = { write: (text: string) => said.push(text) > 0 };
    const { folder } = await run({ stream }, { model: at('edited'), out: at('from-edited') });
    expect(said.join('')).toContain(
      `warning: model.safetensors in ${at('edited')} changed since its lineage.json was written`,
    );
    expect(readEvents(at('from-edited', 'events.jsonl'))).toContainEqual(
      expect.objectContaining({ type: 'warning', code: 'edited-parent', step: 0 }),
    );
    const [parent] = new Artefact(folder!).lineage()!.parents;
    expect(parent).toEqual({ name: at('edited'), sha256: await new Artefact(at('edited')).hash() });
    expect(parent!.sha256).not.toBe(await new Artefact(at('base')).hash());
    expect(await contentHash(at('edited'))).not.toBe(await contentHash(at('base')));
  });

  it('does not end in a model whose tokenizer was changed meanwhile', async () => {
    const file = at('edited', 'tokenizer.jsonl');
    const stream = {
      write(text: string) {
        if (text.includes('before extension')) edit(file, (bytes) => void bytes.write(' ', bytes.length - 1));
        return true;
      },
    };
    await expect(run({ stream }, { model: at('edited'), out: at('late') })).rejects.toThrow(
      /tokenizer\.jsonl was changed while/,
    );
    expect(existsSync(at('late', 'model'))).toBe(false);
    edit(file, (bytes) => void bytes.write('\n', bytes.length - 1));
    expect((await run({ resume: true }, { model: at('edited'), out: at('late') })).folder).toBeDefined();
  });
});
