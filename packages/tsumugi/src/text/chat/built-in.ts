// The templates that come with tsumugi, in Jinja. What is published of them, and what is our choice, is said at each.
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type ChatTemplate, jinjaTemplate, type TemplateParts, type TemplateTokens } from './template.ts';

/** ChatML, OpenAI's format of turns: role and content between <|im_start|> and <|im_end|>. */
export const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Headings for instruction and response, as in llm-jp-eval's prompts; the system's words come first. Our choice. */
const headings = (end: string) => `{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{{ message['content'] + '\\n\\n' }}
{%- elif message['role'] == 'user' -%}
{{ '### 指示:\\n' + message['content'] + '\\n\\n' }}
{%- elif message['role'] == 'assistant' -%}
{{ '### 応答:\\n' + message['content'] + ${end} }}
{%- if not loop.last or add_generation_prompt -%}{{ '\\n\\n' }}{%- endif -%}
{%- else -%}
{{ raise_exception('it knows the roles system, user and assistant, not ' + message['role']) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '### 応答:\\n' }}{%- endif -%}`;

/**
 * An Alpaca-style prompt in Japanese: a first sentence, then instruction and response. Published of PLaMo 2.1 VL: how the sentence
 * begins (以下はタスクを説明する指示で) and the two headings. The rest of the sentence, the place of the system's words (behind it),
 * the blank lines and the end of an answer are our choice.
 */
const ALPACA_JA = `{{- '以下はタスクを説明する指示です。要求を適切に満たす応答を書きなさい。\\n\\n' -}}
${headings('eos_token')}`;

/** The languages of the published translation models. */
export const TRANSLATION_LANGUAGES = [
  ...['Japanese', 'Japanese(easy)', 'English', 'Chinese', 'Taiwanese', 'Korean', 'Arabic', 'Italian', 'Indonesian'],
  ...['Dutch', 'Spanish', 'Thai', 'German', 'French', 'Vietnamese', 'Russian'],
];

/**
 * The prompt of the published translation models: a text goes in, its translation comes out. Published: all of the prompt, and that
 * an answer ends at <|plamo:op|>. Our choice: the line break in front of that, as the input has one; and how the languages are told:
 * as `from` and `to` of the user's message, or by a message of the system such as "English→Japanese". Without them the text is
 * English or Japanese and the output's language is left to the model, as the format allows.
 */
const PLAMO_TRANSLATE = `{%- set languages = ${JSON.stringify(TRANSLATION_LANGUAGES)} + ['English|Japanese'] -%}
{%- set ns = namespace(source='English|Japanese', target='', state='start') -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' and ns.state == 'start' -%}
{%- set ns.source = message['content'].split('→')[0].strip() -%}
{%- if '→' in message['content'] -%}{%- set ns.target = message['content'].split('→')[1].strip() -%}{%- endif -%}
{%- elif message['role'] == 'user' and ns.state == 'start' -%}
{%- set ns.state = 'asked' -%}
{%- if message['from'] -%}{%- set ns.source = message['from'] -%}{%- endif -%}
{%- if message['to'] -%}{%- set ns.target = message['to'] -%}{%- endif -%}
{%- if ns.source not in languages -%}{{ raise_exception('there is no language ' + ns.source) }}{%- endif -%}
{%- if ns.target and ns.target not in languages -%}{{ raise_exception('there is no language ' + ns.target) }}{%- endif -%}
{{ '<|plamo:op|>dataset\\ntranslation\\n<|plamo:op|>input lang=' + ns.source + '\\n' + message['content'] + '\\n' }}
{%- elif message['role'] == 'assistant' and ns.state == 'asked' -%}
{%- set ns.state = 'answered' -%}
{{ '<|plamo:op|>output' + (' lang=' + ns.target if ns.target else '') + '\\n' + message['content'] + '\\n<|plamo:op|>' }}
{%- else -%}
{{ raise_exception('a translation is one message of the user and one of the assistant, with at most one of the system before them') }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{%- if ns.state != 'asked' -%}{{ raise_exception('a translation needs one text of the user') }}{%- endif -%}
{{ '<|plamo:op|>output' + (' lang=' + ns.target if ns.target else '') + '\\n' }}
{%- endif -%}`;

const parts: Readonly<Record<string, Omit<TemplateParts, 'name' | 'tokens'>>> = {
  'instruction-ja': { source: headings('eos_token'), stop: ['### 指示:'] },
  chatml: { source: CHATML },
  'alpaca-ja': { source: ALPACA_JA, stop: ['### 指示:'] },
  'plamo-translate': { source: PLAMO_TRANSLATE, consumes: ['system'], stop: ['<|plamo:op|>'] },
};

export const TEMPLATES: readonly string[] = Object.keys(parts);

/** The built-in template of this name, or undefined. */
export function builtInTemplate(name: string, tokens?: TemplateTokens): ChatTemplate | undefined {
  return Object.hasOwn(parts, name) ? jinjaTemplate({ name, tokens, ...parts[name]! }) : undefined;
}

/**
 * For models without a template: the headings of `instruction-ja` without an end of answers, which base models do not know.
 */
export const plainTemplate: ChatTemplate = jinjaTemplate({
  name: 'plain-instruction-ja-1',
  source: headings("''"),
  stop: ['### 指示:'],
});

/** The special pieces of a tokenizer as templates name them. */
export function templateTokens(tokenizer: Tokenizer): TemplateTokens {
  const text = (id: number) => tokenizer.piece(id)!.text;
  return {
    bos_token: text(tokenizer.bosId),
    eos_token: text(tokenizer.eosId),
    pad_token: text(tokenizer.padId),
    unk_token: text(tokenizer.unkId),
  };
}
