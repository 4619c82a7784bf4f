// The plain twin of encode.ts: the recurrence as it is defined, over code points and a map of pieces. Slow; for tests.
import { UNKNOWN_COST } from './encode.ts';
import { costOf, type Piece } from './vocabulary.ts';

export function plainEncode(pieces: readonly Piece[], text: string, safe = false): number[] {
  const ids = new Map<string, number>();
  const byteIds: number[] = [];
  pieces.forEach((piece, id) => {
    if (piece.type === 'BYTE') byteIds[Number.parseInt(piece.text.slice(3, 5), 16)] = id;
    else if (piece.type === 'NORMAL' || !safe) ids.set(piece.text, id);
  });
  const longest = Math.max(...pieces.map((piece) => [...piece.text].length));
  const characters = [...text.toWellFormed()];

  const best = new Array<number>(characters.length + 1).fill(0);
  const choice = new Array<{ length: number; id: number | undefined }>(characters.length);
  for (let i = characters.length - 1; i >= 0; i--) {
    best[i] = Number.POSITIVE_INFINITY;
    const offer = (length: number, id: number | undefined, cost: number) => {
      const total = best[i + length]! + cost;
      if (total >= best[i]!) return;
      best[i] = total;
      choice[i] = { length, id };
    };
    for (let length = Math.min(longest, characters.length - i); length > 0; length--) {
      const id = ids.get(characters.slice(i, i + length).join(''));
      if (id !== undefined) offer(length, id, costOf(pieces[id]!.score));
    }
    offer(1, undefined, UNKNOWN_COST);
  }

  const encoded: number[] = [];
  for (let i = 0; i < characters.length; i += choice[i]!.length) {
    const { id } = choice[i]!;
    if (id !== undefined) encoded.push(id);
    else for (const byte of Buffer.from(characters[i]!)) encoded.push(byteIds[byte]!);
  }
  return encoded;
}
