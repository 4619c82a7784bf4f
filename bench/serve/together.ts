// Decoding in step: as many texts as clients, from one token each, equally long, all in every batch. The one way in which llama.cpp decodes
// several texts of PLaMo 2 rightly, and its quickest: no prompts, nobody comes or goes.
import { Engine } from 'tsumugi/lm';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { engineWrite } from './engine.ts';
import { LlamaPeer } from './llama.ts';
import { compareTexts } from './same-texts.ts';
import type { Subject } from './subject.ts';

const wanted = 1.5;

/** Returns what a reader must know of the rows. */
export async function together(context: Context, subject: Subject): Promise<string[]> {
  const { quick, rows, log, machine } = context;
  const { gguf, model } = subject;
  const [counts, answerTokens] = quick ? [[4], 8] : [[4, 16], 128];
  const notes: string[] = [];
  for (const clients of counts) {
    const firstTokens = Array.from({ length: clients }, (_, i) => 10 + i);
    using engine = new Engine(model, { slots: clients, prefixCache: false });
    await using peer =
      gguf &&
      (await LlamaPeer.open(gguf.library, gguf.file, {
        sequences: clients,
        contextTokens: 2 * answerTokens,
        threads: machine.threads,
      }));
    const write = engineWrite(engine);
    const ours = async () => {
      const texts: number[][] = firstTokens.map(() => []);
      const one = (first: number, i: number) =>
        write(i, { prompt: [first], answerTokens }, (id) => texts[i]!.push(id!));
      await Promise.all(firstTokens.map(one));
      return texts;
    };
    const theirs = peer && (() => peer.writeTogether(firstTokens, answerTokens));
    if (theirs) notes.push(`${clients} in step, ${compareTexts(await ours(), await theirs())}`);
    const rate = (name: string, all: () => Promise<unknown>) => async () => {
      const began = performance.now();
      await all();
      const found = (1e3 * clients * answerTokens) / (performance.now() - began);
      log(`${clients} in step, ${name}: ${found.toFixed(0)} tokens/s`);
      return found;
    };
    const rates = await interleave(quick ? 1 : 5, {
      ours: rate('ours', ours),
      peer: theirs && rate('llama.cpp', theirs),
    });
    const goal = clients === 16 ? { goal: { of: 'speed', bound: wanted } as const } : {};
    rows.push(row({ name: `${clients} in step`, unit: 'tokens/s', better: 'higher', ...rates, ...goal }));
  }
  return [
    ...notes,
    `in step: ${answerTokens} tokens each from a prompt of one token, all texts in every pass; nothing is read, nobody waits`,
  ];
}
