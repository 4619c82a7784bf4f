// Games of the Nintendo Entertainment System: a ROM in an emulator, one picture and one action for each frame. What is a reward,
// and when an episode ends, a game's rules read from the console's memory.
import { isObject, loadOptional, type OptionalPackages, parseJson, UserError } from '../../../base/index.ts';
import type { ActionLike, Environment, Frame, Info, ResetOptions, ResetResult, StepResult } from '../../environment.ts';
import { checkAction, needsReset } from '../../order.ts';
import { Box, Discrete } from '../../spaces/index.ts';

export const nesPackages: OptionalPackages = {
  code: 'no-jsnes',
  purpose: 'games of the NES are run by',
  versions: { jsnes: '3.0.0' },
};

/** Buttons of the first controller, as jsnes numbers them. */
const BUTTONS = { A: 0, B: 1, SELECT: 2, START: 3, UP: 4, DOWN: 5, LEFT: 6, RIGHT: 7 } as const;
export type Button = keyof typeof BUTTONS;

/** What came of a frame. */
export interface FrameResult {
  reward: number;
  terminated: boolean;
  info: Info;
}

/** What of a game is not in its ROM. Rules remember nothing but `state`, which snapshots hold. */
export interface NesGame {
  id: string;
  /** An iNES file. */
  rom: Uint8Array;
  /** Name → the buttons that are held down for it; the first holds none. */
  actions: Readonly<Record<string, readonly Button[]>>;
  /** Frames from switching it on to the first that can be played. */
  bootFrames: number;
  /** The state of the rules at the beginning, as JSON. */
  begin(memory: ArrayLike<number>): unknown;
  /** After a frame. @param memory the 2 KiB of the console */
  follow(memory: ArrayLike<number>, state: unknown): FrameResult & { state: unknown };
}

/** What is used of jsnes. */
interface Console {
  cpu: { mem: number[] };
  loadROM(rom: Uint8Array): void;
  frame(): void;
  buttonDown(controller: 1, button: number): void;
  buttonUp(controller: 1, button: number): void;
  toJSON(): unknown;
  fromJSON(state: unknown): void;
}

const WIDTH = 256;
const HEIGHT = 240;

export class NesEnvironment implements Environment<Uint8Array> {
  readonly id: string;
  readonly observationSpace = new Box(0, 255, [HEIGHT, WIDTH, 3], 'uint8');
  readonly actionSpace: Discrete;
  readonly actionMeanings: readonly string[];
  readonly #game: NesGame;
  readonly #buttons: readonly (readonly Button[])[];
  readonly #console: Console;
  /** The console at the first frame that can be played, as JSON. */
  readonly #booted: string;
  /** [240 · 256], red in the lowest byte. */
  #screen: ArrayLike<number> = new Uint32Array(HEIGHT * WIDTH);
  #state: unknown;
  #phase: 'new' | 'running' | 'ended' = 'new';

  /** @throws UserError when jsnes is not installed, or for a ROM that it cannot read */
  static async make(game: NesGame): Promise<NesEnvironment> {
    const name = 'jsnes'; // Its types need not be there.
    const { NES } = await loadOptional(nesPackages, () => import(name) as Promise<{ NES: new (o: object) => Console }>);
    return new NesEnvironment(game, NES);
  }

  private constructor(game: NesGame, Nes: new (options: object) => Console) {
    this.id = game.id;
    this.#game = game;
    this.actionMeanings = Object.keys(game.actions);
    this.#buttons = Object.values(game.actions);
    this.actionSpace = new Discrete(this.#buttons.length);
    const onFrame = (screen: ArrayLike<number>) => {
      this.#screen = screen;
    };
    this.#console = new Nes({ onFrame, emulateSound: false });
    try {
      this.#console.loadROM(game.rom);
    } catch (cause) {
      throw new UserError('bad-rom', `${game.id}: this is no ROM that can be run: ${(cause as Error).message}`, {
        remedy: 'Name an iNES file (.nes).',
        cause,
      });
    }
    for (let frame = 0; frame < game.bootFrames; frame++) this.#console.frame();
    this.#booted = JSON.stringify([this.#console.toJSON(), this.#pixels()]);
  }

  /** Every episode begins alike: a console has no random numbers. A seed makes no difference. */
  reset(_options?: ResetOptions): ResetResult<Uint8Array> {
    this.#put(this.#booted);
    this.#state = this.#game.begin(this.#console.cpu.mem);
    this.#phase = 'running';
    return { observation: this.#picture(), info: {} };
  }

  step(action: ActionLike): StepResult<Uint8Array> {
    if (this.#phase !== 'running') throw needsReset(this.id, this.#phase === 'ended' ? 'has ended' : undefined);
    checkAction(this.id, this.actionSpace, action);
    const held = this.#buttons[action as number]!;
    for (const button of held) this.#console.buttonDown(1, BUTTONS[button]);
    this.#console.frame();
    for (const button of held) this.#console.buttonUp(1, BUTTONS[button]);
    const { state, reward, terminated, info } = this.#game.follow(this.#console.cpu.mem, this.#state);
    this.#state = state;
    if (terminated) this.#phase = 'ended';
    return { observation: this.#picture(), reward, terminated, truncated: false, info };
  }

  render(): Frame {
    return { width: WIDTH, height: HEIGHT, data: this.#picture() };
  }

  snapshot(): unknown {
    const console = JSON.stringify([this.#console.toJSON(), this.#pixels()]);
    return { game: this.id, console, state: this.#state ?? null, phase: this.#phase };
  }

  restore(snapshot: unknown): void {
    if (!isObject(snapshot) || snapshot['game'] !== this.id)
      throw new UserError('bad-snapshot', `${this.id}: what is restored is a snapshot of ${this.id}`);
    this.#put(String(snapshot['console']));
    this.#state = snapshot['state'];
    this.#phase = snapshot['phase'] as 'new' | 'running' | 'ended';
  }

  #put(state: string): void {
    const [console, pixels] = parseJson(state) as [unknown, string];
    this.#console.fromJSON(console);
    this.#screen = new Uint32Array(Uint8Array.from(Buffer.from(pixels, 'base64')).buffer);
  }

  #pixels(): string {
    return Buffer.from(Uint32Array.from(this.#screen).buffer).toString('base64');
  }

  #picture(): Uint8Array {
    const screen = this.#screen;
    const picture = new Uint8Array(HEIGHT * WIDTH * 3);
    for (let i = 0, at = 0; at < picture.length; i++) {
      const pixel = screen[i]!;
      picture[at++] = pixel & 255;
      picture[at++] = (pixel >> 8) & 255;
      picture[at++] = (pixel >> 16) & 255;
    }
    return picture;
  }

  [Symbol.dispose](): void {}
}
