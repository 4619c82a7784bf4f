// What the CPU can do, read without native code: the level kernels are compiled for, and the OpenBLAS core to ask for.
import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The flags of the first CPU in /proc/cpuinfo's text ("flags" on x86, "Features" on Arm).
 * @param {string} cpuinfo
 * @returns {Set<string>}
 */
export function parseCpuFlags(cpuinfo) {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1] ?? '';
  return new Set(line.split(/\s+/).filter(Boolean));
}

/**
 * This machine's CPU flags; empty where the system has no /proc/cpuinfo.
 * @returns {Set<string>}
 */
export function readCpuFlags() {
  // The file grows with the number of cores and the kernel writes it as it is read; the first core's entry is enough.
  const buffer = Buffer.alloc(16384);
  let length = 0;
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      for (let n = 1; n > 0 && length < buffer.length; length += n) n = readSync(file, buffer, length, 4096, null);
    } finally {
      closeSync(file);
    }
  } catch {
    return new Set();
  }
  return parseCpuFlags(buffer.toString('latin1', 0, length));
}

// The psABI's levels (https://gitlab.com/x86-psABIs/x86-64-ABI) from the lowest on, and what each adds, as Linux calls it.
const levels = [
  { name: 'x86-64-v2', adds: ['cx16', 'lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3'] },
  { name: 'x86-64-v3', adds: ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'] },
  { name: 'x86-64-v4', adds: ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'] },
];

/**
 * The level kernels are compiled for: x86-64-v4, -v3, -v2, x86-64, or the architecture's own name elsewhere.
 * @param {Set<string>} flags
 * @param {string} [arch] as process.arch
 * @returns {string}
 */
export function cpuLevel(flags, arch = process.arch) {
  if (arch === 'arm64') return 'aarch64';
  if (arch !== 'x64') return arch;
  let reached = 'x86-64';
  for (const { name, adds } of levels) {
    if (!adds.every((flag) => flags.has(flag))) break;
    reached = name;
  }
  return reached;
}

/**
 * The OpenBLAS core type for this CPU, or undefined when OpenBLAS should choose by itself. Versions older than a CPU
 * fall back to an SSE core on it (0.3.21 on newer Xeons: a fifth of the speed), so the choice is made from the flags.
 * @param {Set<string>} flags
 * @param {string} [arch]
 * @returns {string | undefined}
 */
export function openblasCoreType(flags, arch = process.arch) {
  if (arch !== 'x64') return undefined;
  if (['avx512f', 'avx512bw', 'avx512vl', 'avx512dq'].every((flag) => flags.has(flag))) return 'SkylakeX';
  if (flags.has('avx2') && flags.has('fma')) return 'Haswell';
  return undefined;
}
