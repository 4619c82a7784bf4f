// Whether the device is there, and what it is: the first thing that the check wants to know.
import { cpus } from 'node:os';
import { factoryDevice, hasCuda, numThreads, torchVersion } from 'tsumugi/torch';
import { say } from '../../scripts/device-check/say.ts';
import { synchronize } from './timing.ts';

const device = factoryDevice();
synchronize();
say({ fact: ['device', device] });
say({ fact: ['libtorch', `${torchVersion()}, CUDA ${hasCuda() ? 'available' : 'not available'}`] });
say({ fact: ['CPU', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${numThreads()} threads`] });
say({ fact: ['Node', process.versions.node] });
