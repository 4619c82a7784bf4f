// Tasks are found by looking into the folder; a person's own by its path.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { findTasks, listTasks, taskFiles } from './registry.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-tasks-'));
afterAll(() => rmSync(home, { recursive: true }));

function ownFile(name: string, content: string): string {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
}

const methods = 'samples() {}, prompt() {}, reference() {}, run() {}';
const index = JSON.stringify(fileURLToPath(new URL('index.ts', import.meta.url)));
const choice = (fields: string) =>
  `import { choiceTask } from ${index};
export default choiceTask({
  name: 'mine', version: 1, summary: 's', wording: '', prompt: () => '', choices: () => ['a'], target: () => 0, ${fields}
});`;

describe('the registry', () => {
  it('finds the tasks in the folder, each of them whole', async () => {
    expect(taskFiles().map((path) => basename(path))).toContain('text.ts');
    const tasks = await listTasks();
    expect(tasks.map(({ name }) => name)).toContain('text');
    for (const { name, version, summary, metric, kind, data } of tasks) {
      expect(name).toMatch(/^[a-z0-9-]+$/);
      expect([Number.isInteger(version), summary !== '', metric !== '', kind !== undefined], name).not.toContain(false);
      if (data) expect([data.files.length > 0, data.origin !== '', data.licence !== ''], name).not.toContain(false);
    }
  });

  it('gives tasks in the order of their names, once each', async () => {
    const found = await findTasks(['text', 'jcommonsenseqa', 'text']);
    expect(found.map(({ name }) => name)).toEqual(['text', 'jcommonsenseqa']);
    await expect(findTasks(['jcommonsensqa'])).rejects.toThrow(/no task "jcommonsensqa"\n.*jcommonsenseqa/s);
  });

  it('takes a file of one’s own', async () => {
    const task = `{ name: 'mine', version: 1, summary: 's', metric: 'm', kind: 'judged', ${methods} }`;
    const path = ownFile('my-task.ts', `interface Unused {}\nexport default [${task}, ${task}];`);
    expect((await findTasks([path])).map(({ name }) => name)).toEqual(['mine', 'mine']);
  });

  it.each([
    ['bare.ts', 'export const task = 1;', 'bare.ts has no default export'],
    ['number.ts', 'export default 1;', 'the default export is no task: it is a number'],
    [
      'half.ts',
      `export default { name: 'half', version: '1' };`,
      'the default export is no task: "version" is no number',
    ],
    ['broken.ts', 'export default {', /broken\.ts cannot be loaded: .*Mend the file/s],
    ['throws.ts', 'throw new Error("mine");', 'throws.ts cannot be loaded: line 1: mine'],
    [
      'kind.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: null, ${methods} };`,
      '"kind" is no string',
    ],
    [
      'kinds.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'talk', ${methods} };`,
      '"kind" is "talk", which is none of generate, choices, rolling, judged',
    ],
    [
      'score.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'generate', ${methods}, scores() {} };`,
      '"score" is missing, and "scores" is no field of a task',
    ],
    [
      'choices.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'choices', ${methods}, score() {} };`,
      '"choices" is missing',
    ],
    [
      'judged.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'judged', ${methods}, score() {} };`,
      'a judged task has no "score": its judge is asked in "run"',
    ],
    [
      'shots.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'judged', ${methods}, shots: '3' };`,
      '"shots" is no number',
    ],
    [
      'data.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'judged', ${methods}, data: { file: 'a' } };`,
      '"data" is no object with "files" (a list of texts), "origin" and "licence"',
    ],
    [
      'options.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'judged', ${methods}, options: ['x'] };`,
      '"options" is no object of names and what they are',
    ],
    ['array.ts', 'export default [["x"]];', 'the default export is no task: it is an array'],
    [
      'needs.ts',
      `export default { name: 'x', version: 1, summary: '', metric: 'm', kind: 'judged', ${methods}, needs: ['juge'] };`,
      '"needs" is no list of "judge", "chat"',
    ],
    [
      'metric.ts',
      choice("metric: 'acc_nrom', load: () => ({ samples: [] }),"),
      /metric\.ts: mine: "metric" is "acc_nrom", and its score gives no such value\n.*"acc_norm"/s,
    ],
    [
      'field.ts',
      choice("metric: 'acc', load: () => ({ samples: [] }), lowerIsBeter: true,"),
      /field\.ts: choiceTask of "mine": it has no field "lowerIsBeter"\n.*"lowerIsBetter"/s,
    ],
    ['load.ts', choice("metric: 'acc',"), 'load.ts: choiceTask of "mine": "load" is missing'],
    ['empty.ts', `export default { name: 'half' };`, 'the default export is no task: "version" is missing'],
  ])('refuses %s', async (name, content, message) => {
    await expect(findTasks([ownFile(name, content)])).rejects.toThrow(message);
  });

  it('says when a file is not there', () =>
    expect(findTasks(['./none.ts'])).rejects.toThrow('./none.ts does not exist'));
});
