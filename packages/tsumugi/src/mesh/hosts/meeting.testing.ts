// For meeting.test.ts: a rank that adds up with the others, and says with whom.
import { full } from '../../torch/index.ts';
import { openMesh, placeOf } from '../index.ts';

try {
  using mesh = await openMesh(placeOf()!);
  using sum = full([100_000], mesh.rank + 1);
  mesh.allReduce(sum).wait();
  console.log(JSON.stringify({ sum: sum.mean().item(), hosts: mesh.hosts }));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
