// Which rows of which models the embedding of each token of a joined tokenizer is made of.
import { ConfigError, suggestion } from '../../base/index.ts';
import type { Piece } from '../../text/index.ts';
import type { Path } from './check-merge.ts';
import type { MergeConfig } from './merge-config.ts';
import { type KnownModel, type MergeModel, modelPath } from './open-models.ts';
import type { TokenRow, TokenRows } from './token-rows.ts';

type TokenSettings = NonNullable<NonNullable<MergeConfig['tokenizer']>['tokens']>;

/** A merge whose tokenizers are joined. */
export interface Joining {
  readonly config: MergeConfig;
  readonly folder: string;
  readonly models: readonly MergeModel[];
  readonly knownModel: KnownModel;
  where(path: Path): string;
}

export const piecesOf = ({ tokenizer }: MergeModel): readonly Piece[] => tokenizer!.tokenizer.vocabulary.pieces;

/** Whether a model has just these pieces, each with the same id. */
export const hasPieces = (model: MergeModel, pieces: readonly Piece[]): boolean =>
  piecesOf(model).length === pieces.length && piecesOf(model).every(({ text }, id) => text === pieces[id]!.text);

export class TokenTable {
  readonly #context: Joining;
  readonly #pieces: readonly Piece[];
  readonly #vocabSize: number;
  readonly #alike: ReadonlySet<MergeModel>;
  /** By row: whose row it is where a model has none, and whether it is for all models. */
  readonly #chosen = new Map<string, { rows: TokenRow[]; force: boolean }>();

  constructor(context: Joining, pieces: readonly Piece[], vocabSize: number, tokens: TokenSettings) {
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
