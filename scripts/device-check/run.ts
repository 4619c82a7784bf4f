// `scripts/check-device run`, once Node is there.
import { resolve } from 'node:path';
import { check, type Settings } from './check.ts';
import { allParts } from './parts.ts';

const settings = JSON.parse(process.argv[2]!) as Settings;
const isWell = await check(allParts(settings.quick), { ...settings, out: resolve(settings.out) }, console.log);
process.exitCode = isWell ? 0 : 1;
