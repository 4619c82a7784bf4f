// The chat page, as far as no browser is needed; `npm run test:browser` runs it in one.
import { stripTypeScriptTypes } from 'node:module';
import { expect, it } from 'vitest';
import { pageFile, pageFiles } from '../packages/tsumugi/src/serve/page/page-file.ts';

const files = new Map(pageFiles().map((name) => [name, pageFile(name)!]));
const bodies = [...files].map(([name, { body }]) => ({ name, body }));
// biome-ignore lint/suspicious/noExplicitAny: scripts of a browser, which are checked by themselves
const script = (name: string): Promise<any> =>
  import(new URL(`../packages/tsumugi/src/serve/page/files/${name}.js`, import.meta.url).href);

it('is less than 30 kB, all told', () => {
  const bytes = bodies.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(30_000);
});

it('holds programs that are whole without their comments', () => {
  for (const { name, body } of bodies.filter(({ name }) => name.endsWith('.js'))) {
    expect(() => stripTypeScriptTypes(body), name).not.toThrow();
    expect(body, name).not.toMatch(/^ *\/[/*]/m);
  }
});

it('names no address but its own', () => {
  for (const { name, body } of bodies)
    expect(body.replace('http://www.w3.org/2000/svg', ''), name).not.toMatch(/\b(?:https?|wss?):|["'(]\/\//);
});

it('lets a browser run nothing but its files, and ask nobody but its server', () => {
  for (const { headers } of files.values()) {
    const policy = headers['content-security-policy']!.split('; ');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.filter((rule) => /unsafe|\*|https?:|data:/.test(rule))).toEqual([]);
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
  const html = files.get('index.html')!.body;
  // The policy would stop what stands inside the page.
  expect(html).not.toMatch(/<style|style=|\son\w+=|<script(?! type="module" src=)/);
});

it('has colours that can be read, light and dark', () => {
  const colours = [...files.get('style.css')!.body.matchAll(/--(\w+): light-dark\((#\w+), (#\w+)\)/g)];
  expect(colours.length).toBe(7);
  // W3C's relative luminance, and the ratio of contrast that its level AA asks of text.
  const luminance = (hex: string) => {
    const full = hex.length === 4 ? hex.replaceAll(/\w/g, '$&$&') : hex;
    const [r, g, b] = [1, 3, 5].map((i) => {
      const part = Number.parseInt(full.slice(i, i + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const scheme of [2, 3]) {
    const of = Object.fromEntries(colours.map((found) => [found[1]!, luminance(found[scheme]!)]));
    for (const text of ['text', 'soft', 'ink', 'bad'])
      for (const behind of ['page', 'card']) {
        const [low, high] = [of[text]!, of[behind]!].sort((a, b) => a - b) as [number, number];
        expect((high + 0.05) / (low + 0.05), `${text} on ${behind}`).toBeGreaterThan(4.5);
      }
  }
});

it('names files that there are, and has no others', () => {
  const named = bodies.flatMap(({ body }) =>
    [...body.matchAll(/(?:"page\/|from '\.\/)([\w-]+\.\w+)/g)].map(([, name]) => name!),
  );
  expect([...new Set([...named, 'index.html'])].sort()).toEqual([...files.keys()].sort());
});

it('is refused under a name that it does not have', () => {
  for (const name of ['', '.', '..', '../index.ts', 'none.js', '__proto__']) expect(pageFile(name)).toBe(undefined);
});

it('has every word in both languages, and no word that is not used', async () => {
  const { words } = (await script('words')) as { words: Record<string, [string, string]> };
  const text = bodies.map(({ body }) => body).join('\n');
  for (const [key, [english, japanese]] of Object.entries(words)) {
    expect(english, key).toMatch(/[a-z]/);
    expect(japanese, key).not.toBe('');
    for (const place of ['{0}', '{1}']) expect(japanese.includes(place), key).toBe(english.includes(place));
    // Besides its own line in the table.
    expect(text.replace(`  ${key}: [`, ''), key).toMatch(new RegExp(`["']${key}["']`));
  }
  for (const [, named, key = named] of text.matchAll(
    /(?:data-(?:say|label|hint)="|\bsay\('|key: '|Trouble\(')(\w+)|\bbutton\('(\w+)'\)/g,
  ))
    expect(words, key).toHaveProperty(key!);
});

it('tells paragraphs from code', async () => {
  const { blocks } = await script('markup');
  const paragraph = (text: string) => ({ code: false, text });
  const code = (text: string) => ({ code: true, text });
  expect(blocks('')).toEqual([]);
  expect(blocks('\n\none\ntwo\n\n\nthree\n')).toEqual([paragraph('one\ntwo'), paragraph('three')]);
  expect(blocks('a\n```js\n\n  x\n\ny\n```\nb')).toEqual([paragraph('a'), code('\n  x\n\ny'), paragraph('b')]);
  expect(blocks('````\n```\n````\n~~~\n```\n~~~')).toEqual([code('```'), code('```')]);
  expect(blocks('```\nstill being writ')).toEqual([code('still being writ')]);
  expect(blocks('```')).toEqual([code('')]);
  expect(blocks('    indented\n```not`code\n')).toEqual([paragraph('    indented\n```not`code')]);
});

it('reads events however they are cut up', async () => {
  const { events } = await script('api');
  const text = ': hello\r\ndata: {"a":"日本"}\r\n\r\nevent: x\ndata:two\n\ndata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    expect(await Array.fromAsync(events(ReadableStream.from(parts))), `${size} at a time`).toEqual([
      '{"a":"日本"}',
      'two',
      '[DONE]',
    ]);
  }
});

it('keeps what a turn was before it was edited or repeated', async () => {
  const { above, add, alternatives, begin, messages, path } = await script('tree');
  const conversation = begin();
  const question = add(conversation, -1, 'user', 'q');
  const first = add(conversation, question, 'assistant', 'a');
  const next = add(conversation, first, 'user', 'n');
  const second = add(conversation, question, 'assistant', 'b');
  expect(path(conversation)).toEqual([question, second]);
  expect(alternatives(conversation, first)).toEqual([first, second]);
  expect(above(conversation, next).map(({ text }: { text: string }) => text)).toEqual(['q', 'a']);
  conversation.shown[question] = first;
  expect(path(conversation)).toEqual([question, first, next]);
  const edited = add(conversation, -1, 'user', 'Q');
  expect(path(JSON.parse(JSON.stringify(conversation)))).toEqual([edited]);

  const turn = (role: string, text: string) => ({ role, text });
  expect(messages([turn('user', 'a'), turn('assistant', ''), turn('user', 'b'), turn('assistant', 'c')])).toEqual([
    { role: 'user', content: 'a\n\nb' },
    { role: 'assistant', content: 'c' },
  ]);
});
