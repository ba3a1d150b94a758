/** Whether there are files on disk and an environment; elsewhere it is a browser. */
export function runsInNode(): boolean {
  return typeof globalThis.process?.versions?.node === "string";
}
