export { freePort, requireFreePort } from './free-port.ts';
export { type LaunchOptions, launch } from './launch.ts';
export { type Layout, rankEnvironment } from './layout.ts';
