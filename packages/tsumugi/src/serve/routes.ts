// Every route of the server. Helpers of the same shape stand in the folders: OpenAI's endpoints in openai/, Anthropic's in anthropic/.
import { health } from './health.ts';
import { getModel, listModels } from './openai/models.ts';
import type { Route } from './route.ts';

export const routes: readonly Route[] = [health, listModels, getModel];
