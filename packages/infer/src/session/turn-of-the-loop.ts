/** Lets everything run that is ready to: promises, callbacks, and in a server requests that came in. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    // What a browser has in its place waits for milliseconds.
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
