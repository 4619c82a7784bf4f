// The BLAS behind libtorch: which library, and whether OpenBLAS runs the right kernels on this CPU.
import { existsSync, readFileSync } from 'node:fs';
import { UserError } from 'tsumugi/base';

/** The BLAS libraries mapped into this process. */
export function ownBlas(): string[] {
  if (!existsSync('/proc/self/maps')) return [];
  const paths = readFileSync('/proc/self/maps', 'utf8').matchAll(/\s(\/\S*(?:blas|libmkl)[^/\s]*\.so[^/\s]*)$/gm);
  return [...new Set([...paths].map((match) => match[1]!))].sort();
}

/** What OPENBLAS_CORETYPE should be at a CPU level; undefined where OpenBLAS may choose by itself. */
export function bestBlasCore(level: string): 'SkylakeX' | 'Haswell' | undefined {
  if (level === 'x86-64-v4') return 'SkylakeX';
  return level === 'x86-64-v3' ? 'Haswell' : undefined;
}

/**
 * Refuses to measure with OpenBLAS's SSE core on a CPU that has AVX2: every number, and the peer's, would be far too low.
 *
 * @throws UserError
 */
export function checkBlasCore(core: string, level: string): void {
  const best = bestBlasCore(level);
  if (core.toLowerCase() === 'prescott' && best)
    throw new UserError(
      'slow-blas-core',
      'OpenBLAS chose the core Prescott (SSE) although kernels run at AVX2 or more',
      {
        remedy: `Set OPENBLAS_CORETYPE=${best}, or unset it to let tsumugi choose.`,
        fields: { core },
      },
    );
}
