// The embedded novels as tokens, for experiments: rows to learn from, at any place, and the last twentieth, held out.
import type { Batch } from 'tsumugi/lm';
import { embeddedText, readDocuments, Tokenizer, trainTokenizer } from 'tsumugi/text';
import { tensor } from 'tsumugi/torch';

export interface Novels {
  readonly tokenizer: Tokenizer;
  /** Every token, each document after a BOS. */
  readonly ids: BigInt64Array;
  /** So many of them are to learn from. */
  readonly learned: number;
  /** Where rows of held-out text begin. */
  readonly heldOut: readonly number[];
  /** Rows of `sequenceLength` tokens that begin at these places. */
  batchAt(starts: readonly number[]): Batch;
}

/** @param files how many of the two novels, the last ones */
export async function readNovels(vocabularySize: number, sequenceLength: number, files: 1 | 2): Promise<Novels> {
  const documents: string[] = [];
  for await (const { text } of readDocuments(embeddedText().slice(-files))) documents.push(text);
  const tokenizer = Tokenizer.fromPieces(trainTokenizer(documents, { vocabSize: vocabularySize }));
  const ids = BigInt64Array.from(documents.flatMap((text) => tokenizer.encode(text, { addBos: true })).map(BigInt));
  const learned = Math.floor(ids.length * 0.95);
  const rows = Math.floor((ids.length - 1 - learned) / sequenceLength);
  return {
    tokenizer,
    ids,
    learned,
    heldOut: Array.from({ length: rows }, (_, row) => learned + row * sequenceLength),
    batchAt(starts) {
      const from = (offset: number) => {
        const data = new BigInt64Array(starts.length * sequenceLength);
        for (const [row, start] of starts.entries())
          data.set(ids.subarray(start + offset, start + offset + sequenceLength), row * sequenceLength);
        return tensor(data, { shape: [starts.length, sequenceLength] });
      };
      return { ids: from(0), targets: from(1) };
    },
  };
}
