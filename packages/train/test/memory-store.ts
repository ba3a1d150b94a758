/** A store that goes through JSON, as a file would. */
import type { Checkpoint, CheckpointStore } from "@sst/train";

export class MemoryStore implements CheckpointStore {
  readonly saved: Checkpoint[] = [];

  async save({ tensors, ...rest }: Checkpoint): Promise<void> {
    this.saved.push({ ...JSON.parse(JSON.stringify(rest)), tensors: structuredClone(tensors) });
  }

  async load(): Promise<Checkpoint | undefined> {
    return this.saved.at(-1);
  }
}
