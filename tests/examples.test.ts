// Every layer, loss, optimizer and tensor factory has an example in its docstring, and the example does what its comments say.
import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as nn from '../packages/tsumugi/src/nn/index.ts';
import * as losses from '../packages/tsumugi/src/nn/losses.ts';
import * as optim from '../packages/tsumugi/src/optim/index.ts';
import * as factories from '../packages/tsumugi/src/torch/factories.ts';
import * as values from '../packages/tsumugi/src/torch/from-values.ts';
import * as functions from '../packages/tsumugi/src/torch/functions.ts';
import * as torch from '../packages/tsumugi/src/torch/index.ts';
import { root, runSnippets } from './snippets.testing.ts';

const entries = { torch, nn, optim };

/** The names in a module of classes below a base. */
const classesBelow = (module: object, Base: { prototype: object }, bases: unknown[]) =>
  Object.entries(module)
    .filter(
      ([, value]) =>
        typeof value === 'function' &&
        Object.prototype.isPrototypeOf.call(Base.prototype, value.prototype ?? {}) &&
        !bases.includes(value),
    )
    .map(([name]) => name);

const isPublic = (name: string) => Object.values(entries).some((entry) => Object.hasOwn(entry, name));

/** What must have an example. */
const wanted = [
  ...classesBelow(nn, nn.Module, [nn.WeightedLayer]),
  ...classesBelow(optim, optim.Optimizer, []),
  ...Object.keys(nn).filter((name) => /CrossEntropy$|^crossEntropy$/.test(name)),
  ...[losses, factories, values, functions].flatMap(Object.keys).filter(isPublic),
];

/** The examples in the docstrings of what a folder's files export, by name. */
function examplesIn(folder: string): [name: string, code: string][] {
  const files = globSync(`packages/tsumugi/src/${folder}/**/*.ts`, { cwd: root, exclude: ['**/*.test.ts'] });
  return files.flatMap((file) =>
    [...readFileSync(root + file, 'utf8').matchAll(/^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport \w+ (\w+)/gm)].flatMap(
      ([, doc, name]) => {
        const text = doc!.replace(/^ \* ?/gm, '');
        return [...text.matchAll(/@example\n```ts\n([\s\S]*?)```/g)].map(([, code]): [string, string] => [
          name!,
          code!,
        ]);
      },
    ),
  );
}

/** An example as a program: with imports of the names it uses, and a seed. */
function programOf(code: string): string {
  const used = new Set([...code.matchAll(/[A-Za-z_]\w*/g)].map(([name]) => name));
  const imports = Object.entries(entries).map(([folder, entry]) => {
    const names = Object.keys(entry).filter((name) => used.delete(name));
    return `import { ${names.join(', ')} } from 'tsumugi/${folder}';`;
  });
  return `${imports.join('\n')}\nimport { manualSeed as seed } from 'tsumugi/torch';\nseed(0);\n${code}`;
}

const examples = Object.keys(entries).flatMap(examplesIn);
const outcomes = runSnippets(examples.map(([name, code]) => ({ name, code: programOf(code), prints: [] })));

it('has an example of each', () => {
  expect(wanted.length).toBeGreaterThan(35);
  const found = new Set(examples.map(([name]) => name));
  expect(wanted.filter((name) => !found.has(name))).toEqual([]);
});

it.each(examples.map(([name, code], i) => [name, code, outcomes[i]!] as const))('%s', (_, code, ran) => {
  const prints = [...code.matchAll(/\/\/ prints (.*)/g)].map(([, text]) => text!);
  expect(ran).toEqual({ prints });
  expect(prints.length).toBeGreaterThan(0);
});
