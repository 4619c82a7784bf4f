// Numbers between bounds, digit by digit: up to 15 before the point and behind it, and no exponent.
import { literal } from './ebnf.ts';

export const DIGITS = 15;

/** From `least` to `most`, which are out where they are `open`. */
export interface Bounds {
  readonly least: number;
  readonly leastOpen: boolean;
  readonly most: number;
  readonly mostOpen: boolean;
}

const LIMIT = 10 ** DIGITS - 1;
const minus = literal('-');
const point = literal('.');

export const digits = (least: number, most: number): string => (most === 0 ? '""' : `[0-9]{${least},${most}}`);
const someDigits = digits(0, DIGITS - 1);
const anyFraction = `(${point} ${digits(1, DIGITS)})?`;

/** Alternatives for an integer between bounds; none where there is none. */
export function integersBetween({ least, leastOpen, most, mostOpen }: Bounds): string[] {
  const from = Math.max(-LIMIT, leastOpen ? Math.floor(least) + 1 : Math.ceil(least));
  const to = Math.min(LIMIT, mostOpen ? Math.ceil(most) - 1 : Math.floor(most));
  const below = from < 0 ? wholesBetween(Math.max(1, -to), -from) : [];
  return [...below.map((part) => `${minus} ${part}`), ...wholesBetween(Math.max(0, from), to)];
}

/** Alternatives for any number between bounds. */
export function numbersBetween({ least, leastOpen, most, mostOpen }: Bounds): string[] {
  const from = { at: Math.max(-LIMIT, least), open: leastOpen };
  const to = { at: Math.min(LIMIT, most), open: mostOpen };
  const zero = { at: 0, open: true };
  const below =
    from.at < 0 ? magnitudes(to.at < 0 ? { at: -to.at, open: to.open } : zero, { at: -from.at, open: from.open }) : [];
  const above = to.at >= 0 ? magnitudes(from.at < 0 ? { at: 0, open: false } : from, to) : [];
  return [...below.map((part) => `${minus} ${part}`), ...above];
}

interface Bound {
  at: number;
  open: boolean;
}

/** Alternatives for numbers from 0 on. */
function magnitudes(from: Bound, to: Bound): string[] {
  if (from.at > to.at) return [];
  const [low, high] = [decimal(from.at), decimal(to.at)];
  if (low.whole === high.whole) return behind(low.whole, between(low.digits, from.open, high.digits, to.open));
  const middle = wholesBetween(low.whole + 1, high.whole - 1).map((part) => `${part} ${anyFraction}`);
  const first = between(low.digits, from.open, undefined, false);
  return [...behind(low.whole, first), ...middle, ...behind(high.whole, between('', false, high.digits, to.open))];
}

/** A whole number with digits behind its point, which may be none. */
function behind(whole: number, fractions: readonly string[]): string[] {
  const dotted = fractions.filter((each) => each !== '""').map((each) => `${point} (${each})`);
  const parts = [...(fractions.includes('""') ? ['""'] : []), ...dotted];
  return parts.length > 0 ? [`${literal(String(whole))} (${parts.join(' | ')})`] : [];
}

function decimal(value: number): { whole: number; digits: string } {
  const [whole, fraction = ''] = decimalText(value).split('.');
  return { whole: Number(whole), digits: fraction.replace(/0+$/, '') };
}

const decimalText = (value: number): string => (/e-/.test(String(value)) ? value.toFixed(DIGITS) : String(value));

/** Whether a bound has so few digits behind its point that numbers can be compared with it. */
export const hasFewDigits = (value: number): boolean =>
  Number.isFinite(value) &&
  Number(decimalText(value)) === value &&
  (decimalText(value).split('.')[1] ?? '').length <= DIGITS;

/** Alternatives for the digits behind a point (`""` for none) from those of one number to those of another; undefined: to all nines. */
function between(from: string, fromOpen: boolean, to: string | undefined, toOpen: boolean): string[] {
  if (to === '') return from === '' && !fromOpen && !toOpen ? ['""'] : [];
  if (from === '' && !fromOpen) return ['""', ...atMost(to, toOpen)];
  if (from === '' && to === undefined) return [`${someDigits} [1-9]`];
  if (from === to) return fromOpen || toOpen ? [] : [literal(from)];
  if (to === undefined) return atLeast(from, fromOpen);
  const [low, high] = [Number(from[0] ?? 0), Number(to[0])];
  if (low > high) return [];
  const rest = between(from.slice(1), fromOpen, low === high ? to.slice(1) : undefined, toOpen);
  const first = rest.map((each) => `${literal(String(low))} ${each}`);
  if (low === high) return first;
  return [...first, ...digitThen(low + 1, high - 1, someDigits), ...atMost(to, toOpen).slice(high > 0 ? 1 : 0)];
}

function atLeast(from: string, open: boolean): string[] {
  const [first, rest] = [Number(from[0]), from.slice(1)];
  const equal = rest !== '' ? atLeast(rest, open) : [open ? `${someDigits} [1-9]` : someDigits];
  return [...equal.map((each) => `${literal(String(first))} ${each}`), ...digitThen(first + 1, 9, someDigits)];
}

/** The alternatives with a smaller first digit come first, as one. */
function atMost(to: string | undefined, open: boolean): string[] {
  if (to === undefined) return [digits(1, DIGITS)];
  const [last, rest] = [Number(to[0]), to.slice(1)];
  const equal = rest !== '' ? ['""', ...atMost(rest, open)] : open ? [] : ['""'];
  return [...digitThen(0, last - 1, someDigits), ...equal.map((each) => `${literal(String(last))} ${each}`)];
}

const digitThen = (from: number, to: number, rest: string): string[] =>
  from > to ? [] : [`${span(from, to)} ${rest}`];
const span = (from: number, to: number): string => (from === to ? literal(String(from)) : `[${from}-${to}]`);

/** Alternatives for whole numbers from 0 on, without zeros in front. */
function wholesBetween(least: number, most: number): string[] {
  const parts: string[] = [];
  for (let from = least; from <= most; ) {
    const to = Math.min(most, 10 ** String(from).length - 1);
    parts.push(...sameLength(String(from), String(to)));
    from = to + 1;
  }
  return parts;
}

/** Alternatives for digits from one text of them to another that is as long. */
function sameLength(from: string, to: string): string[] {
  if (from === '') return ['""'];
  const [low, high] = [Number(from[0]), Number(to[0])];
  const [lowRest, highRest] = [from.slice(1), to.slice(1)];
  const length = lowRest.length;
  const whole = (digit: number, rest: readonly string[]) => rest.map((each) => `${literal(String(digit))} ${each}`);
  if (low === high) return whole(low, sameLength(lowRest, highRest));
  const isFirst = /^0*$/.test(lowRest);
  const isLast = /^9*$/.test(highRest);
  return [
    ...(isFirst ? [] : whole(low, sameLength(lowRest, '9'.repeat(length)))),
    ...digitThen(isFirst ? low : low + 1, isLast ? high : high - 1, digits(length, length)),
    ...(isLast ? [] : whole(high, sameLength('0'.repeat(length), highRest))),
  ];
}
