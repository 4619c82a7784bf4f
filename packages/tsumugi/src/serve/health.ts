// `GET /health`: whether requests can be sent here. The only route that needs no key.
import { json } from './http/json.ts';
import { route } from './route.ts';

export const health = route({
  method: 'GET',
  path: '/health',
  summary: 'Whether the server is ready: 200 {"status":"ok"}, or 503 while it loads, restarts its engine, or ends',
  open: true,
  answer: (_asked, { state }) => json({ status: state === 'ready' ? 'ok' : state }, state === 'ready' ? 200 : 503),
});
