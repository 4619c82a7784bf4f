// Stage: a model and token shards → the model extended to long contexts.
import { ConfigError, DataError } from '../base/index.ts';
import { defineStage, metric, type StageInput } from '../recipe/index.ts';
import { formatInteger } from '../run/index.ts';
import { checkExtendSettings, extend as extendModel, requireModelMade, switchAttention } from '../train/index.ts';
import { extendStageConfig } from './config.ts';
import { deviceHere, FEW_TOKENS, TINY_TOKENS } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';
import { requireHeldOut } from './require-held-out.ts';
import { trainingForecast } from './training-forecast.ts';
import { trainingMetrics } from './training-metrics.ts';

/** The training checks the same, but later. @throws DataError when it is known that no document is long enough */
function requireLongDocuments(data: readonly StageInput[], sequenceLength: number): void {
  const longest = Math.max(...data.map(({ metrics }) => metrics['longest document'] ?? Number.POSITIVE_INFINITY));
  if (longest >= sequenceLength) return;
  const [wanted, found] = [sequenceLength, longest].map(formatInteger) as [string, string];
  throw new DataError('no-long-document', `no document is as long as the context of ${wanted} tokens`, {
    remedy: `Give longer documents (reading.documentCharacters cuts plain text), or end at a sequenceLength of ${found} or less.`,
    fields: { sequenceLength, longest },
  });
}

export const extend = defineStage({
  name: 'extend',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', data: ['data'] },
  config: extendStageConfig,
  output: 'model',
  resumes: true,
  dryRun: ({ phases, device }) => ({
    phases: phases.map((_, i) => ({ sequenceLength: TINY_TOKENS * (i + 1), steps: 1, batchSize: 1 })),
    evaluateTokens: FEW_TOKENS,
    evaluateEvery: 0,
    checkpointEvery: 0,
    keepSteps: [],
    layers: 'all',
    device: deviceHere(device),
  }),
  check(config, { data }) {
    checkExtendSettings(config);
    requireModelMade(config);
    const { weights } = config;
    if (weights && weights.length !== data.length)
      throw new ConfigError('bad-setting', `weights: there are ${weights.length} for ${data.length} sets of data`, {
        remedy: 'Give one weight for each, in their order.',
        fields: { weights, data: data.length },
      });
  },
  forecast({ config, inputs }) {
    requireHeldOut(inputs.data);
    requireLongDocuments(inputs.data, Math.max(...config.phases.map(({ sequenceLength }) => sequenceLength)));
    const phases = config.phases.map((phase) => ({
      ...phase,
      activationCheckpointing: config.activationCheckpointing,
    }));
    const heldOut = inputs.data.map(({ metrics }) => Math.min(metrics['held-out tokens'] ?? 0, config.evaluateTokens));
    return {
      ...trainingForecast(switchAttention(modelConfigOf(inputs.model), config), phases, {
        heldOutTokens: heldOut.reduce((sum, tokens) => sum + tokens, 0),
        evaluateTokens: Number.POSITIVE_INFINITY, // already in `heldOut`: every evaluation measures as much as the last
        evaluateEvery: config.evaluateEvery,
        keepLast: config.keepLast,
        keepSteps: config.keepSteps,
        device: config.device,
      }),
      lowers: { time: ['phases'], memory: ['activationCheckpointing', 'phases'], disk: ['keepLast'] },
    };
  },
  async run({ config, inputs, folder, recipe, resumed, stream }) {
    const { weights, ...settings } = config;
    const paths = {
      model: inputs.model.path,
      mix: inputs.data.map(({ path }, i) => ({ data: path, weight: weights?.[i] ?? 1 })),
      out: folder,
    };
    const { interrupted, before, after } = await extendModel(
      { ...settings, ...paths },
      { resume: resumed, recipe, stream },
    );
    if (interrupted || !before || !after) return { interrupted: true };
    const { sequenceLength } = config.phases.at(-1)!;
    return {
      metrics: [
        metric(`held-out bits per character in rows of ${formatInteger(sequenceLength)}`, after.bitsPerCharacter),
        metric('held-out bits per character before', before.bitsPerCharacter),
        metric('context', sequenceLength, 'tokens'),
        ...trainingMetrics(folder),
      ],
    };
  },
});
