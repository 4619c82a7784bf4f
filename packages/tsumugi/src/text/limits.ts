// How much a file may ask for before it is refused, in one place with the reasons. Each is far above what text in use needs
// and far below what brings a machine down. docs/security.md lists them.

/**
 * Characters of one line of JSON, and of one document. A document is held whole: as a line, as text, as its tokens and as
 * the work space of the encoder, 20 bytes for each character together. V8 holds no string of 2^29.
 */
export const MAX_CHARACTERS = 2 ** 26;

/** What comes out of a compressed file for each byte of it, beyond the first 64 MiB: repetitive logs reach 100. */
export const MAX_EXPANSION = 250;
export const FREE_EXPANSION = 2 ** 26;

/** Bytes of the column of a row group in Parquet, of a page of it, and of the description at the file's end. */
export const MAX_COLUMN_BYTES = 2 ** 30;
export const MAX_PAGE_BYTES = 2 ** 28;
export const MAX_METADATA_BYTES = 2 ** 26;
/** Row groups take a read each, and rows an entry: both are counted in the description before anything is read. */
export const MAX_ROWS = 2 ** 31;

/** Memory for the objects of the thread that reads Parquet, and its time for a row group: 10 s, and 1 s for each MiB. */
export const PARQUET_MEMORY_MIB = 2048;
export const parquetSeconds = (bytes: number): number => 10 + Math.ceil(bytes / 2 ** 20);

/** A tokenizer.jsonl: the published ones have 100,000 pieces of up to 16 characters in 5 MB. */
export const MAX_TOKENIZER_BYTES = 2 ** 28;
export const MAX_PIECES = 2 ** 21;
export const MAX_PIECE_UNITS = 2 ** 12;

/**
 * A chat template in Jinja. Published ones have up to some 20,000 characters; a rendering takes some hundred steps for each
 * message, and goes through its text some dozen times.
 */
export const MAX_TEMPLATE_CHARACTERS = 2 ** 18;
export const MAX_TEMPLATE_BLANKS = 1000;
export const MAX_TEMPLATE_STEPS = 500_000;
export const MAX_TEMPLATE_LIST = 2 ** 18;
export const MAX_TEMPLATE_VOLUME = 2 ** 29;

/** A manifest: 200 bytes and five values for each file that was read and each shard. */
export const MAX_MANIFEST_BYTES = 2 ** 28;
export const MAX_MANIFEST_VALUES = 2 ** 23;

/** `1,024 MiB`, for messages. */
export const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;
