// The tokenizer of the result, and where the embeddings of its tokens come from: mergekit's `tokenizer`.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, DataError, readJsonValue } from '../../base/index.ts';
import { type JsonObject, TOKENIZER_CONFIG_FILE } from '../../store/index.ts';
import { openTokenizer, type Piece, renderPieces, Vocabulary } from '../../text/index.ts';
import type { MergeConfig } from './merge-config.ts';
import { type MergeModel, modelPath } from './open-models.ts';
import type { TokenRows } from './token-rows.ts';
import { hasPieces, type Joining, piecesOf, TokenTable } from './token-table.ts';

export interface JoinedTokenizer {
  /** tokenizer.jsonl */
  readonly file: string | Uint8Array | undefined;
  readonly config: JsonObject | undefined;
  readonly vocabSize: number;
  /** Undefined where rows are merged as they lie. */
  rowsFor?(model: MergeModel): TokenRows;
  /** The id in the result of an id of the model it is counted from. */
  idOf(id: number): number;
  readonly warnings: readonly string[];
}

type Settings = NonNullable<MergeConfig['tokenizer']>;
const settingsOf = ({ tokenizer, tokenizer_source: source }: MergeConfig): Settings | undefined =>
  tokenizer ?? (source ? { source } : undefined);

export const joinsTokenizers = (config: MergeConfig): boolean => settingsOf(config) !== undefined;

/** A tokenizer's own settings, with the template that the merge asks for. */
function configBeside(file: string): JsonObject | undefined {
  const path = join(dirname(file), TOKENIZER_CONFIG_FILE);
  return existsSync(path) ? (readJsonValue(path) as JsonObject) : undefined;
}

/** @param models the first is the one that the result is counted from: the base, or the first one named */
export function joinTokenizers(context: Joining): JoinedTokenizer {
  const { config, models } = context;
  const reference = models[0]!;
  const settings = settingsOf(config);
  if (!settings) {
    const opened = reference.tokenizer;
    return {
      file: opened && readFileSync(opened.path),
      config: opened && configBeside(opened.path),
      vocabSize: reference.config.vocab_size,
      idOf: (id) => id,
      warnings: [],
    };
  }
  const without = models.find(({ tokenizer }) => tokenizer === undefined);
  if (without)
    throw new DataError('no-tokenizer', `${without.name} has no tokenizer to join`, {
      remedy: 'Copy its tokenizer.jsonl into the folder, or leave "tokenizer" out of the merge.',
      fields: { model: without.name },
    });
  const source = sourceOf(settings.source, context);
  const pieces = source.pieces ?? union(models);
  const vocabulary = new Vocabulary(pieces);
  const isReference = hasPieces(reference, pieces);
  const multiple = settings.pad_to_multiple_of ?? 1;
  const least = isReference && settings.pad_to_multiple_of === undefined ? reference.config.vocab_size : pieces.length;
  const vocabSize = Math.ceil(least / multiple) * multiple;
  const table = new TokenTable(context, pieces, vocabSize, settings.tokens ?? {});
  const orphans = pieces.filter(
    ({ text }) => !models.some((model) => model.tokenizer!.tokenizer.vocabulary.idOf(text) !== undefined),
  );
  return {
    file: source.file ?? (isReference ? readFileSync(reference.tokenizer!.path) : renderPieces(pieces)),
    config: configBeside(source.path ?? reference.tokenizer!.path),
    vocabSize,
    rowsFor: (model) => table.rowsFor(model),
    idOf(id) {
      const text = piecesOf(reference)[id]?.text;
      const found = text === undefined ? id : vocabulary.idOf(text);
      if (found !== undefined && found < vocabSize) return found;
      throw new ConfigError(
        'lost-token',
        `the tokenizer of the merge lacks "${text ?? id}", which ${reference.name} needs`,
        {
          remedy: 'Take the union, or a tokenizer that has it.',
          fields: { token: text, id },
        },
      );
    },
    warnings:
      orphans.length === 0
        ? []
        : [
            `${orphans.length} pieces of the tokenizer are in no model (${JSON.stringify(orphans[0]!.text)}, …): their embeddings are zeros`,
          ],
  };
}

interface Source {
  pieces?: readonly Piece[];
  file?: Uint8Array;
  path?: string;
}

function sourceOf(source: string, { config, folder, models, knownModel, where }: Joining): Source {
  if (source === 'union') return {};
  const place = where([config.tokenizer ? 'tokenizer' : 'tokenizer_source']);
  const opened =
    source === 'base' ? models[0]!.tokenizer! : openTokenizer(modelPath(source, folder, knownModel, place));
  const { tokenizer, path } = opened;
  return { pieces: tokenizer.vocabulary.pieces, path, file: readFileSync(path) };
}

/** The pieces of the first model, then those that the others have besides. */
function union(models: readonly MergeModel[]): Piece[] {
  const found = new Map<string, Piece>();
  for (const model of models)
    for (const piece of piecesOf(model)) if (!found.has(piece.text)) found.set(piece.text, piece);
  return [...found.values()];
}
