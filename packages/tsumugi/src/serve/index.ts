// An OpenAI-compatible server over the engine: routes, limits, and the thread that computes.
export type {
  Answering,
  Call,
  CallUsage,
  EndReason,
  Piece,
  TokenInfo,
} from './answer/call.ts';
export { forecastModel, type ModelForecast } from './forecast.ts';
export { requireKey } from './http/keys.ts';
export { type Log, type LogEvent, makeLog } from './http/log.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { openModels, type ServedPlace } from './open-models.ts';
export type { Route } from './route.ts';
export { routes } from './routes.ts';
export { type RunningServer, type ServerOptions, startServer } from './server.ts';
