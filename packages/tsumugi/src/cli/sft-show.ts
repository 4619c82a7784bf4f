// `tsumugi sft --show N`: the first examples as they will be learned from, before anything is.
import { formatInteger } from '../run/index.ts';
import { describeReport, type Example, showExample, type Tokenizer } from '../text/index.ts';
import { readSftExamples, type SftConfig } from '../train/index.ts';
import { hasColours, type Io, write } from './io.ts';

/** Prints the first `count` examples, with what is learned marked; what was read of the data goes to standard error. */
export async function showExamples(io: Io, config: SftConfig, count: number, asJson: boolean): Promise<number> {
  const { examples, report, tokenizer, template } = await readSftExamples(config, config.data);
  for (const line of [`chat template: ${template.name}`, ...describeReport(report)]) io.stderr.write(`${line}\n`);
  const colour = hasColours(io.stdout);
  for (const example of examples.slice(0, count))
    await write(io.stdout, asJson ? asLine(example, tokenizer) : `${heading(example)}\n${showExample(example, tokenizer, { colour })}\n\n`); // biome-ignore format: one choice
  return 0;
}

const learnedOf = ({ learned }: Example) => learned.reduce((sum, each) => sum + each, 0);

function heading(example: Example): string {
  const { file, row } = example.source;
  return `${file}, row ${row}: ${formatInteger(example.ids.length)} tokens, ${formatInteger(learnedOf(example))} of them learned`;
}

const asLine = (example: Example, tokenizer: Tokenizer) =>
  `${JSON.stringify({
    ...example.source,
    ids: [...example.ids],
    learned: [...example.learned],
    text: showExample(example, tokenizer, { colour: false }),
  })}\n`;
