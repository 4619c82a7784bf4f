// A model folder → a GGUF file that llama.cpp runs: planned, written tensor by tensor, compared with the model, put in its place.
import { renameSync, rmSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { checkSettings, fsyncPath, requireRoom, unfinishedFile, writingAt } from '../../../base/index.ts';
import { loadModel, type Plamo2, type QuantizedLinear, readModelConfig } from '../../../lm/index.ts';
import { moduleAt, namedParameters } from '../../../nn/index.ts';
import { holdPlace } from '../../../run/index.ts';
import { Artefact, type GgufTensor, quantizePieces, writeGguf } from '../../../store/index.ts';
import { readTokenizerFiles, Tokenizer, type TokenizerFiles } from '../../../text/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../../../torch/index.ts';
import type { GateReport } from '../../gate/index.ts';
import type { ImportanceMatrix } from '../../importance/index.ts';
import { type ExportGgufConfig, type ExportGgufInput, exportGgufConfig } from './config.ts';
import { type GateGgufOptions, gateGguf } from './gate-gguf.ts';
import { checkImportance, importanceFor, importanceOf } from './importance.ts';
import { dataOf, writeGgufLineage } from './lineage.ts';
import { metadataOf } from './metadata.ts';
import { type GgufPlan, type PlannedTensor, planGguf } from './plan.ts';
import { requireTarget } from './require-target.ts';

export interface ExportHooks {
  /** Called often with how far a phase is; may wait, and may throw to end the export, which leaves nothing behind. */
  onProgress?:
    | ((phase: 'measuring' | 'writing' | 'comparing', done: number, total: number) => Promise<void> | void)
    | undefined;
  /** node-llama-cpp where it is not installed beside this package, and its threads: one per core unless given. */
  llama?: Pick<GateGgufOptions, 'library' | 'threads'> | undefined;
  /** The recipe it is part of, and the commit of the code, for the lineage. */
  recipe?: string | undefined;
  commit?: string | null | undefined;
}

export interface ExportedGguf {
  file: string;
  bytes: number;
  sha256: string;
  plan: Pick<GgufPlan, 'type' | 'context' | 'bitsPerWeight' | 'byType' | 'notes'>;
  /** What the errors were weighed with; null = all channels alike. */
  importance: { matrices: number; tokens: number } | null;
  /** How the file compares with the model; null = it was not compared. */
  gate: GateReport | null;
  /** Of writing alone. */
  seconds: number;
}

/** What `exportGguf` would write. @throws as `exportGguf`, where it is known beforehand */
export function planExportGguf(config: Pick<ExportGgufConfig, 'model' | 'type' | 'context' | 'out'>): GgufPlan {
  const artefact = new Artefact(config.model);
  const plan = planGguf(readModelConfig(artefact), config.type, config.context);
  readTokenizerFiles(artefact.tokenizerPath);
  return plan;
}

/**
 * Writes a GGUF file of a model folder, also of one in few bits (GPTQ, AWQ, FP8), with `FILE.lineage.json` beside it. The file
 * appears when it is whole and, unless `gate` is false, answers as the model does; a GGUF file that is there is replaced.
 *
 * @throws ConfigError for a model that llama.cpp cannot express, DataError when something else is at `out`,
 *   UserError `disk-full`, and when the file differs from the model by more than its type explains, with the worst prompt
 */
export async function exportGguf(input: ExportGgufInput, hooks: ExportHooks = {}): Promise<ExportedGguf> {
  const config = checkSettings('exportGguf', exportGgufConfig, input);
  const plan = planExportGguf(config);
  requireTarget(config.out);
  checkImportance(config);
  requireRoom(config.out, plan.bytes, 'Make room, name a place on another disk, or choose a type of fewer bits.');
  using _held = holdPlace(config.out);
  const artefact = new Artefact(config.model);
  const files = await artefact.hashed();
  const tokenizerFiles = readTokenizerFiles(artefact.tokenizerPath);
  using model = loadModel(config.model, { device: 'cpu' });
  const tokenizer = Tokenizer.fromPieces(tokenizerFiles.pieces, {
    ...tokenizerFiles.config,
    modelVocabSize: model.config.vocab_size,
  });
  const onText = (done: number, total: number) => hooks.onProgress?.('measuring', done, total);
  const importance = await importanceOf(model, tokenizer, config, { onText });
  const data = await dataOf(config);
  const unfinished = unfinishedFile(config.out);
  try {
    const start = performance.now();
    const written = await write(unfinished, { artefact, model, plan, tokenizerFiles, importance, hooks });
    const seconds = (performance.now() - start) / 1000;
    const onPrompt = (done: number, total: number) => hooks.onProgress?.('comparing', done, total);
    const gate = config.gate
      ? await gateGguf({
          file: unfinished,
          model,
          tokenizer,
          type: plan.type,
          context: plan.context,
          onPrompt,
          ...hooks.llama,
        })
      : null;
    files.requireUnchanged();
    writingAt(config.out, () => renameSync(unfinished, config.out));
    fsyncPath(dirname(config.out));
    const { recipe = null, commit = null } = hooks;
    writeGgufLineage(config, { written, parent: files.hash, data, gate, recipe, commit });
    const { type, context, bitsPerWeight, byType, notes } = plan;
    return {
      file: config.out,
      bytes: written.bytes,
      sha256: written.sha256,
      plan: { type, context, bitsPerWeight, byType, notes },
      importance: importance ? { matrices: importance.means.size, tokens: importance.tokens } : null,
      gate,
      seconds,
    };
  } finally {
    rmSync(unfinished, { force: true });
  }
}

interface Parts {
  artefact: Artefact;
  model: Plamo2;
  plan: GgufPlan;
  tokenizerFiles: TokenizerFiles;
  importance: ImportanceMatrix | undefined;
  hooks: ExportHooks;
}

function write(path: string, { artefact, model, plan, tokenizerFiles, importance, hooks }: Parts) {
  const weightOf = weightsOf(model);
  const metadata = metadataOf({
    name: basename(resolve(artefact.path)),
    config: model.config,
    tokenizer: tokenizerFiles,
    tokenizerConfig: artefact.tokenizerConfig(),
    context: plan.context,
    type: plan.type,
  });
  const tensors = plan.tensors.map((planned): GgufTensor => {
    const mean = importanceFor(importance, planned);
    const { gguf: name, type, shape } = planned;
    return { name, type, shape, pieces: () => piecesOf(planned, weightOf, mean) };
  });
  return writeGguf(path, metadata, tensors, { onPiece: (done, total) => hooks.onProgress?.('writing', done, total) });
}

/** Gives the tensor of each name; of a model in few bits, a matrix is made when it is asked for. */
function weightsOf(model: Plamo2): (name: string) => Tensor {
  const dense = new Map(namedParameters(model));
  return (name) => dense.get(name) ?? (moduleAt(model, name.replace(/\.weight$/, '')) as QuantizedLinear).dequantized();
}

/** The bytes of a tensor. What is changed on the way is small, and in float32; matrices are taken as they are. */
function* piecesOf(
  planned: PlannedTensor,
  weightOf: (name: string) => Tensor,
  mean: Float32Array | undefined,
): Generator<Uint8Array> {
  using changed = noGrad(() =>
    scope(() => {
      const weight = weightOf(planned.hf);
      return planned.toGguf(planned.matrix ? weight.detach() : weight.detach().float());
    }),
  );
  using importance = mean && tensor(mean);
  yield* quantizePieces(planned.type, changed, { importance, name: planned.hf });
}
