// Every optional package is said to be one by package.json, with the version that its loader names.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadOptional } from '../packages/tsumugi/src/base/index.ts';
import { mIfEvalPackages } from '../packages/tsumugi/src/eval/tasks/m-ifeval/tools.ts';
import { libraryVersion } from '../packages/tsumugi/src/lm/index.ts';
import { planckPackage } from '../packages/tsumugi/src/rl/environments/box2d/package.ts';
import { mujocoPackage } from '../packages/tsumugi/src/rl/environments/mujoco/package.ts';
import { nesPackages } from '../packages/tsumugi/src/rl/environments/nes/nes.ts';
import { duckPackage } from '../packages/tsumugi/src/synth/index.ts';

const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(new URL('../packages/tsumugi/package.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, unknown>>;

it('is an optional peer of the version that the loader names', () => {
  const named = {
    ...duckPackage.versions,
    ...mIfEvalPackages.versions,
    ...mujocoPackage.versions,
    ...nesPackages.versions,
    'node-llama-cpp': libraryVersion,
    ...planckPackage.versions,
  };
  expect(peerDependencies).toEqual(named);
  for (const name of Object.keys(named)) {
    expect(dependencies).not.toHaveProperty(name);
    expect(peerDependenciesMeta![name]).toEqual({ optional: true });
  }
});

it('says in one sentence which packages are missing, and how they are installed', async () => {
  const absent = () => import('no-such-package' as string);
  await expect(loadOptional(mIfEvalPackages, absent)).rejects.toMatchObject({
    code: 'no-m-ifeval-packages',
    message:
      'M-IFEval-ja is checked with lindera-wasm-nodejs-ipadic and eld, which are not installed\n' +
      '  → npm install lindera-wasm-nodejs-ipadic@2.0.0 eld@2.1.0',
  });
  await expect(loadOptional(mujocoPackage, absent)).rejects.toMatchObject({
    code: 'no-mujoco',
    message: 'MuJoCo environments run on @mujoco/mujoco, which is not installed\n  → npm install @mujoco/mujoco@3.14.0',
  });
  const one = { code: 'no-x', purpose: 'Xs are read by', versions: { x: '1.0.0' } };
  await expect(loadOptional(one, absent)).rejects.toThrow('Xs are read by x, which is not installed');
});

it('says why a package that is there does not load', async () => {
  const broken = () => Promise.reject(new Error('invalid ELF header'));
  const one = { code: 'no-x', purpose: 'Xs are read by', versions: { x: '1.0.0' } };
  await expect(loadOptional(one, broken)).rejects.toThrow(
    'x does not load: invalid ELF header\n  → npm install x@1.0.0',
  );
});
