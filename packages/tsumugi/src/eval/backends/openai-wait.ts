// How long a busy service asks to wait.
import type { IncomingHttpHeaders } from 'node:http';

/** Seconds, from the headers (Retry-After is RFC 9110, section 10.2.3; retry-after-ms is OpenAI's) or from the service's words. */
export function waitAsked(headers: IncomingHttpHeaders, message: string): number | undefined {
  const milliseconds = headers['retry-after-ms'];
  if (typeof milliseconds === 'string' && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds) / 1000;
  const value = headers['retry-after'];
  if (value !== undefined) {
    const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
    if (Number.isFinite(seconds)) return Math.max(0, seconds);
  }
  const [, minutes, amount, unit] = /try again in (?:(\d+)m)?(\d+(?:\.\d+)?)(ms|s)/i.exec(message) ?? [];
  if (amount === undefined) return undefined;
  return Number(minutes ?? 0) * 60 + Number(amount) / (unit?.toLowerCase() === 'ms' ? 1000 : 1);
}
