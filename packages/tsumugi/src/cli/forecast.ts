// `tsumugi forecast`: what a training over many processes or GPUs would take, from the shapes alone.
import { presetNames } from '../lm/index.ts';
import { formatBytes, formatCells, formatCount, formatDuration, formatInteger } from '../run/index.ts';
import {
  forecastScale,
  leastCut,
  rankShape,
  type ScaleConfig,
  type ScaleForecast,
  scaleConfig,
} from '../train/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { write } from './io.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';

export const run = defineCommand(
  {
    command: 'tsumugi forecast',
    summary: 'what a training over many GPUs or processes would take, on paper',
    options: { ...settingsOptions, json: { type: 'boolean', help: 'print the forecast as JSON' } },
    details: `${settingsHelp(scaleConfig)}\nPresets (model): ${presetNames.join(', ')}\n\nFormulas and assumptions: docs/scale-forecast.md.`,
  },
  async ({ config: file, set, json }, io) => {
    const config = applySettings(scaleConfig, readSettingsFile(file), set, file);
    const forecast = forecastScale(config);
    await write(io.stdout, json ? `${JSON.stringify(forecast)}\n` : forecastText(config, forecast));
  },
);

function forecastText(config: ScaleConfig, { shape, machine, forecasts }: ScaleForecast): string {
  const { sequenceLength, batchSize, gradientAccumulation } = shape;
  const { world } = config;
  const { batchSize: rows, gradientAccumulation: micro } = rankShape(shape, world);
  const row = (name: string, cell: (forecast: (typeof forecasts)[number]) => string) => [name, ...forecasts.map(cell)];
  const part = (name: string, key: keyof (typeof forecasts)[number]['memory']) =>
    row(`  ${name}`, ({ memory }) => formatBytes(memory[key]));
  const bytes = (number: number) => (number === 0 ? '–' : formatBytes(number));
  const cells = [
    row('', ({ shard }) => shard),
    row('memory of a rank', ({ memoryBytes }) => formatBytes(memoryBytes)),
    part('weights', 'weights'),
    part('gradients', 'gradients'),
    part('optimizer', 'optimizer'),
    row('  weights of layers that are worked on', ({ memory }) => bytes(memory.gathered)),
    part('activations', 'activations'),
    row('  gradients on their way', ({ memory }) => bytes(memory.buffers)),
    part('process', 'runtime'),
    row('fits', ({ fits }) => (fits ? 'yes' : 'no')),
    row('a rank sends in a step', (each) => bytes(each.wireBytes)),
    row('time of a step', ({ time }) => formatDuration(time.seconds)),
    row('  forward and backward', ({ time }) => formatDuration(time.compute)),
    row('  update', ({ time }) => (time.update === 0 ? '–' : formatDuration(time.update))),
    row('  waiting for others', ({ time }) => formatDuration(time.exposed)),
    row('  (on the wire in all)', ({ time }) => formatDuration(time.communication)),
    row('tokens a second', ({ tokensPerSecond }) => formatCount(tokensPerSecond)),
  ];
  const least = leastCut(forecasts);
  return [
    `${config.model} on ${world} ranks: steps of ${formatInteger(batchSize * gradientAccumulation)} rows of ${formatInteger(sequenceLength)} tokens; a rank takes ${formatInteger(micro)} micro-batches of ${rows}, in ${machine.compute.dtype}`,
    formatCells(cells, 1),
    least
      ? `${least.shard} is the least that fits into the ${formatBytes(machine.memoryBytes)} of a rank`
      : `nothing fits into the ${formatBytes(machine.memoryBytes)} of a rank: take more ranks, fewer tokens in a micro-batch, or activationCheckpointing`,
    '',
  ].join('\n');
}
