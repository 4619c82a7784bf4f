// A million documents with known duplicates: how many near-duplicates are found, how many that are found are none, in what time and
// memory. The documents are made of sentences of --corpus (a folder with ja-docs.jsonl.xz and en-ja-pairs.jsonl.xz), or of the novels
// that come with tsumugi; whether two are alike is computed from the texts themselves. Writes a table.
//
//   node recipes/experiments/near-duplicates.ts [--corpus DIR] [--documents 1000000] [--seed 0] [--out FILE]
//
// Everything about the documents is our choice.
import { join } from 'node:path';
import { writeFileAtomic } from 'tsumugi/base';
import { NearDuplicates } from 'tsumugi/synth';
import { embeddedText, readDocuments } from 'tsumugi/text';
import { experimentOptions } from './options.ts';
import { changes, jaccard, PlantedDuplicates } from './planted-duplicates.ts';

const { values: options } = experimentOptions(import.meta.url, {
  options: {
    corpus: { type: 'string' },
    documents: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '0' },
    out: { type: 'string' },
  },
});
const THRESHOLD = 0.8;
const BLOCK = 5000;

/** Sentences and lines of 15 characters or more, each once. */
async function sentencesOf(corpus: string | undefined): Promise<string[]> {
  const found = new Set<string>();
  const add = async (paths: string[], field: string) => {
    for await (const { text } of readDocuments(paths, { field }))
      for (const each of text.split(/(?<=。)|\n/)) if (each.trim().length >= 15) found.add(each.trim());
  };
  if (corpus === undefined) await add(embeddedText(), 'text');
  else {
    await add([join(corpus, 'ja-docs.jsonl.xz')], 'text');
    await add([join(corpus, 'en-ja-pairs.jsonl.xz')], 'ja');
  }
  return [...found];
}

const sentences = await sentencesOf(options.corpus);
const seed = Number(options.seed);
const planted = new PlantedDuplicates(sentences, Number(options.documents), { seed });
const { documents, originals } = planted;

// --- finding ------------------------------------------------------------------------------------------------------

const found = new NearDuplicates({ threshold: THRESHOLD, expected: documents });
let [cpuSeconds, wallSeconds, characters] = [0, 0, 0];
for (let from = 0; from < documents; from += BLOCK) {
  const texts = Array.from({ length: Math.min(BLOCK, documents - from) }, (_, k) => planted.at(from + k).text);
  for (const text of texts) characters += text.length;
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  for (const text of texts) found.add(text);
  const { user, system } = process.cpuUsage(cpu);
  cpuSeconds += (user + system) / 1e6;
  wallSeconds += (performance.now() - start) / 1000;
  if (process.stderr.isTTY) process.stderr.write(`\r${from + texts.length} documents`);
}
const peakMemory = process.resourceUsage().maxRSS * 1024;

// --- how good -----------------------------------------------------------------------------------------------------

/** Of planted pairs: how many there are, and how many were found, by what was changed and by how alike they are. */
const byChange = new Map(changes.map((change) => [change as string, { alike: 0, found: 0, other: 0, foundOther: 0 }]));
const bins = [0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.000001];
const byJaccard = bins.slice(1).map(() => ({ pairs: 0, found: 0 }));
for (let i = originals; i < documents; i++) {
  const { text, parent, change } = planted.at(i);
  const similarity = jaccard(text, planted.at(parent).text);
  const together = found.first(i) === found.first(parent);
  const bin = byJaccard[bins.findLastIndex((from) => from <= similarity)]!;
  const counts = byChange.get(change!)!;
  bin.pairs++;
  counts[similarity >= THRESHOLD ? 'alike' : 'other']++;
  if (!together) continue;
  bin.found++;
  counts[similarity >= THRESHOLD ? 'found' : 'foundOther']++;
}

/** Of what would be dropped: how much has a text of its group that is alike to it. */
const groups = found.groups();
let [dropped, right, nearly, strangers] = [0, 0, 0, 0];
for (const group of groups) {
  const members = group.map((i) => planted.at(i));
  for (const [k, { text }] of members.entries()) {
    if (k === 0) continue;
    dropped++;
    const most = Math.max(...members.filter((_, other) => other !== k).map((other) => jaccard(text, other.text)));
    if (most >= THRESHOLD) right++;
    if (most >= THRESHOLD - 0.1) nearly++;
  }
  if (new Set(members.map(({ parent }) => parent)).size > 1) strangers++;
}

const percent = (part: number, whole: number) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`);
const all = [...byChange.values()].reduce((a, b) => ({ alike: a.alike + b.alike, found: a.found + b.found }), {
  alike: 0,
  found: 0,
});
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
const lines = [
  `${documents} documents of ${Math.round(characters / documents)} characters in the mean, ${documents - originals} of them changed originals; ` +
    `${sentences.length} sentences; seed ${seed}; one thread.`,
  '',
  '| | |',
  '|---|---|',
  `| processor time of finding | ${cpuSeconds.toFixed(1)} s |`,
  `| by the clock | ${wallSeconds.toFixed(1)} s |`,
  `| peak memory of the process | ${mib(peakMemory)} |`,
  `| recall: planted pairs with J ≥ ${THRESHOLD} in one group | ${percent(all.found, all.alike)} of ${all.alike} |`,
  `| precision: dropped documents with J ≥ ${THRESHOLD} to one of their group | ${percent(right, dropped)} of ${dropped} |`,
  `| the same with J ≥ ${(THRESHOLD - 0.1).toFixed(1)} | ${percent(nearly, dropped)} |`,
  `| groups with documents of several originals | ${strangers} of ${groups.length} |`,
  '',
  '| J of a planted pair | pairs | in one group |',
  '|---|---|---|',
  ...byJaccard.map(
    ({ pairs, found: together }, k) =>
      `| ${bins[k]} to ${Math.min(1, bins[k + 1]!)} | ${pairs} | ${percent(together, pairs)} |`,
  ),
  '',
  `| change | J ≥ ${THRESHOLD} | found | J < ${THRESHOLD} | joined all the same |`,
  '|---|---|---|---|---|',
  ...[...byChange].map(
    ([change, { alike, found: together, other, foundOther }]) =>
      `| ${change} | ${alike} | ${percent(together, alike)} | ${other} | ${percent(foundOther, other)} |`,
  ),
];
const page = `${lines.join('\n')}\n`;
if (options.out) writeFileAtomic(options.out, page);
process.stdout.write(page);
