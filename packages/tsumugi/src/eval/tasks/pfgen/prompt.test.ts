// Prompts and seeds against values worked out apart from this code (Python's hashlib), and the clean-up of answers.
import { describe, expect, it } from 'vitest';
import { toyReferences } from './pfgen.testing.ts';
import { cleanAnswer, promptOf, samplingSeed, strip } from './prompt.ts';

const spring = toyReferences[0]!;
const shown = (characters: string) =>
  Array.from(characters, (season) => {
    const { question, answer } = toyReferences.find((reference) => reference.question.startsWith(season))!;
    return `Q: ${question}\nA: ${answer}`;
  }).join('\n\n');

describe('promptOf', () => {
  it('writes text to go on with', () => {
    const prompt = promptOf(spring, toyReferences, 1, { mode: 'completion', examples: 2, seed: '' });
    expect(prompt).toBe(
      '## 回答例\nQ: 雪とは何ですか？\nA: 雪は、とてもとてもとてもとてもとてもとてもよいものです。\n\n' +
        'Q: 秋とは何ですか？\nA: 秋は、とてもとてもとてもよいものです。\n\nQ: 春とは何ですか？\nA:',
    );
  });

  it('orders the examples anew by trial and by seed, and never shows the question itself', () => {
    const order = (trial: number, seed: string) =>
      promptOf(spring, toyReferences, trial, { mode: 'completion', examples: 20, seed });
    const around = (examples: string) => `## 回答例\n${shown(examples)}\n\nQ: 春とは何ですか？\nA:`;
    expect(order(1, '')).toBe(around('雪秋冬月夏'));
    expect(order(2, '')).toBe(around('月夏雪秋冬'));
    expect(order(1, '7')).toBe(around('冬秋月夏雪'));
    expect(order(2, '7')).toBe(around('夏雪秋冬月'));
  });

  it('writes one message, or two', () => {
    const options = { examples: 3, seed: '' };
    expect(promptOf(spring, toyReferences, 1, { mode: 'qa', ...options })).toEqual([
      {
        role: 'user',
        content: `例と同様の文体及び文字数で、質問に1行で答えてください。\n\n## 回答例\n${shown('雪秋冬')}\n\n## 質問\nQ: 春とは何ですか？`,
      },
    ]);
    expect(promptOf(spring, toyReferences, 1, { mode: 'chat', ...options })).toEqual([
      {
        role: 'system',
        content: `例と同様の文体及び文字数で、ユーザの質問に1行で答えてください。\n\n## 回答例\n${shown('雪秋冬')}`,
      },
      { role: 'user', content: 'Q: 春とは何ですか？' },
    ]);
  });
});

it('takes the sampling seed from seed and trial, and from the round after the first', () => {
  expect(samplingSeed('', 1, 1)).toBe(818_176_819);
  expect(samplingSeed('7', 2, 1)).toBe(101_194_655);
  expect(samplingSeed('', 1, 2)).toBe(1_025_988_148);
});

describe('cleanAnswer', () => {
  it.each([
    [' 春です。\n', 'completion', '春です。'],
    ['A: 春', 'completion', 'A: 春'],
    ['はい。\nA: 春です。 A: 夏', 'qa', '春です。 A: 夏'],
    ['春です。', 'chat', '春です。'],
    ['A:', 'qa', ''],
    ['\u3000\n', 'completion', ''],
  ] as const)('%j in mode %s: %j', (written, mode, answer) => {
    expect(cleanAnswer(written, mode)).toBe(answer);
  });

  it('strips what Python strips', () => {
    expect(strip('\u001c\u0085\u3000a b\u00a0\u2029\t')).toBe('a b');
    expect(strip('\ufeffa\u200b')).toBe('\ufeffa\u200b');
  });
});
