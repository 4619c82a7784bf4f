// The ranks of a run, of which some share the memory of this host.
import type { Mesh } from './mesh.ts';

export interface RanksHere {
  /** All of them. */
  readonly world: number;
  /** Those on this host. */
  readonly onHost: number;
}

export const ranksHere = ({ world, rank, hosts }: Pick<Mesh, 'world' | 'rank' | 'hosts'>): RanksHere => ({
  world,
  onHost: hosts.filter((host) => host === hosts[rank]).length,
});
