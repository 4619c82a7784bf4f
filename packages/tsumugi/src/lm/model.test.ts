// The model against golden data of a float64 reference, and against itself: cached, chunked, packed.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { requires } from '../../../../tests/requires.testing.ts';
import { namedParameters } from '../nn/index.ts';
import { openSafetensors } from '../store/index.ts';
import { backward, memory, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { Cache, generateIds, initialWeights, Plamo2, parseConfig, tensorShapes } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const fixtures = golden('plamo2/');

const asIds = (ids: ArrayLike<number>) =>
  tensor(BigInt64Array.from(ids as number[], BigInt), { shape: [1, ids.length] });
const maximum = (values: Tensor) => values.abs().max().item();

/** The largest difference as a share of the largest expected value. */
const relative = (actual: Tensor, expected: Tensor) => maximum(actual.sub(expected)) / maximum(expected);

function load(name: string) {
  const folder = `${fixtures}${name}/`;
  const json = (file: string) => JSON.parse(readFileSync(folder + file, 'utf8'));
  const weights = openSafetensors(`${folder}model.safetensors`);
  const reference = openSafetensors(`${folder}expected.safetensors`);
  const expected = json('expected.json') as {
    loss: number;
    mean_squared_logsumexp: number;
    packed_loss: number;
    packed_targets: number;
    greedy_prompt: number[];
    greedy_continuation: number[];
    parameters: number;
  };
  const config = parseConfig(json('config.json'));
  const model = new Plamo2(config, (path) => weights.tensor(path).clone());
  const ids = [...(reference.tensor('ids').data() as Int32Array)];
  const documents = [...(reference.tensor('doc').data() as Int32Array)];
  return { config, model, reference, expected, ids, documents };
}

/** Targets of the next token inside the same document, −100 elsewhere. */
function nextTargets(ids: number[], documents: number[]): Tensor {
  const targets = ids.map((_, i) => (i + 1 < ids.length && documents[i] === documents[i + 1] ? ids[i + 1]! : -100));
  return asIds(targets);
}

describe('golden data', () => {
  for (const name of ['samba', 'full-attention', 'dense']) {
    describe(name, () => {
      it('gives the logits, the packed logits and the losses', () => {
        scope(() => {
          const { model, reference, expected, ids, documents } = load(name);
          noGrad(() => {
            const logits = model.logits(model.forward(asIds(ids))).squeeze(0);
            expect(relative(logits, reference.tensor('logits'))).toBeLessThan(1e-4);
            const pack = tensor(Int32Array.from(documents), { shape: [1, ids.length] });
            const packed = model.logits(model.forward(asIds(ids), { documents: pack })).squeeze(0);
            expect(relative(packed, reference.tensor('packed_logits'))).toBeLessThan(1e-4);
            const one = model.loss({
              ids: asIds(ids),
              targets: nextTargets(
                ids,
                ids.map(() => 0),
              ),
            });
            expect(Math.abs(one.crossEntropy.item() - expected.loss)).toBeLessThan(1e-5);
            expect(one.meanSquaredLogsumexp.item() / expected.mean_squared_logsumexp).toBeCloseTo(1, 5);
            const many = model.loss({ ids: asIds(ids), targets: nextTargets(ids, documents), documents: pack });
            expect(many.count.item()).toBe(expected.packed_targets);
            expect(Math.abs(many.crossEntropy.item() - expected.packed_loss)).toBeLessThan(1e-5);
          });
          model.dispose();
        });
      });

      it.each([false, true])('gives every gradient (checkpointed layers: %s)', (activationCheckpointing) => {
        scope(() => {
          const { model, reference, ids } = load(name);
          backward(
            model.loss(
              {
                ids: asIds(ids),
                targets: nextTargets(
                  ids,
                  ids.map(() => 0),
                ),
              },
              { activationCheckpointing },
            ).loss,
          );
          let checked = 0;
          for (const [path, parameter] of namedParameters(model)) {
            const expected = reference.tensor(`grad.${path}`);
            const error = parameter.grad!.sub(expected).norm(2).item() / expected.norm(2).item();
            expect(error, path).toBeLessThan(1e-3);
            checked++;
          }
          expect(checked).toBe(tensorShapes(model.config).size);
          model.dispose();
        });
      });

      it('continues greedily as the reference does', () => {
        scope(() => {
          const { model, expected } = load(name);
          const length = expected.greedy_continuation.length;
          expect([...generateIds(model, expected.greedy_prompt, { maxTokens: length })]).toEqual(
            expected.greedy_continuation,
          );
          model.dispose();
        });
      });
    });
  }
});

const ids = Array.from({ length: 37 }, (_, i) => (i * 97 + 13) % 300);

describe('the cache', () => {
  it.each([1, 3, 8])('gives the full forward in steps of %i, past the window', (step) => {
    scope(() => {
      const model = new Plamo2(smallConfig(), initialWeights(3));
      noGrad(() => {
        const full = model.forward(asIds(ids));
        using cache = new Cache(model);
        for (let start = 0; start < ids.length; start += step) {
          const part = model.forward(asIds(ids.slice(start, start + step)), { cache });
          const expected = full.narrow(1, start, part.size(1));
          expect(relative(part, expected)).toBeLessThan(1e-4);
        }
        expect(cache.length).toBe(ids.length);
        expect(cache.bytes).toBeGreaterThan(0);
      });
      model.dispose();
    });
  });

  it('forks, and returns to a saved point', () => {
    scope(() => {
      const model = new Plamo2(smallConfig(), initialWeights(3));
      noGrad(() => {
        using cache = new Cache(model);
        model.forward(asIds(ids.slice(0, 9)), { cache });
        using point = cache.save();
        using fork = cache.fork();
        const first = model.forward(asIds(ids.slice(9, 14)), { cache });
        model.forward(asIds([1, 2, 3]), { cache });
        cache.restore(point);
        expect(cache.length).toBe(9);
        expect(model.forward(asIds(ids.slice(9, 14)), { cache }).tolist()).toEqual(first.tolist());
        expect(model.forward(asIds(ids.slice(9, 14)), { cache: fork }).tolist()).toEqual(first.tolist());
      });
      model.dispose();
    });
  });
});

describe('packed documents', () => {
  it('never influence each other: a planted token changes its own document only', () => {
    scope(() => {
      const model = new Plamo2(smallConfig({ full_attention_idx: [3] }), initialWeights(5));
      const documents = ids.map((_, i) => (i < 1 ? 0 : i < 12 ? 1 : i < 14 ? 2 : 3));
      const pack = tensor(Int32Array.from(documents), { shape: [1, ids.length] });
      noGrad(() => {
        const before = model.forward(asIds(ids), { documents: pack });
        for (const planted of [0, 5, 12, 20]) {
          const changed = ids.with(planted, (ids[planted]! + 1) % 300);
          const difference = model
            .forward(asIds(changed), { documents: pack })
            .sub(before)
            .abs()
            .amax([-1])
            .flatten()
            .tolist() as number[];
          for (const [i, value] of difference.entries()) {
            if (documents[i] === documents[planted] && i === planted) expect(value).toBeGreaterThan(1e-4);
            if (documents[i] !== documents[planted] || i < planted) expect(value).toBe(0);
          }
        }
      });
      model.dispose();
    });
  });

  it('equal the documents taken apart, where positions begin anew: RoPE knows distances only', () => {
    scope(() => {
      const model = new Plamo2(smallConfig(), initialWeights(6));
      noGrad(() => {
        const documents = tensor(
          Int32Array.from(ids, (_, i) => (i < 17 ? 0 : 1)),
          { shape: [1, ids.length] },
        );
        const packed = model.forward(asIds(ids), { documents });
        const second = model.forward(asIds(ids.slice(17)));
        expect(relative(packed.narrow(1, 17, ids.length - 17), second)).toBeLessThan(1e-4);
      });
      model.dispose();
    });
  });
});

describe('a fresh model', () => {
  it('is the same for the same seed, starts near uniform, and frees everything', () => {
    const start = memory().liveBytes;
    scope(() => {
      const a = new Plamo2(smallConfig(), initialWeights(1));
      const b = new Plamo2(smallConfig(), initialWeights(1));
      const tied = namedParameters(a).map(([path]) => path);
      expect(tied.toSorted()).toEqual([...tensorShapes(a.config).keys()].toSorted());
      noGrad(() => {
        const loss = (model: Plamo2) =>
          model
            .loss({
              ids: asIds(ids),
              targets: nextTargets(
                ids,
                ids.map(() => 0),
              ),
            })
            .loss.item();
        expect(loss(a)).toBe(loss(b));
        expect(Math.abs(loss(a) - Math.log(300))).toBeLessThan(0.2);
      });
      a.dispose();
      b.dispose();
    });
    expect(memory().liveBytes).toBe(start);
  });
});

it('reads a pack as its runs of equal document numbers, each of which decodes alone from a cache', () => {
  scope(() => {
    using model = new Plamo2(smallConfig(), initialWeights(5));
    const runs = [3, 6, 1, 5];
    const all = Array.from({ length: 15 }, (_, i) => 5 + ((7 * i) % 40));
    const documents = tensor([runs.flatMap((length, i) => Array<number>(length).fill(i % 2))], { dtype: 'int32' });
    noGrad(() => {
      const packed = model.forward(asIds(all), { documents });
      let at = 0;
      for (const length of runs) {
        using cache = new Cache(model);
        for (let i = at; i < at + length; i++) {
          const step = model.forward(asIds([all[i]!]), { cache });
          expect(relative(step, packed.narrow(1, i, 1))).toBeLessThan(1e-4);
        }
        at += length;
      }
    });
  });
});

describe('bfloat16', requires(multipliesBfloat16(), NO_BFLOAT16), () => {
  it('computes in bfloat16 over float32 weights, near the float32 result', () => {
    scope(() => {
      using model = new Plamo2(smallConfig(), initialWeights(2));
      noGrad(() => {
        const wide = model.forward(asIds(ids));
        const narrow = model.forward(asIds(ids), { dtype: 'bfloat16' });
        expect(narrow.dtype).toBe('bfloat16');
        expect(relative(narrow.float(), wide)).toBeLessThan(0.05);
        using cache = new Cache(model, { dtype: 'bfloat16' });
        const first = model.forward(asIds(ids.slice(0, 30)), { dtype: 'bfloat16', cache });
        const rest = model.forward(asIds(ids.slice(30, 31)), { dtype: 'bfloat16', cache });
        expect([first.dtype, rest.dtype]).toEqual(['bfloat16', 'bfloat16']);
        expect(relative(rest.float(), wide.narrow(1, 30, 1))).toBeLessThan(0.05);
      });
      backward(model.loss({ ids: asIds(ids), targets: asIds(ids) }, { dtype: 'bfloat16' }).loss);
      for (const [path, parameter] of namedParameters(model)) expect(parameter.grad!.dtype, path).toBe('float32');
    });
  });
});

describe('settings of the loss', () => {
  it('adds the z-loss, and sums or means', () => {
    scope(() => {
      using model = new Plamo2(smallConfig({ vocab_size: 293, tie_word_embeddings: false }), initialWeights(4));
      const batch = {
        ids: asIds(ids.map((id) => id % 293)),
        targets: asIds(ids.map((id, i) => (i % 3 ? id % 293 : -100))),
      };
      noGrad(() => {
        const plain = model.loss(batch);
        expect(plain.loss.item()).toBe(plain.crossEntropy.item());
        const { loss, crossEntropy, meanSquaredLogsumexp } = model.loss(batch, { zLoss: 0.25 });
        expect(crossEntropy.item()).toBe(plain.loss.item());
        expect(loss.item()).toBeCloseTo(crossEntropy.item() + 0.25 * meanSquaredLogsumexp.item(), 5);
        // From the logits, by definition: of the 293 words alone, not of the head's 304 rows.
        const logits = model.logits(model.forward(batch.ids)).squeeze(0).tolist() as number[][];
        const lse = logits.map((row) => Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)));
        const wanted = batch.targets.flatten().tolist() as number[];
        const losses = wanted.flatMap((id, t) => (id < 0 ? [] : [lse[t]! - logits[t]![id]!]));
        const sum = losses.reduce((a, b) => a + b);
        expect(plain.count.item()).toBe(losses.length);
        expect(plain.loss.item()).toBeCloseTo(sum / losses.length, 5);
        expect(model.loss(batch, { reduction: 'sum' }).loss.item() / sum).toBeCloseTo(1, 5);
        const squares = wanted.flatMap((id, t) => (id < 0 ? [] : [lse[t]! ** 2]));
        expect(meanSquaredLogsumexp.item()).toBeCloseTo(squares.reduce((a, b) => a + b) / squares.length, 4);
      });
    });
  });
});

describe('what a token sees', () => {
  /** The positions whose output changes when the first token does, in one layer of attention. */
  function reached(changes: object): number[] {
    return scope(() => {
      using model = new Plamo2(
        smallConfig({ mamba_enabled: false, num_hidden_layers: 1, attention_window_size: 5, ...changes }),
        initialWeights(8),
      );
      return noGrad(() => {
        const [before, after] = [ids, ids.with(0, 299)].map((each) => model.forward(asIds(each)));
        const difference = before!.sub(after!).abs().amax([-1]).flatten().tolist() as number[];
        return difference.flatMap((value, t) => (value > 0 ? [t] : []));
      });
    });
  }

  it('is a window of keys before itself, or everything in a layer of full attention', () => {
    expect(reached({})).toEqual([0, 1, 2, 3, 4, 5]);
    expect(reached({ full_attention_idx: [0] })).toEqual([...ids.keys()]);
  });
});
