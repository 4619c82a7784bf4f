// `tsumugi quantize`: a model's matrices in 4 or 8 bits.
import { given, signalExitCode } from '../base/index.ts';
import {
  type ChosenBits,
  type KindBitsOrMixed,
  planQuantizeModel,
  type QuantizeConfigInput,
  type QuantizeForecast,
  type QuantizeResult,
  quantizeConfig,
  quantizeModel,
  type TextComparison,
} from '../compress/index.ts';
import { codeCommit, formatBytes, formatCount, formatDuration } from '../run/index.ts';
import { defineCommand } from './command.ts';
import { costRows } from './cost-rows.ts';
import { settingsHelp } from './describe-settings.ts';
import { divergenceText } from './divergence-text.ts';
import { write } from './io.ts';
import { modelOptions } from './model-options.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { stoppable } from './stoppable.ts';
import { withoutEffect } from './without-effect.ts';

export const run = defineCommand(
  {
    command: 'tsumugi quantize',
    summary: "keep a model's matrices in 4 or 8 bits",
    options: {
      model: { ...modelOptions.model, help: 'model to quantize: a folder, or a name on the Hugging Face Hub' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the quantized model' },
      method: { type: 'choice', choices: ['rtn', 'gptq', 'awq'], help: 'rtn: to the nearest; gptq, awq: with --text' },
      bits: { type: 'integer', min: 4, max: 8, help: 'bits of a weight: 4 or 8 (default 4)' },
      groupSize: {
        type: 'integer',
        min: -1,
        help: 'inputs that share a scale (default 128, or as many as fit; -1 for all)',
      },
      targetBits: {
        type: 'number',
        min: 0,
        help: 'bits per weight over the whole model at most: matrices are kept or raised by what they cost on --text',
      },
      text: { type: 'list', value: 'PATH', help: 'text of the kind that the model is for: files and folders' },
      ...settingsOptions,
      noGate: { type: 'boolean', help: 'do not compare the result with the model' },
      plan: { type: 'boolean', help: 'check everything, print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
    details:
      `${settingsHelp(quantizeConfig)}\n` +
      'A run that was cut off goes on after the last layer that was done, when the same is asked for again.',
  },
  async (options, io) => {
    const { model, out, method, bits, groupSize, targetBits, text, json } = options;
    const file = readSettingsFile(options.config);
    const own = { ...file, ...given({ method, bits, groupSize, targetBits }), ...(options.noGate && { gate: false }) };
    const config: QuantizeConfigInput = applySettings(quantizeConfig, own, options.set, options.config);
    if (config.method === 'rtn' && config.targetBits === undefined && config.gate === false)
      withoutEffect('rtn needs no text, and nothing is compared', { text: text.length > 0 ? text : undefined });
    if (options.plan) {
      const forecast = planQuantizeModel(model, config, { text });
      await write(io.stdout, json ? `${JSON.stringify({ ...forecast, out })}\n` : formatPlan(forecast, out));
      return 0;
    }
    using measuring = new ProgressLine(io.stderr, 'measuring');
    using quantizing = new ProgressLine(io.stderr, 'quantizing');
    using comparing = new ProgressLine(io.stderr, 'comparing');
    const lines = { measuring, quantizing, comparing };
    const result = await stoppable(
      io,
      Object.values(lines),
      'what is done is kept, the same command goes on',
      (pause) =>
        quantizeModel(model, out, config, {
          text,
          commit: codeCommit(),
          onProgress: ({ phase, done, total, layer, layers }) =>
            lines[phase].update(done / total, phase === 'comparing' ? '' : `layer ${layer + 1} of ${layers}`),
          pause,
        }),
    );
    if (!result) return signalExitCode();
    const { lineage: _, ...shown } = result;
    await write(io.stdout, json ? `${JSON.stringify(shown)}\n` : formatResult(result));
    return 0;
  },
);

const bitsOfKinds = (kinds: KindBitsOrMixed): string =>
  Object.entries(kinds)
    .map(([kind, bits]) => `${kind} ${bits === 16 ? 'kept' : bits}`)
    .join(', ');

/** What each matrix costs, and what it got. */
function formatChosen({ matrices, targetBits, tokens, kept, expectedKl }: ChosenBits): string {
  const nats = (kl: number | undefined) => (kl === undefined ? '–' : kl.toExponential(1)).padStart(8);
  const rows = matrices.map(
    ({ path, kl, bits }) => [path, `${nats(kl[4])} ${nats(kl[8])}  ${bits === 16 ? 'kept' : bits}`] as const,
  );
  return (
    `${formatRows([['nats when it alone has', '  4 bits   8 bits  gets'], ...rows])}` +
    `chosen for ${targetBits} bits per weight, on ${tokens} tokens${kept ? ' (measured before)' : ''}; together ` +
    `${expectedKl.toPrecision(2)} nats, if costs add up`
  );
}

function formatOnText({ positions, meanKl, top1Agreement, bitsPerCharacter }: TextComparison): string {
  const { source, artefact } = bitsPerCharacter;
  return (
    `on the text, ${positions} tokens: mean ${meanKl.toPrecision(2)} nats, the same likeliest token at ` +
    `${(100 * top1Agreement).toFixed(1)} %, ${source.toFixed(3)} bits per character before, ${artefact.toFixed(3)} after`
  );
}

function formatResult({ gate, method, layout, bits, bytes, sourceBytes, ...rest }: QuantizeResult): string {
  const { bitsPerWeight, resumedLayers, seconds, folder, kinds, chosen } = rest;
  const compared = gate
    ? `${divergenceText('the model', gate)}; ${gate.bitsPerCharacter.source.toFixed(3)} bits per character before, ${gate.bitsPerCharacter.quantized.toFixed(3)} after`
    : 'not compared with the model';
  const onText = gate?.text && formatOnText(gate.text);
  return [
    ...(chosen ? [formatChosen(chosen)] : []),
    `bits: ${bitsOfKinds(kinds)}`,
    ...(resumedLayers > 0 ? [`${resumedLayers} layers had been done before`] : []),
    compared,
    ...(onText ? [onText] : []),
    `${method}, ${bits} bits (${layout}), ${bitsPerWeight.toFixed(2)} bits per weight, ` +
      `${formatBytes(bytes)} from ${formatBytes(sourceBytes)} in ${formatDuration(seconds)} → ${folder}`,
    '',
  ].join('\n');
}

function formatPlan(forecast: QuantizeForecast, out: string): string {
  const { method, layout, kinds, parameters, bitsPerWeight, bytes } = forecast;
  return `${method} (${layout}): ${formatCount(parameters)} parameters, ${bitsPerWeight.toFixed(2)} bits per weight\n${formatRows(
    [['bits', bitsOfKinds(kinds)], ['weights', formatBytes(bytes)], ...costRows(forecast, out)],
  )}`;
}
