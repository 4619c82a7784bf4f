// The C++ compiler: CXX, or the first that runs; and whether it is new enough for the sources.
import { spawnSync } from 'node:child_process';

/**
 * @typedef {object} Compiler
 * @property {string} command as CXX would name it
 * @property {string} name "GCC 12.2.0"
 * @property {string} [problem] why it cannot be used
 */

/** The oldest ones that have what the kernels use: vector shuffles and the x86-64 levels. */
const oldest = { GCC: 12, Clang: 14 };

/**
 * Reads a compiler's own macros, as `-dM -E` lists them.
 * @param {string} macros
 * @returns {Omit<Compiler, 'command'>}
 */
export function describeCompiler(macros) {
  const version = (/** @type {string[]} */ ...names) =>
    names.map((name) => new RegExp(`^#define ${name} (\\d+)$`, 'm').exec(macros)?.[1]).filter(Boolean);
  const clang = version('__clang_major__', '__clang_minor__', '__clang_patchlevel__');
  const numbers = clang.length > 0 ? clang : version('__GNUC__', '__GNUC_MINOR__', '__GNUC_PATCHLEVEL__');
  const family = clang.length > 0 ? 'Clang' : 'GCC';
  if (numbers.length === 0) return { name: 'unknown', problem: 'is neither GCC nor Clang' };
  const name = `${family} ${numbers.join('.')}`;
  return Number(numbers[0]) >= oldest[family] ? { name } : { name, problem: `is ${name}` };
}

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Compiler | undefined} undefined when none runs
 */
export function findCompiler(env = process.env) {
  const named = env['CXX']?.trim();
  for (const command of named ? [named] : ['c++', 'g++', 'clang++']) {
    // Through a shell, as CXX may hold words: "ccache g++".
    const { status, stdout } = spawnSync(`${command} -dM -E -x c++ /dev/null`, { shell: true, encoding: 'utf8', env });
    if (status === 0) return { command, ...describeCompiler(stdout) };
  }
  return undefined;
}
