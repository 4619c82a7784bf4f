// Lines of the log: one event a line, whatever a client puts into its request.

import { given } from '../../base/index.ts';

export type LogEvent = Readonly<Record<string, string | number | boolean | undefined>>;
export type Log = (event: LogEvent) => void;

/** Everything that could begin a line, move a cursor or change a direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const escaped = (text: string): string =>
  text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const LONGEST = 300;

function valueText(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  const short = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
  return /^[\w./:@+-]+$/.test(short) ? short : escaped(JSON.stringify(short));
}

/** Writes `time key=value …`, or lines of JSON. */
export function makeLog(write: (line: string) => void, asJson = false): Log {
  return (event) => {
    const entries = Object.entries(given({ time: new Date().toISOString(), ...event }));
    if (asJson) write(`${escaped(JSON.stringify(Object.fromEntries(entries)))}\n`);
    else write(`${entries.map(([key, value], i) => (i === 0 ? value : `${key}=${valueText(value)}`)).join(' ')}\n`);
  };
}
