// Models that share a memory: who is open, who goes first, what adapters share, and what is counted and kept of who has gone.
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { addLora, type Engine, saveAdapter } from '../../lm/index.ts';
import { TinyModel } from '../../lm/tiny-model.testing.ts';
import { namedParameters } from '../../nn/index.ts';
import { Artefact } from '../../store/index.ts';
import { liveHandles, noGrad, scope } from '../../torch/index.ts';
import { forecastModel } from '../forecast.ts';
import { openModel } from '../open-model.ts';
import { scratchFolder } from '../serve.testing.ts';
import { type LoadedModel, LoadedModels, requireFitting } from './loaded-models.ts';
import { adapterBytes, weightBytes } from './model-bytes.ts';
import type { ModelPlace, Note } from './protocol.ts';
import { SnapshotFolder } from './snapshot-folder.ts';

const [tiny, other] = [new TinyModel(1), new TinyModel(2)];
afterAll(() => {
  for (const model of [tiny, other]) model[Symbol.dispose]();
});
const adapter = join(scratchFolder(), 'adapter');
{
  using model = tiny.load();
  for (const layer of addLora(model, { rank: 2 }).values())
    for (const [path, tensor] of namedParameters(layer))
      if (path.startsWith('lora_')) noGrad(() => scope(() => tensor.fill_(0.3)));
  const parents = [{ name: 'tiny', sha256: await new Artefact(tiny.folder).hash() }];
  saveAdapter(adapter, model, { base: tiny.folder, lineage: { stage: 'sft', parents } });
}
const models: ModelPlace[] = [
  ...['a', 'b', 'c'].map((name) => ({ name, folder: name === 'b' ? other.folder : tiny.folder })),
  { name: 'double', folder: tiny.folder, dtype: 'float64' },
  ...['x', 'y'].map((name) => ({ name, folder: tiny.folder, adapter })),
  { name: 'wrong', folder: other.folder, adapter },
  { name: 'guessed', folder: tiny.folder, draft: { folder: other.folder, cacheBytes: 1 << 19, tokens: 2 } },
];
const base = weightBytes({ folder: tiny.folder });
const own = adapterBytes(adapter);
const cacheBytes = 1 << 20;
const loadedModels = (memoryBytes: number) => new LoadedModels({ models, memoryBytes, cacheBytes, slots: 1, queue: 1 });
const names = ({ all }: LoadedModels) => all.map(({ name }) => name);

/** How many tokens a model writes when it is asked for two. */
function written({ engine }: LoadedModel): number {
  let count = 0;
  const onId = () => {
    count++;
    return false;
  };
  engine.add({ prompt: [1, 2, 3], maxTokens: 2, onId, onEnd: () => {}, onError: () => {} });
  while (engine.busy) engine.step();
  return count;
}

describe('models', () => {
  it('go when there is no room, the one first that was longest not asked for, and never one that writes', async () => {
    using loaded = loadedModels(2 * (base + cacheBytes));
    await loaded.open('a');
    await loaded.open('b');
    loaded.get('a');
    // Of the two it is b that was longest not asked for; c stands on the weights of a.
    await loaded.open('c');
    expect(names(loaded)).toEqual(['a', 'c']);
    expect(loaded.bytes).toBe(base + 2 * cacheBytes);
    for (const each of loaded.all) each.open++;
    expect(await loaded.open('b')).toBeUndefined();
    for (const each of loaded.all) each.open--;
    await loaded.open('b');
    expect(names(loaded)).toEqual(['c', 'b']);
  });

  it('that stand on one base have it once, and it goes with the last of them', async () => {
    const before = liveHandles();
    {
      using loaded = loadedModels(base + 2 * own + 2 * cacheBytes);
      const [x, y] = [(await loaded.open('x'))!, (await loaded.open('y'))!];
      expect(loaded.bytes).toBe(base + 2 * own + 2 * cacheBytes);
      expect([x.weightBytes, y.weightBytes]).toEqual([own, own]);
      // The base itself writes without the adapters.
      await loaded.open('a');
      expect(names(loaded)).toEqual(['y', 'a']);
      // Who is left has its weights still.
      expect(written(y)).toBe(2);
    }
    expect(liveHandles()).toBe(before);
  });

  it('have their drafts with them, whose weights are in memory once and whose cache counts', async () => {
    const before = liveHandles();
    {
      using loaded = loadedModels(2 * base + 2 * cacheBytes + (1 << 19));
      const guessed = (await loaded.open('guessed'))!;
      expect(loaded.bytes).toBe(2 * base + cacheBytes + (1 << 19));
      expect(loaded.counters['guessed']).toMatchObject({ weightBytes: base, draftBytes: base + (1 << 19) });
      const proposer = guessed.draft!.proposer();
      expect(proposer.propose([1, 2, 3], 5)).toHaveLength(2);
      // The draft is a model of its own, too: its weights are there.
      await loaded.open('b');
      expect(names(loaded)).toEqual(['guessed', 'b']);
      expect(written(guessed)).toBe(2);
      await loaded.open('c');
      expect(names(loaded)).toEqual(['b', 'c']);
      expect(loaded.counters['guessed']).toMatchObject({ loaded: false, draftBytes: 0 });
    }
    expect(liveHandles()).toBe(before);
  });

  it('of two types of numbers are two', async () => {
    using loaded = loadedModels(1 << 30);
    await loaded.open('a');
    await loaded.open('double');
    expect(loaded.bytes).toBe(3 * base + 2 * cacheBytes);
  });

  it('are not opened on another base than an adapter was made for', async () => {
    const before = liveHandles();
    {
      using loaded = loadedModels(1 << 30);
      await expect(loaded.open('wrong')).rejects.toThrow(UserError);
      expect(names(loaded)).toEqual([]);
    }
    expect(liveHandles()).toBe(before);
  });

  it('that are larger than all memory are refused, with what an adapter adds', () => {
    const x = models.find(({ name }) => name === 'x')!;
    expect(() => requireFitting(x, { memoryBytes: base + own + cacheBytes, cacheBytes })).not.toThrow();
    expect(() => requireFitting(x, { memoryBytes: base + own + cacheBytes - 1, cacheBytes })).toThrow(
      /the model x takes/,
    );
    const guessed = models.find(({ name }) => name === 'guessed')!;
    const memoryBytes = 2 * base + (1 << 19) + cacheBytes;
    expect(() => requireFitting(guessed, { memoryBytes, cacheBytes })).not.toThrow();
    expect(() => requireFitting(guessed, { memoryBytes: memoryBytes - 1, cacheBytes })).toThrow(
      /the model guessed takes with its draft .*leave the draft out/s,
    );
  });

  it('are forecast by what each adds, and by how many texts a cache holds', () => {
    const forecast = (name: string) =>
      forecastModel(openModel(models.find((each) => each.name === name)!, { contextTokens: 64 }), 1 << 30);
    expect([forecast('a').weightBytes, forecast('x').weightBytes]).toEqual([base, own]);
    const { texts, textBytes } = forecast('a');
    expect(texts).toBe(Math.floor(2 ** 30 / textBytes));
  });
});

it('what a model has counted stays when it goes, and nothing of it runs', async () => {
  using loaded = loadedModels(base + cacheBytes);
  const { engine } = (await loaded.open('a'))!;
  engine.add({ prompt: [1, 2, 3], maxTokens: 4, onId: () => false, onEnd: () => {}, onError: () => {} });
  while (engine.busy) engine.step();
  await loaded.open('b');
  const gone = { loaded: false, weightBytes: 0, generatedTokens: 4, promptTokens: 3 };
  expect(loaded.counters['a']).toMatchObject({ ...gone, running: 0, snapshots: 0, bytesUsed: 0 });
  await loaded.open('a');
  expect(loaded.counters['a']).toMatchObject({ loaded: true, weightBytes: base, generatedTokens: 4 });
});

describe('snapshots on disk', () => {
  const of = async (place: Omit<ModelPlace, 'name'>, engine: Partial<Engine>) => {
    const notes: Note[] = [];
    const kept = await SnapshotFolder.of('/kept', { name: 'm', ...place }, (note) => notes.push(note));
    kept.load(engine as Engine);
    return notes[0]!;
  };
  const nothing = { loadSnapshots: () => ({ snapshots: 0, bytes: 0 }) } as unknown as Engine;

  it('are of one model, its adapter and its type of numbers', async () => {
    const folder = tiny.folder;
    const places = [{ folder }, { folder: other.folder }, { folder, adapter }, { folder, dtype: 'float64' as const }];
    const folders = await Promise.all(places.map(async (place) => (await of(place, nothing))['folder']));
    expect(new Set(folders).size).toBe(4);
    expect((await of({ folder }, nothing))['folder']).toBe(folders[0]);
  });

  it('keep nobody from being served when they cannot be read', async () => {
    const broken = (error: Error) => ({
      loadSnapshots: () => {
        throw error;
      },
    });
    expect(await of({ folder: tiny.folder }, broken(new UserError('x', 'the disk is full')))).toMatchObject({
      fault: 'the disk is full',
    });
    await expect(of({ folder: tiny.folder }, broken(new TypeError('a bug')))).rejects.toThrow('a bug');
  });
});
