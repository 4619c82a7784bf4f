// `GET /metrics`: what is counted, as Prometheus reads it.
import { route } from './route.ts';

export const metricsRoute = route({
  method: 'GET',
  path: '/metrics',
  summary: 'Counters and times for Prometheus',
  answer: async (_asked, { metrics, counters }) => {
    metrics.count(await counters());
    const { registry } = metrics;
    return new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } });
  },
});
