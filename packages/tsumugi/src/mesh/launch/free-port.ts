// The port at which the processes meet.
import { createServer } from 'node:net';
import { UserError } from '../../base/index.ts';

/** Listens for a moment. @returns the port */
const listen = (port: number, host?: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const bound = (server.address() as { port: number }).port;
      server.close(() => resolve(bound));
    });
  });

/** A port of this machine that nobody listens at. */
export const freePort = (): Promise<number> => listen(0, '127.0.0.1');

/** @throws UserError when nobody can listen at the port: another program does, or the system keeps it for itself */
export async function requireFreePort(port: number): Promise<void> {
  try {
    await listen(port);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const taken = code === 'EADDRINUSE';
    if (!taken && code !== 'EACCES') throw cause;
    throw new UserError('port', `port ${port} of this machine is ${taken ? 'in use' : 'kept for the system'}`, {
      remedy: `Name another port on every machine${taken ? ', or end the program that listens there (ss -ltnp shows it)' : ''}.`,
      fields: { port },
      cause,
    });
  }
}
