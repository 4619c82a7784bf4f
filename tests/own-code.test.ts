// Mistakes in a person's own recipe, stage or task: whose they are, with file and line; "a bug in tsumugi" is said of ours alone.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../packages/tsumugi/src/cli/cli.testing.ts';
import { TinyModel } from '../packages/tsumugi/src/lm/tiny-model.testing.ts';

const bin = fileURLToPath(new URL('../packages/tsumugi/bin/tsumugi.js', import.meta.url));
let home: string;
let count = 0;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-own-code-'));
});
afterAll(() => rmSync(home, { recursive: true }));

/** A file of its own for each text: modules are kept by their path. */
function file(text: string, ending = 'ts'): string {
  const path = join(home, `own-${++count}.${ending}`);
  writeFileSync(path, text);
  return path;
}
/** As a process: a test's own loader would meet what Node cannot load first. */
function ran(...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });
  return { code: status, stderr };
}
const lineOf = (text: string, part: string) => text.split('\n').findIndex((line) => line.includes(part)) + 1;

const recipe = (parts: { run?: string; top?: string; stages?: string; forecast?: string }) => `
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineRecipe, defineStage } from 'tsumugi/recipe';
import { ones, scope } from 'tsumugi/torch';
import { z } from 'zod';
${parts.top ?? ''}
const stage = defineStage({
  name: 'mine', version: 1, makes: 'thing', inputs: {}, config: z.strictObject({}), output: 'thing', resumes: false,
  forecast: () => { ${parts.forecast ?? ''} return { seconds: 1, memory: [], diskBytes: 1 }; },
  async run({ folder }) {
    ${parts.run ?? ''}
    mkdirSync(join(folder, 'thing'));
    return { metrics: [] };
  },
});
export default defineRecipe({
  name: 'own', summary: '', config: z.strictObject({}),
  stages() { ${parts.stages ?? ''} return [stage.stage('first', {}, {})]; },
});
`;

async function told(text: string, part: string) {
  const path = file(text);
  const { code, stderr } = await runCli(['run', path, '--out', join(home, `out-${count}`)]);
  expect(stderr).not.toContain('bug in tsumugi');
  expect(code).toBe(2);
  return { stderr, place: `${path}, line ${lineOf(text, part)}` };
}

describe('a recipe and a stage of one’s own', () => {
  it('works as it is written here', async () => {
    const { code, stderr } = await runCli(['run', file(recipe({})), '--out', join(home, 'fine')]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('own →')]);
  });

  it.each([
    [
      'a TypeError',
      { run: 'const nothing: any = undefined; nothing.field;' },
      'stage "first" failed in PLACE: Cannot read properties of undefined (reading \'field\')',
    ],
    ['an error of Node', { run: "readFileSync('/not/there');" }, 'stage "first" failed in PLACE: ENOENT'],
    [
      'an error in a callback of ours',
      { run: "scope(() => { throw new Error('inside'); });" },
      'stage "first" failed in PLACE: inside',
    ],
    [
      'a rejected promise',
      { run: "await Promise.reject(new Error('rejected'));" },
      'stage "first" failed in PLACE: rejected',
    ],
    ['wrong shapes', { run: 'scope(() => ones([2, 3]).matmul(ones([2, 3])));' }, 'PLACE'],
    ['an error in the forecast', { forecast: "throw new RangeError('forecast');" }, 'PLACE: forecast'],
    ['an error in stages()', { stages: "throw new Error('stages');" }, 'recipe own failed in PLACE: stages'],
  ] as const)('%s has its file and line', async (_, parts, expected) => {
    const { stderr, place } = await told(recipe(parts), Object.values(parts)[0]!);
    expect(stderr).toContain(expected.replace('PLACE', place));
  });

  it.each([
    ["throw 'a text';", 'stage "first": \'a text\' was thrown, which is no Error'],
    ['await Promise.reject(undefined);', 'stage "first": undefined was thrown'],
    ['throw { code: 3 };', 'stage "first": { code: 3 } was thrown'],
    ['throw null;', 'stage "first": null was thrown'],
  ])('%s is told for what it is', async (run, expected) => {
    const { stderr } = await told(recipe({ run }), run);
    expect(stderr).toContain(expected);
    expect(stderr).toContain('Throw a new Error(…) instead');
  });

  it.each([
    ['a syntax error', 'const a = 1;\nexport default {;\n', 'ts', 'line 2: Unexpected token'],
    ['a syntax error in JavaScript', 'const a = 1;\n\nexport default {;\n', 'mjs', 'line 3: Unexpected token'],
    [
      'TypeScript that is more than types',
      'const a = 1;\nenum X { A }\n',
      'ts',
      'line 2: TypeScript enum is not supported',
    ],
    [
      'an export that is not there',
      "\nimport { nope } from 'tsumugi/recipe';\nexport default nope;\n",
      'ts',
      "line 2: The requested module 'tsumugi/recipe' does not provide an export named 'nope'",
    ],
    ['a file that is not there', "import x from './gone.ts';\nexport default x;\n", 'ts', 'gone.ts'],
    [
      'an error while it is loaded',
      '\n\nconst a: any = undefined;\nexport default a.b.c;\n',
      'ts',
      'line 4: Cannot read properties of undefined',
    ],
    ['a text while it is loaded', "throw 'loading';\n", 'ts', "'loading' was thrown, which is no Error"],
    ['no default export', 'export const a = 1;\n', 'ts', 'it has no default export'],
  ])('%s is told when it is loaded', (_, text, ending, expected) => {
    const path = file(text, ending);
    const { code, stderr } = ran('run', path);
    expect(stderr).not.toContain('bug in tsumugi');
    expect(stderr).toContain(expected);
    expect(code).toBe(2);
  });

  it('says where in a file that the file imports', () => {
    const inner = file('const a = 1;\nexport default {;\n');
    const { stderr } = ran('run', file(`import x from '${inner}';\nexport default x;\n`));
    expect(stderr).toContain(`it cannot be loaded: ${inner}, line 2: Unexpected token`);
  });

  it.each([
    ["void Promise.reject(new Error('stray'));", 'stray'],
    ["setTimeout(() => { throw new Error('timer'); });", 'timer'],
    ["void Promise.reject('words');", "'words' was thrown, which is no Error"],
  ])('%s, which nobody waits for, ends it with its place', (run, expected) => {
    const text = recipe({ run: `${run}\n await new Promise((done) => setTimeout(done, 500));` });
    const path = file(text);
    const { code, stderr } = ran('run', path, '--out', join(home, `out-${count}`));
    expect(stderr).toContain(expected);
    if (!expected.startsWith("'")) expect(stderr).toContain(`${path}, line ${lineOf(text, run)}: ${expected}`);
    expect(stderr).not.toContain('bug in tsumugi');
    expect(code).toBe(2);
  });
});

describe('a task of one’s own', () => {
  it.each([
    ['target', '(null as any).length', 'Cannot read properties of null'],
    ['prompt', '(null as any).length', 'Cannot read properties of null'],
    ['choices', "(() => { throw 'words'; })()", "'words' was thrown, which is no Error"],
  ])('that fails in %s has its place', async (where, fault, expected) => {
    using model = new TinyModel();
    const parts = { prompt: "'x'", choices: "['a', 'b']", target: '0', [where]: fault };
    const text = `
import { choiceTask } from 'tsumugi/eval';
export default choiceTask({
  name: 'mine', version: 1, summary: 'mine', metric: 'acc', shots: 0, wording: 'x',
  load: () => ({ samples: [{ id: 'a' }], examples: [] }),
  prompt: () => ${parts.prompt},
  choices: () => ${parts.choices},
  target: () => ${parts.target},
} as never);
`;
    const path = file(text);
    const { code, stderr } = await runCli(['eval', path, '--model', model.folder, '--no-cache']);
    expect(stderr).toContain(expected);
    expect(stderr).toContain('task mine');
    expect(stderr).not.toContain('bug in tsumugi');
    if (!expected.startsWith("'")) expect(stderr).toContain(`${path}, line ${lineOf(text, fault)}`);
    expect(code).toBe(2);
  });
});
