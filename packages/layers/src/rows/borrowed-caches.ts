/** A text's caches as the only row of a batch: the tensors themselves go there and come back. */
import { keep, reshape, type Tensor } from "@sst/tensor";
import type { DecodeCaches } from "../decode-step.js";

/**
 * Takes the tensors out of caches of one text.
 *
 * @param hasStream whether the latent states go too
 * @returns by the names of `emptyRows`
 * @throws SstError `contradiction` where they are lent already, `disposed`
 */
export function borrowed({ kv, states }: DecodeCaches, hasStream: boolean): Record<string, Tensor> {
  const { keys, values } = kv.lend();
  const tensors: Record<string, Tensor> = { ...named("keys", keys), ...named("values", values) };
  if (!hasStream) return tensors;
  try {
    const asRows = states.lend().map((state) => reshaped(state, [1, 1, 1, state.shape[1] as number]));
    return { ...tensors, ...named("state", asRows) };
  } catch (error) {
    kv.takeBack(keys, values);
    throw error;
  }
}

/**
 * Puts them back, and lets go of what else there is.
 *
 * @param layers of the model
 * @param states which of the tensors are the latent states, where these went too
 */
export function giveBack(
  caches: DecodeCaches,
  tensors: Readonly<Record<string, Tensor>>,
  layers: number,
  states: "state" | "settled" | undefined,
): void {
  const left = new Map(Object.entries(tensors));
  const ofLayers = (name: string) =>
    Array.from({ length: layers }, (_, layer) => {
      const tensor = tensors[`${name}${layer}`] as Tensor;
      left.delete(`${name}${layer}`);
      return tensor;
    });
  caches.kv.takeBack(ofLayers("keys"), ofLayers("values"));
  if (states !== undefined) {
    caches.states.takeBack(ofLayers(states).map((state) => reshaped(state, [1, state.shape[3] as number])));
  }
  for (const tensor of left.values()) tensor.dispose();
}

function named(name: string, tensors: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(tensors.map((tensor, layer) => [`${name}${layer}`, tensor]));
}

/** The same tensor in another shape; the one given is used up. */
function reshaped(tensor: Tensor, shape: number[]): Tensor {
  const view = keep(reshape(tensor, shape) as Tensor);
  tensor.dispose();
  return view;
}
