// Measures a model folder from a program. Run it with `node examples/evaluate.ts DIR`, e.g. the model that the demo trained.
import { evaluate, findTasks, openBackend } from 'tsumugi/eval';

await using backend = await openBackend({ model: process.argv[2] ?? 'runs/demo/pretrain/model' });
const tasks = await findTasks(['text', './examples/opposites.ts']);
const report = await evaluate({ tasks, backend, onProgress: ({ task, done }) => console.error(task, done) });
for (const { task, metrics, n } of report.tasks)
  for (const [name, { value, low, high }] of Object.entries(metrics)) console.log({ task, name, value, low, high, n });
