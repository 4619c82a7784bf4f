// What was written, out of a sound answer: text or parts, reasoning apart, what ended it.
import { isObject } from '../../base/index.ts';
import type { GenerateAnswer } from '../request.ts';
import type { JsonObject } from './openai-body.ts';

interface Written {
  text: string;
  reasoning: string;
}

/** A text, or a list of parts: texts, refusals and thoughts. */
function written(content: unknown): Written {
  if (typeof content === 'string') return { text: content, reasoning: '' };
  const parts = Array.isArray(content) ? content : isObject(content) ? [content] : [];
  const found: Written = { text: '', reasoning: '' };
  for (const part of parts) {
    if (typeof part === 'string') found.text += part;
    if (!isObject(part)) continue;
    const { type, text, thinking, reasoning, content: inner } = part;
    const thought = written(thinking ?? reasoning).text;
    if (/think|reason/i.test(String(type))) found.reasoning += thought || written(text ?? inner).text;
    else if (type !== 'refusal') found.text += written(text ?? inner).text;
  }
  return found;
}

const escaped = (text: string) => text.replace(/[[\]|]/g, '\\$&');

/** What stands around reasoning in a text, by model family; the names of tags in any case. */
const thoughtMarks: readonly { begin: RegExp; end: RegExp }[] = [
  ...['think', 'thinking', 'thought', 'reasoning', 'seed:think'].map((name) => ({
    begin: new RegExp(`^\\s*<${name}>`, 'i'),
    end: new RegExp(`</${name}>`, 'i'),
  })),
  ...[
    ['[THINK]', '[/THINK]'],
    ['◁think▷', '◁/think▷'],
    ['<|START_THINKING|>', '<|END_THINKING|>'],
  ].map(([begin, end]) => ({ begin: new RegExp(`^\\s*${escaped(begin!)}`), end: new RegExp(escaped(end!)) })),
  // gpt-oss: every part names its channel.
  { begin: /^\s*(<\|start\|>assistant)?<\|channel\|>(analysis|commentary).{0,80}?<\|message\|>/, end: /<\|end\|>/ },
];

/** What stands around the answer after it. */
const answerMarks: readonly { begin: RegExp; end: RegExp }[] = [
  { begin: /^\s*(<\|start\|>assistant)?<\|channel\|>final.{0,80}?<\|message\|>/, end: /<\|(return|end)\|>\s*$/ },
  { begin: /^\s*<\|START_RESPONSE\|>/, end: /<\|END_RESPONSE\|>\s*$/ },
];

/** The end of reasoning whose beginning the prompt had. */
const orphanEnd = /<\/(think|thinking|seed:think)>|\[\/THINK\]|◁\/think▷|<\|END_THINKING\|>/i;

/** Reasoning that stands in the text itself: before the answer, closed or not, and without its opening where the prompt had it. */
function splitThoughts(text: string): Written & { open: boolean } {
  let [rest, reasoning, open] = [text, '', false];
  for (;;) {
    const marks = thoughtMarks.find(({ begin }) => begin.test(rest));
    if (!marks) break;
    const inside = rest.replace(marks.begin, '');
    const end = marks.end.exec(inside);
    reasoning += end ? inside.slice(0, end.index) : inside;
    rest = end ? inside.slice(end.index + end[0].length) : '';
    if (!end) open = true;
  }
  const orphan = reasoning === '' ? orphanEnd.exec(rest) : null;
  if (orphan) [reasoning, rest] = [rest.slice(0, orphan.index), rest.slice(orphan.index + orphan[0].length)];
  const around = answerMarks.find(({ begin }) => begin.test(rest));
  if (around) rest = rest.replace(around.begin, '').replace(around.end, '');
  return { text: reasoning === '' ? rest : rest.trimStart(), reasoning, open };
}

const finishes: readonly (readonly [RegExp, GenerateAnswer['finish']])[] = [
  [/^(length|max_tokens|max_output_tokens|max_length)$/i, 'length'],
  [/^(content_filter|safety|recitation|blocklist|prohibited_content|spii|sensitive)$/i, 'filter'],
  [/^(refusal|refused)$/i, 'refused'],
];

export interface ReadOptions {
  /** Enforced here as well. */
  stops: readonly string[];
  /** Whether reasoning is part of the text. */
  keepReasoning: boolean;
}

export interface Generated {
  answer: GenerateAnswer;
  /** A stop text ended the reasoning, before there was an answer. */
  stoppedInThought: boolean;
}

/** The answer in the first choice; undefined when there is no place for a text in it. */
export function readGenerated(body: JsonObject, { stops, keepReasoning }: ReadOptions): Generated | undefined {
  const choices = (body.choices as unknown[]).filter(isObject);
  const choice = choices.find(({ index }) => index === 0) ?? choices[0]!;
  const message = isObject(choice.message) ? choice.message : undefined;
  const given = choice.text ?? (message ? (message.content ?? '') : undefined);
  if (typeof given !== 'string' && !Array.isArray(given) && !isObject(given)) return undefined;
  const content = written(given);
  const apart = [message?.reasoning_content, message?.reasoning, message?.thinking].find(
    (each) => typeof each === 'string' && each !== '',
  ) as string | undefined;
  const inside = splitThoughts(content.text);
  const reasoning = [apart ?? '', content.reasoning, inside.reasoning].join('');
  const raw =
    apart || content.reasoning ? `<think>${apart ?? content.reasoning}</think>\n${content.text}` : content.text;
  const whole = keepReasoning ? raw : reasoning === '' ? inside.text : inside.text.trimStart();
  const cut = Math.min(...stops.map((stop) => whole.indexOf(stop)).filter((place) => place >= 0));
  const text = Number.isFinite(cut) ? whole.slice(0, cut) : whole;
  // "stop" is said of the model's end and of a stop text alike; vLLM adds which text it was.
  const stopped = typeof choice.stop_reason === 'string' && stops.includes(choice.stop_reason);
  const said = String(choice.finish_reason ?? '');
  const ended = finishes.find(([pattern]) => pattern.test(said))?.[1] ?? (stopped ? 'stop' : 'end');
  const refusal = refusalIn(message);
  const finish = refusal !== undefined && text === '' ? 'refused' : Number.isFinite(cut) ? 'stop' : ended;
  const { completion_tokens: tokens, prompt_tokens: read } = isObject(body.usage) ? body.usage : {};
  return {
    answer: {
      text,
      finish,
      // The service's count is not of a text that was cut here.
      ...(typeof tokens === 'number' && !Number.isFinite(cut) && { tokens }),
      ...(typeof read === 'number' && { read }),
      ...(reasoning !== '' && !keepReasoning && { reasoning }),
      ...(finish === 'refused' && { reason: refusal ?? said }),
      ...(finish === 'filter' && { reason: said }),
    },
    stoppedInThought:
      reasoning !== '' && inside.text.trim() === '' && stops.length > 0 && (ended === 'end' || ended === 'stop'),
  };
}

function refusalIn(message: JsonObject | undefined): string | undefined {
  if (typeof message?.refusal === 'string' && message.refusal !== '') return message.refusal;
  const parts = Array.isArray(message?.content) ? message.content : [];
  const part = parts.find((each): each is JsonObject => isObject(each) && each.type === 'refusal');
  return part && String(part.refusal ?? part.text ?? 'refused');
}
