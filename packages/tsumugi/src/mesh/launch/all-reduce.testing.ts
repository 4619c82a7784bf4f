// For mesh-launch.test.ts: a rank that adds up with the others, as often as it is told to, and says what came out.
import { full } from '../../torch/index.ts';
import { openMesh, placeOf } from '../index.ts';

const times = Number(process.argv[2]);
try {
  using mesh = await openMesh(placeOf()!);
  using sum = full([1], mesh.rank + 1);
  for (let i = 0; i < times; i++) {
    mesh.allReduce(sum).wait();
    console.log(`${sum.tolist()} in a world of ${mesh.world}`);
    await new Promise((resolve) => setTimeout(resolve, i === 0 ? 0 : 20));
  }
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exit(2);
}
