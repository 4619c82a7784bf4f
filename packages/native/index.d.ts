// The addon's exports, one to one. Only packages/tsumugi/src/torch may use them; everything else uses its Tensor.
// A tensor is a `Handle`: a positive integer into the native slab; 0 is "no tensor".

export type Handle = number;
/** Opaque native objects. */
export type GeneratorHandle = { readonly __generator: unique symbol };
/** Something that runs beside JavaScript; waiting for it forgets it. */
export type JobNumber = number;
export type MappingHandle = { readonly __mapping: unique symbol };
/** What an operator takes: handles, numbers, booleans, strings (devices too), arrays of these, null for None. */
export type NativeValue =
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | GeneratorHandle
  | readonly (number | boolean | null)[];

export interface Memory {
  liveHandles: number;
  liveBytes: number;
  peakBytes: number;
  cachedBytes: number;
}

export interface NativeModule {
  // dispatch.cc
  find(name: string, overload: string): number;
  schema(operator: number): string;
  operatorNames(): string[];
  // biome-ignore lint/suspicious/noExplicitAny: what comes back follows the operator's schema
  call(operator: number, ...values: NativeValue[]): any;
  run(operator: number, ...values: NativeValue[]): void;
  free(handles: Int32Array, count: number): void;
  // storage.cc
  fromBytes(bytes: ArrayBufferView | ArrayBuffer, dtype: number, sizes: readonly number[]): Handle;
  toBytes(tensor: Handle): ArrayBuffer;
  item(tensor: Handle): number | boolean;
  sizes(tensor: Handle): number[];
  strides(tensor: Handle): number[];
  dtype(tensor: Handle): number;
  device(tensor: Handle): string;
  isContiguous(tensor: Handle): boolean;
  mapFile(path: string): MappingHandle;
  mappedBytes(mapping: MappingHandle): ArrayBuffer;
  mappedTensor(mapping: MappingHandle, byteOffset: number, dtype: number, sizes: readonly number[]): Handle;
  /** Touched pages leave the process's memory. What was written over them is lost. */
  releasePages(mapping: MappingHandle): void;
  /** The memory under a tensor and under all tensors over it goes: none may be read or written until it is made again. */
  freeStorage(tensor: Handle): void;
  makeStorage(tensor: Handle, bytes: number): void;
  // sharing.cc
  /** The number by which any thread of the process takes up a tensor over the same memory. */
  share(tensor: Handle): number;
  shared(number: number): Handle;
  unshare(number: number): void;
  // autograd.cc
  requiresGrad(tensor: Handle): boolean;
  setRequiresGrad(tensor: Handle, on: boolean): void;
  isLeaf(tensor: Handle): boolean;
  gradOf(tensor: Handle): Handle;
  setGrad(tensor: Handle, gradient: Handle | null): void;
  setGradEnabled(on: boolean): boolean;
  backward(outputs: readonly Handle[], gradients: readonly (Handle | null)[], retainGraph: boolean): void;
  grad(
    outputs: readonly Handle[],
    inputs: readonly Handle[],
    gradients: readonly (Handle | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): Handle[];
  // checkpoint.cc
  checkpoint<T>(inputs: readonly Handle[], body: () => T, runAgain: (inputs: readonly Handle[]) => void): T;
  // random.cc
  generator(device: string, seed: number): GeneratorHandle;
  generatorState(generator: GeneratorHandle): ArrayBuffer;
  setGeneratorState(generator: GeneratorHandle, state: ArrayBufferView | ArrayBuffer): void;
  // memory.cc
  memory(): Memory;
  /** Tells V8 how many bytes tensors hold. */
  tellCollector(): void;
  resetPeak(): void;
  emptyCache(): void;
  // system.cc
  version(): { torch: string; cuda: boolean; cudaDevices: number; mkl: boolean };
  blasCore(): string;
  threads(): number;
  setThreads(threads: number): void;
  measureFma(threads: number): number;
  measureBandwidth(threads: number): number;
  // hooks.cc
  /** `heard(i)` is called as soon as parameter i has its gradient of a backward. */
  onGradients(parameters: readonly Handle[], heard: (index: number) => void): number;
  offGradients(hearing: number): void;
  /** `heard(0)` each time a backward has the gradient of this tensor, before it goes on to what made it. */
  onGradientOf(tensor: Handle, heard: () => void): void;
  // custom_gradient.cc
  /** The outputs as functions of the inputs; `backward` has to call `giveGradients`. */
  customGradient(
    inputs: readonly Handle[],
    outputs: readonly Handle[],
    saved: readonly Handle[],
    backward: (gradients: readonly Handle[], saved: readonly Handle[]) => void,
  ): Handle[];
  giveGradients(gradients: readonly (Handle | null)[]): void;
  // mesh.cc: jobs run beside JavaScript. Only `meshBackends` is there where libtorch has no c10d.
  /** What collectives can go over; none where libtorch has no c10d. */
  meshBackends(): ('gloo' | 'nccl')[];
  meshOpen(
    rank: number,
    world: number,
    host: string,
    port: number,
    address: string,
    name: string,
    seconds: number,
  ): JobNumber;
  /** "name\naddress" of each rank that has said one so far. */
  meshHellos(): string[];
  meshGroup(name: string, ranks: readonly number[]): [JobNumber, number];
  meshBegin(group: number, collective: string, tensors: readonly Handle[], number: number): JobNumber;
  meshDone(job: JobNumber): boolean;
  /** Why it failed; "" when the time was over. */
  meshWait(job: JobNumber, seconds: number): string | undefined;
  /** "rank\nwhat it said" of the rank that is gone, "" when none is. */
  meshFailure(): string;
  meshGiveUp(text: string): void;
  meshClose(): void;
  // signals.cc
  guardSignals(): void;
  releaseSignals(): void;
}

/** What the loader found, for `tsumugi doctor`. */
export interface NativeDescription {
  /** The libtorch that would be used: LIBTORCH, what the last setup chose, or the newest build's. */
  libtorch?: { source: string; libDir: string; version: string; cuda: boolean };
  /** The addon's file, when it is built for that libtorch and this CPU. */
  addon?: string;
  /** Whether libtorch calls the system's BLAS library or carries its own. */
  blas?: 'system' | 'bundled';
  /** Why the addon was built without the NCCL that this libtorch has. */
  withoutNccl?: string;
  /**
   * What kernels are compiled for here (x86-64, x86-64-v2 … v4, aarch64), the highest that this CPU has, whether TSUMUGI_CPU
   * chose it, and why that cannot be followed.
   */
  cpuLevel: { level: string; highest: string; chosen: boolean; problem?: { message: string; remedy: string } };
  /** The OpenBLAS core that is asked for. */
  coreType?: string;
  /** Variables that are set before loading. */
  environment: Record<string, string>;
  /** What makes the addon: `npm run setup` in the checkout, `npx tsumugi setup` where npm installed this. */
  setupCommand: string;
  /** What stands in the way of loading, one sentence each. */
  failures: string[];
}

/** Loads the addon on first use. Throws one error that lists what was tried and what to run. */
export function load(): NativeModule;
/** What was found, without loading anything. */
export function describe(): NativeDescription;

/** A step that a setup takes before the addon's. */
export interface SetupPackages {
  areCurrent(): boolean;
  install(progress: { step(text: string, detail?: string): void; done(text: string): void }): Promise<void>;
}

export interface SetupOptions {
  /** Where it is told what happens; standard error unless given. */
  output?: { write(text: string): unknown; isTTY?: boolean | undefined };
  /** Whether libtorch is looked for again, even when the one chosen last time is still there. */
  search?: boolean | undefined;
  packages?: SetupPackages;
}

export type SetUp = (options?: SetupOptions) => Promise<{
  libtorch: { source: string; libDir: string; version: string; cuda: boolean };
  cpuLevel: string;
  /** The addon's file. */
  addon: string;
}>;

/**
 * Finds a libtorch, or installs one where that works unattended, and builds the addon for it. Quick when all is there. Throws
 * errors with a `code` and a `remedy`.
 */
export const setUp: SetUp;
