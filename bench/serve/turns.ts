// A conversation of several turns: how long the first token takes when the turns before are remembered, and when nothing is known.
import { RandomStream } from 'tsumugi/base';
import { Engine } from 'tsumugi/lm';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import type { Subject } from './subject.ts';
import { randomPrompt } from './workload.ts';

interface Shape {
  /** Tokens of the instruction that every conversation begins with, of each question, and of each answer. */
  instruction: number;
  question: number;
  answer: number;
  turns: number;
}

const shapes = (quick: boolean): Shape =>
  quick
    ? { instruction: 128, question: 8, answer: 4, turns: 3 }
    : { instruction: 512, question: 48, answer: 64, turns: 6 };
const wanted = 5;

interface Answer {
  /** Milliseconds to the first token. */
  first: number;
  answer: number[];
  /** Tokens of the prompt that the cache held. */
  cached: number;
}

function ask(engine: Engine, prompt: readonly number[], maxTokens: number): Promise<Answer> {
  const answer: number[] = [];
  const began = performance.now();
  let first = 0;
  return new Promise((resolve, reject) => {
    engine.add({
      prompt,
      maxTokens,
      stopIds: [],
      remember: true,
      onId(id) {
        if (answer.push(id) === 1) first = performance.now() - began;
        return false;
      },
      onEnd: (_reason, { cached }) => resolve({ first, answer, cached }),
      onError: reject,
    });
    engine.run().catch(reject);
  });
}

interface Turn {
  tokens: number;
  cached: number;
  warm: number;
  cold: number;
}

/** Of each turn after the first: its prompt's length, and the time with the turns before it in the cache and without. */
async function converse(engine: Engine, shape: Shape, vocabulary: number, seed: number) {
  const random = new RandomStream(seed);
  let ids = randomPrompt(random, shape.instruction, vocabulary);
  const times: Turn[] = [];
  for (let turn = 0; turn < shape.turns; turn++) {
    ids = [...ids, ...randomPrompt(random, shape.question + 1, vocabulary).slice(1)];
    const { first: warm, answer, cached } = await ask(engine, ids, shape.answer);
    // As long, and never seen.
    const { first: cold } = await ask(engine, randomPrompt(random, ids.length, vocabulary), 1);
    if (turn > 0) times.push({ tokens: ids.length, cached, warm, cold });
    ids = [...ids, ...answer];
  }
  return times;
}

/** Returns what a reader must know of the rows. */
export async function turns({ quick, rows, log }: Context, { model, config }: Subject): Promise<string[]> {
  const shape = shapes(quick);
  const samples: Turn[][] = [];
  for (let round = -1; round < (quick ? 1 : 5); round++) {
    using engine = new Engine(model);
    const times = await converse(engine, shape, config.vocab_size, round + 2);
    if (round >= 0) samples.push(times);
    const { warm, cold } = times.at(-1)!;
    log(`turn ${shape.turns}: first token after ${warm.toFixed(1)} ms, without the cache ${cold.toFixed(1)} ms`);
  }
  for (const turn of new Set([2, shape.turns])) {
    const times = samples.map((sample) => sample[turn - 2]!);
    rows.push(
      row({
        name: `turn ${turn}, prompt of ${times[0]!.tokens}: time to first token`,
        unit: 'ms',
        better: 'lower',
        ours: times.map(({ warm }) => warm),
        peer: times.map(({ cold }) => cold),
        goal: { of: 'speed', bound: wanted },
      }),
    );
  }
  const { tokens, cached } = samples[0]!.at(-1)!;
  return [
    `turn ${shape.turns}: ${cached} of the ${tokens} tokens of its prompt come from the cache`,
    `turns: an instruction of ${shape.instruction} tokens, then questions of ${shape.question} and answers of ${shape.answer}; the peer of these rows is our own engine asked a prompt as long that it has never seen`,
  ];
}
