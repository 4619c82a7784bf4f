// How a part's process tells the check what it found: lines of its standard output, among whatever else it prints.
import type { Metric, TestFile } from './report.ts';

export type Finding = { fact: [name: string, text: string] } | { metric: Metric } | { tests: TestFile };

const mark = '@check ';

export const say = (finding: Finding): void => void process.stdout.write(`${mark}${JSON.stringify(finding)}\n`);

/** The finding that a line holds; undefined for any other line. */
export const heard = (line: string): Finding | undefined =>
  line.startsWith(mark) ? (JSON.parse(line.slice(mark.length)) as Finding) : undefined;
