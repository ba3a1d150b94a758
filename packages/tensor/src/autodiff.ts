/** Reverse-mode differentiation of a scalar with respect to named tensors. */
import { engine, type NamedTensorMap, type Scalar, type Tensor, zerosLike } from "@tensorflow/tfjs-core";
import "./gradients.js";

/**
 * The value of `f()` and its gradient for every tensor of `parameters`; a tensor that does not take part has the
 * gradient 0. The caller disposes of everything that is returned. There are no gradients of gradients.
 *
 * @param f returns a scalar
 */
export function valueAndGradients<Names extends string>(
  f: () => Tensor,
  parameters: Readonly<Record<Names, Tensor>>,
): { value: Scalar; gradients: Record<Names, Tensor> } {
  const names = Object.keys(parameters) as Names[];
  const tensors = names.map((name) => parameters[name]);
  const result = engine().tidy(() => {
    const { value, grads } = differentiate(f, tensors);
    const gradients: NamedTensorMap = {};
    names.forEach((name, index) => {
      gradients[name] = (grads[index] as Tensor | null) ?? zerosLike(tensors[index] as Tensor);
    });
    return { value, gradients } as unknown as NamedTensorMap;
  });
  return result as unknown as { value: Scalar; gradients: Record<Names, Tensor> };
}

function differentiate(f: () => Tensor, tensors: Tensor[]) {
  differentiatedIds = new Set(tensors.map(({ id }) => id));
  try {
    return engine().gradients(f as () => Tensor, tensors, undefined, true);
  } catch (error) {
    // The engine keeps what it recorded when f throws; nobody else can let go of it.
    const { state } = engine();
    for (const node of state.activeTape ?? []) for (const saved of node.saved ?? []) saved.dispose();
    state.activeTape = [];
    throw error;
  }
}

/** Runs `f` without recording it: what it returns counts as a constant in the gradient. */
export function withoutGradient<Result>(f: () => Result): Result {
  const { state } = engine();
  // The engine records only what runs at kernel depth 0; this is how its own kernels keep their insides off the tape.
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
}

type Named<Names extends string> = Readonly<Record<Names, Tensor>>;

/**
 * `f` of named tensors, remembered for the gradient by its inputs alone: what it computes on the way is let go of and
 * computed again in the backward pass (gradient checkpointing, Chen et al. 2016). It trades the time of one more forward
 * pass for the memory of what `f` would have kept. Outside a gradient it is `f(inputs)`.
 *
 * @param f uses no tensors but its inputs, except those that live until the backward pass is over; gives the same each time
 */
export function recomputed<Names extends string>(f: (inputs: Named<Names>) => Tensor, inputs: Named<Names>): Tensor {
  return withOwnGradient(f, inputs, (dy, again, sought) => pullBack(() => f(again), sought, dy));
}

/** Something that is defined by an equation, `y = step(inputs, y)`. */
export interface Equation<Names extends string> {
  /** The y that solves it, in whatever way. */
  solve(inputs: Named<Names>): Tensor;
  /** The right-hand side, of a y that counts as a constant. */
  step(inputs: Named<Names>, y: Tensor): Tensor;
  /** The solution of the adjoint equation: `dTotal = dy + (∂step/∂y)ᵀ · dTotal`. */
  adjoint(dy: Tensor, inputs: Named<Names>, y: Tensor): Tensor;
}

/**
 * The solution of an equation, differentiated implicitly: the gradient is that of one step at the solution, for what the adjoint
 * equation gives, so nothing of the way to the solution is remembered. Outside a gradient it is `solve(inputs)`.
 */
export function solved<Names extends string>(equation: Equation<Names>, inputs: Named<Names>): Tensor {
  return withOwnGradient(
    (given) => equation.solve(given),
    inputs,
    (dy, again, sought, y) => {
      const dTotal = equation.adjoint(dy, again, y);
      const gradients = pullBack(() => equation.step(again, y), sought, dTotal);
      dTotal.dispose();
      return gradients;
    },
  );
}

/** `f(inputs)`, of which the tape knows no more than how to go back: through `gradients`, for the inputs that are sought. */
function withOwnGradient<Names extends string>(
  f: (inputs: Named<Names>) => Tensor,
  inputs: Named<Names>,
  gradients: (dy: Tensor, inputs: Named<Names>, sought: Tensor[], y: Tensor) => Tensor[],
): Tensor {
  const { state } = engine();
  if (state.gradientDepth === 0 || state.kernelDepth > 0) return f(inputs);
  const names = Object.keys(inputs) as Names[];
  const given = names.map((name) => inputs[name]);
  const varying = new Set(dependingOn(state.activeTape as TapeNode[], differentiatedIds, given));
  const sought = names.filter((name) => varying.has(inputs[name].id));
  const custom = engine() as unknown as CustomGradientEngine;
  return custom.runKernelFunc({
    inputs: Object.fromEntries(sought.map((name) => [name, inputs[name]])),
    forwardFunc: (_, save) => {
      const y = f(inputs);
      save([...given, y]);
      return y;
    },
    backwardsFunc: (dy, saved) => {
      const again = Object.fromEntries(names.map((name, index) => [name, saved[index]])) as Record<Names, Tensor>;
      const found = gradients(
        dy,
        again,
        sought.map((name) => again[name]),
        saved.at(-1) as Tensor,
      );
      return Object.fromEntries(sought.map((name, index) => [name, () => found[index] as Tensor]));
    },
  });
}

/** A node of the engine's tape, as far as it is read here. */
interface TapeNode {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
}

/** The engine's way to an operation with a gradient of its own; its types keep it private. */
interface CustomGradientEngine {
  runKernelFunc(operation: {
    readonly inputs: NamedTensorMap;
    readonly forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor;
    readonly backwardsFunc: (dy: Tensor, saved: Tensor[]) => Record<string, () => Tensor>;
  }): Tensor;
}

/** What the gradient that is being computed is for, by tensor id. */
let differentiatedIds: ReadonlySet<number> = new Set();

/** Ids among the given tensors that what is differentiated leads to. */
function dependingOn(tape: readonly TapeNode[], roots: ReadonlySet<number>, given: readonly Tensor[]): number[] {
  const reached = new Set(roots);
  for (const { inputs, outputs } of tape) {
    if (!Object.values(inputs).some(({ id }) => reached.has(id))) continue;
    for (const { id } of outputs) reached.add(id);
  }
  return given.map(({ id }) => id).filter((id) => reached.has(id));
}

/**
 * The gradients of `f()` for the tensors, times `dy`, also in the middle of a backward pass: on a tape of their own, for the
 * engine has one, which is in use. The caller disposes of them.
 */
export function pullBack(f: () => Tensor, tensors: Tensor[], dy: Tensor): Tensor[] {
  const { state } = engine();
  const { activeTape } = state;
  const outerIds = differentiatedIds;
  differentiatedIds = new Set(tensors.map(({ id }) => id));
  try {
    const { value, grads } = engine().gradients(f, tensors, dy as never, true);
    value.dispose();
    return tensors.map((tensor, index) => (grads[index] as Tensor | null) ?? zerosLike(tensor));
  } finally {
    state.activeTape = activeTape;
    differentiatedIds = outerIds;
  }
}
