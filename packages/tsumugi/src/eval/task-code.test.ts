// The code of one's own tasks: every file it is made of counts.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { codeHash } from './task-code.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-task-code-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);

it('changes with the file and with what it imports, however', async () => {
  mkdirSync(at('parts'));
  const task = `import { one } from './parts/one.ts';\nimport "./parts/bare.ts";\nconst lazy = () => import('./parts/lazy.ts');\nexport { lazy, one };\n`;
  writeFileSync(at('task.ts'), task);
  writeFileSync(
    at('parts', 'one.ts'),
    `export * from '../two.ts';\nimport x from './missing.ts';\nexport const one = 1;\n`,
  );
  for (const name of ['two.ts', 'parts/bare.ts', 'parts/lazy.ts']) writeFileSync(at(name), 'export const x = 1;\n');
  const first = await codeHash(at('task.ts'));
  for (const name of ['task.ts', 'parts/one.ts', 'two.ts', 'parts/bare.ts', 'parts/lazy.ts']) {
    const before = await codeHash(at('task.ts'));
    writeFileSync(at(name), `${name === 'task.ts' ? task : "export * from '../two.ts';"}// more\n`);
    expect(await codeHash(at('task.ts')), name).not.toBe(before);
  }
  writeFileSync(at('unused.ts'), '');
  const last = await codeHash(at('task.ts'));
  expect(last).not.toBe(first);
  cpSync(home, `${home}-moved`, { recursive: true });
  expect(await codeHash(join(`${home}-moved`, 'task.ts'))).toBe(last);
  rmSync(`${home}-moved`, { recursive: true });
});
