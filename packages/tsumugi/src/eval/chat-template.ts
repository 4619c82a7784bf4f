// How a conversation becomes text for a model that has no chat template of its own.
import type { Message } from './request.ts';

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
