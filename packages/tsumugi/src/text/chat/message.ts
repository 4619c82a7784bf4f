// What a conversation is made of.

/** Who speaks. `tool` is what a tool that the assistant called gave back. */
export const ROLES = ['system', 'user', 'assistant', 'tool'] as const;
export type Role = (typeof ROLES)[number];

/** A turn of a conversation; tools answer where `role` may be `tool`. */
export interface Message {
  readonly role: Role;
  readonly content: string;
  /** What the assistant asks of tools: given to the template as it is. */
  readonly tool_calls?: readonly unknown[];
  /** False: an answer that is not to be learned. */
  readonly train?: boolean;
  /** What a template asks for besides (`name`, `reasoning_content`, the languages of a translation). */
  readonly [field: string]: unknown;
}

/** A description of a tool, as the template takes it: JSON schema of a function in most of them. */
export type Tool = Readonly<Record<string, unknown>>;

export interface Conversation {
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[] | undefined;
}
