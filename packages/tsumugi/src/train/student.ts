// A model that learns from a wider one: beside it are projections, trained with it and no part of what is saved.
import { Plamo2 } from '../lm/index.ts';
import { Linear } from '../nn/index.ts';
import { type Device, Rng, randn, scope } from '../torch/index.ts';

export class Student extends Plamo2 {
  /** From the student's width to the teacher's, one for each pair of layers (FitNets, Romero et al. 2014, arXiv 1412.6550). */
  projections: Linear[] = [];

  /** Adds `count` projections to `width`, which keep the size of what they are given. */
  project(count: number, width: number, seed: number, device: Device): void {
    const rng = new Rng(seed);
    const { hidden_size: own } = this.config;
    for (let i = 0; i < count; i++) {
      const weight = scope(() => randn([width, own], rng, { device }).mul(own ** -0.5));
      this.projections.push(new Linear(own, width, { weight, bias: false }));
    }
  }

  /** Leaves the model alone. */
  strip(): void {
    for (const each of this.projections) each[Symbol.dispose]();
    this.projections = [];
  }
}
