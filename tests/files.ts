// Where tests find data files: golden data and inputs that once failed are in the repository; benchmark files are not.
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A path below tests/golden: what independent references computed (its README says how). */
export const golden = (path: string): string => here(`golden/${path}`);

/** A path below tests/faults: small inputs that once failed (its README has the right values). */
export const fault = (path: string): string => here(`faults/${path}`);

/** A path below the folder of benchmark files, which have licences of their own and stay outside the repository. */
export const benchmark = (path: string): string =>
  process.env['TSUMUGI_BENCHMARKS']
    ? `${process.env['TSUMUGI_BENCHMARKS']}/${path}`
    : here(`../../shared/benchmarks/${path}`);
