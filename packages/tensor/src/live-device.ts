/** The device that is active: a backend that was brought to life, until it is lost or disposed of. */
import { SstError } from "./errors.js";

export class LiveDevice {
  #lossReason: string | undefined;

  constructor(
    /** The backend's name. */
    readonly backend: string,
  ) {}

  /** Why the device is gone (a driver that was reset, memory that ran out, `dispose`); undefined while it is there. */
  get lossReason(): string | undefined {
    return this.#lossReason;
  }

  get isLost(): boolean {
    return this.#lossReason !== undefined;
  }

  /** The first reason counts. */
  markLost(reason: string): void {
    this.#lossReason ??= reason;
  }

  /** @throws SstError `device-lost` */
  requireLive(): void {
    if (this.#lossReason === undefined) return;
    throw new SstError(
      "device-lost",
      `the device of backend "${this.backend}" is gone (${this.#lossReason}): \`await ready()\` makes a new one; what was ` +
        "in its memory has to be made anew",
    );
  }
}

let active: LiveDevice | undefined;

export function setActiveDevice(device: LiveDevice | undefined): void {
  active = device;
}

/**
 * The active device. Models keep it, to know whether what they hold is still there.
 *
 * @throws SstError `not-ready` before `ready()`
 */
export function activeDevice(): LiveDevice {
  if (active === undefined) throw new SstError("not-ready", "no backend is active: call `await ready()` first");
  return active;
}

/** @throws SstError `device-lost`; says nothing before `ready()`, when the engine itself complains */
export function requireLiveDevice(): void {
  active?.requireLive();
}
