// Where a distillation's teaching comes from: a model, or what one said of the same rows and was kept on disk.
import { ConfigError, DataError } from '../base/index.ts';
import { type Batch, loadModel, type Plamo2, type Plamo2Config, readModelConfig } from '../lm/index.ts';
import type { Amount } from '../loop/index.ts';
import type { TeacherRows } from '../nn/index.ts';
import { formatCount, formatInteger, inputAt, type RunInputs } from '../run/index.ts';
import { Artefact, type Provenance } from '../store/index.ts';
import { openTokenizer } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { checkDistillModels, hiddenPairs } from './check-distill.ts';
import type { DistillConfig } from './distill-config.ts';
import { teacherFactor, teacherMemory } from './distill-forecast.ts';
import { type Teaching, taughtBy } from './distill-loss.ts';
import { KeptLogits } from './kept-logits.ts';
import { requireSameOrigin } from './logits-manifest.ts';

export interface Teacher extends Disposable {
  /** Of the run: what was learned from. */
  readonly inputs: RunInputs;
  readonly parent: NonNullable<Provenance['parents']>[number];
  /** For the terminal. */
  readonly line: string;
  readonly memory: readonly Amount[];
  /** A step with it, over the step alone. */
  readonly factor: number;
  /** Pairs of layers that are compared: [student, teacher]. */
  readonly pairs: readonly (readonly [number, number])[];
  /** Its hidden size; the student's where no layers are compared. */
  readonly width: number;
  readonly teaching: Teaching;
  /** What it says of a batch of held-out text at T = 1, which is counted from 0; undefined when it is not known. */
  readonly heldOut: ((batch: Batch, index: number) => TeacherRows) | undefined;
  /** @throws DataError unless what it says of a step is of these rows */
  requireRows(step: number, tokens: Int32Array): void;
}

/** What the teacher is for. */
interface Wanted {
  config: DistillConfig;
  student: Plamo2Config;
  /** SHA-256 of the student's tokenizer. */
  tokenizer: string;
  /** Of the token shards. */
  data: string;
}

/** @throws ConfigError, DataError when it does not go with the settings, the student or the data */
export const openTeacher = (wanted: Wanted): Promise<Teacher> =>
  wanted.config.teacherLogits === undefined ? loadedTeacher(wanted) : keptTeacher(wanted, wanted.config.teacherLogits);

async function loadedTeacher({ config, student, tokenizer }: Wanted): Promise<Teacher> {
  const { teacher: path, teacherDtype: dtype, model: own } = config;
  if (path === undefined)
    throw new ConfigError('missing-setting', 'there is no teacher: neither teacher nor teacherLogits is given', {
      remedy: 'Write --teacher DIR, or --set teacherLogits=DIR.',
      fields: { key: 'teacher' },
    });
  const folder = new Artefact(path);
  const shape = readModelConfig(folder);
  const theirs = openTokenizer(path).sha256;
  if (theirs !== tokenizer)
    throw new DataError('other-tokenizer', `the teacher in ${path} has another tokenizer than the student in ${own}`, {
      remedy:
        'Take a teacher with the tokenizer of the student: what is learned is the probability of each of its tokens.',
      fields: { teacher: theirs, student: tokenizer },
    });
  checkDistillModels(config, student, shape);
  const { hash } = await folder.hashed();
  const pairs = hiddenPairs(config, student, shape);
  const layers = pairs.map(([, layer]) => layer);
  let loaded: Plamo2 | undefined;
  // When it is asked for the first time: the run's forecast comes before.
  const model = () => {
    loaded ??= loadModel(path, { dtype, device: parseDevice(config.device) });
    return loaded;
  };
  const { num_hidden_layers: count, hidden_size: width } = shape;
  return {
    inputs: { teacher: inputAt(path, hash) },
    parent: { name: path, sha256: hash },
    line: `teacher: ${path}, ${formatCount(count)} layers of width ${formatInteger(width)}, in ${dtype}`,
    memory: teacherMemory(shape, config),
    factor: teacherFactor(student, shape, config),
    pairs,
    width,
    teaching: (batch) => taughtBy(model(), batch, layers),
    heldOut: (batch) => taughtBy(model(), batch, []).logits,
    requireRows: () => {},
    [Symbol.dispose]: () => loaded?.[Symbol.dispose](),
  };
}

async function keptTeacher({ config, student, tokenizer, data }: Wanted, folder: string): Promise<Teacher> {
  const kept = await KeptLogits.open(folder);
  const { manifest } = kept;
  const { topK, temperature, teacherDtype, sequenceLength, batchSize, gradientAccumulation, seed, steps } = config;
  requireSameOrigin(folder, manifest, {
    ...(config.teacher !== undefined && { teacher: { sha256: await new Artefact(config.teacher).hash() } }),
    ...{ data, tokenizer, vocabularySize: student.vocab_size, topK, temperature, teacherDtype },
    ...{ sequenceLength, batchSize, gradientAccumulation, seed, evaluateTokens: config.evaluateTokens },
    ...(steps > manifest.steps && { steps }),
  });
  const device = parseDevice(config.device);
  return {
    inputs: { teacherLogits: inputAt(folder, kept.hash) },
    parent: manifest.teacher,
    line:
      `teacher: what it said in ${folder}, ${formatCount(manifest.topK)} tokens of each prediction; the KL on held-out text is ` +
      'that of these and the rest as one',
    memory: [],
    factor: 1,
    pairs: [],
    width: student.hidden_size,
    teaching: (_, step, firstRow) => ({ logits: kept.rows(step, firstRow * sequenceLength, device), layers: [] }),
    heldOut(batch, index) {
      const part = manifest.steps + index;
      kept.requireRows(part, Int32Array.from(batch.ids.to('cpu').data(), Number));
      return kept.rows(part, 0, device);
    },
    requireRows: (step, tokens) => kept.requireRows(step, tokens),
    [Symbol.dispose]: () => kept[Symbol.dispose](),
  };
}
