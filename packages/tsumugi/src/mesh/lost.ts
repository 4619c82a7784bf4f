// What a person is told when processes that train together cannot go on.
import { UserError } from '../base/index.ts';

/** What is known of a rank. */
export interface Peer {
  rank: number;
  host: string;
}

const named = ({ rank, host }: Peer) => `rank ${rank} on ${host}`;
const goOn = 'Start all ranks again with --resume to go on from the last checkpoint.';

/** @param during what this rank was doing, e.g. "an all-reduce" */
export function rankLost(own: Peer, peer: Peer, during: string, said: string): UserError {
  const fields = { rank: peer.rank, host: peer.host, collective: during };
  if (said !== '') return new UserError('rank-ended', `${named(peer)} ended: ${said}`, { remedy: goOn, fields });
  return new UserError('rank-lost', `${named(peer)} is gone, found out by ${named(own)} in ${during}`, {
    remedy: `Look at what ${named(peer)} wrote last, and whether its machine can be reached. ${goOn}`,
    fields,
  });
}

/** All ranks are alive, and yet the collective did not come to its end. */
export function collectiveLate(own: Peer, during: string, seconds: number): UserError {
  return new UserError(
    'collective-late',
    `${named(own)} waited ${seconds} s in ${during}, to which another rank, though alive, did not come`,
    {
      remedy: `Give more time with TSUMUGI_MESH_TIMEOUT (seconds) where a rank has long work to do alone. ${goOn}`,
      fields: { rank: own.rank, host: own.host, collective: during },
    },
  );
}

export function collectiveFailed(own: Peer, during: string, why: string): UserError {
  return new UserError('collective-failed', `${named(own)} failed in ${during}: ${why}`, {
    remedy: goOn,
    fields: { rank: own.rank, host: own.host, collective: during },
  });
}
