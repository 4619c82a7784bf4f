// Names of models on the Hugging Face Hub: "pfnet/plamo-2-1b", with a branch, tag or commit "pfnet/plamo-2-1b@v1". What is
// no such name is a path. "hf://" before a name says that a path is not meant.
import { statSync } from 'node:fs';
import { ConfigError } from '../../base/index.ts';

export interface HubName {
  /** Owner and name: "pfnet/plamo-2-1b". */
  readonly repo: string;
  /** A branch, a tag or a commit; undefined for the branch "main". */
  readonly revision: string | undefined;
}

export const DEFAULT_REVISION = 'main';
const SCHEME = 'hf://';

/** A commit in full: it names the same content for ever. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

export const nameText = ({ repo, revision }: HubName): string =>
  revision === undefined ? repo : `${repo}@${revision}`;

/** As the hub has it: letters, digits, ".", "-" and "_"; no "--", no ".."; neither end a "." or "-". */
const isPart = (part: string): boolean =>
  /^[A-Za-z0-9_][\w.-]{0,95}$/.test(part) && !/[.-]$/.test(part) && !/--|\.\./.test(part) && !/\.git$/.test(part);

/** It becomes a path in the cache (`refs/pr/1`) and a part of an address. */
const isRevision = (revision: string): boolean =>
  revision.length <= 200 &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git forbids them, and so do paths.
  !/[\x00-\x20\x7f~^:?*[\\]/.test(revision) &&
  revision.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.endsWith('.lock'));

/** Undefined when `text` is not shaped like a name. */
function parse(text: string): HubName | undefined {
  const at = text.indexOf('@');
  const repo = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? undefined : text.slice(at + 1);
  const parts = repo.split('/');
  const fits = parts.length === 2 && parts.every(isPart) && (revision === undefined || isRevision(revision));
  return fits ? { repo, revision } : undefined;
}

/**
 * The name of a model on the hub.
 *
 * @throws ConfigError for anything else, with the name in it when it is an address of the hub's pages
 */
export function parseHubName(text: string): HubName {
  const name = parse(text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text);
  if (name) return name;
  const page = /^https?:\/\/[^/]+\/([^/]+\/[^/?#]+)(?:\/tree\/([^?#]+))?/.exec(text);
  const meant = page && parse(page[2] === undefined ? page[1]! : `${page[1]}@${page[2].replace(/\/$/, '')}`);
  throw new ConfigError('hub-name', `"${text}" is no name of a model: expected OWNER/NAME or OWNER/NAME@REVISION`, {
    remedy: meant ? `Write ${nameText(meant)}.` : 'Write it as on its page, for example pfnet/plamo-2-1b.',
    fields: { name: text },
  });
}

/**
 * The name that a text stands for where a path may stand as well; undefined for a path. What exists is a path, and so is
 * what would lie in a folder that is there.
 *
 * @throws ConfigError when it begins with "hf://" and no name follows
 */
export function hubNameOf(text: string): HubName | undefined {
  if (text.startsWith(SCHEME)) return parseHubName(text);
  const name = parse(text);
  if (!name || statSync(text, { throwIfNoEntry: false })) return undefined;
  return statSync(text.split('/')[0]!, { throwIfNoEntry: false })?.isDirectory() ? undefined : name;
}
