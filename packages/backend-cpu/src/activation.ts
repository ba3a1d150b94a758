/** The activations of the kernels' contract, by number. The compiled module reads this file too. */
export enum Activation {
  silu,
  geluTanh,
}
