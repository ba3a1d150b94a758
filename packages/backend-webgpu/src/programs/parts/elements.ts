/** How elementwise programs share their work. */

/** Elements of a workgroup, one for each thread. */
export const ELEMENTS_PER_GROUP = 256;

/** Workgroups for so many elements. */
export function groupsOfElements(count: number): number {
  return Math.ceil(count / ELEMENTS_PER_GROUP);
}

/** Starts `run`: `index` is the thread's element. Needs the uniform `count`. */
export const ownElement = `
  let index = group * ${ELEMENTS_PER_GROUP}u + thread;
  if (index >= uniforms.count) {
    return;
  }`;
