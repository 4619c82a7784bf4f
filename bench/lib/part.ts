// What a part of the suite is: a file that exports `run(context)`.
import type { Machine } from './machine.ts';
import type { Peer } from './peer.ts';
import type { Row } from './row.ts';

export interface Context {
  /** Small shapes and few samples: enough to see that a part works, not to judge by. */
  quick: boolean;
  machine: Machine;
  /** Pieces of the part that are left out. */
  skip: readonly string[];
  /** Where rows go as soon as they are measured: a part that is cut off has given what it had. */
  rows: Row[];
  /** One line of progress, to standard error. */
  log(line: string): void;
  /** Starts `bench/peer/<script>` in the peer's Python; undefined (and a note in the report) when there is none. */
  peer(script: string): Promise<Peer | undefined>;
}

export interface PartResult {
  rows: Row[];
  /** What a reader must know to judge the rows. */
  notes?: string[];
}

export interface Part {
  run(context: Context): Promise<PartResult>;
}
