// Every route of the server.
import { countTokens, createMessage } from './anthropic/routes.ts';
import { embeddings } from './embeddings/routes.ts';
import { health } from './health.ts';
import { metricsRoute } from './metrics-route.ts';
import { chatCompletions } from './openai/chat.ts';
import { completions } from './openai/completions.ts';
import { getModel, listModels } from './openai/models.ts';
import { openapiRoute } from './openapi.ts';
import { chatPage, chatPageFile } from './page/index.ts';
import { createResponse } from './responses/routes.ts';
import type { Route } from './route.ts';
import { detokenizeRoute, tokenizeRoute } from './tokenize/routes.ts';

export const routes: readonly Route[] = [
  health,
  metricsRoute,
  openapiRoute(() => routes),
  listModels,
  getModel,
  completions,
  chatCompletions,
  chatPage,
  chatPageFile,
  createResponse,
  createMessage,
  countTokens,
  embeddings,
  tokenizeRoute,
  detokenizeRoute,
];
