// What an evaluation in a recipe depends on beside its settings and inputs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { codeOf, findTasks, listTasks } from '../eval/index.ts';
import { evaluate as stage } from './index.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-evaluate-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string) => join(home, name);
const index = fileURLToPath(new URL('../eval/index.ts', import.meta.url));

it('tells a recipe that a task of one’s own changed, though its version did not', async () => {
  const write = (score: number) =>
    writeFileSync(
      at('mine.ts'),
      `import { generateTask } from ${JSON.stringify(index)};
export default generateTask({
  name: 'mine', version: 1, summary: 's', metric: 'm', shots: 0, wording: '',
  load: () => ({ samples: [{ id: '1' }] }),
  prompt: () => '猫',
  decoding: { maxTokens: 4 },
  score: () => ({ m: ${score} }),
});
`,
    );
  const uses = () => stage.uses!({ ...stage.config.parse({}), tasks: [at('mine.ts')] });
  write(1);
  const [before, code] = [await uses(), codeOf((await findTasks([at('mine.ts')]))[0]!)];
  expect(before).toEqual({ mine: code });
  write(2);
  expect((await uses())['mine']).not.toBe(before['mine']);
  expect(codeOf((await listTasks())[0]!)).toBeUndefined();
});
