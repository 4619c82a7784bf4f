// Ranks that work on the same rows together, each on a part of every row, beside others that have other rows.
import { ConfigError } from '../base/index.ts';
import type { Mesh } from './mesh.ts';
import { solo } from './solo.ts';

export interface RowGroups {
  /** The place of this rank's group among the groups: rows are dealt out to groups. */
  readonly among: Pick<Mesh, 'rank' | 'world'>;
  /** The ranks of the group, neighbours in the mesh. */
  readonly group: Mesh;
}

/** @throws ConfigError when ranks do not come out even in groups of `ranksPerRow` */
export function requireEvenGroups(world: number, ranksPerRow: number): void {
  if (world % ranksPerRow === 0) return;
  throw new ConfigError(
    'uneven-ranks',
    `ranksPerRow is ${ranksPerRow}, which does not divide the ${world === 1 ? 'one process there is' : `${world} processes`}`,
    {
      remedy: `Start a multiple of ${ranksPerRow} processes, as with tsumugi launch --processes ${ranksPerRow}, or set ranksPerRow to what divides them.`,
      fields: { ranksPerRow, world },
    },
  );
}

/**
 * Cuts a mesh into groups of `ranksPerRow` neighbours. Every rank of it has to call this.
 *
 * @throws ConfigError when the ranks do not come out even
 */
export async function rowGroups(mesh: Mesh, ranksPerRow: number): Promise<RowGroups> {
  const { rank, world } = mesh;
  requireEvenGroups(world, ranksPerRow);
  if (ranksPerRow === 1) return { among: { rank, world }, group: solo };
  const group = Math.floor(rank / ranksPerRow);
  const ranks = Array.from({ length: ranksPerRow }, (_, i) => group * ranksPerRow + i);
  return {
    among: { rank: group, world: world / ranksPerRow },
    group: await mesh.group(`rows ${group} of ${ranksPerRow}`, ranks),
  };
}
