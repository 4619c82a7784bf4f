// A process by itself.
import { hostname } from 'node:os';
import { ConfigError } from '../base/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import type { Mesh, Work } from './mesh.ts';

const done: Work = { wait() {}, async settled() {} };

function copied(output: Tensor, input: Tensor): Work {
  scope(() => noGrad(() => void output.view([-1]).copy_(input.view([-1]))));
  return done;
}

function alone(): never {
  throw new ConfigError('no-such-rank', 'this process is alone: there is no rank to send to or to receive from');
}

/** The mesh of one process. */
export const solo: Mesh = {
  rank: 0,
  world: 1,
  hosts: [hostname()],
  waitedSeconds: 0,
  allReduce: () => done,
  broadcast: () => done,
  allGather: copied,
  reduceScatter: copied,
  send: alone,
  receive: alone,
  barrier: () => done,
  group: async () => solo,
  giveUp() {},
  [Symbol.dispose]() {},
};
