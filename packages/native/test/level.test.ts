// The addon stays at the CPU level it is built for (TSUMUGI_CPU, or the CPU's own): its code, and the libraries' beside it.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { requires } from '../../../tests/requires.testing.ts';
import { describe as describeNative, load } from '../index.js';

const { addon, blas, cpuLevel } = describeNative();
const { level, highest, chosen } = cpuLevel;
const bin = new URL('../../tsumugi/bin/tsumugi.js', import.meta.url).pathname;
const index = new URL('../index.js', import.meta.url).href;

const node = (wanted: string, ...args: string[]) =>
  spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, TSUMUGI_CPU: wanted } });
const tsumugi = (wanted: string, ...args: string[]) => node(wanted, bin, ...args);

describe('the level', () => {
  const objdump =
    spawnSync('objdump', ['--version']).status === 0 && process.arch === 'x64' && process.platform === 'linux';
  it('is the highest that the addon’s instructions need', requires(objdump, 'objdump, of x86-64 Linux'), () => {
    const { stdout } = spawnSync('objdump', ['-d', '--no-show-raw-insn', addon!], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    const count = (pattern: RegExp) => stdout.match(pattern)?.length ?? 0;
    // Registers and masks that only AVX-512 has; fused products of whole AVX2 registers; a row of exponentials among them.
    const avx512 = count(/%zmm\d|%k[1-7]\b|%[xy]mm(?:1[6-9]|2\d|3[01])\b/g);
    const avx2 = count(/\bvfn?m(?:add|sub)\d+ps\s.*%ymm/g);
    expect(stdout.length).toBeGreaterThan(1e6);
    if (level === 'x86-64-v4') expect(avx512).toBeGreaterThan(10_000);
    else expect(avx512).toBe(0);
    if (level === 'x86-64-v3') expect(avx2).toBeGreaterThan(500);
    else if (level !== 'x86-64-v4') expect(avx2).toBe(0);
  });

  it('is that of the libraries, too, whatever else is set', () => {
    // This process has loaded the addon, and so hands on the variables of its level: TSUMUGI_CPU comes before them.
    const cores = { 'x86-64': 'Prescott', 'x86-64-v2': 'Nehalem', 'x86-64-v3': 'Haswell', 'x86-64-v4': 'SkylakeX' };
    load();
    const code = `import { load } from ${JSON.stringify(index)}; process.stdout.write(load().blasCore());`;
    const { status, stdout: core } = node(level, '--input-type=module', '--eval', code);
    expect(status).toBe(0);
    expect(core).toBe(blas === 'system' ? (cores[level as keyof typeof cores] ?? core) : '');
    const variables = [process.env['ATEN_CPU_CAPABILITY'], process.env['ONEDNN_MAX_CPU_ISA']];
    if (level === highest) expect(variables).toEqual([undefined, undefined]);
    else expect(variables).toEqual(level === 'x86-64-v3' ? ['avx2', 'AVX2'] : ['default', 'SSE41']);
  });

  it('is shown by the doctor, with who chose it', () => {
    const { stdout, status } = tsumugi(level, 'doctor');
    const elsewhere = level === highest ? '' : `; this CPU has ${highest}`;
    expect([status, stdout]).toEqual([0, expect.stringContaining(`${level}, chosen by TSUMUGI_CPU${elsewhere}\n`)]);
    if (!chosen) expect(tsumugi('', 'doctor').stdout).not.toContain('TSUMUGI_CPU');
  });

  it('is refused in one sentence when there is no such level', () => {
    const { status, stderr } = tsumugi('avx2', 'gan', 'sample', '--model', '/nowhere', '--out', '/nowhere/out');
    expect(status).toBe(2);
    const { stdout } = tsumugi('avx2', 'doctor', '--json');
    const { ok, problems } = JSON.parse(stdout);
    expect([ok, problems[0].code, problems[0].severity]).toEqual([false, 'native-unusable', 'broken']);
    expect(problems[0].message).toMatch(/^TSUMUGI_CPU should be a CPU level \(.*\) but is "avx2"$/);
    expect(problems[0].remedy).toMatch(/^set TSUMUGI_CPU to .*, or unset it$/);
    expect(stderr).not.toContain('bug');
  });
});
