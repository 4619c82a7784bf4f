// By hand: training steps of the benchmark's model on long rows, each in a process of its own: peak memory of tensors and of
// the process against the forecast, and the time against the rehearsed rate. The last is a 32,768-token step with every
// attention layer full and layers recomputed, which must stay within 8 GB.
//   node tests/long/extend-32k.ts            (minutes; a 32,768-token step takes one or two on two cores)
//   node tests/long/extend-32k.ts 8192       (up to rows of 8,192)
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { initialWeights, Plamo2, preset } from '../../packages/tsumugi/src/lm/index.ts';
import { AdamW, decayGroups } from '../../packages/tsumugi/src/optim/index.ts';
import { backward, memory, resetPeakMemory, scope, tensor } from '../../packages/tsumugi/src/torch/index.ts';
import {
  attentionLayers,
  forecastMemory,
  rehearseRate,
  trainingFlops,
} from '../../packages/tsumugi/src/train/index.ts';

interface Case {
  sequenceLength: number;
  full: boolean;
  activationCheckpointing: boolean;
}
const limit = 8e9;
const MB = 1e6;
const batchSize = 1;

/** The most memory this process has ever held. */
const highWater = () => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

/** One real step, in this process; prints a line. */
function measure({ sequenceLength: T, full, activationCheckpointing }: Case): void {
  const windowed = preset('bench');
  const config = full ? preset('bench', { full_attention_idx: attentionLayers(windowed) }) : windowed;
  const shape = { sequenceLength: T, batchSize, activationCheckpointing };
  const seconds = trainingFlops(config, shape) / rehearseRate(config, shape);
  using model = new Plamo2(config, initialWeights(0));
  using optimizer = new AdamW(decayGroups(model));
  const step = (tokens: number) => {
    optimizer.zeroGrad();
    scope(() => {
      const ids = tensor(
        Int32Array.from({ length: tokens }, (_, i) => (7919 * i) % config.vocab_size),
        { shape: [1, tokens], dtype: 'int64' },
      );
      const documents = tensor(new Int32Array(tokens), { shape: [1, tokens] });
      backward(model.loss({ ids, targets: ids, documents }, { activationCheckpointing, zLoss: 1e-4 }).loss);
    });
    optimizer.step(1e-4);
  };
  // Makes the optimizer's state. A short row's step is timed the second time: the first one also pays for memory.
  step(T > 8192 ? 64 : T);
  resetPeakMemory();
  const began = performance.now();
  step(T);
  const took = (performance.now() - began) / 1000;
  const { stateBytes, activationBytes, runtimeBytes } = forecastMemory(config, shape);
  const pairs = [
    ['tensors', stateBytes + activationBytes, memory().peakBytes, MB, 'MB'],
    ['process', stateBytes + activationBytes + runtimeBytes, highWater(), MB, 'MB'],
    ['time', seconds, took, 1, 's'],
  ] as const;
  const numbers = pairs.map(([what, forecast, measured, unit, name]) => {
    const shown = (value: number) => (value / unit).toFixed(unit === 1 ? 1 : 0);
    return `${what} ${shown(forecast)} / ${shown(measured)} ${name} (${(forecast / measured).toFixed(2)})`;
  });
  const name = `1 × ${T}, ${full ? 'full' : 'window 512'}, ${activationCheckpointing ? 'recomputed' : 'kept'}`;
  console.log(`${name.padEnd(36)}${numbers.join('   ')}`);
  if (highWater() > limit) throw new Error(`${name}: more than ${limit / 1e9} GB`);
  const off = pairs.slice(0, 2).find(([, forecast, measured]) => Math.abs(forecast / measured - 1) > 0.2);
  if (off) throw new Error(`${name}: the forecast of ${off[0]} is off by more than a fifth`);
}

const [argument = '32768', ...rest] = process.argv.slice(2);
if (rest[0] === 'case') measure(JSON.parse(argument));
else {
  console.log('bench, 18.3 M parameters: forecast / measured (ratio)');
  const lengths = [512, 2048, 8192, 32768].filter((T) => T <= Number(argument));
  const cases = lengths.flatMap((sequenceLength) =>
    [false, true].flatMap((full) =>
      // Kept activations of 32,768 tokens would take some 10 GB.
      (sequenceLength > 8192 ? [true] : [true, false]).map((activationCheckpointing) => ({
        sequenceLength,
        full,
        activationCheckpointing,
      })),
    ),
  );
  for (const each of cases) {
    const words = [import.meta.filename, JSON.stringify(each), 'case'];
    if (spawnSync(process.execPath, words, { stdio: 'inherit' }).status !== 0) process.exitCode = 1;
  }
}
