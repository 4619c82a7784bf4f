// How long a process takes for what it does itself: all ranks end a step together, whoever was slow.
import type { Mesh } from './mesh.ts';

/** From now on; what it gives are the seconds since then in which this process did not wait for other ranks. */
export function ownSeconds(mesh: Pick<Mesh, 'waitedSeconds'>): () => number {
  const [began, waited] = [performance.now(), mesh.waitedSeconds];
  return () => (performance.now() - began) / 1000 - (mesh.waitedSeconds - waited);
}
