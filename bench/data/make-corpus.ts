// A corpus of any size with known duplicates, for measuring `tsumugi data prepare`:
//
//   node bench/data/make-corpus.ts OUT BYTES FROM…
//
// OUT gets files of JSON lines of 100 MB. Each document begins with a number of its own and goes on with lines drawn from the
// documents of FROM, so that no two are equal; every tenth on average is a copy of an earlier one, from anywhere in the corpus, and
// one in ten thousand is empty. Prints what was made. The same arguments give the same bytes.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { readDocuments } from '../../packages/tsumugi/src/text/index.ts';

const FILE_BYTES = 100_000_000;
const COPIES = 0.1;
const EMPTY = 1e-4;
/** Earlier documents that are copied, each as likely as another of all so far. */
const KEPT = 20_000;

const [out, size, ...from] = process.argv.slice(2);
if (out === undefined || from.length === 0) throw new Error('usage: node bench/data/make-corpus.ts OUT BYTES FROM…');
const random = new RandomStream(0);
const below = (limit: number) => Math.floor(random.next() * limit);

/** Lines as JSON spells them. */
const lines: Buffer[] = [];
for await (const { text } of readDocuments(from))
  for (const line of text.split('\n'))
    if (line.length >= 10) lines.push(Buffer.from(`${JSON.stringify(line).slice(1, -1)}\\n`));

const [begin, end, empty] = ['{"text":"', '"}\n', '{"text":" "}\n'].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
];
function newDocument(number: number): Buffer {
  const parts = [begin, Buffer.from(`文書 ${number}\\n`)];
  const wanted = 300 + below(3000);
  for (let bytes = 0; bytes < wanted; bytes += parts.at(-1)!.length) parts.push(lines[below(lines.length)]!);
  return Buffer.concat([...parts, end]);
}

mkdirSync(out, { recursive: true });
const made = { files: 0, bytes: 0, documents: 0, duplicates: 0, empty: 0 };
const kept: Buffer[] = [];
for (const target = Number(size); made.bytes < target; made.files++) {
  const file = openSync(join(out, `corpus-${String(made.files).padStart(4, '0')}.jsonl`), 'wx');
  for (let bytes = 0; bytes < FILE_BYTES && made.bytes < target; ) {
    const block: Buffer[] = [];
    for (let i = 0; i < 1000; i++) {
      const draw = random.next();
      if (draw < EMPTY) {
        made.empty++;
        block.push(empty);
      } else if (draw < EMPTY + COPIES && kept.length > 0) {
        made.duplicates++;
        block.push(kept[below(kept.length)]!);
      } else {
        const document = newDocument(made.documents++);
        const place = kept.length < KEPT ? kept.length : below(made.documents);
        if (place < KEPT) kept[place] = document;
        block.push(document);
      }
    }
    const all = Buffer.concat(block);
    writeSync(file, all);
    bytes += all.length;
    made.bytes += all.length;
  }
  closeSync(file);
}
process.stdout.write(`${JSON.stringify(made)}\n`);
