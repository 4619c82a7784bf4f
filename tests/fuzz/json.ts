// JSON that is nearly what a reader expects: values of other kinds and sizes, keys that are missing, misspelt, doubled, or
// names that objects have by themselves.
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { damage, pick } from './fuzz.ts';

/** A JSON value as a tree that can also say what no JavaScript object can: the same key twice. */
type Node =
  | { kind: 'object'; entries: [string, Node][] }
  | { kind: 'array'; items: Node[] }
  | { kind: 'text'; text: string };

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'array', items: value.map(nodeOf) };
  if (typeof value === 'object' && value !== null)
    return { kind: 'object', entries: Object.entries(value).map(([key, part]) => [key, nodeOf(part)]) };
  return { kind: 'text', text: JSON.stringify(value) };
}

function render(node: Node): string {
  switch (node.kind) {
    case 'object':
      return `{${node.entries.map(([key, value]) => `${JSON.stringify(key)}:${render(value)}`).join(',')}}`;
    case 'array':
      return `[${node.items.map(render).join(',')}]`;
    default:
      return node.text;
  }
}

const strangeNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '\u0000',
  '\ud800',
  '魚',
  '../x',
  'a'.repeat(300),
];
const strangeTexts =
  `null true false 0 -0 -1 1 2 1.5 1e400 -1e400 1e-400 2147483648 4294967296 9007199254740991 9007199254740993
  18446744073709551615 "" "x" "__proto__" "\\ud800" "0" "F8_E4M3" "U64" "C64" [] [[]] {} [null] {"__proto__":{"x":1}} NaN Infinity
  {"content":null} {"content":"x"} [2,4] [-1] [0,0] "../1.safetensors" "/etc/hosts" "2.safetensors" "none.safetensors"`.split(
    /\s+/,
  );

function strange(random: RandomStream): Node {
  const text = random.below(60) === 0 ? deep(random) : pick(random, ...strangeTexts);
  return { kind: 'text', text };
}

function deep(random: RandomStream): string {
  const depth = pick(random, 10, 300, 5000);
  return pick(
    random,
    `${'['.repeat(depth)}${']'.repeat(depth)}`,
    `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    '['.repeat(depth),
  );
}

function inside(node: Node): Node[] {
  const parts = node.kind === 'object' ? node.entries.map(([, part]) => part) : node.kind === 'array' ? node.items : [];
  return [node, ...parts.flatMap(inside)];
}

function change(random: RandomStream, root: Node): void {
  const holders = inside(root).filter((node) => node.kind !== 'text');
  const holder = holders[random.below(holders.length)];
  if (holder?.kind === 'array') {
    const place = random.below(holder.items.length + 1);
    holder.items.splice(place, random.below(2), ...(random.below(3) > 0 ? [strange(random)] : []));
  } else if (holder?.kind === 'object') {
    const { entries } = holder;
    const place = random.below(entries.length + 1);
    const entry = entries[place];
    switch (entry ? random.below(6) : 5) {
      case 0:
        entries.splice(place, 1);
        break;
      case 1:
        entry![0] = pick(random, ...strangeNames, `${entry![0]}s`, entry![0].slice(1), entry![0].toUpperCase());
        break;
      case 2:
        entries.push([entry![0], random.below(2) ? entry![1] : strange(random)]);
        break;
      case 3: {
        const other = entries[random.below(entries.length)]!;
        [entry![1], other[1]] = [other[1], entry![1]];
        break;
      }
      case 4:
        entry![1] = strange(random);
        break;
      default:
        entries.push([pick(random, ...strangeNames), strange(random)]);
    }
  }
}

/** The text of `value`, changed in some places; now and then not JSON at all. */
export function strangeJson(random: RandomStream, value: unknown): Buffer {
  const root = nodeOf(value);
  for (let times = random.below(4); times > 0; times--) change(random, root);
  const text = Buffer.from(`${random.below(50) === 0 ? '\ufeff' : ''}${render(root)}`);
  return random.below(8) === 0 ? damage(random, text) : text;
}
