// The port at which processes meet.
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { freePort, requireFreePort } from './free-port.ts';

it('is free, and said to be in use when it is', async () => {
  const port = await freePort();
  await requireFreePort(port);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const refused = requireFreePort(port);
    await expect(refused).rejects.toBeInstanceOf(UserError);
    await expect(refused).rejects.toThrow(`port ${port} of this machine is in use`);
  } finally {
    server.close();
  }
});
