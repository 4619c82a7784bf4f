// Who guesses how a text goes on, so that one pass of the model can check several tokens (speculative decoding: Leviathan et al. 2023,
// arXiv 2211.17192).

/** Belongs to one text. The engine disposes it when that text has ended. */
export interface Proposer extends Disposable {
  /**
   * At most `most` ids that may follow `ids`; none where it has no idea. `ids` only ever grows, and may come
   * again as it was.
   */
  propose(ids: readonly number[], most: number): readonly number[];
}
