// For hosts.test.ts: makes hosts, starts a program on one, says which processes there are, and waits to be killed.
import { Hosts } from './hosts.testing.ts';

const hosts = await Hosts.make(2, { delayMs: 1 });
const child = hosts.spawn(1, 'sleep', ['1000'], { stdio: 'ignore' });
child.once('spawn', () => console.log(`pid ${process.pid}`));
setInterval(() => {}, 1000);
