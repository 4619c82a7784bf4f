// set_f1: lines against lines. Source: llm-jp-eval v1.3.0.
//
//   precision  distinct lines of the answer that are expected / distinct lines of the answer
//   recall     distinct lines of the answer that are expected / expected lines
//   set_f1     2·precision·recall / (precision + recall), 0 when both are 0
import { strip } from '../white-space.ts';

/** set_f1 of an answer of one item per line, 0 … 1. An empty text is one empty line. */
export function setF1(answer: string, target: string): number {
  const found = new Set(linesOf(answer));
  const expected = linesOf(target);
  const wanted = new Set(expected);
  const hits = [...found].filter((line) => wanted.has(line)).length;
  if (hits === 0) return 0;
  const [precision, recall] = [hits / found.size, hits / expected.length];
  return (2 * precision * recall) / (precision + recall);
}

function linesOf(text: string): string[] {
  return text.split('\n').map(strip);
}
