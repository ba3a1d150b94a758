/** Events as a stream of the Web, for what takes one: a response, a worker, a pipe. */

/**
 * Nothing is generated before somebody reads, nor ahead of them; to cancel the stream ends the generation as `break` does.
 *
 * @param events of `Session.generate`, `generateSamples`
 */
export function eventStream<Event>(events: AsyncGenerator<Event, void, void>): ReadableStream<Event> {
  return new ReadableStream<Event>(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await events.return();
      },
    },
    { highWaterMark: 0 },
  );
}
