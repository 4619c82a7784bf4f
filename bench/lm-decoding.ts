// Generating: prompt tokens per second, tokens per second from the cache, and how fast the weights are read for them.
import { Cache, type Plamo2, type Plamo2Config, preset } from 'tsumugi/lm';
import { numParameters } from 'tsumugi/nn';
import { noGrad, scope, type Tensor } from 'tsumugi/torch';
import { newModel, randomTokens } from './lib/lm.ts';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave, seconds } from './lib/sampling.ts';

interface Subject {
  name: string;
  config: Plamo2Config;
}

/** The bench model, and a quarter of a billion parameters in the proportions of the published 1B model. */
const subjects = (quick: boolean): Subject[] => [
  { name: 'bench', config: preset('bench') },
  ...(quick
    ? []
    : [
        {
          name: '1b-like',
          config: preset('1b', {
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            mamba_num_heads: 16,
            vocab_size: 32000,
          }),
        },
      ]),
];

/** The next token of a greedy continuation after `ids` [1, n]. */
function next(model: Plamo2, ids: Tensor, cache: Cache): Tensor {
  return scope(() =>
    noGrad(() => {
      const hidden = model.forward(ids, { cache });
      return model.logits(hidden.narrow(1, ids.size(1) - 1, 1)).argmax(-1); // [1, 1]
    }),
  );
}

/** Tokens per second of `count` single-token steps from the cache. */
function decode(model: Plamo2, cache: Cache, first: Tensor, count: number): number {
  let token = first.clone();
  const elapsed = seconds(() => {
    for (let i = 0; i < count; i++) {
      const following = next(model, token, cache);
      token.dispose();
      token = following;
    }
  });
  token.dispose();
  return count / elapsed;
}

async function measure(context: Context, { name, config }: Subject): Promise<string> {
  const { quick, machine } = context;
  using model = newModel(config);
  const parameters = numParameters(model);
  const millions = `${(parameters / 1e6).toFixed(1)} M`;
  context.log(`${name}: ${millions} parameters`);
  const rounds = quick ? 1 : 7;
  const { rows } = context;
  for (const T of quick ? [64] : [512, 2048]) {
    const { tokens } = randomTokens(1, T - 1, config.vocab_size);
    const prefill = () => {
      using cache = new Cache(model);
      return T / seconds(() => next(model, tokens, cache).dispose());
    };
    const { rates } = await interleave(quick ? 1 : 5, { rates: prefill });
    rows.push(row({ name: `${name} (${millions}): prompt of ${T}`, unit: 'tokens/s', better: 'higher', ours: rates }));
    tokens.dispose();
  }
  const { tokens } = randomTokens(1, 15, config.vocab_size);
  using cache = new Cache(model);
  using first = next(model, tokens, cache);
  tokens.dispose();
  const { rates } = await interleave(rounds, { rates: () => decode(model, cache, first, quick ? 4 : 32) });
  // Every weight is read once per token: the tied embedding as the head.
  const gigabytes = (4 * parameters) / 1e9;
  rows.push(
    row({ name: `${name} (${millions}): decoding`, unit: 'tokens/s', better: 'higher', ours: rates }),
    row({
      name: '    weights read',
      unit: 'GB/s',
      better: 'higher',
      ours: rates.map((rate) => rate * gigabytes),
      peak: { of: 'bandwidth', value: machine.bandwidthGBs },
    }),
  );
  return `${name} has ${(1e3 * gigabytes).toFixed(0)} MB of f32 weights`;
}

export async function run(context: Context): Promise<PartResult> {
  const notes: string[] = [];
  for (const subject of subjects(context.quick)) notes.push(await measure(context, subject));
  return {
    rows: context.rows,
    notes: [
      ...notes,
      'one sequence, greedy, tokens counted after the prompt; weights that fit the last cache can be read faster than memory',
    ],
  };
}
