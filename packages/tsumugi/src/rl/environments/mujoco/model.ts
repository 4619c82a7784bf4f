// Compiled models. Compiling one takes as long as hundreds of its steps, and stepping does not change it, so all
// simulations of a model share it; it is freed with the last of them.
import { readFileSync } from 'node:fs';
import type { Model, Mujoco } from './package.ts';

const shared = new Map<string, { model: Model; users: number }>();

/** @param file of the folder models */
export function borrowModel(mujoco: Mujoco, file: string): Model {
  const held = shared.get(file) ?? { model: compile(mujoco, file), users: 0 };
  held.users++;
  shared.set(file, held);
  return held.model;
}

export function returnModel(file: string): void {
  const held = shared.get(file)!;
  if (--held.users > 0) return;
  shared.delete(file);
  held.model.delete();
}

const compile = (mujoco: Mujoco, file: string): Model =>
  mujoco.MjModel.from_xml_string(readFileSync(new URL(`models/${file}`, import.meta.url), 'utf8'));
