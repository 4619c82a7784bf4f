// A rank of trainings, one after another: `node ranks.testing.ts KIND CONFIG… [resume]`, with the settings of each as JSON, or a list of them, by
// rank. Writes a line with what each came to.
import { appendFileSync } from 'node:fs';
import { openMesh, placeOf } from '../mesh/index.ts';
import { distill, dpo, extend, pretrain, sft } from './index.ts';

const [, , kind = '', ...words] = process.argv;
const place = placeOf();
const mesh = place && (await openMesh(place));
const kinds = { pretrain, extend, sft, dpo, distill } as Record<
  string,
  (config: never, options: object) => Promise<object>
>;
for (const config of words.filter((word) => word !== 'resume')) {
  const settings = JSON.parse(config);
  const losses: number[] = [];
  const result = await kinds[kind]!((Array.isArray(settings) ? settings[place!.rank] : settings) as never, {
    ...(mesh && { mesh }),
    resume: words.includes('resume'),
    stream: { write: (text: string) => void appendFileSync(2, text) },
    ...(kind !== 'dpo' && kind !== 'distill' && { afterStep: ({ loss }: { loss: number }) => void losses.push(loss) }),
  });
  console.log(JSON.stringify({ ...result, losses }));
}
mesh?.[Symbol.dispose]();
