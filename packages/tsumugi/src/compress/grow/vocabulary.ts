// From one vocabulary to another: which old rows the row of each new piece is the mean of, and where old ids go. How Preferred
// Networks change vocabularies is not published; all of this is our choice.
//
//   1. bos, eos, pad, unk and op have the rows of the old pieces in the same roles, whatever both are called;
//   2. a piece that both have, bytes among them, has the row it had;
//   3. new text has the mean of the rows of its old tokens;
//   4. new control pieces, whose names say nothing, have the mean of the rows of all old pieces.
import { ConfigError } from '../../base/index.ts';
import type { Tokenizer } from '../../text/index.ts';

/** The old ids whose rows' mean is the row of a new piece; `all` for all that have a piece. */
type RowSource = readonly number[] | 'all';

export interface VocabularyMap {
  /** By new id. */
  readonly sources: readonly RowSource[];
  /** Pieces with a row they had (1, 2), with the mean of some (3), and of all (4). */
  readonly counts: { readonly kept: number; readonly averaged: number; readonly unknown: number };
  /** The old pieces, without padding rows of the model. */
  readonly oldPieces: number;
  /** The new id of an old one. @throws ConfigError `lost-token` when the new tokenizer has no such piece */
  idOf(id: number): number;
}

// One piece may have several roles; the first counts.
const roles = ['eosId', 'bosId', 'padId', 'unkId', 'opId'] as const;

/** The ids of one tokenizer in the roles that the other has them in. */
function byRole(from: Tokenizer, to: Tokenizer): Map<number, number> {
  const found = new Map<number, number>();
  for (const role of roles) {
    const [id, other] = [from[role], to[role]];
    if (id !== undefined && other !== undefined && !found.has(id)) found.set(id, other);
  }
  return found;
}

export function vocabularyMap(before: Tokenizer, after: Tokenizer): VocabularyMap {
  const [roleBefore, roleAfter] = [byRole(after, before), byRole(before, after)];
  const counts = { kept: 0, averaged: 0, unknown: 0 };
  const sources = after.vocabulary.pieces.map((piece, id): RowSource => {
    const same = roleBefore.get(id) ?? before.idOf(piece.text);
    if (same !== undefined) {
      counts.kept++;
      return [same];
    }
    if (piece.type === 'NORMAL') {
      counts.averaged++;
      return before.encode(piece.text, { safe: true });
    }
    counts.unknown++;
    return 'all';
  });
  return {
    sources,
    counts,
    oldPieces: before.vocabSize,
    idOf(id) {
      const piece = before.piece(id);
      const found = roleAfter.get(id) ?? (piece && after.idOf(piece.text));
      if (found !== undefined) return found;
      throw new ConfigError(
        'lost-token',
        `the tokenizer lacks ${piece ? JSON.stringify(piece.text) : 'a piece'} for the id ${id}, which the model's config names`,
        {
          remedy: 'Add the piece to the tokenizer, or take the id out of config.json and generation_config.json.',
          fields: { id, piece: piece?.text },
        },
      );
    },
  };
}
