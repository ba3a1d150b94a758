/**
 * Lets everything run that is ready to: promises, callbacks, and in a server requests that came in. What computes without waiting for
 * anything, as the CPU does, is to ask for it.
 */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    // A timer would wait for milliseconds, which are steps of a small model.
    if (typeof setImmediate === "function") setImmediate(resolve);
    else {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    }
  });
}
