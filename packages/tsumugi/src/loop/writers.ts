// Ranks save together: each writes its share of a checkpoint, and what one of them finds out stops all.
import { TsumugiError, UserError } from '../base/index.ts';
import { gatherJson, type Mesh, rankName } from '../mesh/index.ts';
import type { Writers } from '../store/index.ts';

/** What the ranks of a mesh are to a checkpoint. */
export const writersOf = (mesh: Mesh): Writers => ({
  rank: mesh.rank,
  world: mesh.world,
  nameOf: (rank) => rankName(mesh, rank),
  gather: (value) => gatherJson(mesh, value),
});

/** What `work` gives. A mistake that it finds on one rank, which holds a part of the state that others do not have, all throw. */
export function findTogether<T>(mesh: Mesh, work: () => T): T {
  if (mesh.world === 1) return work();
  let result: { value: T } | undefined;
  let own: unknown;
  try {
    result = { value: work() };
  } catch (error) {
    if (!(error instanceof TsumugiError)) throw error;
    own = error;
  }
  const told =
    own instanceof TsumugiError
      ? { code: own.code, fault: own.fault, ...(own.remedy && { remedy: own.remedy }) }
      : null;
  const all = gatherJson(mesh, told);
  // Where several have found something, each in its part, all tell what the first of them did.
  const first = all.findIndex((each) => each !== null);
  if (first === mesh.rank) throw own;
  const found = all[first];
  if (found) throw new UserError(found.code, found.fault, found);
  return result!.value;
}
