// How a conversation becomes text for a model that has no chat template of its own.
import { sha256 } from '../base/index.ts';

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface ChatTemplate {
  /** Part of a result's settings. Another wording is another name. */
  readonly name: string;
  /** The text that the model goes on from with its answer. */
  render(messages: readonly Message[]): string;
  /** Texts with which a model begins a turn that is not its own: they end its answer. */
  readonly stop: readonly string[];
}

const instruction = '### 指示:';
const response = '### 応答:';

/** Our choice for base models: headings for instruction and response, as in llm-jp-eval's prompts; the system's words come first. */
export const plainTemplate: ChatTemplate = {
  name: 'plain-instruction-ja-1',
  render(messages) {
    const turns = messages.map(({ role, content }) =>
      role === 'system' ? content : `${role === 'user' ? instruction : response}\n${content}`,
    );
    return [...turns, `${response}\n`].join('\n\n');
  },
  stop: [instruction],
};

const sample: readonly Message[] = [
  { role: 'system', content: 's' },
  ...['1', '2'].flatMap((turn): Message[] => [
    { role: 'user', content: `u${turn}` },
    { role: 'assistant', content: `a${turn}` },
  ]),
  { role: 'user', content: 'u3' },
];

/** What a template makes of conversations of several lengths, hashed: its name alone would not tell that it was changed. */
export const templateHash = (template: ChatTemplate): string =>
  sha256(
    JSON.stringify([
      [sample, sample.slice(1), sample.slice(-1)].map((messages) => template.render(messages)),
      template.stop,
    ]),
  );
