// What goes between a vector of environments, the keeper of its threads, and the threads, besides the shared memory.
import type { MessagePort } from 'node:worker_threads';
import type { Info } from '../environment.ts';
import type { PlainSpace } from '../spaces/index.ts';
import type { PlainError } from './at-index.ts';
import type { EachOptions } from './make-each.ts';
import type { MemoryBuffers } from './worker-memory.ts';

/** What a thread is started with. */
export interface ThreadPlan {
  id: string;
  each: EachOptions;
  /** Addresses of the modules that register environments. */
  modules: readonly string[];
  /** Its environments are first … first + count − 1. */
  first: number;
  count: number;
  /** To the vector. */
  port: MessagePort;
}

export interface KeeperPlan {
  threads: readonly ThreadPlan[];
  /** Address of the threads' file. */
  module: string;
  /** Takes what is told of threads that died. */
  news: MessagePort;
}

/** What a thread says first. */
export interface Ready {
  observation: PlainSpace;
  action: PlainSpace;
  snapshots: boolean;
}

export type FromThread = { ready: Ready } | { failed: PlainError };
export type FromKeeper = { thread: number; said: FromThread } | { thread: number; died: string };

/** What a thread is told once all are ready. */
export interface Begin {
  /** Environments and threads of the whole vector, and this one's number. */
  size: number;
  threads: number;
  thread: number;
  buffers: MemoryBuffers;
}

/** Infos that are not empty, by the index of their environment. */
export type Infos = (readonly [index: number, info: Info])[];
