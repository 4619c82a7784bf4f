// A GGUF file → a model folder in the published layout, in float32.
import { checkSettings, DataError, sha256File } from '../../../base/index.ts';
import { publishedConfig } from '../../../lm/index.ts';
import { holdPlace } from '../../../run/index.ts';
import {
  type ArtefactContent,
  GgufFile,
  type JsonObject,
  type Lineage,
  writeArtefactInSteps,
} from '../../../store/index.ts';
import { ggufPieceTypes, type Piece, renderTokenizer } from '../../../text/index.ts';
import { numElements } from '../../../torch/index.ts';
import { type ImportGgufConfig, importGgufConfig } from './config.ts';
import { CHAT_TEMPLATE_KEY } from './metadata.ts';
import { ggufWeights } from './read-model.ts';

export interface ImportedGguf {
  folder: string;
  tensors: number;
  lineage: Lineage;
}

export interface ImportHooks {
  onTensor?: ((done: number, total: number) => void) | undefined;
  /** Called where the work can be stopped: by an exception, which leaves nothing behind. */
  pause?: (() => Promise<void>) | undefined;
}

/**
 * Writes the model folder of a GGUF file. Types of fewer bits are dequantized. The folder appears whole or not at all.
 *
 * @throws FormatError naming what in the file is not PLaMo 2's, DataError when something else is at `out`
 */
export async function importGguf(
  config: ImportGgufConfig,
  { onTensor, pause }: ImportHooks = {},
): Promise<ImportedGguf> {
  const { model, out } = checkSettings('importGguf', importGgufConfig, config);
  using file = new GgufFile(model);
  const { config: shape, tensors } = ggufWeights(file);
  let done = 0;
  const { lines, config: tokenizerConfig } = renderTokenizer(piecesOf(file));
  const template = file.metadata.get(CHAT_TEMPLATE_KEY);
  const { bos_token_id, eos_token_id, pad_token_id } = shape;
  using _held = holdPlace(out);
  const content: ArtefactContent = {
    config: publishedConfig(shape) as JsonObject,
    tensors: tensors.map(({ hf, shape: size, read }) => [
      hf,
      {
        dtype: 'float32',
        shape: size,
        read: () => {
          onTensor?.(done++, tensors.length);
          return read();
        },
      },
    ]),
    tokenizer: lines,
    tokenizerConfig: { ...tokenizerConfig, ...(typeof template === 'string' && { chat_template: template }) },
    generationConfig: {
      ...(bos_token_id !== null && { bos_token_id }),
      ...(eos_token_id !== null && { eos_token_id }),
      ...(pad_token_id !== null && { pad_token_id }),
    },
    lineage: {
      stage: 'import',
      config: { format: 'gguf', model },
      parents: [{ name: model, sha256: sha256File(model) }],
    },
  };
  const lineage = await writeArtefactInSteps(out, content, pause);
  return { folder: out, tensors: tensors.length, lineage };
}

/** What an import would write. @throws as `importGguf`, for the file */
export function planImportGguf(model: string): { tensors: number; bytes: number } {
  using file = new GgufFile(model);
  const { tensors } = ggufWeights(file);
  piecesOf(file);
  return { tensors: tensors.length, bytes: tensors.reduce((sum, { shape }) => sum + 4 * numElements(shape), 0) };
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
