// llm-jp-eval's reading of an answer, and its strictest metric. Source: llm-jp-eval v1.3.0.
import { strip } from '../white-space.ts';

/** An answer as the metrics read it: up to the first blank line, stripped, in Unicode's NFKC. */
export function readAnswer(text: string): string {
  return strip(text.split('\n\n', 1)[0]!).normalize('NFKC');
}

/** An expected text in the form that answers are read in. */
export function readTarget(text: string): string {
  return text.normalize('NFKC');
}

/** 1 where two texts are equal, 0 where not. */
export function exactMatch(answer: string, target: string): number {
  return answer === target ? 1 : 0;
}
