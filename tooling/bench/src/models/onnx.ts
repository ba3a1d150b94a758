/**
 * ONNX models, as far as the graphs that are measured need them. The schema is a part of onnx.proto, with its numbers;
 * protobufjs does the encoding.
 */
import protobuf from "protobufjs";

const schema = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: { type: "int64", id: 1 },
        graph: { type: "GraphProto", id: 7 },
        opsetImport: { rule: "repeated", type: "OperatorSetIdProto", id: 8 },
      },
    },
    OperatorSetIdProto: { fields: { domain: { type: "string", id: 1 }, version: { type: "int64", id: 2 } } },
    GraphProto: {
      fields: {
        node: { rule: "repeated", type: "NodeProto", id: 1 },
        name: { type: "string", id: 2 },
        initializer: { rule: "repeated", type: "TensorProto", id: 5 },
        input: { rule: "repeated", type: "ValueInfoProto", id: 11 },
        output: { rule: "repeated", type: "ValueInfoProto", id: 12 },
      },
    },
    NodeProto: {
      fields: {
        input: { rule: "repeated", type: "string", id: 1 },
        output: { rule: "repeated", type: "string", id: 2 },
        name: { type: "string", id: 3 },
        opType: { type: "string", id: 4 },
        attribute: { rule: "repeated", type: "AttributeProto", id: 5 },
        domain: { type: "string", id: 7 },
      },
    },
    AttributeProto: {
      fields: {
        name: { type: "string", id: 1 },
        f: { type: "float", id: 2 },
        i: { type: "int64", id: 3 },
        type: { type: "int32", id: 20 },
      },
    },
    TensorProto: {
      fields: {
        dims: { rule: "repeated", type: "int64", id: 1 },
        dataType: { type: "int32", id: 2 },
        name: { type: "string", id: 8 },
        rawData: { type: "bytes", id: 9 },
      },
    },
    ValueInfoProto: { fields: { name: { type: "string", id: 1 }, type: { type: "TypeProto", id: 2 } } },
    TypeProto: { fields: { tensorType: { type: "TensorTypeProto", id: 1 } } },
    TensorTypeProto: { fields: { elemType: { type: "int32", id: 1 }, shape: { type: "TensorShapeProto", id: 2 } } },
    TensorShapeProto: { fields: { dim: { rule: "repeated", type: "DimensionProto", id: 1 } } },
    DimensionProto: { fields: { dimValue: { type: "int64", id: 1 }, dimParam: { type: "string", id: 2 } } },
  },
});

const modelType = schema.lookupType("ModelProto");

/** Numbers of onnx.proto. */
const dataTypes = { float: 1, uint8: 2, int32: 6, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2 } as const;

/** The domain of onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

export type DataType = keyof typeof dataTypes;

/** A size, or the name of one that is known at run time only. */
export type Dimension = number | string;

/** Whole numbers and real ones are kept apart by the caller: JavaScript does not. */
export type Attributes = Readonly<Record<string, { readonly int: number } | { readonly float: number }>>;

/** A graph that grows node by node. Values are named by the caller. */
export class OnnxGraph {
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];

  node(opType: string, input: string[], output: string[], attributes: Attributes = {}, domain = ""): void {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      "int" in value
        ? { name, i: value.int, type: attributeTypes.int }
        : { name, f: value.float, type: attributeTypes.float },
    );
    this.#nodes.push({ opType, input, output, name: `${output[0]}/${opType}`, attribute, domain });
  }

  constant(name: string, type: DataType, dims: number[], { buffer, byteOffset, byteLength }: ArrayBufferView): void {
    const rawData = new Uint8Array(buffer, byteOffset, byteLength);
    this.#initializers.push({ name, dataType: dataTypes[type], dims, rawData });
  }

  input(name: string, type: DataType, shape: readonly Dimension[]): void {
    this.#inputs.push(valueInfo(name, type, shape));
  }

  output(name: string, type: DataType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** The bytes of an `.onnx` file. */
  encode(): Uint8Array {
    return modelType
      .encode({
        irVersion: 9,
        graph: {
          name: "graph",
          node: this.#nodes,
          initializer: this.#initializers,
          input: this.#inputs,
          output: this.#outputs,
        },
        opsetImport: [
          { domain: "", version: 17 },
          { domain: MICROSOFT, version: 1 },
        ],
      })
      .finish();
  }
}

/** A file's contents as plain objects, numbers as numbers. */
export function decodeOnnx(bytes: Uint8Array): object {
  return modelType.toObject(modelType.decode(bytes), { longs: Number });
}

/** `c = a · b` with either operand transposed. */
export function onnxGemm(transposeA: boolean, transposeB: boolean): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("a", "float", ["a0", "a1"]);
  graph.input("b", "float", ["b0", "b1"]);
  graph.node("Gemm", ["a", "b"], ["c"], { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } });
  graph.output("c", "float", ["c0", "c1"]);
  return graph.encode();
}

function valueInfo(name: string, type: DataType, shape: readonly Dimension[]): object {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: dataTypes[type], shape: { dim } } } };
}
