// The tokenizer of the result, and where the embeddings of its tokens come from: mergekit's `tokenizer`.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, DataError, readJsonValue, suggestion } from '../../base/index.ts';
import { type JsonObject, TOKENIZER_CONFIG_FILE } from '../../store/index.ts';
import { openTokenizer, type Piece, renderPieces, Vocabulary } from '../../text/index.ts';
import type { MergeConfig } from './merge-config.ts';
import { type KnownModel, type MergeModel, modelPath } from './open-models.ts';
import type { TokenRow, TokenRows } from './token-rows.ts';

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
type TokenSettings = NonNullable<Settings['tokens']>;

const settingsOf = ({ tokenizer, tokenizer_source: source }: MergeConfig): Settings | undefined =>
  tokenizer ?? (source ? { source } : undefined);

export const joinsTokenizers = (config: MergeConfig): boolean => settingsOf(config) !== undefined;

/** A tokenizer's own settings, with the template that the merge asks for. */
function configBeside(file: string): JsonObject | undefined {
  const path = join(dirname(file), TOKENIZER_CONFIG_FILE);
  return existsSync(path) ? (readJsonValue(path) as JsonObject) : undefined;
}

interface Context {
  readonly config: MergeConfig;
  readonly folder: string;
  readonly models: readonly MergeModel[];
  readonly knownModel: KnownModel;
  where(path: readonly (string | number)[]): string;
}

/** @param models the first is the one that the result is counted from: the base, or the first one named */
export function joinTokenizers(context: Context): JoinedTokenizer {
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

const piecesOf = ({ tokenizer }: MergeModel): readonly Piece[] => tokenizer!.tokenizer.vocabulary.pieces;

/** Whether a model has just these pieces, each with the same id. */
const hasPieces = (model: MergeModel, pieces: readonly Piece[]): boolean =>
  piecesOf(model).length === pieces.length && piecesOf(model).every(({ text }, id) => text === pieces[id]!.text);

interface Source {
  pieces?: readonly Piece[];
  file?: Uint8Array;
  path?: string;
}

function sourceOf(source: string, { config, folder, models, knownModel, where }: Context): Source {
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

class TokenTable {
  readonly #context: Context;
  readonly #pieces: readonly Piece[];
  readonly #vocabSize: number;
  readonly #alike: ReadonlySet<MergeModel>;
  /** By row: whose row it is where a model has none, and whether it is for all models. */
  readonly #chosen = new Map<string, { rows: TokenRow[]; force: boolean }>();

  constructor(context: Context, pieces: readonly Piece[], vocabSize: number, tokens: TokenSettings) {
    this.#context = context;
    this.#pieces = pieces;
    this.#vocabSize = vocabSize;
    this.#alike = new Set(context.models.filter((model) => hasPieces(model, pieces)));
    const texts = new Set(pieces.map(({ text }) => text));
    for (const [text, { source, force }] of Object.entries(tokens)) {
      if (!texts.has(text))
        throw this.#refuse(
          text,
          `the tokenizer of the merge has no token "${text}"`,
          'Take another source, or leave it out.',
        );
      if (source !== undefined) this.#chosen.set(text, { rows: this.#sourceRows(text, source), force });
      else if (force) throw this.#refuse(text, `"force" has no effect on "${text}" without a source`, 'Name one.');
    }
  }

  #refuse(text: string, problem: string, remedy: string): ConfigError {
    const { where } = this.#context;
    return new ConfigError('bad-token', `${where(['tokenizer', 'tokens', text])}: ${problem}`, {
      remedy,
      fields: { token: text },
    });
  }

  #sourceRows(text: string, source: NonNullable<TokenSettings[string]['source']>): TokenRow[] {
    if (typeof source !== 'string' && source.kind === 'zero') return [];
    const { folder, models, knownModel } = this.#context;
    const name = typeof source === 'string' ? source : source.model;
    const model =
      models.find((each) => each.name === name) ??
      models.find(({ artefact }) => artefact.path === modelPath(name, folder, knownModel));
    if (!model)
      throw this.#refuse(
        text,
        `"${name}" is none of the merged models`,
        suggestion(
          name,
          models.map((each) => each.name),
        ),
      );
    const [token, id] = typeof source === 'string' ? [text, undefined] : [source.token, source.token_id];
    if ((token === undefined) === (id === undefined))
      throw this.#refuse(text, 'a model_token has a token or a token_id', 'Give one of the two.');
    const row = id ?? model.tokenizer!.tokenizer.vocabulary.idOf(token!);
    if (row === undefined || row >= model.config.vocab_size)
      throw this.#refuse(text, `${model.name} has no token ${id ?? `"${token}"`}`, 'Name one that it has.');
    return [{ model, row }];
  }

  /** The row that a model itself has for a row of the result. */
  #own(model: MergeModel, row: number): TokenRow | undefined {
    const piece = this.#pieces[row];
    const id = piece ? model.tokenizer!.tokenizer.vocabulary.idOf(piece.text) : this.#padding(model, row);
    return id === undefined ? undefined : { model, row: id };
  }

  /** Rows beyond the pieces keep their places in models that have just these pieces. */
  #padding(model: MergeModel, row: number): number | undefined {
    return this.#alike.has(model) && row < model.config.vocab_size ? row : undefined;
  }

  /** The base's, or the only model's that has one, or the mean of those that have one. */
  #fallback(row: number): TokenRow[] {
    const { config, models } = this.#context;
    const owners = models.flatMap((model) => this.#own(model, row) ?? []);
    const [first] = owners;
    return config.base_model && first?.model === models[0] ? [first!] : owners;
  }

  rowsFor(model: MergeModel): TokenRows {
    return Array.from({ length: this.#vocabSize }, (_, row) => {
      const text = this.#pieces[row]?.text;
      const chosen = text === undefined ? undefined : this.#chosen.get(text);
      if (chosen?.force) return chosen.rows;
      const own = this.#own(model, row);
      return own ? [own] : (chosen?.rows ?? this.#fallback(row));
    });
  }
}
