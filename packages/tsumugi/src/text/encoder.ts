// What the data pipeline needs of a tokenizer, so that it can be tested with a toy one.

export interface Encoder {
  /**
   * Token ids of `text`. `safe`: the names of control pieces inside the text are plain text; `addBos`: put `bosId` first.
   */
  encode(text: string, options?: { addBos?: boolean; safe?: boolean }): ArrayLike<number>;
  /** Ids lie in [0, vocabSize). */
  readonly vocabSize: number;
  readonly bosId: number;
}
