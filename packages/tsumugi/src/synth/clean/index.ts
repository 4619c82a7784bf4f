export { CLEAN_FILTERS, type CleanConfig, cleanConfig } from './clean-config.ts';
export { type CleanReport, type CleanRun, cleanCorpus, forecastClean } from './clean-corpus.ts';
export { duckPackage } from './duck.ts';
export { rowSource } from './row-source.ts';
