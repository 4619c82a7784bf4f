// The files of the chat page. They lie beside this module as a browser takes them; only lines of comments are left out. Nothing of
// the page comes from elsewhere, no script but these files runs, and it asks nobody but the server that it came from.
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

const folder = new URL('files/', import.meta.url);

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const policy = [
  "default-src 'none'",
  ...['script', 'style', 'img', 'connect'].map((kind) => `${kind}-src 'self'`),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const commentLines = /^ *(?:\/\/.*|\/\*\*.*\*\/)\n/gm;

export interface PageFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const pageFiles = (): string[] => readdirSync(folder);

/** A file of the page with the headers that it is sent with; undefined if it has none of this name. */
export function pageFile(name: string): PageFile | undefined {
  if (!pageFiles().includes(name)) return undefined;
  const text = readFileSync(new URL(name, folder), 'utf8');
  const headers = {
    'content-type': types[extname(name)]!,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    // Files of two versions of the page do not fit together.
    'cache-control': 'no-cache',
  };
  return { headers, body: extname(name) === '.js' ? text.replace(commentLines, '') : text };
}
