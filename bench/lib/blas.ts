// The BLAS behind libtorch: which library, and whether OpenBLAS runs the right kernels on this CPU.
import { existsSync, readFileSync } from 'node:fs';
import { UserError } from 'tsumugi/base';

/** The BLAS libraries mapped into this process. */
export function ownBlas(): string[] {
  if (!existsSync('/proc/self/maps')) return [];
  const paths = readFileSync('/proc/self/maps', 'utf8').matchAll(/\s(\/\S*(?:blas|libmkl)[^/\s]*\.so[^/\s]*)$/gm);
  return [...new Set([...paths].map((match) => match[1]!))].sort();
}

/** This machine's CPU flags; empty where there is no /proc/cpuinfo. */
export function cpuFlags(): Set<string> {
  if (!existsSync('/proc/cpuinfo')) return new Set();
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  return new Set(line.split(/\s+/));
}

/** What OPENBLAS_CORETYPE should be on this CPU; undefined when OpenBLAS may choose by itself. */
export function bestBlasCore(flags: ReadonlySet<string>): 'SkylakeX' | 'Haswell' | undefined {
  if (['avx512f', 'avx512bw', 'avx512vl', 'avx512dq'].every((flag) => flags.has(flag))) return 'SkylakeX';
  return flags.has('avx2') ? 'Haswell' : undefined;
}

/**
 * Refuses to measure with OpenBLAS's SSE core on a CPU that has AVX2: every figure, and the peer's, would be far too low.
 *
 * @throws UserError
 */
export function checkBlasCore(core: string, flags: ReadonlySet<string>): void {
  const best = bestBlasCore(flags);
  if (core.toLowerCase() === 'prescott' && best)
    throw new UserError('slow-blas-core', 'OpenBLAS chose the core Prescott (SSE) although this CPU has AVX2', {
      remedy: `Set OPENBLAS_CORETYPE=${best}, or unset it to let tsumugi choose.`,
      fields: { core },
    });
}
