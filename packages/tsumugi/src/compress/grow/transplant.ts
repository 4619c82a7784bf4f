// A model that is given another tokenizer: its files, and the rows of its embedding and head.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, sha256 } from '../../base/index.ts';
import { loadTokenizer, type Plamo2Config, paddedVocabulary, parseConfig } from '../../lm/index.ts';
import { type Artefact, type HashedFiles, type JsonObject, readTokenizerConfig } from '../../store/index.ts';
import { openTokenizer, tokenizerContent } from '../../text/index.ts';
import { empty, scope, type Tensor, zeros } from '../../torch/index.ts';
import type { TensorSource } from '../reshape/reshape.ts';
import { indexTensor } from '../reshape/reshape-tensor.ts';
import { mappedIds } from '../special-ids.ts';
import { type VocabularyMap, vocabularyMap } from './vocabulary.ts';

interface Transplant {
  readonly map: VocabularyMap;
  /** Of the model with the tokenizer, before it grows otherwise. */
  readonly config: Plamo2Config;
  readonly json: JsonObject;
  readonly files: {
    readonly tokenizer: Uint8Array;
    readonly tokenizerConfig: JsonObject | undefined;
    readonly generationConfig: JsonObject | undefined;
  };
  /** The tokenizer.jsonl. */
  readonly path: string;
  hashed(): Promise<HashedFiles>;
}

/**
 * @param before the model's config
 * @param place a tokenizer.jsonl, or a folder that holds one
 * @throws DataError when the model or `place` has no tokenizer; ConfigError `same-tokenizer`, `lost-token`; FormatError
 */
export function openTransplant(artefact: Artefact, before: Plamo2Config, place: string): Transplant {
  const oldFile = readFileSync(artefact.tokenizerPath);
  const opened = openTokenizer(place);
  const { tokenizer, path, sha256: hash } = opened;
  if (sha256(oldFile) === hash)
    throw new ConfigError('same-tokenizer', `${path} is the tokenizer that the model has`, {
      remedy: 'Name another one, or none.',
      fields: { path },
    });
  const map = vocabularyMap(loadTokenizer(artefact.path, before), tokenizer);
  const vocab_size = tokenizer.vocabSize;
  const own = parseConfig(artefact.config()) as unknown as JsonObject;
  const moved = (json: JsonObject) => mappedIds(json, (id) => map.idOf(id));
  const generation = artefact.generationConfig();
  return {
    map,
    config: { ...before, vocab_size, ...moved(before as unknown as JsonObject) },
    json: { ...artefact.config(), vocab_size, ...moved(own) },
    files: {
      tokenizer: readFileSync(path),
      tokenizerConfig: tokenizerConfigBeside(path, artefact),
      generationConfig: generation && { ...generation, ...moved(generation) },
    },
    path,
    hashed: () => tokenizerContent(opened),
  };
}

/** What is said of the new tokenizer; the model's chat template stays when that has none. */
function tokenizerConfigBeside(path: string, artefact: Artefact): JsonObject | undefined {
  const config = readTokenizerConfig(dirname(path));
  const template = artefact.tokenizerConfig()?.['chat_template'];
  return template === undefined || config?.['chat_template'] !== undefined
    ? config
    : { ...config, chat_template: template };
}

/** The weights with the new vocabulary's rows. An embedding or head is made whole when it is asked for; all else is as it was. */
export const transplantedWeights = (weights: TensorSource, { map, config }: Transplant): TensorSource => ({
  info: (name) => weights.info(name),
  tensor(name) {
    if (name !== 'model.embed_tokens.weight' && name !== 'lm_head.weight') return weights.tensor(name);
    const rows = name === 'lm_head.weight' ? paddedVocabulary(config) : config.vocab_size;
    return scope(() => transplantedRows(weights.tensor(name), map, rows));
  },
});

/** Rows copied, or added up, at a time. */
const rowsAtOnce = 4096;

/**
 * The rows of the new pieces, and zeros for the rest (no id has those rows of a head). Means are taken in float64.
 *
 * @param old [old rows, D]
 * @returns [rows, D], in the type of `old`
 */
export function transplantedRows(old: Tensor, { sources, oldPieces }: VocabularyMap, rows: number): Tensor {
  return scope(() => {
    const made = empty([rows, old.shape[1]!], { dtype: old.dtype });
    for (let first = 0; first < sources.length; first += rowsAtOnce)
      scope(() => {
        const ids = sources.slice(first, first + rowsAtOnce).map((source) => (source === 'all' ? 0 : source[0]!));
        made.narrow(0, first, ids.length).copy_(old.indexSelect(0, indexTensor(ids)));
      });
    if (rows > sources.length) made.narrow(0, sources.length, rows - sources.length).zero_();
    const mean = sources.includes('all') ? meanOfRows(old, oldPieces) : undefined;
    for (const [id, source] of sources.entries()) {
      if (source !== 'all' && source.length === 1) continue;
      scope(() => {
        const row = source === 'all' ? mean! : old.indexSelect(0, indexTensor(source)).double().mean([0]);
        made.select(0, id).copy_(row);
      });
    }
    return made;
  });
}

/** The mean of the first rows, [D] in float64. */
function meanOfRows(tensorOfRows: Tensor, rows: number): Tensor {
  const sum = zeros([tensorOfRows.shape[1]!], { dtype: 'float64' });
  for (let first = 0; first < rows; first += rowsAtOnce)
    scope(() => {
      const part = tensorOfRows.narrow(0, first, Math.min(rowsAtOnce, rows - first));
      sum.add_(part.double().sum([0]));
    });
  return sum.div(rows);
}
