// What the commands that train on conversations have in common.

export const tuningOptions = {
  model: { type: 'string', value: 'DIR|NAME', help: 'model to train: a folder, or a name on the Hugging Face Hub' },
  template: { type: 'string', value: 'NAME|FILE', help: "chat template (the model's own when left out)" },
} as const;

/** A share as sentences have it; "–" where nothing was measured. */
export const percent = (share: number | undefined): string =>
  share === undefined ? '–' : `${(100 * share).toFixed(1)} %`;
