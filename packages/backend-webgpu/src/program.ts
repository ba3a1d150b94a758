/**
 * What a WGSL program is: its buffers and uniforms by name, and a body. The declarations are generated, so that what the
 * body reads and what the runner binds cannot differ.
 */

/** `in` is read only; `out` is written, or read and written in place. */
export type BufferType = `${"in" | "out"} ${"f32" | "i32" | "u32" | "vec4<i32>"}`;

export type UniformType = "u32" | "i32" | "f32";

export interface Program<Buffer extends string = string, Uniform extends string = string> {
  /** Labels everything that is made for it. */
  readonly name: string;
  /** What the body was made for, beside the name: programs with the same name and variant are the same. */
  readonly variant?: string;
  /** In the order of their bindings. */
  readonly buffers: Readonly<Record<Buffer, BufferType>>;
  /** The body finds them as `uniforms.<name>`. */
  readonly uniforms: Readonly<Record<Uniform, UniformType>>;
  /** Threads of a workgroup; at most 256. */
  readonly threads: number;
  /**
   * WGSL that defines `fn run(group: u32, thread: u32)`: what thread `thread` of workgroup `group` does. Groups are
   * counted through, however the dispatch had to be folded.
   */
  body(): string;
}

/** Lets a program name its buffers and uniforms. */
export function defineProgram<Buffer extends string, Uniform extends string>(
  program: Program<Buffer, Uniform>,
): Program<Buffer, Uniform> {
  return program;
}

/** Identifies a program on a device. */
export function programKey({ name, variant }: Program): string {
  return variant === undefined ? name : `${name}, ${variant}`;
}

/** The whole shader. `groups` is the runner's own uniform: a folded dispatch may start a few workgroups too many. */
export function sourceOf(program: Program): string {
  const buffers = Object.entries(program.buffers).map(([name, type], binding) => {
    const [direction, element] = type.split(" ") as [string, string];
    const access = direction === "in" ? "read" : "read_write";
    return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}>;`;
  });
  const fields = Object.entries(program.uniforms).map(([name, type]) => `  ${name}: ${type},`);
  return `// ${programKey(program)}
${buffers.join("\n")}

struct Uniforms {
  groups: u32,
${fields.join("\n")}
}
@group(0) @binding(${buffers.length}) var<uniform> uniforms: Uniforms;
${program.body()}
@compute @workgroup_size(${program.threads})
fn main(
  @builtin(workgroup_id) place: vec3<u32>,
  @builtin(num_workgroups) extent: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let group = place.x + extent.x * (place.y + extent.y * place.z);
  if (group < uniforms.groups) {
    run(group, thread);
  }
}
`;
}

/**
 * A dispatch of `groups` workgroups within `most` per dimension, as even as can be: fewer than one row of workgroups is
 * started for nothing.
 */
export function foldDispatch(groups: number, most: number): [x: number, y: number, z: number] {
  const z = Math.ceil(groups / most ** 2);
  const y = Math.ceil(groups / (most * z));
  return [Math.ceil(groups / (y * z)), y, z];
}
