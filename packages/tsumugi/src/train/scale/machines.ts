// Machines that forecasts are made for, from published numbers: nothing here was measured by us.
import type { ClusterRates } from './step-time.ts';

export interface Machine {
  /** What it is. */
  name: string;
  memoryBytes: number;
  rates: ClusterRates;
}

/** Model FLOPs utilization of Llama 3.1 8B under FSDP on 8 or 128 H100 without torch.compile (torchtitan, docs/performance.md). */
const utilization = 0.33;

export const machines = {
  /**
   * Hosts of eight H100 SXM 80 GB with NVLink and eight 400 Gbit/s network cards.
   *
   * - 989.4 TFLOP/s in bfloat16, dense, and 3.35 TB/s of memory: NVIDIA's data sheet of the H100.
   * - NVLink is 450 GB/s in each direction, of which a ring of NCCL gets 370 (NVIDIA in nccl-tests issue 212); 46 GB/s of each
   *   network card (NVIDIA in nccl-tests issue 290).
   * - 3.4 µs and 14 µs for a message over NVLink and over the network: what NCCL reckons with (src/graph/tuning.cc, ring, Simple).
   */
  h100: {
    name: 'H100 SXM 80 GB, 8 on a host',
    memoryBytes: 80e9,
    rates: {
      flops: utilization * 989.4e12,
      memory: 3.35e12,
      ranksPerHost: 8,
      inside: { bytes: 370e9, latency: 3.4e-6 },
      between: { bytes: 8 * 46e9, latency: 14e-6 },
    },
  },
} as const satisfies Record<string, Machine>;

export type MachineName = keyof typeof machines;
