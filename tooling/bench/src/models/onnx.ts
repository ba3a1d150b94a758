/**
 * ONNX models, as far as the graphs that are measured need them. The schema is a part of onnx.proto, with its numbers;
 * protobufjs does the encoding.
 */
import protobuf from "protobufjs";

const schema = protobuf.parse(`
  syntax = "proto2";
  message ModelProto {
    optional int64 irVersion = 1;
    optional GraphProto graph = 7;
    repeated OperatorSetIdProto opsetImport = 8;
  }
  message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1;
    optional string name = 2;
    repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11;
    repeated ValueInfoProto output = 12;
  }
  message NodeProto {
    repeated string input = 1;
    repeated string output = 2;
    optional string name = 3;
    optional string opType = 4;
    repeated AttributeProto attribute = 5;
    optional string domain = 7;
  }
  message AttributeProto {
    optional string name = 1;
    optional float f = 2;
    optional int64 i = 3;
    optional int32 type = 20;
  }
  message TensorProto {
    repeated int64 dims = 1;
    optional int32 dataType = 2;
    optional string name = 8;
    optional bytes rawData = 9;
  }
  message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
  message TypeProto { optional TensorTypeProto tensorType = 1; }
  message TensorTypeProto { optional int32 elemType = 1; optional TensorShapeProto shape = 2; }
  message TensorShapeProto { repeated DimensionProto dim = 1; }
  message DimensionProto { optional int64 dimValue = 1; optional string dimParam = 2; }
`).root;

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
