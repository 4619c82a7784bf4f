// Which processes there are, and what each is told of it: the variables that torchrun, Slurm and Kubernetes' training operator set
// too, so that a training does not know who started it.

export interface Layout {
  /** Processes on this machine; every other machine has as many. */
  processes: number;
  nodes: number;
  /** Which of the machines this one is, from 0. */
  nodeRank: number;
  /** Where the processes meet: an address of machine 0, and a port that is free there. */
  address: string;
  port: number;
}

export const worldOf = ({ processes, nodes }: Layout): number => processes * nodes;

/** The rank of a process of this machine. */
export const rankOf = ({ processes, nodeRank }: Layout, local: number): number => nodeRank * processes + local;

/** What the process is told, beside what the launcher itself was told. */
export const rankEnvironment = (layout: Layout, local: number): Record<string, string> => ({
  RANK: String(rankOf(layout, local)),
  LOCAL_RANK: String(local),
  WORLD_SIZE: String(worldOf(layout)),
  LOCAL_WORLD_SIZE: String(layout.processes),
  MASTER_ADDR: layout.address,
  MASTER_PORT: String(layout.port),
});
