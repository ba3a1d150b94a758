/** What all views show: the position that is pointed at, or else the one that was chosen. */

export interface Shown {
  readonly position: number;
  readonly layer: number;
  /** Counted from 1. */
  readonly iteration: number;
}

export type View = (shown: Shown, before: Shown | undefined) => void;

export class Selection {
  readonly #views: View[] = [];
  #chosen: Shown;
  #pointedAt: number | undefined;
  #shown: Shown | undefined;

  constructor(
    chosen: Shown,
    private readonly positions: number,
  ) {
    this.#chosen = chosen;
  }

  get chosen(): Shown {
    return this.#chosen;
  }

  /** Each view is told of every change, and draws itself once at `start`. */
  show(view: View): void {
    this.#views.push(view);
  }

  start(): void {
    this.#tell();
  }

  choose(part: Partial<Shown>): void {
    const { position, ...rest } = { ...this.#chosen, ...part };
    this.#chosen = { ...rest, position: Math.max(0, Math.min(this.positions - 1, position)) };
    this.#pointedAt = undefined;
    this.#tell();
  }

  /** Undefined where nothing is pointed at any more. */
  pointAt(position: number | undefined): void {
    if (position === this.#pointedAt) return;
    this.#pointedAt = position;
    this.#tell();
  }

  #tell(): void {
    const before = this.#shown;
    this.#shown = { ...this.#chosen, position: this.#pointedAt ?? this.#chosen.position };
    for (const view of this.#views) view(this.#shown, before);
  }
}
