// Which rows of a step are a rank's, and how often all ranks go through the model for them.
import { type Mesh, shareOut } from '../mesh/index.ts';
import { type Batch, type ExampleBatch, filledOf } from '../text/index.ts';

export interface OwnRows {
  /** Its rows are [from, to). */
  from: number;
  to: number;
  /** Micro-batches of the rank that has most of them: every rank knows, without asking. */
  rounds: number;
}

/**
 * Of rows of examples, which are longer and shorter, each rank has about as many tokens as any other; of other rows about as many rows.
 *
 * @param among those the rows are dealt out to: ranks, or groups of ranks that share each row
 */
export function ownRows(
  { rank, world }: Pick<Mesh, 'rank' | 'world'>,
  batch: Batch | ExampleBatch,
  microRows: number,
): OwnRows {
  const shares = shareOut(world, 'placed' in batch ? filledOf(batch) : new Array<number>(batch.rows).fill(1));
  const rounds = Math.max(...shares.map(({ from, to }) => Math.ceil((to - from) / microRows)));
  return { ...shares[rank]!, rounds };
}
