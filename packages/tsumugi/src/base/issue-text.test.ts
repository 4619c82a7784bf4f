// What schemas find wrong, in words: of unions the alternative that was meant, of texts their length.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { innermostIssue, issueText } from './issue-text.ts';

const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('call'), id: z.string().min(1) }),
]);
const schema = z.object({
  content: z.union([z.string(), z.array(block)]),
  own: z.union([z.int(), z.array(z.int())], 'a number, or several').optional(),
  kept: z.literal(false, 'can only be false').optional(),
  told: z.discriminatedUnion('type', [z.object({ type: z.literal('a') })], 'only a is taken').optional(),
});

it.each([
  [{ content: 3 }, '"content" is 3, expected a text in quotes or a list', 'content'],
  [{ content: [{ type: 'text' }] }, '"content.0.text" is missing', 'content.0.text'],
  [
    { content: [{ type: 'call', id: '' }] },
    '"content.0.id" is "", expected a text of at least 1 character',
    'content.0.id',
  ],
  [{ content: [{ type: 'x' }] }, '"content.0.type" is "x", expected "text" or "call"', 'content.0.type'],
  [{ content: '', own: 'x' }, '"own": a number, or several', 'own'],
  [{ content: '', own: [0.5] }, '"own.0" is 0.5, expected a whole number', 'own.0'],
  [{ content: '', kept: true }, '"kept": can only be false', 'kept'],
  [{ content: '', told: { type: 'b' } }, '"told.type": only a is taken', 'told.type'],
])('%j: %s', (value, words, place) => {
  const issue = schema.safeParse(value).error!.issues[0]!;
  expect(issueText(issue, value)).toBe(words);
  expect(innermostIssue(issue).path.join('.')).toBe(place);
});
