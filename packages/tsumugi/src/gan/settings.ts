// The optimiser settings A–F of the comparison (Miyato et al. 2018, arXiv 1802.05957, table 1). The optimizer is Adam.

export interface OptimizerSetting {
  /** Adam's learning rate α, of both networks. */
  lr: number;
  /** Adam's β₁ and β₂. */
  betas: readonly [number, number];
  /** Updates of the discriminator per update of the generator, n_dis. */
  discriminatorSteps: number;
}

export const settings = {
  /** Gulrajani et al. 2017, arXiv 1704.00028. */
  A: { lr: 1e-4, betas: [0.5, 0.9], discriminatorSteps: 5 },
  /** Warde-Farley & Bengio 2017. */
  B: { lr: 1e-4, betas: [0.5, 0.999], discriminatorSteps: 1 },
  /** Radford et al. 2016, arXiv 1511.06434. */
  C: { lr: 2e-4, betas: [0.5, 0.999], discriminatorSteps: 1 },
  /** D, E, F: aggressive on purpose. */
  D: { lr: 1e-3, betas: [0.5, 0.9], discriminatorSteps: 5 },
  E: { lr: 1e-3, betas: [0.5, 0.999], discriminatorSteps: 5 },
  F: { lr: 1e-3, betas: [0.9, 0.999], discriminatorSteps: 5 },
} as const satisfies Record<string, OptimizerSetting>;

export type SettingName = keyof typeof settings;

/** The ResNets' on CIFAR-10 and STL-10 (the paper's section 4.2); the authors' code lets α fall linearly to 0. */
export const resnetSetting: OptimizerSetting = { lr: 2e-4, betas: [0, 0.9], discriminatorSteps: 5 };
