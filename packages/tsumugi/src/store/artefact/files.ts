// The files of a model folder.
export const CONFIG_FILE = 'config.json';
export const TOKENIZER_FILE = 'tokenizer.jsonl';
export const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
export const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
export const GENERATION_CONFIG_FILE = 'generation_config.json';
export const LINEAGE_FILE = 'lineage.json';
/** What a folder has that holds an adapter and no model. */
export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
