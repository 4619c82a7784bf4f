// Log-probabilities of whole answers, however they lie in rows, against the model that reads one text at a time.
import { expect, it } from 'vitest';
import { idsRow, tokenLogprobs } from '../../lm/index.ts';
import { tinyModelOfFile } from '../../lm/tiny-model.testing.ts';
import { completed, layOut } from '../../text/index.ts';
import { noGrad, scope } from '../../torch/index.ts';
import { answerLogprobs } from './answer-logprobs.ts';

const tiny = tinyModelOfFile();
const texts = [
  { prompt: [1, 270, 280], answer: [265, 290, 2] },
  { prompt: [1, 300], answer: [310, 301, 302, 264, 2] },
  { prompt: [1, 262, 263, 264, 265], answer: [2] },
];

it.each(['packed', 'padded'] as const)(
  '%s: sums over the tokens of each answer, how many they are, and entropy',
  (layout) => {
    using model = tiny.load();
    const source = { file: 'rows.jsonl', row: 1 };
    const examples = texts.map(({ prompt, answer }) =>
      completed(Int32Array.from(prompt), Int32Array.from(answer), source),
    );
    const batch = layOut(examples, { layout, sequenceLength: 16, padding: 3 });
    const found = scope(() =>
      noGrad(() => {
        const { logprobs, tokens, entropy } = answerLogprobs(model, batch);
        return { logprobs: logprobs.tolist() as number[], tokens: tokens.tolist(), entropy: entropy.item() };
      }),
    );
    expect(found.tokens).toEqual([3, 5, 1]);
    const entropies: number[] = [];
    for (const [i, { prompt, answer }] of texts.entries()) {
      const ids = [...prompt, ...answer];
      const logprobs = tokenLogprobs(model, ids).slice(prompt.length - 1);
      expect(found.logprobs[i]).toBeCloseTo(
        logprobs.reduce((sum, value) => sum + value, 0),
        4,
      );
      const rows = scope(() =>
        noGrad(() =>
          model
            .logits(model.forward(idsRow(ids, 'cpu')))
            .squeeze(0)
            .tolist(),
        ),
      ) as number[][];
      for (const logits of rows.slice(prompt.length - 1, -1)) {
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
        entropies.push(logits.reduce((sum, logit) => sum - (Math.exp(logit) / total) * (logit - Math.log(total)), 0));
      }
    }
    expect(entropies).toHaveLength(9);
    expect(found.entropy).toBeCloseTo(entropies.reduce((a, b) => a + b) / 9, 5);
  },
);
