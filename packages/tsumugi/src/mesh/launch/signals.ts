// Signals to the launcher go to every rank, once: the first asks them to save and end, a second SIGINT or SIGTERM ends them at once,
// as it would end a training that runs alone. The ranks have process groups of their own, since a terminal sends its signals to the
// whole group of the launcher.
import { honourNohup } from '../../base/index.ts';

const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Receivers {
  pass(signal: NodeJS.Signals): void;
  endAtOnce(signal: NodeJS.Signals): void;
}

/** Until it is disposed, signals to this process go to `receivers`. */
export function passSignals({ pass, endAtOnce }: Receivers): Disposable {
  let passed = false;
  let asked = false;
  const onSignal = (signal: NodeJS.Signals) => {
    // A closed terminal sends SIGHUP, often twice and beside others: it is never the second.
    const again = asked && signal !== 'SIGHUP';
    asked ||= signal !== 'SIGHUP';
    if (again) endAtOnce(signal);
    else if (!passed) pass(signal);
    passed = true;
  };
  const onResize = () => pass('SIGWINCH');
  const caught = ending.filter((signal) => signal !== 'SIGHUP' || !honourNohup());
  for (const signal of caught) process.on(signal, onSignal);
  process.on('SIGWINCH', onResize);
  return {
    [Symbol.dispose]() {
      for (const signal of caught) process.off(signal, onSignal);
      process.off('SIGWINCH', onResize);
    },
  };
}
