// Model folders and where they come from.
export {
  Artefact,
  type ArtefactContent,
  isArtefact,
  type JsonObject,
  readLineage,
  writeArtefact,
  writeArtefactInSteps,
  writeLineage,
} from './artefact.ts';
export {
  ADAPTER_CONFIG_FILE,
  CHAT_TEMPLATE_FILE,
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  LINEAGE_FILE,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
} from './files.ts';
export { HashedFiles } from './hashed-files.ts';
export { hashedData, type Lineage, lineageOf, type Provenance } from './lineage.ts';
export { requirePlace } from './require-place.ts';
export { readTokenizerConfig } from './tokenizer-config.ts';
