/** Who of a batch has which row: rows for as many as there are, up to so many, and turns for those who are more. */
import { type ModelWeights, RowBatch } from "@sst/layers";
import { SstError } from "@sst/tensor";
import type { BatchMember } from "./batch-member.js";

export interface SeatingOptions {
  readonly maximumRows: number;
  readonly streamOff: boolean;
}

/** Passes after which a row is somebody else's turn who waits for one: moving a text costs as much as some passes. */
const TURN = 32;

export class Seating implements Disposable {
  #rows: RowBatch | undefined;

  /** @param members of the batch, who waits longest first */
  constructor(
    private readonly weights: ModelWeights,
    private readonly members: Set<BatchMember>,
    private readonly options: SeatingOptions,
  ) {}

  /**
   * Rows in which as many as possible of those who ask have a seat.
   *
   * @throws what a device throws that has no room for them
   */
  rowsFor(asking: readonly BatchMember[]): RowBatch {
    const rows = this.#rightRows();
    for (const member of asking) {
      if (member.seat?.rows === rows || member.question === undefined) continue;
      if (member.caches.isDisposed) {
        member.question.refuse(new SstError("disposed", "the session was disposed of while it generated"));
        continue;
      }
      const row = rows.freeRow ?? this.#vacated(rows);
      if (row !== undefined) this.#sit(member, rows, row);
    }
    return rows;
  }

  /** Puts what a member has read into its caches, but for a position that it is amid. */
  stand(member: BatchMember): void {
    const { seat, caches } = member;
    if (seat === undefined) return;
    member.seat = undefined;
    if (caches.isDisposed) seat.rows.drop(seat.row);
    else seat.rows.leave(seat.row, caches);
    if (seat.rows !== this.#rows) seat.rows.dispose();
    else if (![...this.members].some((each) => each.seat?.rows === this.#rows)) this.dispose();
  }

  /** Nobody has a row any more. */
  dispose(): void {
    this.#rows?.dispose();
    this.#rows = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** In powers of two; those who have a row keep one. */
  #rightRows(): RowBatch {
    const { maximumRows, streamOff } = this.options;
    const rows = Math.min(maximumRows, 2 ** Math.ceil(Math.log2(Math.max(this.members.size, 1))));
    const capacity = Math.max(1, ...[...this.members].map(({ caches }) => caches.capacity));
    const before = this.#rows;
    if (before?.rows === rows && before.capacity >= capacity) return before;
    const now = new RowBatch(this.weights, { rows, capacity, streamOff });
    for (const member of this.members) {
      if (before === undefined || member.seat?.rows !== before) continue;
      const row = now.freeRow as number;
      now.take(row, before, member.seat.row);
      member.seat = { rows: now, row };
    }
    before?.dispose();
    this.#rows = now;
    return now;
  }

  #sit(member: BatchMember, rows: RowBatch, row: number): void {
    const { seat } = member;
    if (seat === undefined) rows.join(row, member.caches);
    else {
      rows.take(row, seat.rows, seat.row);
      seat.rows.dispose();
    }
    member.seat = { rows, row };
    member.passes = 0;
  }

  /** The row of somebody who does not ask, or who has had a turn. */
  #vacated(rows: RowBatch): number | undefined {
    const seated = [...this.members].filter(({ seat }) => seat?.rows === rows);
    const hadTurn = seated.filter(({ passes }) => passes >= TURN);
    const leaving =
      seated.find(({ question }) => question === undefined) ??
      hadTurn.reduce<BatchMember | undefined>(
        (most, member) => (most === undefined || member.passes > most.passes ? member : most),
        undefined,
      );
    if (leaving?.seat === undefined) return undefined;
    const { row } = leaving.seat;
    this.#vacate(leaving, leaving.seat.rows, row);
    // At the end of those who wait.
    this.members.delete(leaving);
    this.members.add(leaving);
    return row;
  }

  /** Amid a position a text goes to a row of its own: its caches could not say where it is. */
  #vacate(member: BatchMember, rows: RowBatch, row: number): void {
    if (member.caches.isDisposed) {
      rows.drop(row);
      member.seat = undefined;
    } else if (member.isAmidPosition) {
      const { capacity } = member.caches;
      const own = new RowBatch(this.weights, { rows: 1, capacity, streamOff: this.options.streamOff });
      own.take(0, rows, row);
      member.seat = { rows: own, row: 0 };
    } else {
      rows.leave(row, member.caches);
      member.seat = undefined;
    }
  }
}
