// `tsumugi launch`: starts the ranks of one machine and stays until all have ended.
export { freePort, requireFreePort } from './free-port.ts';
export { type LaunchOptions, launch } from './launch.ts';
export { type Layout, rankEnvironment } from './layout.ts';
