export { absence, linkTarget, namesIn } from './absence.ts';
export { fsyncPath, placeAtomic, writeFileAtomic } from './atomic.ts';
export { availableDisk, requireRoom } from './available-disk.ts';
export { cacheFolder } from './cache-folder.ts';
export { type ContentHashOptions, contentHash, filesHash } from './content-hash.ts';
export { noteSignal, signalExitCode } from './ending.ts';
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
export { isSettled, stampOf } from './hash-record.ts';
export { importFile } from './import-file.ts';
export { checkSettings, innermostIssue, issueText } from './issue-text.ts';
export { jsonExcess, MAX_JSON_BYTES, parseJson } from './json-text.ts';
export { editDistance, nearest, suggestion } from './nearest.ts';
export { honourNohup } from './nohup.ts';
export { loadOptional, type OptionalPackages } from './optional-package.ts';
export { checkCount, checkOptions, given, isObject, kindOf, type OptionHints, type OptionNames } from './options.ts';
export { type CodePlace, callerPlace, inOwnCode, ownPlace, thrownText, whyNotLoaded } from './own-code.ts';
export { isPackaged, moduleBeside, moduleEnding, ownFile, ownPackage } from './own-files.ts';
export { checkSeed, deriveSeed, RandomStream, type StatefulStream, streamUsed, watchStreams } from './random.ts';
export { cannotRead, type JsonReading, readBytes, readJsonValue } from './read-file.ts';
export { realPlace, samePlace } from './same-place.ts';
export { checkChoice, checkNumber, checkNumbers, type Range } from './settings.ts';
export { pieces, sha256, sha256File } from './sha256.ts';
export { outNotShared, SEEN_AFTER_SECONDS } from './shared-folder.ts';
export { type Spread, spreadOf, tQuantile } from './spread.ts';
export { StagedFolder } from './staged-folder.ts';
export { steady } from './steady.ts';
export { atOnce, inSteps, type Steps } from './steps.ts';
export { synchronous } from './synchronous.ts';
export {
  finishedName,
  isRunning,
  removeUnfinished,
  removeUnfinishedOf,
  unfinishedFile,
  unfinishedFolder,
} from './unfinished.ts';
export { unlessBroken } from './unless-broken.ts';
export { decodeUtf8 } from './utf8.ts';
export { type LeftOut, type Walk, type WalkedFile, walkFiles } from './walk-files.ts';
export { explained, makeFolder, whyNotWritten, writingAt } from './write-fault.ts';
