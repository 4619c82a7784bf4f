// A Python process that answers requests, as a synchronous caller sees it: every way that it can fail is one sentence.
import { performance } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { isObject, moduleBeside, parseJson, TsumugiError, UserError } from '../../../base/index.ts';
import { type FromProcess, PROTOCOL, requestBytes, type ToProcess } from './python-messages.ts';
// By way of the thread's file, so that the package has it.
import type { ProcessPlan } from './python-thread.ts';

export interface Reply {
  header: Readonly<Record<string, unknown>>;
  payload: ArrayBuffer;
}

export interface ProcessOptions {
  /** The Python program. */
  command: string;
  /** The file that it runs. */
  script: string;
  /** What it does, for errors: the name of the environment. */
  name: string;
  timeoutSeconds: number;
}

/** How long the process may take to load Gymnasium and to make an environment, at least. */
const STARTING_SECONDS = 120;
/** And to close it. */
const CLOSING_SECONDS = 5;

export class PythonProcess implements Disposable {
  readonly #options: ProcessOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #told = new Int32Array(new SharedArrayBuffer(4));
  #heard = 0;
  /** Why nothing is asked any more. */
  #lost: TsumugiError | undefined;

  /** @throws UserError when there is no such program, or one that speaks another version of the protocol */
  static async start(options: ProcessOptions): Promise<PythonProcess> {
    const process = new PythonProcess(options);
    try {
      const { header } = await process.#replyLater();
      if (header['protocol'] !== PROTOCOL)
        throw new UserError(
          'python-protocol',
          `${options.script} speaks version ${String(header['protocol'])} of the protocol, this tsumugi version ${PROTOCOL}`,
          { remedy: 'Use the bridge.py that comes with this tsumugi.' },
        );
      return process;
    } catch (error) {
      process.#lose(error as TsumugiError);
      process[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(options: ProcessOptions) {
    this.#options = options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const { command, script } = options;
    const plan: ProcessPlan = { command, script, signal: this.#told.buffer as SharedArrayBuffer };
    this.#worker = new Worker(moduleBeside('./python-thread', import.meta.url), {
      workerData: { ...plan, port: port2 },
      transferList: [port2],
      execArgv: [], // Those of a program that was given as a text would be taken for the thread’s file.
    });
  }

  /** Asks and waits for the answer, with the process standing still for others. */
  ask(header: object, payload?: Float64Array, seconds: number = this.#options.timeoutSeconds): Reply {
    this.#send(header, payload);
    const deadline = performance.now() + 1000 * seconds;
    while (Atomics.load(this.#told, 0) === this.#heard)
      if (Atomics.wait(this.#told, 0, this.#heard, Math.max(0, deadline - performance.now())) === 'timed-out')
        throw this.#silent(seconds);
    return this.#reply();
  }

  /** Asks and lets others go on until the answer comes. */
  askLater(header: object): Promise<Reply> {
    this.#send(header);
    return this.#replyLater();
  }

  #send(header: object, payload?: Float64Array): void {
    if (this.#lost) throw this.#lost;
    this.#port.postMessage(requestBytes(header, payload) satisfies ToProcess);
  }

  async #replyLater(): Promise<Reply> {
    const seconds = Math.max(STARTING_SECONDS, this.#options.timeoutSeconds);
    this.#worker.ref();
    const { value } = Atomics.waitAsync(this.#told, 0, this.#heard, 1000 * seconds);
    if ((await value) === 'timed-out') throw this.#silent(seconds);
    // A program that forgets to dispose of it ends all the same.
    this.#worker.unref();
    return this.#reply();
  }

  #reply(): Reply {
    this.#heard++;
    const message = receiveMessageOnPort(this.#port)!.message as FromProcess;
    if ('ended' in message) throw this.#lose(this.#ended(message.ended, message.complaints));
    if ('garbage' in message) throw this.#lose(this.#noAnswer(message.garbage));
    let header: unknown;
    try {
      header = parseJson(message.text);
    } catch {
      throw this.#lose(this.#noAnswer(message.text.slice(0, 80)));
    }
    if (!isObject(header)) throw this.#lose(this.#noAnswer(message.text.slice(0, 80)));
    return { header, payload: message.payload };
  }

  #ended(how: string, complaints: string): TsumugiError {
    const { command, name } = this.#options;
    if (how === 'not-found')
      return new UserError('no-python', `${name} is run by Python, and there is no program "${command}"`, {
        remedy: 'Install Python 3.10 or newer with gymnasium, and name its program with TSUMUGI_PYTHON.',
        fields: { command },
      });
    const last = complaints.trimEnd().split('\n').at(-1)!;
    return new TsumugiError('python-ended', `the Python process of ${name} is gone: ${how}${last && ` (${last})`}`, {
      remedy: 'Make the environment anew.',
      fields: { command, complaints },
    });
  }

  #noAnswer(beginning: string): TsumugiError {
    const { command, name } = this.#options;
    return new TsumugiError(
      'python-protocol',
      `the Python process of ${name} wrote what is no answer: ${JSON.stringify(beginning)}`,
      { remedy: 'Have nothing but bridge.py write to its standard output.', fields: { command } },
    );
  }

  #silent(seconds: number): TsumugiError {
    this.#port.postMessage('kill' satisfies ToProcess);
    return this.#lose(
      new TsumugiError(
        'python-silent',
        `the Python process of ${this.#options.name} has not answered for ${seconds} s`,
        {
          remedy: 'Make the environment anew, with a longer timeoutSeconds where a step may take so long.',
        },
      ),
    );
  }

  #lose(error: TsumugiError): TsumugiError {
    this.#lost ??= error;
    return error;
  }

  /** Has the environment closed and ends the process. */
  [Symbol.dispose](): void {
    if (!this.#lost) {
      try {
        this.ask({ do: 'close' }, undefined, CLOSING_SECONDS);
      } catch {
        // What does not close is ended all the same.
      }
      const { name } = this.#options;
      this.#lose(new TsumugiError('disposed', `${name} was disposed of`));
    }
    // The thread ends with its process.
    this.#port.postMessage('kill' satisfies ToProcess);
    this.#worker.unref();
  }
}
