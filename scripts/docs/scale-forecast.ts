// node scripts/docs/scale-forecast.ts: writes the tables and the picture of docs/scale-forecast.md from the functions that forecast.
// A table is found by its first line. tests/scale-forecast-docs.test.ts asks that nothing would change.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lineChart, svgFile } from '../../packages/tsumugi/src/draw/index.ts';
import { type Plamo2Config, preset } from '../../packages/tsumugi/src/lm/index.ts';
import { formatBytes, formatCount, formatDuration, formatInteger } from '../../packages/tsumugi/src/run/index.ts';
import {
  forecastMemory,
  forecastShards,
  leastCut,
  machines,
  type RankMachine,
  type ShardForecast,
  shards,
} from '../../packages/tsumugi/src/train/index.ts';

/** 31B: its dimensions are not published. Our assumption: the 8B's proportions, and as many parameters as the name says. */
export const assumed31b = {
  hidden_size: 6144,
  intermediate_size: 24576,
  num_hidden_layers: 50,
  num_attention_heads: 48,
  mamba_num_heads: 96,
};

const plamo8b = preset('8b');
const models: readonly [name: string, config: Plamo2Config][] = [
  ['1B', preset('1b')],
  ['8B', plamo8b],
  ['31B (assumed)', preset('8b', assumed31b)],
];
const worlds = [8, 16, 64];
const shape = { sequenceLength: 4096, batchSize: 1, gradientAccumulation: 512, activationCheckpointing: true };
const h100: RankMachine = { ...machines.h100, compute: { device: 'cuda', dtype: 'bfloat16' } };

/** Small: 8 × 512 tokens of the benchmark's model, each process with half of the 222 GFLOP/s of docs/results/2026-11-22-engine.md. */
const small = { sequenceLength: 512, batchSize: 8, gradientAccumulation: 1, activationCheckpointing: false };
const process = (link: number): RankMachine => ({
  memoryBytes: 1e9,
  compute: { device: 'cpu', dtype: 'float32' },
  rates: {
    flops: 111e9,
    ranksPerHost: 1,
    inside: { bytes: link, latency: 1e-4 },
    between: { bytes: link, latency: 1e-4 },
  },
});

type Rows = readonly (readonly string[])[];

const table = (head: readonly string[], rows: Rows): string =>
  [head, head.map((name, i) => (i < 1 || name === 'shape' ? '---' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

const cases = models.flatMap(([name, config]) => worlds.map((world) => ({ name, config, world })));
const known = new Map<Plamo2Config, Map<number, ShardForecast[]>>();

function of(config: Plamo2Config, world: number): ShardForecast[] {
  const ofConfig = known.get(config) ?? new Map<number, ShardForecast[]>();
  known.set(config, ofConfig);
  const found = ofConfig.get(world) ?? forecastShards(config, shape, { world }, h100);
  ofConfig.set(world, found);
  return found;
}

const shapes = (): string =>
  table(
    ['model', 'parameters', 'layers', 'hidden', 'FFN', 'query / key heads', 'Mamba heads', 'vocabulary'],
    models.map(([name, config]) => [
      name,
      formatInteger(forecastMemory(config, shape).parameters),
      `${config.num_hidden_layers}`,
      `${config.hidden_size}`,
      `${config.intermediate_size}`,
      `${config.num_attention_heads} / ${config.num_key_value_heads}`,
      `${config.mamba_num_heads}`,
      formatInteger(config.vocab_size),
    ]),
  );

const memory = (): string =>
  table(
    ['memory of a rank', 'GPUs', ...shards.map((shard) => `\`${shard}\``), 'least that fits'],
    cases.map(({ name, config, world }) => {
      const all = of(config, world);
      const cells = all.map(({ memoryBytes, fits }) =>
        fits ? formatBytes(memoryBytes) : `*${formatBytes(memoryBytes)}*`,
      );
      const least = leastCut(all)?.shard;
      return [name, `${world}`, ...cells, least ? `\`${least}\`` : 'none of them'];
    }),
  );

const parts = (): string => {
  const all = of(plamo8b, 64);
  const rows = [
    ['weights', 'weights'],
    ['gradients', 'gradients'],
    ['optimizer', 'optimizer'],
    ['gathered', 'weights that are worked on'],
    ['activations', 'activations'],
    ['buffers', 'on their way between ranks'],
    ['runtime', 'the process on the GPU (assumed)'],
  ] as const;
  return table(
    ['8B on 64 GPUs', ...shards.map((shard) => `\`${shard}\``)],
    [
      ...rows.map(([key, name]) => [
        name,
        ...all.map(({ memory: held }) => (held[key] > 0 ? formatBytes(held[key]) : '–')),
      ]),
      ['together', ...all.map(({ memoryBytes }) => formatBytes(memoryBytes))],
    ],
  );
};

const wire = (): string =>
  table(
    ['a rank sends in a step', 'GPUs', ...shards.map((shard) => `\`${shard}\``)],
    cases.map(({ name, config, world }) => [
      name,
      `${world}`,
      ...of(config, world).map(({ wireBytes }) => formatBytes(wireBytes)),
    ]),
  );

const time = (): string =>
  table(
    ['a step', 'GPUs', 'cut', 'seconds', 'forward and backward', 'update', 'waiting', 'on the wire in all', 'tokens/s'],
    cases.flatMap(({ name, config, world }) =>
      of(config, world)
        .filter(({ fits }) => fits)
        .map(({ shard, time: step, tokensPerSecond }) => [
          name,
          `${world}`,
          `\`${shard}\``,
          formatDuration(step.seconds),
          formatDuration(step.compute),
          formatDuration(step.update),
          formatDuration(step.exposed),
          formatDuration(step.communication),
          formatCount(tokensPerSecond),
        ]),
    ),
  );

const processes = (): string =>
  table(
    ['link of each process', 'processes', 'a step', 'forward and backward', 'waiting', 'tokens/s', 'of ideal'],
    (
      [
        ['1 Gbit/s', 125e6],
        ['100 Mbit/s', 12.5e6],
      ] as const
    ).flatMap(([name, link]) => {
      const on = (world: number) => forecastShards(preset('bench'), small, { world }, process(link))[0]!;
      const alone = on(1).tokensPerSecond;
      return [1, 2, 3, 4].map((world) => {
        const { time: step, tokensPerSecond } = on(world);
        return [
          name,
          `${world}`,
          formatDuration(step.seconds),
          formatDuration(step.compute),
          formatDuration(step.exposed),
          formatInteger(tokensPerSecond),
          `${Math.round((100 * tokensPerSecond) / (world * alone))} %`,
        ];
      });
    }),
  );

/** Memory of a rank of the 8B over the number of GPUs. */
export const picture = (): string =>
  svgFile(
    lineChart({
      title: '8B: memory of a rank',
      x: { label: 'GPUs', log: true },
      y: { label: 'GiB', log: true },
      series: [
        ...shards.map((shard, i) => ({
          name: shard,
          points: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((world) => ({
            x: world,
            y: of(plamo8b, world)[i]!.memoryBytes / 2 ** 30,
          })),
        })),
        { name: 'a GPU of 80 GB', points: [1, 512].map((x) => ({ x, y: h100.memoryBytes / 2 ** 30 })) },
      ],
    }),
  );

/** The tables of the page. */
export const tables = (): string[] => [shapes(), memory(), parts(), wire(), time(), processes()];

/** The page with these tables in the place of those that begin with the same line. */
export function withTables(page: string, made: readonly string[]): string {
  const lines = page.split('\n');
  for (const each of made) {
    const [head] = each.split('\n', 1);
    const at = lines.indexOf(head!);
    if (at < 0) throw new Error(`the page has no table that begins with ${head}`);
    const end = lines.indexOf('', at);
    lines.splice(at, end - at, ...each.split('\n'));
  }
  return lines.join('\n');
}

if (import.meta.main) {
  const at = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  writeFileSync(at('scale-forecast.md'), withTables(readFileSync(at('scale-forecast.md'), 'utf8'), tables()));
  writeFileSync(at('scale-forecast.svg'), picture());
}
