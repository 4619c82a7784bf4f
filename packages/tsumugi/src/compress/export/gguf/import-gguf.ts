// A GGUF file → a model folder in the published layout, in float32.
import { checkSettings, DataError, sha256File } from '../../../base/index.ts';
import { generationConfigOf, publishedConfig } from '../../../lm/index.ts';
import { holdPlace } from '../../../run/index.ts';
import {
  type ArtefactContent,
  GgufFile,
  type JsonObject,
  type Lineage,
  requirePlace,
  writeArtefactInSteps,
} from '../../../store/index.ts';
import { ggufPieceTypes, type Piece, renderTokenizer } from '../../../text/index.ts';
import { numElements } from '../../../torch/index.ts';
import { bytesPerSecond } from '../../rates.ts';
import { type ImportGgufConfig, importGgufConfig } from './config.ts';
import { CHAT_TEMPLATE_KEY } from './metadata.ts';
import { ggufWeights } from './read-model.ts';

export interface ImportedGguf {
  folder: string;
  tensors: number;
  lineage: Lineage;
}

export interface ImportHooks {
  /** Called when a tensor's turn comes. */
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
  /** The commit of the code, for the lineage. */
  commit?: string | null | undefined;
}

export interface ImportPlan {
  tensors: number;
  parameters: number;
  seconds: number;
  memoryBytes: number;
  diskBytes: number;
}

/**
 * Writes the model folder of a GGUF file. Types of fewer bits are dequantized. The folder appears whole or not at all.
 *
 * @throws FormatError naming what in the file is not PLaMo 2's, DataError when something else is at `out`, UserError `disk-full`
 */
export async function importGguf(
  settings: ImportGgufConfig,
  { onProgress, pause, commit = null }: ImportHooks = {},
): Promise<ImportedGguf> {
  const { model, out } = checkSettings('importGguf', importGgufConfig, settings);
  using file = new GgufFile(model);
  const { config, tensors } = ggufWeights(file);
  requirePlace(out, [], planOf(tensors).diskBytes);
  let done = 0;
  const { lines, config: tokenizerConfig } = renderTokenizer(piecesOf(file));
  const template = file.metadata.get(CHAT_TEMPLATE_KEY);
  using _held = holdPlace(out);
  const content: ArtefactContent = {
    config: publishedConfig(config) as JsonObject,
    tensors: tensors.map(({ hf, shape, read }) => [
      hf,
      {
        dtype: 'float32',
        shape,
        read: () => {
          onProgress?.(done++, tensors.length);
          return read();
        },
      },
    ]),
    tokenizer: lines,
    tokenizerConfig: { ...tokenizerConfig, ...(typeof template === 'string' && { chat_template: template }) },
    generationConfig: generationConfigOf(config) as JsonObject,
    lineage: {
      stage: 'import',
      commit,
      config: { format: 'gguf', model },
      parents: [{ name: model, sha256: sha256File(model) }],
    },
  };
  const lineage = await writeArtefactInSteps(out, content, pause);
  return { folder: out, tensors: tensors.length, lineage };
}

/** What an import would write. @throws as `importGguf`, for the file */
export function planImportGguf(model: string): ImportPlan {
  using file = new GgufFile(model);
  piecesOf(file);
  return planOf(ggufWeights(file).tensors);
}

/** Our guess: Node, libtorch. */
const runtimeBytes = 350e6;

/** A tensor is whole in memory, as the file has it and in float32. */
function planOf(tensors: readonly { shape: readonly number[] }[]): ImportPlan {
  const sizes = tensors.map(({ shape }) => numElements(shape));
  const parameters = sizes.reduce((sum, size) => sum + size, 0);
  return {
    tensors: tensors.length,
    parameters,
    seconds: (4 * parameters) / bytesPerSecond,
    memoryBytes: runtimeBytes + 8 * Math.max(...sizes),
    diskBytes: 4 * parameters,
  };
}

/** The vocabulary, without what fills the rows of the embedding that no piece has. */
function piecesOf(file: GgufFile): Piece[] {
  const list = (key: string): readonly unknown[] => {
    const value = file.metadata.get(`tokenizer.ggml.${key}`);
    return Array.isArray(value) ? value : [];
  };
  const [texts, scores, types] = [list('tokens'), list('scores'), list('token_type')];
  if (file.metadata.get('tokenizer.ggml.model') !== 'plamo2' || texts.length === 0)
    throw new DataError('gguf-tokenizer', `${file.path} holds no tokenizer of PLaMo 2`, {
      remedy: 'Get a file that was made by a newer converter.',
      fields: { path: file.path },
    });
  const last = texts.findLastIndex((text) => !/^\[PAD\d+\]$/.test(String(text)));
  return texts.slice(0, last + 1).map((text, id) => ({
    text: String(text),
    score: Number(scores[id] ?? 0),
    type: ggufPieceTypes[Number(types[id] ?? 1)] ?? 'NORMAL',
  }));
}
