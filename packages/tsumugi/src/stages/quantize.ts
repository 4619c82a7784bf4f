// Stage: a model, and a text where the method needs one → the model in 4 or 8 bits.
import { join } from 'node:path';
import {
  quantizeConfig,
  quantizeForecast,
  quantizeModel,
  requireQuantizeText,
  type TextComparison,
} from '../compress/index.ts';
import { publishedConfig } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible, toJson } from '../run/index.ts';
import { TINY_TOKENS } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';

export const quantize = defineStage({
  name: 'quantize',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', text: ['text'] },
  config: quantizeConfig,
  output: 'model',
  resumes: true,
  dryRun: () => ({ groupSize: 16, tokens: 4 * TINY_TOKENS, sequenceLength: TINY_TOKENS }),
  check: (config, { text }) => requireQuantizeText(config, text.length),
  forecast({ config, inputs }) {
    const model = modelConfigOf(inputs.model);
    const { seconds, memoryBytes, diskBytes } = quantizeForecast(model, config);
    return {
      seconds,
      memory: [{ what: 'one layer, the text between two layers', bytes: memoryBytes }],
      diskBytes,
      about: toJson(publishedConfig(model), 'the model'),
      lowers: { memory: ['tokens'], time: ['tokens'] },
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const text = inputs.text.flatMap(({ paths }) => paths);
    const out = join(folder, 'model');
    const result = await interruptible(
      (message) => void stream.write(`${message}\n`),
      (pause) => quantizeModel(inputs.model.path, out, config, { text, recipe, commit: codeCommit(), pause }),
    );
    if (!result) return { interrupted: true };
    const { gate, bitsPerWeight, bytes } = result;
    return {
      metrics: [
        metric('bits per weight', bitsPerWeight),
        metric('bytes of the weights', bytes, 'bytes'),
        ...(gate ? [metric('divergence from the model', gate.meanKl, 'nats')] : []),
        ...(gate ? [metric('same likeliest token', gate.top1Agreement)] : []),
        ...(gate?.text ? onText(gate.text) : []),
      ],
    };
  },
});

/** What the report says of the user's text. */
const onText = ({ meanKl, top1Agreement, bitsPerCharacter }: TextComparison) => [
  metric('divergence on the text', meanKl, 'nats'),
  metric('same likeliest token on the text', top1Agreement),
  metric('bits per character of the source', bitsPerCharacter.source),
  metric('bits per character', bitsPerCharacter.artefact),
];
