// Which tokenizer a command uses.
export const tokenizerOption = {
  type: 'string',
  value: 'PATH|NAME',
  required: true,
  hub: 'tokenizer',
  help: 'tokenizer.jsonl, a folder that holds one, or a name on the Hugging Face Hub',
} as const;
