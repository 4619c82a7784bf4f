// For tests of pages: their TypeScript blocks are programs, run one after the other in a process of their own. What a block
// should do stands in its comments: `// prints TEXT` for each line it prints, in order, and `// throws TEXT` for an error
// whose message has that text.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const readPage = (name: string): string => readFileSync(`${root}docs/${name}`, 'utf8');

/** The blocks of a language in a page. */
export const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!);

export interface Snippet {
  /** The heading it stands under, and which it is there. */
  name: string;
  code: string;
  prints: string[];
  /** Part of the message of the error that it ends with. */
  throws?: string;
}

/** The programs of a page. */
export function snippetsOf(page: string): Snippet[] {
  return page.split(/^#+ /m).flatMap((part) => {
    const heading = part.split('\n', 1)[0]!;
    return blocksOf(part, 'ts').map((code, i) => {
      const throws = /\/\/ throws (.*)/.exec(code)?.[1];
      return {
        name: `${heading} (${i + 1})`,
        code,
        prints: [...code.matchAll(/\/\/ prints (.*)/g)].map(([, text]) => text!),
        ...(throws !== undefined && { throws }),
      };
    });
  });
}

/** What a program did. */
export interface Ran {
  prints: string[];
  throws?: string;
}

const runner = `
const files = process.argv.slice(1);
const outcomes = [];
const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
for (const file of files) {
  const prints = [];
  console.log = (...values) => prints.push(values.map(text).join(' '));
  let throws;
  await import(file).catch((error) => { throws = error.message; });
  outcomes.push({ prints, throws });
}
process.stdout.write(JSON.stringify(outcomes));
`;

/**
 * Runs programs where tsumugi is found: in a folder of the checkout.
 *
 * @param place a folder there that is theirs to begin with; one of their own when left out
 */
export function runSnippets(snippets: readonly Snippet[], place?: string): Ran[] {
  mkdirSync(`${root}build`, { recursive: true });
  const folder = place ?? mkdtempSync(join(root, 'build', 'snippets-'));
  try {
    const files = snippets.map(({ code }, i) => {
      const file = join(folder, `${i}.ts`);
      writeFileSync(file, code);
      return file;
    });
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', runner, ...files],
      { encoding: 'utf8', cwd: folder },
    );
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Ran[];
  } finally {
    if (place === undefined) rmSync(folder, { recursive: true });
  }
}

/** A test of each program: it prints something, and what it says. */
export function testPrograms(snippets: readonly Snippet[]): void {
  const outcomes = runSnippets(snippets);
  it.each(snippets.map((snippet, i) => [snippet.name, snippet, outcomes[i]!] as const))('%s', (_, { prints }, ran) => {
    expect(prints).not.toEqual([]);
    expect(ran).toEqual({ prints });
  });
}
