/**
 * What a kernel is, as data: typed inputs, outputs and attributes, a composition of basic operations that says what it
 * computes on any backend, its gradient, and how exact a backend has to be. The dispatcher (`kernel.ts`) and the
 * conformance kit both read this and nothing else.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { SymbolicShape } from "./shapes.js";

/** One input or output. */
export interface TensorSpec {
  readonly shape: SymbolicShape;
  /** Defaults to `float32`. */
  readonly dtype?: "float32" | "int32";
  /** For inputs only. */
  readonly optional?: boolean;
}

export type TensorSpecs = Readonly<Record<string, TensorSpec>>;

/** One attribute: a number that is no tensor, or a choice. */
export type AttributeSpec =
  | {
      readonly kind: "real" | "whole";
      readonly minimum?: number;
      /** May change from run to run of a recorded plan (`plan.ts`); shapes must not depend on it. */
      readonly dynamic?: true;
    }
  | { readonly kind: "choice"; readonly of: readonly string[] };

export type AttributeSpecs = Readonly<Record<string, AttributeSpec>>;

type AttributeValue<Spec> = Spec extends { readonly of: readonly (infer Choice)[] } ? Choice : number;

export type AttributesOf<Specs extends AttributeSpecs> = {
  readonly [Name in keyof Specs]: AttributeValue<Specs[Name]>;
};

type OptionalNames<Specs extends TensorSpecs> = {
  [Name in keyof Specs]: Specs[Name] extends { readonly optional: true } ? Name : never;
}[keyof Specs];

/** Tensors by name, those that may be left out included. */
export type InputsOf<Specs extends TensorSpecs> = {
  readonly [Name in Exclude<keyof Specs, OptionalNames<Specs>>]: Tensor;
} & { readonly [Name in OptionalNames<Specs>]?: Tensor | undefined };

export type OutputsOf<Specs extends TensorSpecs> = { readonly [Name in keyof Specs]: Tensor };

export interface KernelGradient<
  Inputs extends TensorSpecs,
  Outputs extends TensorSpecs,
  Attributes extends AttributeSpecs,
> {
  /** Inputs and outputs that the gradient needs; they are kept until the backward pass has used them. */
  readonly saves: readonly ((keyof Inputs | keyof Outputs) & string)[];
  /** Largest error that a backend's gradient may show against finite differences of the oracle, relative as `tolerance`. */
  readonly tolerance: number;
  /**
   * Gradients by input name, from the gradients of the outputs (by name) and what was saved. Each is a function, called
   * only where a gradient is asked for. Work that several of them share is done before they are returned.
   */
  compute(
    outputGradients: OutputsOf<Outputs>,
    saved: InputsOf<Inputs> & OutputsOf<Outputs>,
    attributes: AttributesOf<Attributes>,
  ): { readonly [Name in keyof Inputs]?: () => Tensor };
}

export interface KernelDefinition<
  Inputs extends TensorSpecs = TensorSpecs,
  Outputs extends TensorSpecs = TensorSpecs,
  Attributes extends AttributeSpecs = AttributeSpecs,
> {
  readonly name: string;
  /** One sentence: what it computes. */
  readonly summary: string;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly attributes: Attributes;
  /**
   * What has to hold beside the shapes, given every size by its symbol and the attributes: the complaint, or undefined.
   */
  requires?(sizes: Readonly<Record<string, number>>, attributes: AttributesOf<Attributes>): string | undefined;
  /**
   * Inputs that the call uses up: an implementation may write its result into their memory. The caller disposes of them
   * afterwards and reads only the outputs. Whoever else holds a tensor on the same memory is safe: it is copied first.
   */
  readonly consumes?: readonly (keyof Inputs & string)[];
  /** The reference: a composition of basic operations, as tensors by output name. Runs inside a `tidy`. */
  compose(inputs: InputsOf<Inputs>, attributes: AttributesOf<Attributes>): OutputsOf<Outputs>;
  readonly gradient?: KernelGradient<Inputs, Outputs, Attributes>;
  /** Largest error against the float64 oracle that a backend may show, relative to the largest entry of the output. */
  readonly tolerance: number;
}
