// A rank of the test of collectives: does each of them, and writes what came out.
import { setTimeout as sleep } from 'node:timers/promises';
import { full, ones, scope, tensor, zeros } from '../torch/index.ts';
import { gatherJson, gatherNumbers, openMesh, placeOf, reduceNumbers, sumRecords } from './index.ts';

using mesh = await openMesh(placeOf()!);
const { rank, world } = mesh;
const numbers = (t: { tolist(): unknown }) => t.tolist();
const results: Record<string, unknown> = {};
scope(() => {
  const sum = full([3], rank + 1);
  mesh.allReduce(sum).wait();
  results['sum'] = numbers(sum);
  const max = tensor([rank, -rank, 7]);
  mesh.allReduce(max, 'max').wait();
  results['max'] = numbers(max);
  const sent = full([2], rank);
  mesh.broadcast(sent, world - 1).wait();
  results['broadcast'] = numbers(sent);
  const all = zeros([2 * world]);
  mesh.allGather(all, tensor([rank, 10 * rank])).wait();
  results['allGather'] = numbers(all);
  const part = zeros([2]);
  mesh
    .reduceScatter(
      part,
      ones([2 * world])
        .mul(rank + 1)
        .add(tensor(Array.from({ length: 2 * world }, (_, i) => i))),
    )
    .wait();
  results['reduceScatter'] = numbers(part);
  // Around the ring, both ways under way at once.
  const received = zeros([1]);
  const works = [mesh.send(full([1], rank), (rank + 1) % world), mesh.receive(received, (rank + world - 1) % world)];
  for (const work of works) work.wait();
  results['ring'] = numbers(received);
});
results['numbers'] = reduceNumbers(mesh, [rank, 0.1]);
results['json'] = gatherJson(mesh, 'あ'.repeat(rank));
results['records'] = sumRecords(gatherNumbers(mesh, { all: rank, [`own${rank}`]: Number.NaN }));
await mesh.barrier().settled();
const odd = [...Array(world).keys()].filter((each) => each % 2 === rank % 2);
const half = await mesh.group(`half ${rank % 2}`, odd);
// A name may come again.
const again = await mesh.group(`half ${rank % 2}`, odd);
results['half'] = [half, again].flatMap((each) => reduceNumbers(each, [rank]));
// The last one comes late.
const waited = mesh.waitedSeconds;
if (rank === world - 1) await sleep(200);
mesh.barrier().wait();
results['waitedSeconds'] = mesh.waitedSeconds - waited;
console.log(JSON.stringify(results, (_, value) => (Number.isNaN(value) ? 'NaN' : value)));
