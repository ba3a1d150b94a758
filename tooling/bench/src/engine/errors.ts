/** An engine that cannot be measured. The message is the reason that stands in its row. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}
