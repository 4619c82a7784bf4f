// What a row of data says, whatever its format.
import type { ExampleSource } from './example.ts';
import type { Conversation } from './message.ts';
import type { Prompted } from './pairs.ts';

export type DataRow =
  | { readonly kind: 'conversation'; readonly conversation: Conversation; readonly source: ExampleSource }
  | {
      readonly kind: 'prompted';
      readonly prompted: Prompted;
      readonly desirable?: boolean;
      readonly margin?: number | undefined;
      readonly source: ExampleSource;
    };

export type Values = Readonly<Record<string, unknown>>;
