/*
 * llama2.c's decoding: decoding-llama2c FILE TOKEN…, greedily after the tokens. Built around its run.c, whose main() is left
 * out. Speaks as serve.ts does: a line of JSON for a line of JSON, of which only the number of tokens is read.
 */
#define TESTING
#include "run.c"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  Transformer transformer;
  char line[256];
  build_transformer(&transformer, argv[1]);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    int count = 0, position = 0;
    float *logits = NULL;
    char *number = strpbrk(line, "0123456789");
    if (number != NULL) count = atoi(number);
    int *tokens = calloc(count + 1, sizeof(int));
    for (int i = 2; i < argc; i++) logits = forward(&transformer, atoi(argv[i]), position++);
    tokens[0] = sample_argmax(logits, transformer.config.vocab_size);
    double started = now();
    for (int i = 1; i <= count; i++) {
      logits = forward(&transformer, tokens[i - 1], position++);
      tokens[i] = sample_argmax(logits, transformer.config.vocab_size);
    }
    printf("{\"seconds\":%.9g,\"tokens\":[", (now() - started) / count);
    for (int i = 0; i <= count; i++) printf(i == 0 ? "%d" : ",%d", tokens[i]);
    printf("]}\n");
    fflush(stdout);
    free(tokens);
  }
  return 0;
}
