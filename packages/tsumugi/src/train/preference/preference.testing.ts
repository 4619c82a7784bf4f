// Pairs of answers for tests of preference training: what an animal says, and what another says.
import { writeFileSync } from 'node:fs';
import { RandomStream } from '../../base/index.ts';
import { type DpoConfig, type DpoInput, dpoConfig } from '../dpo-config.ts';
import { type RewardConfig, type RewardInput, rewardConfig } from '../reward-config.ts';
import { instructions, jsonLines, type SftSetup, sftSetup } from '../sft.testing.ts';

export interface Pair {
  prompt: string;
  chosen: string;
  rejected: string;
}

/** Which answer is the right one can be known from the question alone, in an order of the seed's. */
export function pairsOf(seed = 1): Pair[] {
  const random = new RandomStream(seed);
  const rows = instructions(seed);
  const answers = [...new Set(rows.map(({ output }) => output))].sort();
  return rows.map(({ instruction, input, output }) => {
    const others = answers.filter((answer) => answer !== output);
    return { prompt: `${instruction}${input}`, chosen: output, rejected: others[random.below(others.length)]! };
  });
}

/** Their answers one by one, with a label. */
export const ratedOf = (pairs: readonly Pair[]) =>
  pairs.flatMap(({ prompt, chosen, rejected }) => [
    { prompt, completion: chosen, label: true },
    { prompt, completion: rejected, label: false },
  ]);

export interface PairSetup<Config, Input> extends Pick<SftSetup, 'folder' | 'at'>, Disposable {
  /** A complete config with a run folder of this name. */
  config(name: string, changes?: Partial<Input>): Config;
}
export type DpoSetup = PairSetup<DpoConfig, DpoInput>;
export type RewardSetup = PairSetup<RewardConfig, RewardInput>;

/** Writes a model that knows nothing, and 120 pairs, also as answers with labels. */
export const dpoSetup = (): Promise<DpoSetup> => pairSetup((settings) => dpoConfig.parse(settings));
export const rewardSetup = (): Promise<RewardSetup> => pairSetup((settings) => rewardConfig.parse(settings));

async function pairSetup<Config, Input>(parse: (settings: object) => Config): Promise<PairSetup<Config, Input>> {
  const setup = await sftSetup();
  const { at } = setup;
  const pairs = pairsOf().slice(0, 120);
  writeFileSync(at('pairs.jsonl'), jsonLines(pairs));
  writeFileSync(at('rated.jsonl'), jsonLines(ratedOf(pairs)));
  return {
    folder: setup.folder,
    at,
    config: (name, changes = {}) =>
      parse({
        model: at('base'),
        data: [at('pairs.jsonl')],
        out: at(name),
        steps: 6,
        sequenceLength: 128,
        batchSize: 4,
        learningRate: 1e-3,
        evaluateEvery: 0,
        checkpointEvery: 2,
        keepLast: 9,
        ...changes,
      }),
    [Symbol.dispose]: () => setup[Symbol.dispose](),
  };
}
