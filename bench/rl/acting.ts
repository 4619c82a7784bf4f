// What acting on one observation costs beside the network's own operators.
import { Linear } from 'tsumugi/nn';
import { makeEnvironment } from 'tsumugi/rl';
import { fromBytes, noGrad, Rng, scope } from 'tsumugi/torch';
import type { Context } from '../lib/part.ts';
import type { Peer } from '../lib/peer.ts';
import { row } from '../lib/row.ts';
import { interleave, seconds } from '../lib/sampling.ts';
import { Learner } from './learner.ts';

const wanted = 30;

export async function acting({ quick, rows }: Context, peer: Peer | undefined): Promise<void> {
  const count = quick ? 100 : 3000;
  // Greedy: every action asks the network.
  const settings = { hidden: [120, 84], epsilonStart: 0, epsilonEnd: 0 };
  using learner = await Learner.make('dqn', settings, await makeEnvironment('CartPole-v1'));
  const rng = new Rng(0);
  const [a, b, c] = [new Linear(4, 120, { rng }), new Linear(120, 84, { rng }), new Linear(84, 2, { rng })];
  const observation = new Float32Array(4);
  const network = () =>
    noGrad(() =>
      scope(() => c.forward(b.forward(a.forward(fromBytes(observation, 'float32', [1, 4])).relu()).relu()).data()),
    );
  const microseconds = (work: () => void) => {
    const taken = seconds(() => {
      for (let i = 0; i < count; i++) work();
    });
    return (taken / count) * 1e6;
  };
  const times = await interleave(quick ? 1 : 9, {
    ours: () => microseconds(() => learner.act()),
    network: () => microseconds(network),
    theirs:
      peer &&
      (async () => ((await peer.ask<{ seconds: number }>('act', { case: 'dqn', count })).seconds / count) * 1e6),
  });
  for (const layer of [a, b, c]) layer.dispose();
  rows.push(
    row({ name: 'acting on one observation, DQN', unit: 'µs', better: 'lower', ours: times.ours, peer: times.theirs }),
    row({
      name: '    over its network alone',
      unit: 'µs',
      better: 'lower',
      ours: times.ours.map((time, round) => time - times.network[round]!),
      goal: { of: 'value', bound: wanted },
    }),
  );
}
