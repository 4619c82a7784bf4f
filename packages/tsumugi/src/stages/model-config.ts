// The config of a model that a stage is given: of its folder, or, while it is not made yet, what its forecast told.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Plamo2Config, parseConfig } from '../lm/index.ts';
import type { StageInput } from '../recipe/index.ts';
import { Artefact, CONFIG_FILE } from '../store/index.ts';

export const modelConfigOf = ({ path, about }: StageInput): Plamo2Config =>
  existsSync(join(path, CONFIG_FILE)) ? parseConfig(new Artefact(path).config(), path) : parseConfig(about);
