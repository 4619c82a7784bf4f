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
  { name: 'x86-64', adds: [] },
  { name: 'x86-64-v2', adds: ['cx16', 'lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3'] },
  { name: 'x86-64-v3', adds: ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'] },
  { name: 'x86-64-v4', adds: ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'] },
];

/**
 * The highest level of this CPU: x86-64-v4, -v3, -v2, x86-64, or the architecture's own name elsewhere.
 * @param {Set<string>} flags
 * @param {string} [arch] as process.arch
 * @returns {string}
 */
export function cpuLevel(flags, arch = process.arch) {
  if (arch === 'arm64') return 'aarch64';
  if (arch !== 'x64') return arch;
  let reached = arch;
  for (const { name, adds } of levels) {
    if (!adds.every((flag) => flags.has(flag))) break;
    reached = name;
  }
  return reached;
}

/**
 * @typedef {object} LevelChoice
 * @property {string} level what kernels are compiled for
 * @property {string} highest what this CPU has
 * @property {boolean} chosen whether TSUMUGI_CPU says so
 * @property {{ message: string, remedy: string }} [problem] why TSUMUGI_CPU cannot be followed
 */

/**
 * The level to build for and to run: TSUMUGI_CPU, or the highest this CPU has.
 * @param {NodeJS.ProcessEnv} env
 * @param {Set<string>} flags
 * @param {string} [arch] as process.arch
 * @returns {LevelChoice}
 */
export function chooseLevel(env, flags, arch = process.arch) {
  const highest = cpuLevel(flags, arch);
  const wanted = env['TSUMUGI_CPU'];
  if (!wanted) return { level: highest, highest, chosen: false };
  const names = arch === 'x64' ? levels.map(({ name }) => name) : [highest];
  const possible = names.slice(0, names.indexOf(highest) + 1);
  const choice = { level: wanted, highest, chosen: true };
  if (possible.includes(wanted)) return choice;
  const message = names.includes(wanted)
    ? `TSUMUGI_CPU asks for ${wanted}, but this CPU has ${highest} at most`
    : `TSUMUGI_CPU should be a CPU level (${names.join(', ')}) but is "${wanted}"`;
  return { ...choice, problem: { message, remedy: `set TSUMUGI_CPU to ${possible.join(' or ')}, or unset it` } };
}

// What keeps the libraries that look at the CPU themselves to a level: ATen's own kernels, oneDNN, MKL.
const sse = { ATEN_CPU_CAPABILITY: 'default', ONEDNN_MAX_CPU_ISA: 'SSE41', MKL_ENABLE_INSTRUCTIONS: 'SSE4_2' };
const avx2 = { ATEN_CPU_CAPABILITY: 'avx2', ONEDNN_MAX_CPU_ISA: 'AVX2', MKL_ENABLE_INSTRUCTIONS: 'AVX2' };
/** @type {Record<string, { core: string, limits: Record<string, string> }>} */
const below = {
  'x86-64': { core: 'Prescott', limits: sse },
  'x86-64-v2': { core: 'Nehalem', limits: sse },
  'x86-64-v3': { core: 'Haswell', limits: avx2 },
};

/**
 * The OpenBLAS core to ask for, and the variables that keep the other libraries to the level: none at this CPU's highest.
 * @param {LevelChoice} choice
 * @param {Set<string>} flags
 * @returns {{ core: string | undefined, limits: Record<string, string> }}
 */
export function libraryChoice({ level, highest }, flags) {
  return (level !== highest && below[level]) || { core: openblasCoreType(flags), limits: {} };
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
