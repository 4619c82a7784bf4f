export { fsyncPath, writeFileAtomic } from './atomic.ts';
export {
  CheckpointError,
  ConfigError,
  DataError,
  DisposedError,
  type ErrorDetails,
  FormatError,
  invariant,
  NativeError,
  ShapeError,
  TsumugiError,
  UserError,
} from './errors.ts';
export { editDistance, nearest, suggestion } from './nearest.ts';
export { deriveSeed, RandomStream } from './random.ts';
export { isRunning, StagedFolder } from './staged-folder.ts';
export { type LeftOut, type Walk, type WalkedFile, walkFiles } from './walk-files.ts';
