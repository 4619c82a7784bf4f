// A model → a smaller dense one of what is most active in it.
import { checkOptions, checkSettings, given } from '../../base/index.ts';
import { type Plamo2Config, readModelConfig, requireDense } from '../../lm/index.ts';
import { Artefact, type Lineage } from '../../store/index.ts';
import { type ShapeCost, shapeCost } from '../reshape/cost.ts';
import { reshapedTensors } from '../reshape/reshape.ts';
import { reshapedConfig, writeReshaped } from '../reshape/write-reshaped.ts';
import { type PruneForecast, pruneForecast } from './forecast.ts';
import { bytesAs, type PruneOptions, type PruneTable, prepare } from './prepare.ts';
import { type PruneSettingsInput, pruneConfig } from './prune-config.ts';
import { prunedConfig } from './target.ts';

const optionNames = {
  text: true,
  recipe: true,
  commit: true,
  maxShardBytes: true,
  onProgress: true,
  pause: true,
} as const;

export interface PruneResult extends PruneTable {
  readonly folder: string;
  readonly tensors: number;
  readonly seconds: number;
  readonly lineage: Lineage;
}

/** What pruning takes, told before anything is measured. */
export interface PrunePlan extends PruneForecast {
  readonly config: Plamo2Config;
  readonly before: ShapeCost;
  readonly after: ShapeCost;
}

/**
 * What `prune` would make and take: sizes, seconds, memory, disk. No text is read and nothing is written.
 *
 * @throws ConfigError `prune-target` naming the key that cannot be lowered so far; what reading a model's config throws
 */
export function planPrune(folder: string, input: PruneSettingsInput): PrunePlan {
  const settings = checkSettings('prune', pruneConfig, input);
  requireDense(folder, 'pruned');
  const artefact = new Artefact(folder);
  const from = readModelConfig(artefact);
  const config = prunedConfig(from, settings);
  using weights = artefact.weights();
  const [before, after] = [from, config].map((each) => ({ ...shapeCost(each), bytes: bytesAs(weights, each) })) as [
    ShapeCost,
    ShapeCost,
  ];
  return { config, before, after, ...pruneForecast(from, config, settings), diskBytes: after.bytes };
}

/**
 * The table of what pruning would make, with the loss of the pruned model. Nothing is written but the scores, into the user's cache.
 *
 * @throws as `planPrune`; what loading a model and reading text throw
 */
export async function pruneTable(
  folder: string,
  settings: PruneSettingsInput,
  options: PruneOptions = {},
): Promise<PruneTable> {
  checkOptions('pruneTable', options, optionNames);
  using planned = await prepare(folder, checkSettings('prune', pruneConfig, settings), options);
  return planned.table;
}

/**
 * Prunes a model folder into another, which appears whole or not at all and is a dense model of the same format. What is kept is
 * described in `docs/pruning.md`. Equal models, texts and settings give equal weights.
 *
 * @throws as `pruneTable`; DataError when `out` is the model or holds something else, UserError `disk-full`: both before the text is read
 *
 * @example
 * ```ts
 * await prune('model', 'smaller', { hidden_size: 1536, intermediate_size: 6144 }, { text: ['corpus'] });
 * ```
 */
export async function prune(
  folder: string,
  out: string,
  settings: PruneSettingsInput,
  options: PruneOptions = {},
): Promise<PruneResult> {
  checkOptions('prune', options, optionNames);
  const began = performance.now();
  const { recipe = null, commit = null, maxShardBytes, onProgress, pause } = options;
  using planned = await prepare(folder, checkSettings('prune', pruneConfig, settings), options, out);
  const { table, reshape, artefact, hashed, weights, text } = planned;
  const { parameters } = table.rows[1];
  let done = 0;
  const tensors = reshapedTensors(weights, reshape, (_, elements) => {
    done += elements;
    if (done === parameters) hashed.requireUnchanged();
    onProgress?.({ doing: 'writing', share: done / parameters });
  });
  const content = {
    config: reshapedConfig(artefact.config(), reshape.before, reshape.after),
    tensors,
    maxShardBytes,
    lineage: {
      stage: 'prune',
      recipe,
      config: given<number | string>(planned.settings),
      seed: planned.settings.seed,
      commit,
      parents: [{ name: artefact.path, sha256: hashed.hash }],
      data: [...text.sources],
    },
  };
  const lineage = await writeReshaped(out, artefact, content, pause);
  return { ...table, folder: out, tensors: tensors.length, seconds: (performance.now() - began) / 1000, lineage };
}
