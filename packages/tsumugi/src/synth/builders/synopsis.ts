// Description → synopsis: what a package does in a paragraph or more, and the line that its maintainers wrote above it.
import { normalized } from '../normalized.ts';
import type { Described } from './inputs.ts';
import { type Builder, dropped, type Question, user } from './question.ts';

const [SHORTEST, LONGEST] = [40, 1000];

export const synopsisBuilder: Builder<Described> = {
  name: 'synopsis',
  summary: 'descriptions of programs and the line that says it in short',
  reads: 'descriptions',
  task: false,
  rows: ['answers', 'pairs'],
  async *build(rows, { isHeldOut }) {
    /** The synopses before it, one of each side: what is held out is no wrong answer to learn from either. */
    const before = new Map<boolean, string>();
    for await (const { synopsis, description, group, source } of rows) {
      const why = whyNot(synopsis, description);
      if (why !== undefined) {
        yield dropped(why);
        continue;
      }
      const side = isHeldOut(group);
      const other = before.get(side);
      const worse = other === undefined || normalized(other) === normalized(synopsis) ? [] : [other];
      before.set(side, synopsis);
      const asked = user(`次の説明を、短い見出し一行にまとめてください。\n\n${description}`);
      yield { asked, answer: synopsis, worse, group, sentences: [synopsis, description], source } satisfies Question;
    }
  },
};

function whyNot(synopsis: string, description: string): string | undefined {
  if (!/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(synopsis)) return 'no kana in the synopsis';
  if (description.length < SHORTEST) return `description shorter than ${SHORTEST} characters`;
  if (description.length > LONGEST) return `description longer than ${LONGEST} characters`;
  return normalized(description).includes(normalized(synopsis)) ? 'the synopsis stands in the description' : undefined;
}
