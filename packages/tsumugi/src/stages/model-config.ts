// The config of a model that a stage is given: of its folder, or, while it is not made yet, what its forecast told.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Plamo2Config, parseConfig } from '../lm/index.ts';
import type { StageInput } from '../recipe/index.ts';
import { Artefact, CONFIG_FILE } from '../store/index.ts';

export const isMade = ({ path }: StageInput): boolean => existsSync(join(path, CONFIG_FILE));

export const modelConfigOf = (input: StageInput): Plamo2Config =>
  isMade(input) ? parseConfig(new Artefact(input.path).config(), input.path) : parseConfig(input.about);
