// Chat templates: how a conversation becomes the text that a model reads. All are Jinja, those of downloaded models and the built-in
// ones, so that one template trains, answers, and goes with the model into every format.
import { ConfigError, checkOptions, DataError, type OptionNames, sha256 } from '../../base/index.ts';
import { compileTemplate, runTemplate, TemplateExcess, TemplateRefusal } from './jinja.ts';
import type { Message, Role, Tool } from './message.ts';

export interface RenderOptions {
  /** End with what an answer begins with: the text is what the model goes on from. */
  readonly addGenerationPrompt: boolean;
  readonly tools?: readonly Tool[] | undefined;
}

export interface ChatTemplate {
  /** Part of a result's settings. Another wording is another name. */
  readonly name: string;
  /** In Jinja: the `chat_template` of tokenizer_config.json, the `tokenizer.chat_template` of GGUF. */
  readonly source: string;
  /** @throws DataError when the template does not take the conversation, saying which message */
  render(messages: readonly Message[], options: RenderOptions): string;
  /** Texts that end an answer: what the template writes behind it, and what a model begins a turn with that is not its own. */
  readonly stop: readonly string[];
  /** Whether the template marks the end of an answer. Where it does not, the end of the text is all there is. */
  readonly marksEnd: boolean;
}

/** Names of special pieces, which templates write. */
export interface TemplateTokens {
  readonly bos_token: string;
  readonly eos_token: string;
  readonly pad_token: string;
  readonly unk_token: string;
}

export interface TemplateParts {
  readonly name: string;
  readonly source: string;
  /** Default: those of the published tokenizers. */
  readonly tokens?: TemplateTokens | undefined;
  /** Default: found out from what the template writes behind an answer. */
  readonly stop?: readonly string[] | undefined;
  /** Roles whose words are instructions to the template and do not come into the text. */
  readonly consumes?: readonly Role[] | undefined;
  /** The file it is in, for errors. */
  readonly where?: string | undefined;
}

const partNames: OptionNames<TemplateParts> = {
  name: true,
  source: true,
  tokens: true,
  stop: true,
  consumes: true,
  where: true,
};
const renderOptions: OptionNames<RenderOptions> = { addGenerationPrompt: true, tools: true };
const renderHints = { add_generation_prompt: 'Write { addGenerationPrompt: true }.' };

const publishedTokens: TemplateTokens = {
  bos_token: '<|plamo:bos|>',
  eos_token: '<|plamo:eos|>',
  pad_token: '<|plamo:pad|>',
  unk_token: '<|plamo:unk|>',
};

/** A template from its text. @throws FormatError for what is no Jinja, with line and column */
export function jinjaTemplate(parts: TemplateParts): ChatTemplate {
  checkOptions('jinjaTemplate', parts, partNames);
  const { name, source, tokens = publishedTokens, consumes = [], where = `the chat template ${name}` } = parts;
  const program = compileTemplate(source, where);
  const refuse = (fault: string, remedy: string) =>
    new DataError('chat-template-refused', `${where} ${fault}`, { remedy, fields: { template: name } });

  function run(messages: readonly Message[], { addGenerationPrompt, tools }: RenderOptions): string {
    const variables = {
      ...tokens,
      messages: messages.map(({ train: _train, ...message }) => message),
      add_generation_prompt: addGenerationPrompt,
      // None and not undefined where there are none, as Transformers has it.
      tools: tools?.length ? tools : null,
      documents: null,
    };
    try {
      return runTemplate(program, variables);
    } catch (error) {
      if (error instanceof TemplateRefusal)
        throw refuse(`does not take the conversation: ${error.message}`, 'Change the data, or name another template.');
      if (error instanceof TemplateExcess)
        throw refuse(`takes too much to render (${error.message})`, 'Name another template.');
      const asksTheDate = /strftime_now/.test(source) ? '; it asks for the date, which templates are not given' : '';
      throw refuse(`fails: ${(error as Error).message}${asksTheDate}`, 'Name another template, or mend it.');
    }
  }

  function render(messages: readonly Message[], options: RenderOptions): string {
    checkOptions('render', options, renderOptions, renderHints);
    const lacks = (key: string) => !new RegExp(`\\b${key}\\b`).test(source);
    if (options.tools?.length && lacks('tools'))
      throw refuse('has no place for tools', 'Leave the tools out, or name a template that has.');
    const calling = messages.findIndex(({ tool_calls }) => tool_calls?.length);
    if (calling >= 0 && lacks('tool_calls'))
      throw refuse(`has no place for the tool calls of message ${calling + 1}`, 'Name a template that has.');
    const text = run(messages, options);
    if (!text.isWellFormed())
      throw refuse('cuts a character in two: it counts in halves of those beyond U+FFFF', 'Name another template.');
    for (const [i, { role, content }] of messages.entries()) {
      // What a tool gave back may be written otherwise, by a template that knows of tools.
      if (role === 'assistant' || (role === 'tool' && !lacks('tool')) || consumes.includes(role)) continue;
      if (!text.includes(content.trim()))
        throw refuse(
          `leaves out message ${i + 1}, of the role ${role}`,
          role === 'system' ? 'Put its words into the first message of the user.' : 'Name another template.',
        );
    }
    return text;
  }

  const end = endOf(run);
  return { name, source, render, stop: parts.stop ?? end.stop, marksEnd: end.marked };
}

/** What a template writes behind an answer, or in front of what comes next. */
function endOf(run: ChatTemplate['render']): { stop: readonly string[]; marked: boolean } {
  const [question, answer, next] = ['tsumugi-question', 'tsumugi-answer', 'tsumugi-next'];
  const turns: Message[] = [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
    { role: 'user', content: next },
  ];
  const behind = (messages: readonly Message[]): string => {
    try {
      const text = run(messages, { addGenerationPrompt: false });
      return text.slice(text.lastIndexOf(answer) + answer.length).split(next)[0]!;
    } catch {
      return ''; // it takes other conversations than these
    }
  };
  const marker = behind(turns.slice(0, 2)).trim();
  const stop = (marker || behind(turns).trim()).split('\n')[0]!.trim();
  return { stop: stop === '' ? [] : [stop], marked: marker !== '' };
}

const sample: readonly Message[] = [
  { role: 'system', content: 's' },
  ...['1', '2'].flatMap((turn): Message[] => [
    { role: 'user', content: `u${turn}` },
    { role: 'assistant', content: `a${turn}` },
  ]),
  { role: 'user', content: 'u3' },
];

/** A template's text, and what it makes of conversations of several lengths, hashed: its name would not tell that it was changed. */
export function templateHash(template: ChatTemplate): string {
  const rendered = [sample, sample.slice(1), sample.slice(-1)].map((messages) => {
    try {
      return template.render(messages, { addGenerationPrompt: true });
    } catch (error) {
      return (error as Error).message;
    }
  });
  return sha256(JSON.stringify([rendered, template.stop, template.source]));
}

/** @throws ConfigError */
export const unknownTemplate = (asked: string, known: readonly string[]): ConfigError =>
  new ConfigError('unknown-template', `there is no chat template "${asked}"`, {
    remedy: `Write ${known.join(', ')}, or the name of a file that ends in .jinja.`,
    fields: { template: asked },
  });
