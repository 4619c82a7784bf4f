// A model in a few numbers, for a search over merges: held-out bits per character, and the first metric of evaluation tasks.
import { basename } from 'node:path';
import { ConfigError, contentHash, UserError } from '../base/index.ts';
import type { Score } from '../compress/index.ts';
import { codeOf, evaluate, findTasks, openBackend } from '../eval/index.ts';
import { loadModel, type Plamo2Config } from '../lm/index.ts';
import type { Json } from '../store/index.ts';
import { openTokenizer, TokenShards } from '../text/index.ts';
import { evaluateHeldOut } from '../train/index.ts';
import { forwardMemory, taskTokens } from './evaluate.ts';
import { secondsPerHeldOutToken } from './training-forecast.ts';

export interface ScoringSettings {
  /** Folders of token shards, whose held-out documents are predicted. */
  readonly data: readonly string[];
  /** Evaluation tasks by name. */
  readonly tasks: readonly string[];
  /** Samples of a task at most. */
  readonly limit?: number | undefined;
}

/** Tokens of a row of held-out text. Our choice. */
const sequenceLength = 512;
const batchSize = 8;

/** What the scores depend on. @throws ConfigError when there is nothing to score by, or no task of a name */
export async function scoringOf({ data, tasks, limit }: ScoringSettings): Promise<Json> {
  if (data.length + tasks.length === 0)
    throw new ConfigError('no-score', 'a search needs something to score by', {
      remedy: 'Name token shards with --data, evaluation tasks with --tasks, or both.',
    });
  const found = await findTasks([...tasks]);
  const versions = found.map((task) => `${task.name} ${codeOf(task) ?? task.version}`);
  const hashes = await Promise.all(data.map((folder) => contentHash(folder)));
  return { data: hashes, tasks: versions, limit: limit ?? null, sequenceLength };
}

/** What `scoreModel` takes for a model of a shape. */
export function forecastScoring(
  model: Plamo2Config,
  { data, tasks }: ScoringSettings,
): {
  seconds: number;
  memoryBytes: number;
} {
  const heldOut = data.reduce((sum, place) => {
    using shards = TokenShards.open(place);
    return sum + shards.manifest.heldOut.tokens;
  }, 0);
  const tokens = heldOut + taskTokens * tasks.length;
  const memory = forwardMemory(model, { batchTokens: batchSize * sequenceLength, sequenceLengths: [sequenceLength] });
  return {
    seconds: tokens * secondsPerHeldOutToken(model, sequenceLength),
    memoryBytes: memory.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

export async function scoreModel(folder: string, { data, tasks, limit }: ScoringSettings): Promise<Score[]> {
  const scores: Score[] = [];
  for (const place of data)
    scores.push(await heldOutBits(folder, place, data.length > 1 ? ` of ${basename(place)}` : ''));
  if (tasks.length === 0) return scores;
  await using backend = await openBackend({ model: folder });
  const report = await evaluate({ tasks: await findTasks([...tasks]), backend, limit });
  for (const { task, metric, metrics, lowerIsBetter } of report.tasks) {
    const value = metrics[metric]?.value;
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new UserError('no-score', `${task} gives no ${metric} for this model`, {
        remedy: 'Score by another task, or raise --limit.',
        fields: { task, metric },
      });
    scores.push({ name: `${task} ${metric}`, value, lowerIsBetter });
  }
  return scores;
}

async function heldOutBits(folder: string, place: string, which: string): Promise<Score> {
  using model = loadModel(folder, { dtype: 'float32' });
  using shards = TokenShards.open(place, { tokenizerHash: openTokenizer(folder).sha256 });
  const { bitsPerCharacter } = await evaluateHeldOut(model, shards, { sequenceLength, batchSize });
  return { name: `bits per character${which}`, value: bitsPerCharacter, lowerIsBetter: true };
}
