// Training the benchmark's model on longer and longer texts, windowed and with every attention layer full: tokens/s, peak
// memory, and how near the forecast comes. Layers are recomputed in backward, as `tsumugi extend` does by default.
import { isMamba, type Plamo2, preset } from 'tsumugi/lm';
import { AdamW, decayGroups } from 'tsumugi/optim';
import { backward, memory, resetPeakMemory, scope } from 'tsumugi/torch';
import { forecastMemory } from 'tsumugi/train';
import { orCutOff } from './lib/cut-off.ts';
import { inputsAndTargets, newModel, randomTokens, type TokenBatch } from './lib/lm.ts';
import type { Context, PartResult } from './lib/part.ts';
import { type Row, row } from './lib/row.ts';
import { seconds } from './lib/sampling.ts';

const MiB = 2 ** 20;
/** A step of 20 M parameters at 32,768 tokens has to fit a laptop. */
const memoryBound = 8 * 1024;

/** Context lengths, and how many steps are timed: the longest takes minutes. */
const lengths = (quick: boolean): [tokens: number, samples: number][] =>
  quick
    ? [
        [256, 1],
        [512, 1],
      ]
    : [
        [2048, 3],
        [8192, 2],
        [32768, 1],
      ];

interface Variant {
  name: string;
  full: boolean;
}
const variants: Variant[] = [
  { name: 'windowed', full: false },
  { name: 'full', full: true },
];

/** The benchmark's model with its window of 512, or with full attention in every attention layer. */
function configOf({ full }: Variant) {
  const config = preset('bench');
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => i).filter((i) => !isMamba(config, i));
  return full ? preset('bench', { full_attention_idx: layers }) : config;
}

function step(model: Plamo2, optimizer: AdamW, batch: TokenBatch): void {
  scope(() => {
    optimizer.zeroGrad();
    backward(model.loss(inputsAndTargets(batch), { activationCheckpointing: true }).loss);
    optimizer.step(1e-4);
  });
}

function measure(context: Context, variant: Variant, tokens: number, samples: number): Row[] {
  const config = configOf(variant);
  using model = newModel(config);
  using optimizer = new AdamW(decayGroups(model));
  const batch = randomTokens(1, tokens, config.vocab_size);
  try {
    // A short step first, so that a single sample does not pay for the first touch of everything.
    const short = randomTokens(1, 128, config.vocab_size);
    step(model, optimizer, short);
    short.tokens.dispose();
    resetPeakMemory();
    const rates = Array.from({ length: samples }, () => tokens / seconds(() => step(model, optimizer, batch)));
    const peak = memory().peakBytes / MiB;
    const { stateBytes, activationBytes } = forecastMemory(config, {
      batchSize: 1,
      sequenceLength: tokens,
      activationCheckpointing: true,
    });
    const forecast = (stateBytes + activationBytes) / MiB;
    context.log(`${variant.name}, ${tokens}: ${rates.at(-1)!.toFixed(0)} tokens/s, ${peak.toFixed(0)} MiB`);
    return [
      row({ name: `${variant.name}, 1 × ${tokens}`, unit: 'tokens/s', better: 'higher', ours: rates }),
      row({
        name: '    peak memory',
        unit: 'MiB',
        better: 'lower',
        ours: [peak],
        ...(tokens === 32768 && { goal: { of: 'value', bound: memoryBound } as const }),
      }),
      row({
        name: '    forecast of it, off by',
        unit: '%',
        better: 'lower',
        ours: [100 * Math.abs(forecast / peak - 1)],
        goal: { of: 'value', bound: 20 },
      }),
    ];
  } finally {
    batch.tokens.dispose();
  }
}

export async function run(context: Context): Promise<PartResult> {
  const { rows } = context;
  for (const [tokens, samples] of lengths(context.quick))
    for (const variant of variants) {
      await orCutOff();
      rows.push(...[measure(context, variant, tokens, samples)].flat());
    }
  return {
    rows,
    notes: ['layers are recomputed in backward; the window is 512; one sequence a step', 'memory counts live tensors'],
  };
}
