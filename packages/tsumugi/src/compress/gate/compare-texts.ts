// A model and what was made of it, on a text of the user: how differently the next token is distributed, and how well each predicts it.
import { idsRow, type Plamo2 } from '../../lm/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';

export interface TextComparison {
  /** Positions that were compared. */
  positions: number;
  /** Of all pieces but their first tokens, which nothing predicts. */
  characters: number;
  /** Nats: the mean over all positions, and the largest. */
  meanKl: number;
  maxKl: number;
  /** Share of positions whose likeliest next token is the same. */
  top1Agreement: number;
  bitsPerCharacter: { source: number; artefact: number };
}

/** Positions whose logits are in memory together. */
const rows = 32;

/**
 * Compares two models on pieces of a text, in float64 from their logits on.
 *
 * @param pieces ids of each piece, at least two in one of them
 * @param charactersOf characters (code points) of ids
 */
export async function compareOnTexts(
  source: Plamo2,
  artefact: Plamo2,
  pieces: readonly (readonly number[])[],
  charactersOf: (ids: readonly number[]) => number,
  onPiece?: (done: number) => Promise<void> | void,
): Promise<TextComparison> {
  let [positions, characters, agreeing, kl, maxKl] = [0, 0, 0, 0, 0];
  const nats = { source: 0, artefact: 0 };
  for (const [i, ids] of pieces.entries()) {
    noGrad(() =>
      scope(() => {
        const input = idsRow(ids);
        const hidden = [source, artefact].map((model) => model.forward(input.to(model.parameterDevice)));
        for (let start = 0; start < ids.length; start += rows)
          scope(() => {
            const length = Math.min(rows, ids.length - start);
            const [p, q] = [source, artefact].map((model, side) =>
              model
                .logits(hidden[side]!.narrow(1, start, length))
                .squeeze(0)
                .to('cpu')
                .double()
                .logSoftmax(-1),
            ) as [Tensor, Tensor]; // [length, V]
            const each = p.exp().mul(p.sub(q)).sum([-1]);
            kl += each.sum().item();
            maxKl = Math.max(maxKl, each.max().item());
            agreeing += p.argmax(-1).eq(q.argmax(-1)).sum().item();
            const predicted = Math.min(length, ids.length - 1 - start);
            if (predicted <= 0) return;
            const targets = input
              .squeeze(0)
              .narrow(0, start + 1, predicted)
              .unsqueeze(-1);
            const of = (side: Tensor) => side.narrow(0, 0, predicted).gather(-1, targets).sum().item();
            nats.source -= of(p);
            nats.artefact -= of(q);
          });
      }),
    );
    positions += ids.length;
    characters += charactersOf(ids.slice(1));
    await onPiece?.(i + 1);
  }
  const bits = (sum: number) => sum / Math.LN2 / characters;
  return {
    ...{ positions, characters, maxKl, meanKl: Math.max(0, kl / positions), top1Agreement: agreeing / positions },
    bitsPerCharacter: { source: bits(nats.source), artefact: bits(nats.artefact) },
  };
}
