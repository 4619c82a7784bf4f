// Model folders and where they come from.
export {
  Artefact,
  type ArtefactContent,
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  type JsonObject,
  LINEAGE_FILE,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  writeArtefact,
} from './artefact.ts';
export { HashedFiles } from './hashed-files.ts';
export type { Lineage, Provenance } from './lineage.ts';
