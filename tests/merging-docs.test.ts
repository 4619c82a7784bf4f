// docs/merging.md: the program prints what it says, and the table has every method with its parameters.
import { expect, it } from 'vitest';
import { mergeMethodNames, mergeTensors } from '../packages/tsumugi/src/compress/index.ts';
import { scope, zeros } from '../packages/tsumugi/src/torch/index.ts';
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const page = readPage('merging.md');
const snippets = snippetsOf(page);
testPrograms(snippets);

it('has a row for every method, and in it every parameter', () => {
  const rows = page.split('\n').filter((line) => /^\| `[a-z_]+`.* \| .* \| .* \| .* \| .* \|$/.test(line));
  for (const method of mergeMethodNames) {
    const row = rows.find((line) => line.split('|')[1]!.includes(`\`${method}\``));
    expect(row, method).toBeDefined();
    // A parameter that none has is refused with the list of those that there are.
    const message = scope(() => {
      try {
        mergeTensors(method, [zeros([1, 1]), zeros([1, 1])], { zzzzzzzzzzzz: 1 });
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    });
    const known = /Known: (.*)\./.exec(message)?.[1]?.split(', ') ?? [];
    const told =
      method.startsWith('della') || method === 'dare_ties'
        ? `${row} weight density *lambda* *normalize* *rescale*`
        : row;
    for (const name of known) expect(told, `${method}: ${name}`).toContain(name);
  }
});
