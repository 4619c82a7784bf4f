// Evaluation requests a second: the engine's backend, which packs, shares and decodes together, against the same requests one
// by one with `generateText` and `tokenLogprobs`. Both sides must give the same answers.
import { type Backend, type ChoicesAnswer, engineBackend, type GenerateAnswer, type Request } from 'tsumugi/eval';
import { generateText, type Plamo2, preset, tokenLogprobs } from 'tsumugi/lm';
import { embeddedText, readDocuments, Tokenizer, TrainingText, trainTokenizer } from 'tsumugi/text';
import { disturb, newModel } from './lib/lm.ts';
import type { Context, PartResult } from './lib/part.ts';
import { row } from './lib/row.ts';
import { interleave } from './lib/sampling.ts';

/** Tokens that are generated for a request: a short answer, as most tasks want. */
const answerTokens = 24;
/** Of log-probabilities, in nats: sums over some tens of tokens in another order. */
const tolerance = 1e-3;

interface Subject {
  model: Plamo2;
  tokenizer: Tokenizer;
}

/** Sentences of a novel, for prompts that begin alike (the examples) and end differently (the question). */
async function sentences(): Promise<string[]> {
  const found: string[] = [];
  for await (const { text } of readDocuments([embeddedText()[1]!]))
    found.push(...text.split(/(?<=。)/).map((line) => line.trim()));
  return found.filter((line) => line.length >= 20 && line.length <= 60);
}

async function makeTokenizer(pieces: number): Promise<Tokenizer> {
  const text = new TrainingText();
  for await (const document of readDocuments(embeddedText())) text.add(document.text);
  return Tokenizer.fromPieces(trainTokenizer(text, { vocabSize: pieces }));
}

function requests(lines: readonly string[], count: number): { generate: Request[]; choices: Request[] } {
  const examples = lines.slice(0, 8).join('\n');
  const question = (i: number) => `${examples}\n${lines[8 + i]!}`;
  const choice = (i: number, k: number) => lines[(8 + count + 7 * i + k) % lines.length]!.slice(0, 12);
  return {
    generate: Array.from({ length: count }, (_, i) => ({
      kind: 'generate',
      prompt: question(i),
      maxTokens: answerTokens,
      stop: [],
      temperature: 0,
      topP: 1,
      seed: 0,
    })),
    choices: Array.from({ length: count }, (_, i) => ({
      kind: 'choices',
      prompt: question(i),
      choices: Array.from({ length: 5 }, (_, k) => choice(i, k)),
    })),
  };
}

async function together(backend: Backend, asked: readonly Request[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  await backend.answer(asked, (index, answer) => {
    answers[index] = answer;
  });
  return answers;
}

function alone({ model, tokenizer }: Subject, request: Request): string | number[] {
  if (request.kind === 'generate')
    return [...generateText(model, tokenizer, request.prompt as string, { maxTokens: answerTokens })].join('');
  if (request.kind !== 'choices') throw new Error('not asked here');
  const prompt = tokenizer.encode(request.prompt, { addBos: true, safe: true });
  return request.choices.map((text) => {
    const logprobs = tokenLogprobs(model, [...prompt, ...tokenizer.encode(text, { safe: true })]);
    return logprobs.subarray(prompt.length - 1).reduce((total, logprob) => total + logprob, 0);
  });
}

/** Fails unless answers given together are those given one by one. */
function check(one: string | number[], answer: unknown): void {
  if (typeof one === 'string') {
    const { text } = answer as GenerateAnswer;
    if (text !== one) throw new Error(`generated together "${text}", alone "${one}"`);
    return;
  }
  const { logprobs } = answer as ChoicesAnswer;
  const worst = Math.max(...one.map((logprob, i) => Math.abs(logprob - logprobs[i]!)));
  if (!(worst < tolerance)) throw new Error(`log-probabilities differ by ${worst}`);
}

export async function run(context: Context): Promise<PartResult> {
  const { quick } = context;
  const pieces = quick ? 600 : 4096;
  const tokenizer = await makeTokenizer(pieces);
  using model = newModel(preset(quick ? 'mini' : 'bench', { vocab_size: pieces }));
  disturb(model);
  const subject = { model, tokenizer };
  await using backend = engineBackend({ ...subject, name: 'bench', fingerprint: 'bench' });
  const asked = requests(await sentences(), quick ? 4 : 32);
  const { rows } = context;
  for (const kind of ['generate', 'choices'] as const) {
    const list = asked[kind];
    const answers = await together(backend, list);
    for (const [i, request] of list.slice(0, 4).entries()) check(alone(subject, request), answers[i]);
    const rate = async (work: () => unknown) => {
      const start = performance.now();
      await work();
      return (1000 * list.length) / (performance.now() - start);
    };
    const { batched, single } = await interleave(quick ? 1 : 3, {
      batched: () => rate(() => together(backend, list)),
      single: () => rate(() => list.map((request) => alone(subject, request))),
    });
    context.log(`${kind}: ${batched.at(-1)!.toFixed(1)} requests/s, one by one ${single.at(-1)!.toFixed(1)}`);
    const what = kind === 'generate' ? `${answerTokens} tokens each` : '5 choices each';
    rows.push(
      row({
        name: `${kind}, ${what}`,
        unit: 'requests/s',
        better: 'higher',
        ours: batched,
        peer: single,
        goal: { of: 'speed', bound: 1 },
      }),
    );
  }
  return {
    rows,
    notes: [
      `the peer is our own engine asked one by one; ${asked.generate.length} requests whose prompts share 8 examples`,
      'the answers of both are compared: the same greedy texts, log-probabilities within 0.001',
    ],
  };
}
