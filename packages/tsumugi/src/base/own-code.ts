// Errors of a person's own code (a task, a stage, a recipe): whose they are, with the file and the line, so that nobody looks for
// them in tsumugi. An error is theirs when it arose in a file of theirs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { DataError, DisposedError, NativeError, ShapeError, TsumugiError } from './errors.ts';
import { ownFile } from './own-files.ts';

export interface CodePlace {
  path: string;
  line: number;
}

const source = fileURLToPath(new URL('..', import.meta.url));
/** Our code: the sources, the command beside them, and the recipes that come with it. */
const ours = [source, fileURLToPath(new URL('../../bin/', import.meta.url)), ownFile('recipes/')];
/** Whoever calls these wrongly has made the mistake, and not they. */
const library = ['torch/', 'nn/', 'optim/'].map((folder) => source + folder);

const pathOf = (location: string): string => (location.startsWith('file://') ? fileURLToPath(location) : location);

/** The frames of a stack that are in files, from where it arose outwards. Node's own (`node:fs`) are left out. */
function placesOf(stack: string): CodePlace[] {
  // Before the frames a syntax error has the place in the text, which no frame is in.
  const head = /^((?:file:\/\/)?\/.+):(\d+)\n/.exec(stack);
  const frames = [...stack.matchAll(/^ {4}at (?:async )?(?:.* \()?((?:file:\/\/)?\/.+?):(\d+):\d+\)?$/gm)];
  return [...(head ? [head] : []), ...frames].map(([, location, line]) => ({
    path: pathOf(location!),
    line: Number(line),
  }));
}

/** Where in a person's own code an error arose; undefined when it arose in ours, or does not say. */
export function ownPlace(error: unknown): CodePlace | undefined {
  if (!(error instanceof Error)) return undefined;
  const isCallers = error instanceof NativeError || error instanceof DisposedError || error instanceof ShapeError;
  const place = placesOf(error.stack ?? '').find(
    ({ path }) => !path.includes('/node_modules/') && !(isCallers && library.some((folder) => path.startsWith(folder))),
  );
  return place && ours.some((folder) => place.path.startsWith(folder)) ? undefined : place;
}

/** Where somebody's file is that called ours, which failed; undefined where none did. */
export const callerPlace = (error: unknown): CodePlace | undefined =>
  error instanceof Error
    ? placesOf(error.stack ?? '').find(
        ({ path }) => !path.includes('/node_modules/') && !ours.some((own) => path.startsWith(own)),
      )
    : undefined;

/** What was thrown, in words. */
export const thrownText = (thrown: unknown): string =>
  thrown instanceof Error
    ? thrown.message || thrown.name
    : `${inspect(thrown, { depth: 1 })} was thrown, which is no Error and has no place`;

/**
 * What to throw for what was thrown while code of a person's own ran: itself where it is one of ours, or arose in our code.
 *
 * @param what ran, e.g. `stage "train"`
 */
export function inOwnCode(what: string, thrown: unknown, remedy = 'Mend it there.'): unknown {
  if (thrown instanceof TsumugiError && !(thrown instanceof NativeError || thrown instanceof DisposedError))
    return thrown;
  if (!(thrown instanceof Error))
    return new DataError('own-code-failed', `${what}: ${thrownText(thrown)}`, {
      remedy: 'Throw a new Error(…) instead: it knows the file and the line.',
      fields: { thrown },
    });
  const place = ownPlace(thrown);
  if (!place) return thrown;
  return new DataError(
    'own-code-failed',
    `${what} failed in ${place.path}, line ${place.line}: ${thrownText(thrown)}`,
    {
      remedy,
      fields: { ...place },
      cause: thrown,
    },
  );
}

/** Why a file of a person's own could not be loaded, with the place: "line 3: unexpected token". */
export function whyNotLoaded(path: string, thrown: unknown): string {
  const place = ownPlace(thrown) ?? (thrown instanceof SyntaxError ? checkedPlace(path) : undefined);
  const where = place === undefined ? '' : `${place.path === path ? '' : `${place.path}, `}line ${place.line}: `;
  return where + thrownText(thrown);
}

/** The errors of JavaScript's own parser keep their place to themselves, but for Node's check of a file. */
function checkedPlace(path: string): CodePlace | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' });
  return placesOf(stderr)[0];
}
